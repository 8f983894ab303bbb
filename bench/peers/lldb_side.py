"""LLDB's side, run by python3 with LLDB's module. Each row goes the quickest way that its API offers."""

import os

import lldb
import lldb_callback
from side import FRAMES, HAYSTACK_SIZE, NEEDLE, SYMBOL, Impossible, Side, expect, serve, tracee

debugger = lldb.SBDebugger.Create()
debugger.SetAsync(False)
debugger.HandleCommand(f"command script import {lldb_callback.__file__}")


def checked(error):
    expect(error.Success(), str(error))


class Launched(Side):
    """A program that stands at a breakpoint of its own, or where it traps itself."""

    process = None

    def __init__(self, program, *arguments, stop_at=None, flags=0):
        self.target = debugger.CreateTarget(tracee(program))
        expect(self.target, "no target")
        stop = self.target.BreakpointCreateByName(stop_at) if stop_at else None
        self.process = self.launch(list(arguments), flags)
        if stop:
            self.target.BreakpointDelete(stop.GetID())
        self.thread = self.process.GetSelectedThread()

    def end(self):
        if self.process:
            self.process.Kill()

    def launch(self, arguments, flags):
        info = lldb.SBLaunchInfo(arguments)
        info.SetLaunchFlags(flags)
        for stream in (0, 1, 2):
            info.AddSuppressFileAction(stream, stream == 0, stream != 0)
        error = lldb.SBError()
        process = self.target.Launch(info, error)
        checked(error)
        expect(process.GetState() == lldb.eStateStopped, "it did not stop")
        return process

    def address(self, symbol):
        return self.target.FindSymbols(symbol)[0].GetSymbol().GetStartAddress().GetLoadAddress(self.target)

    def value(self, address):
        error = lldb.SBError()
        value = self.process.ReadUnsignedFromMemory(address, 8, error)
        checked(error)
        return value


class Hits(Launched):
    events = 50
    counts = True

    def __init__(self):
        super().__init__("traps", "push", str(self.events), stop_at="batch_end")
        self.end = self.target.BreakpointCreateByAddress(self.address("batch_end"))
        self.place()

    def place(self):
        self.trap = self.target.BreakpointCreateByAddress(self.address("trapped_push"))
        self.trap.SetScriptCallbackFunction("lldb_callback.on_hit")

    def before(self):
        lldb_callback.hits = 0

    def batch(self):
        checked(self.process.Continue())

    def check(self):
        expect(self.thread.GetFrameAtIndex(0).GetPC() == self.address("batch_end"), "it stopped elsewhere")
        expect(lldb_callback.hits == (self.events if self.counts else 0), "hits are missing")


class Conditional(Hits):
    counts = False

    def place(self):
        self.trap = self.target.BreakpointCreateByAddress(self.address("trapped_push"))
        self.trap.SetCondition("$rdi == -1")

    def check(self):
        super().check()
        expect(self.trap.GetHitCount() in (0, self.events), "the condition was not evaluated")


class Hardware(Hits):
    def place(self):
        result = lldb.SBCommandReturnObject()
        command = f"breakpoint set -H -a {self.address('trapped_push'):#x}"
        debugger.SetSelectedTarget(self.target)
        debugger.GetCommandInterpreter().HandleCommand(command, result)
        expect(result.Succeeded(), result.GetError())
        self.trap = self.target.GetBreakpointAtIndex(self.target.GetNumBreakpoints() - 1)
        if not self.trap.GetLocationAtIndex(0).IsResolved():
            raise Impossible("LLDB takes a hardware breakpoint, but its server does not arm it")
        self.trap.SetScriptCallbackFunction("lldb_callback.on_hit")


class Watch(Hits):
    """Its API has no callbacks for watchpoints, so that each stops the process."""

    events = 20

    def place(self):
        error = lldb.SBError()
        self.trap = self.target.WatchAddress(self.address("watched"), 8, False, True, error)
        checked(error)

    def batch(self):
        while True:
            checked(self.process.Continue())
            if self.thread.GetStopReason() != lldb.eStopReasonWatchpoint:
                return
            lldb_callback.hits += 1


class Steps(Launched):
    events = 50

    def __init__(self):
        super().__init__("spin", flags=lldb.eLaunchFlagStopAtEntry)

    def before(self):
        self.begin = self.state()

    def event(self):
        self.thread.StepInstruction(False)

    def check(self):
        expect(self.state() != self.begin, "no step was made")

    def state(self):
        frame = self.thread.GetFrameAtIndex(0)
        return frame.GetPC(), self.value(frame.GetSP() - 8)


class Read(Launched):
    """LLDB answers the same address from its cache as long as the process rests: each event has another one, and each
    batch begins with a step."""

    size = 8
    events = 100

    def __init__(self):
        super().__init__("calls", "1", "1", stop_at="syscall")
        self.memory = self.address("memory") + 4096

    def before(self):
        self.thread.StepInstruction(False)
        self.place = self.memory

    def event(self):
        error = lldb.SBError()
        self.data = self.process.ReadMemory(self.place, self.size, error)
        checked(error)
        self.place += 8192

    def check(self):
        expect(self.data == b"\x5a" * self.size, "the memory is wrong")


class Read4K(Read):
    size = 4 << 10


class Read1M(Read):
    size = 1 << 20
    events = 2


class Spawn(Launched):
    flags = lldb.eLaunchFlagStopAtEntry

    def __init__(self):
        self.target = debugger.CreateTarget(tracee("calls"))

    def event(self):
        self.launch([], self.flags).Kill()


class SpawnToMain(Spawn):
    flags = 0

    def __init__(self):
        super().__init__()
        self.target.BreakpointCreateByName("main")


class Attach(Side):
    def __init__(self):
        self.pid = int(os.environ["PEER_PID"])

    def event(self):
        target = debugger.CreateTarget("")
        error = lldb.SBError()
        process = target.AttachToProcessWithID(debugger.GetListener(), self.pid, error)
        checked(error)
        checked(process.Detach())
        debugger.DeleteTarget(target)


class Invoke(Launched):
    """By libc's function, for LLDB makes no system calls."""

    events = 5
    expression = "((long (*)(long))syscall)(39)"

    def __init__(self):
        super().__init__("traps", "push", "1", stop_at="trapped_push")
        self.wanted = self.process.GetProcessID()

    def event(self):
        value = self.thread.GetFrameAtIndex(0).EvaluateExpression(self.expression)
        checked(value.GetError())
        expect(value.GetValueAsSigned() == self.wanted, "the result is wrong")


class Call(Invoke):
    expression = "((int (*)(int))trapped_endbr)(41)"

    def __init__(self):
        super().__init__()
        self.wanted = 42


class SymbolFirst(Side):
    """A file that was changed is another one to LLDB, which else remembers it."""

    def __init__(self):
        self.target = None

    def before(self):
        if self.target:
            debugger.DeleteTarget(self.target)
        lldb.SBDebugger.MemoryPressureDetected()
        os.utime(tracee("many_symbols"))

    def event(self):
        self.target = debugger.CreateTarget(tracee("many_symbols"))
        expect(len(self.target.FindSymbols(SYMBOL)) == 1, "there is no such symbol")


class SymbolNext(Side):
    events = 50

    def __init__(self):
        self.target = debugger.CreateTarget(tracee("many_symbols"))

    def event(self):
        expect(len(self.target.FindSymbols(SYMBOL)) == 1, "there is no such symbol")


class Backtrace(Launched):
    """LLDB forgets its frames when the thread moves, so that each batch begins with a step, always the same one."""

    def __init__(self):
        super().__init__("deep")
        self.begin = self.thread.GetFrameAtIndex(0).GetPC()

    def before(self):
        self.thread.GetFrameAtIndex(0).SetPC(self.begin)
        self.thread.StepInstruction(False)

    def event(self):
        self.count = 0
        for frame in self.thread:
            frame.GetFunctionName(), frame.GetPC(), frame.GetLineEntry().GetLine()
            self.count += 1

    def check(self):
        expect(self.count >= FRAMES, f"only {self.count} frames")


class Search(Launched):
    """Of the last 8 MiB, for all of it takes a minute."""

    size = 8 << 20
    events = size / HAYSTACK_SIZE

    def __init__(self):
        super().__init__("haystack")
        self.end = self.value(self.address("haystack")) + HAYSTACK_SIZE

    def before(self):
        self.thread.StepInstruction(False)

    def batch(self):
        result = lldb.SBCommandReturnObject()
        command = f'memory find -s "{NEEDLE[:7].decode()}" {self.end - self.size:#x} {self.end:#x}'
        debugger.SetSelectedTarget(self.target)
        debugger.GetCommandInterpreter().HandleCommand(command, result)
        expect(result.Succeeded() and "data found" in (result.GetOutput() or ""), "the search found nothing")


serve(
    {
        "breakpoint.push": Hits,
        "breakpoint.conditional": Conditional,
        "breakpoint.hardware": Hardware,
        "watchpoint.write": Watch,
        "step.tracer_thread": Steps,
        "memory.read8": Read,
        "memory.read4k": Read4K,
        "memory.read1m": Read1M,
        "memory.search256m": Search,
        "spawn.small_host": Spawn,
        "spawn.entry": SpawnToMain,
        "attach.detach": Attach,
        "invoke.single": Invoke,
        "call.function": Call,
        "symbols.first": SymbolFirst,
        "symbols.next": SymbolNext,
        "backtrace.frames20_lines": Backtrace,
    }
)
