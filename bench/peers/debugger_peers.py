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


def _path(*folders):
    """The folders where Python looks for modules, before those where it would look anyway."""
    return ":".join(str(folder) for folder in (*folders, os.environ.get("PYTHONPATH")) if folder)


class Debugger:
    """One process for each row, with the same tracees as trapline's."""

    #: Rows that it cannot do, by the beginnings of their names, and why.
    cannot = {}

    def open(self, row, options):
        env = {"PEER_ROW": row.name, "PEER_TRACEES": str(options.tracees), "PYTHONPATH": _path(HERE), **self.env()}
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


class Module(Debugger):
    """One that is a module for Python, the system's or this one."""

    version = None

    def _find(self, expression, env):
        for self.python in (sys.executable, "/usr/bin/python3"):
            command = [self.python, "-c", f"import {self.name}; print({expression})"]
            try:
                done = subprocess.run(
                    command, env={**os.environ, **env}, capture_output=True, text=True, check=False
                )
            except OSError:
                continue
            if done.returncode == 0:
                self.place, self.version, self.missing = env, done.stdout.splitlines()[0], None
                return True
        return False

    def command(self):
        return [self.python, str(HERE / f"{self.name}_side.py")]


class Lldb(Module):
    name = "lldb"
    cannot = {
        "syscall.": "LLDB catches no system calls",
        "filter.": "LLDB catches no system calls",
    }

    def __init__(self):
        self.missing = "LLDB's Python module is not installed"
        self.folder = None
        any(self._find("lldb.SBDebugger.GetVersionString()", place) for place in self._places())

    def _places(self):
        yield {}
        # Debian's module leads to a library that is elsewhere: a folder of symbolic links leads to the right one.
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
            yield {"PYTHONPATH": _path(self.folder.name), "LLDB_DEBUGSERVER_PATH": str(server)}

    def env(self):
        return {**self.place, "PYTHONPATH": _path(HERE, self.folder and self.folder.name)}


class Libdebug(Module):
    name = "libdebug"
    cannot = {
        "syscall.skip": "libdebug skips no calls",
        "filter.": "libdebug makes no seccomp filter",
        "breakpoint.conditional": "libdebug has no conditions",
        "invoke.": "libdebug makes no system calls in its tracees",
        "call.": "libdebug calls no functions in its tracees",
        "backtrace.": "libdebug follows frame pointers, which the program does not have",
    }

    def __init__(self):
        self.missing = "libdebug is not installed"
        self._find("'libdebug', __import__('importlib.metadata').metadata.version('libdebug')", {})
