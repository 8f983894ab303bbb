#!/usr/bin/env python3
"""Reads the #include lines and enforces who may include whom.

    tools/check_layers.py [ROOT]       the exit status tells whether the tree keeps the rules
    tools/check_layers.py --self-test  whether this program notices when a tree does not
"""

import pathlib
import re
import sys
import tempfile

# Layer -> the layers whose headers it may include; "public" are the installed headers as a whole, "enums" the public headers
# that hold no more than values.
RULES = {
    "support": {"support", "log"},
    "arch": {"arch", "support", "enums"},
    "os": {"os", "support", "enums"},
    "symbols": {"symbols", "support", "enums"},
    "core": {"core", "arch", "os", "symbols", "support", "public"},
    "api": {"api", "core", "arch", "os", "symbols", "support", "public"},
}
ENUM_HEADERS = {
    "types.hpp",
    "call_value.hpp",
    "disassembly.hpp",
    "elf_facts.hpp",
    "error.hpp",
    "file_descriptor.hpp",
    "process_facts.hpp",
    "read_piece.hpp",
    "registers.def",
    "source.hpp",
}
PTRACE = re.compile(r"^(sys|linux)/ptrace\.h$")
ELFUTILS = re.compile(r"^(elfutils/|libelf\.h|gelf\.h|dwarf\.h)")
CAPSTONE = re.compile(r"^capstone/")
OTHERS = re.compile(r"^(fmt/|nlohmann/|CLI/|capstone/|gtest/)")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def category(header):
    if header.startswith("trapline/"):
        name = header.removeprefix("trapline/")
        if name == "log.hpp":
            return "log"
        return "enums" if name in ENUM_HEADERS else "public"
    first = header.split("/")[0]
    return first if "/" in header and first in RULES else None


def problems_of_source(layer, relative, headers):
    for header in headers:
        kind = category(header)
        allowed = RULES[layer]
        if kind is not None and kind not in allowed and not (kind in ("enums", "log") and "public" in allowed):
            yield f"{relative}: layer {layer} may not include {header}"
        if PTRACE.match(header) and relative != "src/os/ptrace.cpp":
            yield f"{relative}: only src/os/ptrace.cpp includes {header}"
        if ELFUTILS.match(header) and layer != "symbols":
            yield f"{relative}: only src/symbols includes {header}"
        if CAPSTONE.match(header) and layer != "arch":
            yield f"{relative}: only src/arch includes {header}"
        if header.startswith("CLI/"):
            yield f"{relative}: only the program includes {header}"


def problems(root):
    for path in sorted((root / "src").rglob("*.[ch]pp")):
        relative = path.relative_to(root).as_posix()
        layer = path.relative_to(root / "src").parts[0]
        if layer in RULES:
            yield from problems_of_source(layer, relative, INCLUDE.findall(path.read_text()))
    for path in sorted((root / "include").rglob("*.hpp")):
        for header in INCLUDE.findall(path.read_text()):
            if PTRACE.match(header) or ELFUTILS.match(header) or OTHERS.match(header) or category(header) in RULES:
                yield f"{path.relative_to(root)}: a public header may not include {header}"
    for path in sorted((root / "cli").rglob("*.[ch]pp")):
        for header in INCLUDE.findall(path.read_text()):
            if category(header) in RULES:
                yield f"{path.relative_to(root)}: the program uses installed headers only, not {header}"


def self_test():
    cases = {
        "src/arch/bad.cpp": '#include "os/wait.hpp"\n',
        "src/os/wait2.cpp": "#include <sys/ptrace.h>\n",
        "src/core/elf.cpp": "#include <gelf.h>\n",
        "src/core/disassemble.cpp": "#include <capstone/capstone.h>\n",
        "include/trapline/bad.hpp": "#include <fmt/format.h>\n",
        "cli/bad.cpp": '#include "core/tracer.hpp"\n',
        "src/os/policy.cpp": "#include <trapline/process.hpp>\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in cases.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        found = "\n".join(problems(root))
    missed = [name for name in cases if name not in found]
    for name in missed:
        print(f"self-test: {name} was not noticed", file=sys.stderr)
    return 1 if missed else 0


def main():
    if "--self-test" in sys.argv:
        return self_test()
    found = list(problems(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
