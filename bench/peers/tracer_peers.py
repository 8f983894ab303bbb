"""Programs that trace a whole run of another one, which measures itself."""

import shutil
import subprocess

from session import Failed, run_once

FORGED_RESULT = 42


class Tracer:
    calls = 3000
    calls_without_stop = 300_000
    ways = {}  # arguments, by row
    reasons = {}

    def __init__(self):
        program = shutil.which(self.program)
        self.missing = None if program else f"{self.program} is not installed"
        self.version = None
        if program:
            done = subprocess.run([program, self.version_option], capture_output=True, text=True, check=False)
            self.version = (done.stdout.splitlines() or [""])[0]

    @property
    def cannot(self):
        return self.reasons

    def open(self, row, options):
        if row.name not in self.ways:
            raise Failed(f"{self.name} has no way to do this")
        calls = self.calls_without_stop if row.name == "filter.unhandled" else self.calls
        calls //= 10 if options.quick else 1
        target = [str(options.tracees / "calls"), "1", str(calls), "once"]
        command = [self.program, "-o", "/dev/null", *self.ways[row.name], *target]
        return Measured(command, row.name.endswith("skip"), options.timeout)


class Measured:
    def __init__(self, command, forges, timeout):
        self.command, self.forges, self.timeout = command, forges, timeout

    def batch(self):
        nanoseconds, result = run_once(self.command, self.timeout).split()
        if (int(result) == FORGED_RESULT) != self.forges:
            raise Failed(f"the tracee saw {result}")
        return float(nanoseconds)

    def close(self):
        pass


def _only_traces(name, rows):
    return dict.fromkeys(rows, f"{name} traces system calls and nothing else")


OTHERS = ("breakpoint.", "watchpoint.", "step.", "memory.", "spawn.", "attach.", "invoke.", "call.", "symbols.")


class Strace(Tracer):
    """Without a script: its callback is its own printing."""

    name = "strace"
    program = "strace"
    version_option = "--version"
    handled = ["-e", "trace=getppid"]
    others = ["-e", "trace=uname"]
    forged = ["-e", f"inject=getppid:retval={FORGED_RESULT}"]
    by_filter = ["-f", "--seccomp-bpf"]
    ways = {
        "syscall.enter_exit": handled,
        "syscall.unhandled": others,
        "syscall.skip": forged,
        "filter.enter_exit": by_filter + handled,
        "filter.unhandled": by_filter + others,
        # Without "trace" there is nothing that a filter could leave out.
        "filter.skip": by_filter + handled + forged,
    }
    reasons = {
        **dict.fromkeys(("syscall.enter", "filter.enter"), "strace always prints the result too"),
        **dict.fromkeys(
            ("syscall.result_changed", "filter.result_changed"), "strace changes a result by skipping the call"
        ),
        **_only_traces("strace", OTHERS),
        "backtrace.": "strace -k prints one at each call, and that is not measured here",
    }


class Ltrace(Tracer):
    name = "ltrace"
    program = "ltrace"
    version_option = "--version"
    calls = 1000
    ways = {"syscall.enter_exit": ["-S", "-e", "getppid@SYS"]}
    reasons = {
        **dict.fromkeys(("syscall.", "filter."), "ltrace handles all system calls, with both their stops"),
        **_only_traces("ltrace", (*OTHERS, "backtrace.")),
    }
