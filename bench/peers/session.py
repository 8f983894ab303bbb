"""Programs that measure one row and wait for their turns in between."""

import ctypes
import os
import pathlib
import select
import signal
import socket
import subprocess
import time


class Failed(Exception):
    """Something was there and did not work; the text says what."""


class Skipped(Exception):
    """This machine, or this debugger, lacks what is to be measured."""


class Session:
    """A program that says "ready" and then answers each line by nanoseconds: through its standard streams, or through
    the descriptor that PEER_SOCKET names."""

    def __init__(self, command, timeout, env=None, by_socket=False):
        self.timeout = timeout
        self.received = b""
        self.socket, theirs = socket.socketpair()
        env = {**os.environ, **(env or {})}
        options = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        if by_socket:
            options["pass_fds"] = [theirs.fileno()]
            env["PEER_SOCKET"] = str(theirs.fileno())
        else:
            options["stdin"] = options["stdout"] = theirs
        with theirs:
            self.process = subprocess.Popen(command, env=env, **options)
        try:
            first = self._line()
            if first != "ready":
                raise _refusal(first)
        except BaseException:
            self.close()
            raise

    def ask(self, line):
        try:
            self.socket.sendall(line.encode() + b"\n")
        except OSError:
            pass  # what it left behind says why it is gone
        answer = self._line()
        try:
            return float(answer)
        except ValueError:
            raise _refusal(answer) from None

    def close(self):
        """Lets it end, with its tracee, or else ends it."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is gone
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.socket.close()

    def _line(self):
        end = time.monotonic() + self.timeout
        while b"\n" not in self.received:
            if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
                raise Failed(f"no answer in {self.timeout:g} seconds")
            try:
                piece = self.socket.recv(4096)
            except ConnectionResetError:
                piece = b""
            if not piece:
                raise Failed("it ended without an answer")
            self.received += piece
        line, _, self.received = self.received.partition(b"\n")
        return line.decode(errors="replace")


def _refusal(answer):
    word, _, reason = answer.partition(" ")
    return Skipped(reason) if word == "skipped" else Failed(reason or word)


def run_once(command, timeout):
    """What a program printed that measures by itself and ends."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"not done in {timeout:g} seconds") from None
    if done.returncode != 0:
        raise Failed((done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1])
    return done.stdout


def adopt_orphans():
    """What a peer leaves behind becomes a child of this process, which `end_orphans` finds."""
    subreaper = 36  # PR_SET_CHILD_SUBREAPER
    ctypes.CDLL(None).prctl(subreaper, 1, 0, 0, 0)


def end_orphans():
    """Ends all children; there are none but orphans when no session is open."""
    children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children")
    # The children of those become ours in their turn. Not every kernel has this file.
    while children.exists() and (orphans := children.read_text(encoding="ascii").split()):
        for orphan in map(int, orphans):
            os.kill(orphan, signal.SIGKILL)
            os.waitpid(orphan, 0)
