#!/usr/bin/env python3
"""Checks that tools/gen_syscalls.py makes the tables that are checked in.

    check_gen_syscalls.py SOURCE_DIR

The kernel's sources are $TRAPLINE_KERNEL_SOURCE, or those of Debian's package linux-source-6.1. Without them only the
options are tried, and the exit status is 77 (skipped).
"""

import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile

FOLDERS = ("arch/x86", "arch/arm64", "fs", "kernel", "mm", "net", "ipc", "security", "io_uring", "block", "drivers/char",
           "include/linux/syscalls.h", "include/uapi/asm-generic/unistd.h")
PACKAGE = pathlib.Path("/usr/src/linux-source-6.1")


def generate(tool, *arguments):
    return subprocess.run([sys.executable, tool, *arguments], capture_output=True, text=True)


def try_options(tool):
    usage = generate(tool, "--help")
    if usage.returncode != 0 or "--check" not in usage.stdout or "--kernel" not in usage.stdout:
        sys.exit(f"--help: {usage.stdout}{usage.stderr}")
    if generate(tool, "--check").returncode == 0:
        sys.exit("--check without --kernel succeeded")


def unpack(archive, into):
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.partition("/")[2]
            if member.isfile() and name.startswith(FOLDERS) and name.endswith((".c", ".h", ".tbl")):
                tar.extract(member, into)
    return next(into.iterdir())


def check(tool, kernel, scratch):
    result = generate(tool, "--kernel", str(kernel), "--check")
    if result.returncode != 0:
        sys.exit(f"the tables are not what {kernel} gives:\n{result.stdout}{result.stderr}")
    # And it tells a difference.
    if generate(tool, "--kernel", str(kernel), "--out", str(scratch), "--check").returncode != 1:
        sys.exit("--check against an empty folder succeeded")


def main():
    tool = pathlib.Path(sys.argv[1]) / "tools/gen_syscalls.py"
    try_options(tool)
    given = os.environ.get("TRAPLINE_KERNEL_SOURCE")
    archive = PACKAGE.with_name(PACKAGE.name + ".tar.xz")
    with tempfile.TemporaryDirectory() as scratch:
        empty = pathlib.Path(scratch) / "empty"
        empty.mkdir()
        if given or PACKAGE.is_dir():
            check(tool, pathlib.Path(given) if given else PACKAGE, empty)
        elif archive.exists():
            sources = pathlib.Path(scratch) / "sources"
            sources.mkdir()
            check(tool, unpack(archive, sources), empty)
        else:
            print("skipped: no kernel sources (apt install linux-source-6.1, or set TRAPLINE_KERNEL_SOURCE)")
            return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
