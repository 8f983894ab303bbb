"""gdb's side of the gdb.* rows, run by `gdb -batch -nx -x`. Through descriptor 3 come the name of a row, its program and
what is looked for, a line each; then for each number of events what one of them took, in nanoseconds, goes back."""

import time

import gdb


def quietly(command):
    return gdb.execute(command, to_string=True)


def start(program):
    quietly(f"file {program}")
    quietly("starti")


def run_to_trap(program):
    quietly(f"file {program}")
    quietly("run")


def address_of(name):
    return int(gdb.parse_and_eval("(unsigned long)&" + name))


class SymbolFirst:
    """The file is read anew each time: gdb forgets it before, when nothing else has it open, such as a process."""

    def __init__(self, program, name):
        self.program, self.name = program, name

    def before(self):
        quietly("symbol-file")

    def event(self):
        quietly(f"symbol-file {self.program}")
        address_of(self.name)


class SymbolNext:
    def __init__(self, program, name):
        start(program)
        self.name = name

    def before(self):
        pass

    def event(self):
        address_of(self.name)


class Backtrace:
    def __init__(self, program, _):
        run_to_trap(program)
        quietly("set backtrace past-main on")

    def before(self):
        gdb.invalidate_cached_frames()
        quietly("maintenance flush register-cache")
        quietly("maintenance flush dcache")

    def event(self):
        count = 0
        frame = gdb.newest_frame()
        while frame is not None:
            frame.name(), frame.pc(), frame.find_sal().line
            count += 1
            frame = frame.older()
        assert count >= 20, "frames are missing"


class Search:
    def __init__(self, program, needle):
        run_to_trap(program)
        self.needle = bytes.fromhex(needle)
        self.base = int(gdb.parse_and_eval("*(unsigned long *)&haystack"))

    def before(self):
        pass

    def event(self):
        size = 256 << 20
        found = gdb.selected_inferior().search_memory(self.base, size, self.needle)
        assert found is not None, "the search found nothing"


ROWS = {"symbol_first": SymbolFirst, "symbol_next": SymbolNext, "backtrace": Backtrace, "search": Search}


def nanoseconds(row, events):
    took = 0
    for _ in range(events):
        row.before()
        begin = time.perf_counter_ns()
        row.event()
        took += time.perf_counter_ns() - begin
    return took / events


def serve(commands, answers):
    def answer(text):
        answers.write(text + "\n")
        answers.flush()

    try:
        for setting in ("confirm off", "pagination off", "debuginfod enabled off", "startup-with-shell off"):
            quietly("set " + setting)
        kind, program, wanted = (commands.readline().rstrip("\n") for _ in range(3))
        row = ROWS[kind](program, wanted)
        answer("ready")
        for line in commands:
            answer(str(nanoseconds(row, int(line))))
    except Exception as error:  # whatever it is, the other side tells it
        answer(f"error {error}".replace("\n", " "))


serve(open(3, "r", closefd=False), open(3, "w", closefd=False))
