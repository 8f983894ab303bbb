#!/usr/bin/env python3
"""Runs a few rows of bench/peers/run (argv[1]) with what is in a build folder (argv[2]), and checks what it prints and
writes; how fast anybody was is not judged here."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
RUN, BUILD = sys.argv[1:3]


def run(*arguments, **options):
    command = [sys.executable, RUN, "--build", BUILD, "--quick", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, **options)


def measured(folder):
    page = folder / "page.md"
    sys.path.insert(0, str(pathlib.Path(RUN).parent))
    from table import BEGIN, END

    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    file = folder / "results.json"
    rows = ["syscall.result_changed", "filter.unhandled", "breakpoint.push", "call.function"]
    done = run("--filter", "^(" + "|".join(rows) + ")$", "--peers", "gdb,strace", "--json", file, "--write", page)
    assert done.returncode == 0, done.stderr + done.stdout
    written = page.read_text()
    assert written.startswith("before\n") and written.endswith("\nafter\n") and "old" not in written, written
    assert done.stdout in written, written
    results = {row["name"]: row["peers"] for row in json.loads(file.read_text())["rows"]}
    assert list(results) == rows, results
    for row, peers in results.items():
        assert list(peers) == ["floor", "trapline", "gdb", "strace"], peers
        for name, cell in peers.items():
            assert cell["status"] == "measured" and cell["ns"] > 0 or cell["reason"], (row, name, cell)
        assert all(peers[name]["status"] == "measured" for name in ("floor", "trapline")), peers
        assert peers["gdb"]["status"] == ("cannot" if row.startswith("filter") else "measured"), peers
    if shutil.which("strace"):
        assert results["filter.unhandled"]["strace"]["status"] == "measured", results


def missing(folder):
    """Who is not installed is told, and fails nobody."""
    file = folder / "missing.json"
    done = run("--filter", "memory.read8", "--json", file, env={**os.environ, "PATH": "/nowhere"})
    assert done.returncode == 0, done.stderr
    assert "not installed" in done.stdout, done.stdout
    (row,) = json.loads(file.read_text())["rows"]
    assert row["peers"]["gdb"] == {"status": "missing", "reason": "gdb is not installed"}, row


def wrong(folder):
    for arguments in (["--no-such-option"], ["--filter", "("], ["--filter", "no.such.row"], ["--peers", "nobody"]):
        done = run(*arguments)
        assert done.returncode == 2 and "error" in done.stderr, (arguments, done)
    done = run("--filter", "memory.read8", "--peers", "", "--write", folder / "page_without_marks.md")
    assert done.returncode == 2 and "page_without_marks" in done.stderr, done


def main():
    if not shutil.which("gdb"):
        print("gdb is not installed")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        measured(folder)
        missing(folder)
        wrong(folder)


if __name__ == "__main__":
    main()
