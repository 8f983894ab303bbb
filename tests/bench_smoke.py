#!/usr/bin/env python3
"""Runs one row of trapline-bench (argv[1]) and checks what it prints and writes; how fast it was is not judged here."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

ROWS = """syscall.enter_exit syscall.enter syscall.unhandled syscall.six_args syscall.result_changed syscall.skip
syscall.threads8 invoke.single invoke.batch64 call.function breakpoint.push breakpoint.endbr
breakpoint.regs breakpoint.conditional breakpoint.hardware watchpoint.write breakpoint.place breakpoint.hit_of_10000
spawn.small_host spawn.large_host spawn.entry step.user_thread step.tracer_thread step.until
command.user_thread memory.read8 memory.read4k memory.read64k memory.read1m memory.read_many64
memory.search256m memory.search256m_mask memory.search256m_number memory.search256m_regex memory.pointers256m
symbols.first symbols.first_cxx symbols.next backtrace.frames20 backtrace.frames20_lines
filter.enter filter.enter_exit filter.unhandled filter.skip filter.result_changed
attach.detach growth.threads64 growth.threads64_floor growth.processes256 growth.processes256_floor growth.handlers300
growth.stopped512 growth.stopped512_floor growth.steps_stopped512 growth.breakpoints10000
growth.one_more_breakpoint""".split()


def run(*arguments, **options):
    return subprocess.run([sys.argv[1], *arguments], capture_output=True, text=True, timeout=50, **options)


def main():
    missing = set(ROWS) - set(run("--list").stdout.split())
    assert not missing, f"--list lacks {missing}"
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "results.json"
        done = run("--filter", "memory.read8", "--quick", "--json", str(file))
        assert done.returncode == 0, done.stderr
        assert re.search(r"^memory\.read8 +[\d.]+ +[\d.]+ +[\d.]+$", done.stdout, re.M), done.stdout
        rows = json.loads(file.read_text())
    assert [row["name"] for row in rows] == ["memory.read8"], rows
    row = rows[0]
    assert set(row) == {"name", "ours_ns", "floor_ns", "ratio", "runs"}, row
    assert row["ours_ns"] > 0 and row["floor_ns"] > 0 and row["runs"] > 0, row
    assert abs(row["ratio"] - row["ours_ns"] / row["floor_ns"]) < 1e-6, row
    done = run("--serve", "memory.read8", "--quick", input="ours\nfloor\nnobody\n")
    assert re.fullmatch(r"ready\n[\d.]+\n[\d.]+\nerror .*nobody\n", done.stdout), done
    assert done.returncode == 1, done
    for wrong in (["--no-such-option"], ["--filter", "("], ["--filter", "no.such.row"], ["--serve", "no.such.row"]):
        done = run(*wrong)
        assert done.returncode == 2 and "trapline-bench: " in done.stderr, (wrong, done)


if __name__ == "__main__":
    main()
