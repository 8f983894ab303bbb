"""trapline and the floor, both measured by trapline-bench."""

import re
import subprocess

from session import Failed, Session


class Bench:
    """One program for both of them: what a row's first side opens, the other one shares."""

    def __init__(self, program):
        self.program = program

    def open(self, row, options):
        quick = ["--quick"] if options.quick else []
        command = [self.program, "--cpu", str(options.cpu), *quick, "--serve", row.name]
        return Session(command, options.timeout)

    def rows(self):
        done = subprocess.run([self.program, "--list"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"{self.program} --list: {done.stderr.strip()}")
        return set(done.stdout.split())
