"""The far end of a Session, inside a debugger's own Python."""

import os
import time


class Impossible(Exception):
    """This debugger cannot do it here."""


class Side:
    """One row. Its constructor brings the tracee to where it can be measured."""

    #: How many a batch has. Long enough to be measured, short enough for many rounds.
    events = 1

    def before(self):
        """What is not to be measured, before each batch."""

    def batch(self):
        """Does `events` events."""
        for _ in range(self.events):
            self.event()

    def event(self):
        raise NotImplementedError

    def check(self):
        """Throws when the last batch did not do what it should have."""

    def end(self):
        """Takes its tracee along."""


def _answer(socket, text):
    os.write(socket, text.replace("\n", " ").encode() + b"\n")


def serve(sides):
    """For the row that PEER_ROW names."""
    socket = int(os.environ["PEER_SOCKET"])
    os.set_inheritable(socket, False)
    side = None
    try:
        side = sides[os.environ["PEER_ROW"]]()
        _answer(socket, "ready")
        for _ in os.fdopen(socket, closefd=False):
            side.before()
            begin = time.perf_counter_ns()
            side.batch()
            took = time.perf_counter_ns() - begin
            side.check()
            _answer(socket, str(took / side.events))
    except Impossible as reason:
        _answer(socket, f"skipped {reason}")
    except Exception as error:  # whatever it is, the other end tells it
        _answer(socket, f"error {type(error).__name__}: {error}")
    if side:
        side.end()


def tracee(name):
    return os.path.join(os.environ["PEER_TRACEES"], name)


def expect(condition, what):
    if not condition:
        raise RuntimeError(what)


#: What the tracees' functions and memory hold.
FORGED_RESULT = 42
HAYSTACK_SIZE = 256 << 20
NEEDLE = b"NEEDLE!\x01\x02\x03zq#9"
FRAMES = 20
SYMBOL = (
    "_ZN9benchmark7symbols14Container_typeIiNS_14Allocator_typeIiEENS_13Compare_typesIiSt4lessIiEEEE14method_1178500"
    "ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEPKcm"
)
