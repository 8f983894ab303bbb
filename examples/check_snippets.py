#!/usr/bin/env python3
"""Checks that the documentation's snippets are what the examples compile.

    examples/check_snippets.py ROOT

A block of code under a line `<!-- from examples/NAME.cpp -->` must be in that file, apart from its indentation; a line
`// ...` in it stands for anything.
"""

import pathlib
import re
import sys
import textwrap

SNIPPET = re.compile(r"^<!-- from (\S+) -->\n```cpp\n(.*?)^```", re.M | re.S)


def contains(lines, wanted):
    for start in range(len(lines) - len(wanted) + 1):
        window = textwrap.dedent("\n".join(lines[start : start + len(wanted)]))
        if window.strip("\n") == textwrap.dedent("\n".join(wanted)).strip("\n"):
            return True
    return False


def parts(block):
    part = []
    for line in block.splitlines():
        if line.strip() != "// ...":
            part.append(line)
        elif part:
            yield part
            part = []
    if part:
        yield part


def main():
    root = pathlib.Path(sys.argv[1])
    checked, wrong = 0, 0
    for page in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        text = page.read_text()
        for match in SNIPPET.finditer(text):
            lines = (root / match[1]).read_text().splitlines()
            checked += 1
            if not all(contains(lines, part) for part in parts(match[2])):
                wrong += 1
                line = text.count("\n", 0, match.start()) + 1
                print(f"{page.relative_to(root)}:{line}: this is not in {match[1]}")
    print(f"{checked} snippets, {wrong} of them out of date")
    return 1 if wrong or not checked else 0


sys.exit(main())
