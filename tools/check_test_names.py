#!/usr/bin/env python3
"""Checks that every test that docs/INTERNALS.md or a comment in src names is there.

    tools/check_test_names.py ROOT
"""

import pathlib
import re
import sys

TEST = re.compile(r"^TEST(?:_[FP])?\((\w+), (\w+)\)", re.M)
IN_PAGE = re.compile(r"`([A-Z]\w+)\.([a-z]\w+)`")
IN_COMMENT = re.compile(r"//.*?\b([A-Z]\w+)\.(\w+_\w+)\b")


def main():
    root = pathlib.Path(sys.argv[1])
    tests = set()
    for path in (root / "tests").rglob("*.cpp"):
        tests.update(TEST.findall(path.read_text()))
    named = 0
    missing = []
    pages = [(root / "docs" / "INTERNALS.md", IN_PAGE)]
    pages += [(path, IN_COMMENT) for path in sorted((root / "src").rglob("*.[ch]pp"))]
    for path, pattern in pages:
        for name in pattern.findall(path.read_text()):
            named += 1
            if name not in tests:
                missing.append(f"{path.relative_to(root)}: there is no test {'.'.join(name)}")
    print("\n".join([*missing, f"{named} tests named"]))
    return 1 if missing or not named else 0


sys.exit(main())
