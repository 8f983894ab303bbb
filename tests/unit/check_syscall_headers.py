#!/usr/bin/env python3
"""Checks that every syscall of the system's own headers stands in our tables, with that number.

    check_syscall_headers.py C_COMPILER SOURCE_DIR

The other direction (our rows against the headers) is syscall_numbers_*.cpp's, at compile time. Exits with 77 (skipped) when
a header is missing.
"""

import pathlib
import re
import subprocess
import sys

HEADERS = {
    "amd64": ("asm/unistd_64.h", []),
    "i386": ("asm/unistd_32.h", []),
    "aarch64": ("asm-generic/unistd.h", ["RENAMEAT", "NEW_STAT", "SET_GET_RLIMIT", "SYS_CLONE3", "MEMFD_SECRET"]),
}
# Marks in the generic header, not calls.
MARKS = {"syscalls", "arch_specific_syscall"}


def header_rows(compiler, header, wants):
    source = "".join(f"#define __ARCH_WANT_{want}\n" for want in wants) + f"#include <{header}>\n"
    run = subprocess.run([compiler, "-E", "-dM", "-x", "c", "-"], input=source, capture_output=True, text=True)
    if run.returncode != 0:
        return None
    macros = dict(re.findall(r"#define __NR_(\w+) (\S+)", run.stdout))
    wide = dict(re.findall(r"#define (__NR3264_\w+) (\d+)", run.stdout))
    rows = {name: wide.get(value, value) for name, value in macros.items() if name not in MARKS}
    return {name: int(value) for name, value in rows.items() if value.isdigit()}


def our_rows(path):
    return {name: int(number) for number, name in re.findall(r"TRAPLINE_SYSCALL\((\d+), (\w+)", path.read_text())}


def main():
    compiler, source = sys.argv[1], pathlib.Path(sys.argv[2])
    wrong, skipped = [], []
    for abi, (header, wants) in HEADERS.items():
        theirs = header_rows(compiler, header, wants)
        if theirs is None:
            skipped.append(header)
            continue
        if len(theirs) < 250:
            wrong.append(f"{header}: only {len(theirs)} names were understood")
        ours = our_rows(source / f"src/arch/syscalls_{abi}.def")
        for name, number in sorted(theirs.items(), key=lambda row: row[1]):
            if ours.get(name) != number:
                wrong.append(f"{abi}: {header} has {name} = {number}, the table {ours.get(name)}")
    for line in wrong:
        print(line)
    for header in skipped:
        print(f"skipped: no <{header}> here")
    return 1 if wrong else 77 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
