"""gdb's side, run by `gdb -batch -nx -x`. Each row goes the quickest way that gdb's Python offers."""

import os

import gdb
from side import FORGED_RESULT, FRAMES, HAYSTACK_SIZE, NEEDLE, SYMBOL, Impossible, Side, expect, serve, tracee


def quoted(program):
    """The tracee as a word of a gdb command."""
    return '"%s"' % tracee(program)


def quietly(command):
    return gdb.execute(command, to_string=True)


def number(expression):
    return int(gdb.parse_and_eval(expression))


def start(program, *arguments):
    quietly(f"file {quoted(program)}")
    quietly("set args " + " ".join(arguments))
    quietly("starti")


class Handler(gdb.Function):
    """Runs as the condition of a catchpoint, which never holds: nothing of gdb's is quicker, and Python cannot make
    catchpoints. gdb does not say which side of a call it is at."""

    def __init__(self, handle):
        super().__init__("handle")
        self.handle = handle
        self.count = 0
        self.entering = True

    def invoke(self):
        self.count += 1
        self.handle(self.entering)
        self.entering = not self.entering
        return 0


class Syscalls(Side):
    events = 200
    stops = 2  # of a call that is handled
    result = None

    def __init__(self):
        start("calls", "1", str(self.events))
        quietly("catch syscall getpgrp")
        quietly("continue")
        self.handler = None
        if self.stops:
            self.handler = Handler(self.handle)
            quietly("catch syscall getppid")
            quietly("condition $bpnum $handle()")

    def handle(self, entering):
        pass

    def batch(self):
        if self.handler:
            self.handler.count = 0
        quietly("continue")  # the exit of the call that ended the last one
        quietly("continue")

    def check(self):
        expect(number("$orig_rax") == 111, "it stopped elsewhere")
        if self.handler:
            expect(self.handler.count == self.stops * (self.events - 1), "stops are missing")
        if self.result is not None:
            expect(number("*(long *)&last_result") == self.result, "the tracee did not see the result")


class Unhandled(Syscalls):
    stops = 0


class ChangedResult(Syscalls):
    result = FORGED_RESULT

    def handle(self, entering):
        if not entering:
            gdb.parse_and_eval(f"$rax = {FORGED_RESULT}")


class Skip(Syscalls):
    """Without a number the exit is none of getppid's any more."""

    stops = 1
    result = FORGED_RESULT

    def handle(self, entering):
        gdb.parse_and_eval("$orig_rax = -1")
        gdb.parse_and_eval(f"$rax = {FORGED_RESULT}")


class Counting(gdb.Breakpoint):
    hits = 0

    def stop(self):
        self.hits += 1
        return False


class Hits(Side):
    events = 200

    def __init__(self):
        start("traps", "push", str(self.events))
        self.trap = self.place()
        gdb.Breakpoint("*batch_end")
        quietly("continue")

    def place(self):
        return Counting("*trapped_push")

    def batch(self):
        quietly("continue")

    def before(self):
        self.trap.hits = 0

    def check(self):
        expect(number("$pc") == number("(long)&batch_end"), "it stopped elsewhere")
        expect(self.trap.hits == self.events, "hits are missing")


class Conditional(Hits):
    def place(self):
        trap = gdb.Breakpoint("*trapped_push")
        trap.condition = "$rdi == -1"
        return trap

    def before(self):
        pass

    def check(self):
        expect(number("$pc") == number("(long)&batch_end"), "it stopped elsewhere")
        # One that does not hold counts no hit.
        expect(self.trap.hit_count == 0, "the condition held")


class Hardware(Hits):
    def place(self):
        return Counting("*trapped_push", type=gdb.BP_HARDWARE_BREAKPOINT)


class Watch(Hits):
    def place(self):
        trap = Counting("*(long *)&watched", type=gdb.BP_WATCHPOINT, wp_class=gdb.WP_WRITE)
        if "hw watchpoint" not in quietly("info breakpoints"):
            raise Impossible("gdb makes no hardware watchpoint here")
        return trap


class Steps(Side):
    events = 100

    def __init__(self):
        start("spin")

    def before(self):
        self.begin = number("*(long *)($rsp - 8)"), number("$pc")

    def event(self):
        quietly("stepi")

    def check(self):
        expect((number("*(long *)($rsp - 8)"), number("$pc")) != self.begin, "no step was made")


class Read(Side):
    size = 8
    events = 500

    def __init__(self):
        start("calls", "1", "1")
        quietly("catch syscall getpgrp")
        quietly("continue")
        self.process = gdb.selected_inferior()
        self.address = number("(long)&memory") + 4096

    def event(self):
        self.data = self.process.read_memory(self.address, self.size)

    def check(self):
        expect(bytes(self.data) == b"\x5a" * self.size, "the memory is wrong")


class Read4K(Read):
    size = 4 << 10


class Read1M(Read):
    size = 1 << 20
    events = 20


class Search(Side):
    def __init__(self):
        quietly(f"file {quoted('haystack')}")
        quietly("run")
        self.base = number("*(long *)&haystack")

    def event(self):
        self.found = gdb.selected_inferior().search_memory(self.base, HAYSTACK_SIZE, NEEDLE)

    def check(self):
        expect(self.found == self.base + HAYSTACK_SIZE - 64, "the search found something else")


class Spawn(Side):
    events = 2

    def __init__(self):
        quietly(f"file {quoted('calls')}")

    def event(self):
        quietly("starti")
        expect(gdb.selected_inferior().pid != 0, "nothing runs")
        quietly("kill")


class SpawnToMain(Spawn):
    def event(self):
        quietly("tbreak *main")
        quietly("run")
        expect(number("$pc") == number("(long)&main"), "it stopped elsewhere")
        quietly("kill")


class Attach(Side):
    def __init__(self):
        self.pid = int(os.environ["PEER_PID"])

    def event(self):
        quietly(f"attach {self.pid}")
        expect(gdb.selected_inferior().pid == self.pid, "it is not attached")
        quietly("detach")


class Invoke(Side):
    """By libc's function, for gdb makes no system calls."""

    events = 30
    expression = "((long (*)(long))syscall)(39)"

    def __init__(self):
        start("traps", "push", "1")
        gdb.Breakpoint("*trapped_push")
        quietly("continue")
        quietly("delete")
        self.wanted = gdb.selected_inferior().pid

    def event(self):
        expect(number(self.expression) == self.wanted, "the result is wrong")


class Call(Invoke):
    expression = "((int (*)(int))trapped_endbr)(41)"

    def __init__(self):
        super().__init__()
        self.wanted = 42


class SymbolFirst(Side):
    """gdb forgets the file before, when nothing else has it open, such as a process."""

    def before(self):
        quietly("symbol-file")

    def event(self):
        quietly(f"symbol-file {quoted('many_symbols')}")
        expect(number(f"(long)&{SYMBOL}") != 0, "there is no such symbol")


class SymbolNext(Side):
    events = 10

    def __init__(self):
        start("many_symbols")

    def event(self):
        expect(number(f"(long)&{SYMBOL}") != 0, "there is no such symbol")


class Backtrace(Side):
    def __init__(self):
        quietly(f"file {quoted('deep')}")
        quietly("run")
        quietly("set backtrace past-main on")

    def before(self):
        gdb.invalidate_cached_frames()
        quietly("maintenance flush register-cache")
        quietly("maintenance flush dcache")

    def event(self):
        self.count = 0
        frame = gdb.newest_frame()
        while frame is not None:
            frame.name(), frame.pc(), frame.find_sal().line
            self.count += 1
            frame = frame.older()

    def check(self):
        expect(self.count >= FRAMES, "frames are missing")


for setting in (
    "confirm off",
    "pagination off",
    "debuginfod enabled off",
    "startup-with-shell off",
    "inferior-tty /dev/null",
):
    quietly("set " + setting)
serve(
    {
        "syscall.enter_exit": Syscalls,
        "syscall.enter": Syscalls,
        "syscall.unhandled": Unhandled,
        "syscall.result_changed": ChangedResult,
        "syscall.skip": Skip,
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
