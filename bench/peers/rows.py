"""The rows: what is measured of every peer, in the order of the table."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    name: str  # of the row of trapline-bench that measures trapline and the floor
    event: str


ROWS = [
    Row("syscall.enter_exit", "system call, a callback at its enter and its exit"),
    Row("syscall.enter", "at its enter only"),
    Row("syscall.unhandled", "one that nobody handles, beside one that is"),
    Row("syscall.result_changed", "the callback changes the result"),
    Row("syscall.skip", "the callback skips the call and forges its result"),
    Row("filter.enter_exit", "by a seccomp filter: enter and exit"),
    Row("filter.enter", "by a filter: enter only"),
    Row("filter.unhandled", "by a filter: one that nobody handles"),
    Row("filter.result_changed", "by a filter: result changed"),
    Row("filter.skip", "by a filter: skipped"),
    Row("breakpoint.push", "breakpoint with a callback"),
    Row("breakpoint.conditional", "breakpoint whose condition is false"),
    Row("breakpoint.hardware", "hardware breakpoint with a callback"),
    Row("watchpoint.write", "watchpoint with a callback"),
    Row("step.tracer_thread", "single step"),
    Row("memory.read8", "reading 8 bytes"),
    Row("memory.read4k", "reading 4 KiB"),
    Row("memory.read1m", "reading 1 MiB"),
    Row("memory.search256m", "searching 256 MiB"),
    Row("spawn.small_host", "spawn to the first instruction, and kill"),
    Row("spawn.entry", "spawn to the program's beginning, and kill"),
    Row("attach.detach", "attach and detach"),
    Row("invoke.single", "system call made by the tracee for us"),
    Row("call.function", "function called in the tracee"),
    Row("symbols.first", "first symbol of a program that has 357,000"),
    Row("symbols.next", "another symbol"),
    Row("backtrace.frames20_lines", "20 frames with names and lines"),
]
