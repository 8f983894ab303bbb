"""libdebug's side, run by a python3 that has it. Each row goes the quickest way that it offers."""

import os

import libdebug
from libdebug.utils import elf_utils
from side import FORGED_RESULT, HAYSTACK_SIZE, NEEDLE, Impossible, Side, expect, serve, tracee


class Launched(Side):
    """A program at its entry point, or where `stop_at` is."""

    def __init__(self, program, *arguments, stop_at=None, **options):
        self.debugger = libdebug.debugger([tracee(program), *arguments], **options)
        self.debugger.run(redirect_pipes=False)
        if stop_at:
            self.go_to(self.debugger.breakpoint(stop_at))

    def go_to(self, trap):
        self.go_on()
        expect(trap.hit_on(self.debugger), "it stopped elsewhere")

    def go_on(self):
        self.debugger.cont()
        self.debugger.wait()

    def value(self, symbol):
        return int.from_bytes(self.debugger.memory[symbol, 8], "little")

    def end(self):
        if not self.debugger.dead:
            self.debugger.kill()


class Syscalls(Launched):
    events = 200
    stops = 2  # that are handled of a call
    result = None

    def __init__(self):
        super().__init__("calls", "1", str(self.events))
        self.marker = self.debugger.handle_syscall("getpgrp")
        self.go_on()
        self.count = 0
        self.handle()

    def handle(self):
        self.debugger.handle_syscall("getppid", on_enter=self.on_stop, on_exit=self.on_stop)

    def on_stop(self, thread, handler):
        self.count += 1

    def before(self):
        self.count = 0

    def batch(self):
        self.go_on()  # the exit of the call that ended the last one
        self.go_on()

    def check(self):
        expect(self.marker.hit_on_enter(self.debugger), "it stopped elsewhere")
        expect(self.count == self.stops * (self.events - 1), "stops are missing")
        if self.result is not None:
            expect(self.value("last_result") == self.result, "the tracee did not see the result")


class Enter(Syscalls):
    stops = 1

    def handle(self):
        self.debugger.handle_syscall("getppid", on_enter=self.on_stop)


class Unhandled(Syscalls):
    stops = 0

    def handle(self):
        pass


class ChangedResult(Syscalls):
    stops = 1
    result = FORGED_RESULT

    def handle(self):
        self.debugger.handle_syscall("getppid", on_exit=self.on_stop)

    def on_stop(self, thread, handler):
        self.count += 1
        thread.syscall_return = FORGED_RESULT


class Hits(Launched):
    events = 200
    count = 0

    def __init__(self):
        super().__init__("traps", "push", str(self.events))
        self.marker = self.debugger.breakpoint("batch_end")
        self.place()
        self.go_on()

    def place(self):
        self.debugger.breakpoint("trapped_push", callback=self.on_hit)

    def on_hit(self, thread, trap):
        self.count += 1

    def before(self):
        self.count = 0

    def batch(self):
        self.go_on()

    def check(self):
        expect(self.marker.hit_on(self.debugger), "it stopped elsewhere")
        expect(self.count == self.events, "hits are missing")


class Hardware(Hits):
    def place(self):
        self.debugger.breakpoint("trapped_push", hardware=True, callback=self.on_hit)


class Watch(Hits):
    def place(self):
        self.debugger.watchpoint("watched", condition="w", length=8, callback=self.on_hit)


class Steps(Launched):
    events = 50

    def __init__(self):
        super().__init__("spin", continue_to_binary_entrypoint=False)

    def before(self):
        self.begin = self.state()

    def event(self):
        self.debugger.step()

    def check(self):
        expect(self.state() != self.begin, "no step was made")

    def state(self):
        return self.debugger.regs.rip, self.debugger.memory[self.debugger.regs.rsp - 8, 8]


class Read(Launched):
    size = 8
    events = 200

    def __init__(self):
        super().__init__("calls", "1", "1")
        self.debugger.handle_syscall("getpgrp")
        self.go_on()
        self.address = self.debugger.resolve_symbol("memory") + 4096

    def event(self):
        self.data = self.debugger.memory[self.address, self.size]

    def check(self):
        expect(self.data == b"\x5a" * self.size, "the memory is wrong")


class Read4K(Read):
    size = 4 << 10


class Read1M(Read):
    size = 1 << 20
    events = 20


class Search(Launched):
    def __init__(self):
        super().__init__("haystack")
        self.debugger.catch_signal("SIGTRAP")
        self.go_on()
        self.base = self.value("haystack")

    def event(self):
        self.found = self.debugger.memory.find(NEEDLE, start=self.base, end=self.base + HAYSTACK_SIZE - 1)

    def check(self):
        expect(self.found == [self.base + HAYSTACK_SIZE - 64], "the search found something else")


class Spawn(Launched):
    to_entry = False

    def __init__(self):
        self.debugger = libdebug.debugger(tracee("calls"), continue_to_binary_entrypoint=self.to_entry)

    def event(self):
        self.debugger.run(redirect_pipes=False)
        self.debugger.kill()


class SpawnToEntry(Spawn):
    to_entry = True


class Attach(Side):
    def __init__(self):
        self.pid = int(os.environ["PEER_PID"])
        self.debugger = libdebug.debugger()

    def event(self):
        self.debugger.attach(self.pid)
        self.debugger.detach()


class SymbolNext(Launched):
    def __init__(self):
        super().__init__("many_symbols", continue_to_binary_entrypoint=False)
        # Under the name that it has there, mangled or not.
        names = [symbol.name for symbol in self.debugger.symbols if "method_1178500" in symbol.name]
        if not names:
            raise Impossible("libdebug reads no symbols of this file, which has no DWARF")
        self.name = names[0]

    def event(self):
        expect(self.debugger.resolve_symbol(self.name) != 0, "there is no such symbol")


class SymbolFirst(SymbolNext):
    def before(self):
        for function in vars(elf_utils).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()


serve(
    {
        "syscall.enter_exit": Syscalls,
        "syscall.enter": Enter,
        "syscall.unhandled": Unhandled,
        "syscall.result_changed": ChangedResult,
        "breakpoint.push": Hits,
        "breakpoint.hardware": Hardware,
        "watchpoint.write": Watch,
        "step.tracer_thread": Steps,
        "memory.read8": Read,
        "memory.read4k": Read4K,
        "memory.read1m": Read1M,
        "memory.search256m": Search,
        "spawn.small_host": Spawn,
        "spawn.entry": SpawnToEntry,
        "attach.detach": Attach,
        "symbols.first": SymbolFirst,
        "symbols.next": SymbolNext,
    }
)
