"""The debuggers with a Python of their own."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from session import Session

HERE = pathlib.Path(__file__).resolve().parent


def _first_line(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or [""])[0]


class Debugger:
    """One process for each row, with the same tracees as trapline's."""

    #: Rows that it cannot do, by the beginnings of their names, and why.
    cannot = {}

    def open(self, row, options):
        env = {"PEER_ROW": row.name, "PEER_TRACEES": str(options.tracees), "PYTHONPATH": str(HERE), **self.env()}
        with contextlib.ExitStack() as stack:
            if row.name == "attach.detach":
                asleep = subprocess.Popen([options.tracees / "asleep"])
                stack.callback(asleep.wait)
                stack.callback(asleep.kill)
                env["PEER_PID"] = str(asleep.pid)
            session = Session(self.command(), options.timeout, env, by_socket=True)
            stack.callback(session.close)
            return Measured(session, stack.pop_all())

    def env(self):
        return {}


class Measured:
    def __init__(self, session, stack):
        self.session = session
        self.stack = stack

    def batch(self):
        return self.session.ask("go")

    def close(self):
        self.stack.close()


class Gdb(Debugger):
    name = "gdb"
    cannot = {"filter.": "gdb makes no seccomp filter"}

    def __init__(self):
        program = shutil.which("gdb")
        self.missing = None if program else "gdb is not installed"
        self.version = _first_line(program, "--version") if program else None
        if program and _first_line(program, "-batch", "-nx", "-ex", "python print(1)") != "1":
            self.missing = "this gdb has no Python"

    def command(self):
        return ["gdb", "-batch", "-nx", "-x", str(HERE / "gdb_side.py")]


class Lldb(Debugger):
    name = "lldb"
    cannot = {
        "syscall.": "LLDB catches no system calls",
        "filter.": "LLDB catches no system calls",
    }

    def __init__(self):
        self.folder = None
        self.missing = "LLDB's Python module is not installed"
        self.version = None
        for self.place in self._places():
            # The module is made for the system's Python.
            for self.python in (sys.executable, "/usr/bin/python3"):
                if version := self._version():
                    self.version, self.missing = version, None
                    return

    def _version(self):
        command = [self.python, "-c", "import lldb; print(lldb.SBDebugger.GetVersionString())"]
        try:
            done = subprocess.run(
                command, env={**os.environ, **self.place}, capture_output=True, text=True, check=False
            )
        except OSError:
            return None
        return done.stdout.splitlines()[0] if done.returncode == 0 else None

    def _places(self):
        yield {}
        # Debian's module leads to a library that is elsewhere: one beside it, of symbolic links, leads to the right one.
        for installed in sorted(pathlib.Path("/usr/lib").glob("llvm-*/lib/python3*/*-packages/lldb"), reverse=True):
            root = next(parent for parent in installed.parents if parent.name.startswith("llvm-"))
            library = root / "lib" / "liblldb.so.1"
            if not library.exists():
                continue
            self.folder = tempfile.TemporaryDirectory(prefix="peers-lldb-")
            package = pathlib.Path(self.folder.name) / "lldb"
            package.mkdir()
            for entry in installed.iterdir():
                if not entry.name.startswith("_lldb"):
                    (package / entry.name).symlink_to(entry)
            (package / "_lldb.so").symlink_to(library.resolve())
            server = root / "bin" / "lldb-server"
            yield {"PYTHONPATH": self.folder.name, "LLDB_DEBUGSERVER_PATH": str(server)}

    def command(self):
        return [self.python, str(HERE / "lldb_side.py")]

    def env(self):
        found = dict(self.place)
        if "PYTHONPATH" in found:
            found["PYTHONPATH"] += f":{HERE}"
        return found
