#!/usr/bin/env python3
"""Makes src/arch/syscalls_{amd64,i386,aarch64}.def from a kernel source tree.

    tools/gen_syscalls.py --kernel ~/linux-source-6.1 [--out src/arch] [--check]

Numbers and names come from the kernel's syscall tables, parameters from its SYSCALL_DEFINEs (or, for entry points that are
declared only, from include/linux/syscalls.h). What is newer than the tree stands in tools/syscalls_newer.txt. With --check
nothing is written: the exit status tells whether the checked-in files are what would be made.
"""

import argparse
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent

# Entry points whose SYSCALL_DEFINE depends on the architecture, or that have none.
CLONE_BACKWARDS = [("unsigned long", "clone_flags"), ("unsigned long", "newsp"), ("int *", "parent_tidptr"),
                   ("unsigned long", "tls"), ("int *", "child_tidptr")]
CLONE = CLONE_BACKWARDS[:3] + [CLONE_BACKWARDS[4], CLONE_BACKWARDS[3]]
OVERRIDES = {
    "amd64": {"clone": CLONE, "rt_sigreturn": []},
    "i386": {"clone": CLONE_BACKWARDS, "rt_sigreturn": [], "sigreturn": [],
             "sigsuspend": [("int", "unused1"), ("int", "unused2"), ("old_sigset_t", "mask")]},
    "aarch64": {"clone": CLONE_BACKWARDS, "rt_sigreturn": []},
}
ARCH_DIRS = {"amd64": ["arch/x86"], "i386": ["arch/x86"], "aarch64": ["arch/arm64"]}


def clean_type(text):
    text = re.sub(r"\b(__user|__force|volatile)\b", " ", text)
    text = re.sub(r"\s+", " ", text.replace("*", " * ")).strip()
    return re.sub(r"\* (?=\*)", "*", text)


def split_arguments(text):
    return [part.strip() for part in re.sub(r"\s+", " ", text).split(",")] if text.strip() else []


def defined_parameters(text):
    """Parameters as SYSCALL_DEFINE takes them: type, name, type, name ..."""
    parts = split_arguments(text)
    return [(clean_type(parts[i]), parts[i + 1]) for i in range(0, len(parts) - 1, 2)]


def declared_parameters(text):
    """Parameters as a prototype has them; unnamed ones are named by their place."""
    result = []
    for index, part in enumerate(split_arguments(text)):
        if part == "void":
            continue
        match = re.fullmatch(r"(.*[\s*])(\w+)(\[\w*\])?", part)
        if match and match.group(1).strip() not in ("struct", "unsigned", "const", "union", "enum"):
            kind, name = match.group(1) + ("*" if match.group(3) else ""), match.group(2)
            if name in ("int", "long", "char", "short"):
                kind, name = part, f"arg{index}"
        else:
            kind, name = part, f"arg{index}"
        result.append((clean_type(kind), name))
    return result


class Signatures:
    """Entry point -> parameters, in order of trust: the architecture's own definition, a generic one, a compat one, a prototype."""

    DEFINE = re.compile(r"^(COMPAT_)?SYSCALL(?:32)?_DEFINE(\d)\(\s*(\w+)\s*,?([^)]*)\)", re.M | re.S)
    PROTOTYPE = re.compile(r"^asmlinkage\s+\w+\s+sys_(\w+)\s*\(([^)]*)\)\s*;", re.M | re.S)

    def __init__(self, kernel):
        self.defined = []
        sources = [kernel / name for name in ("arch/x86", "arch/arm64", "fs", "kernel", "mm", "net", "ipc", "security",
                                              "io_uring", "block", "drivers/char")]
        for source in sources:
            for path in sorted(source.rglob("*.c")):
                if "/um/" in str(path):
                    continue
                text = path.read_text(errors="replace")
                if "SYSCALL" not in text:
                    continue
                for compat, count, name, rest in self.DEFINE.findall(text):
                    parameters = defined_parameters(rest)
                    if len(parameters) == int(count):
                        self.defined.append((str(path.relative_to(kernel)), bool(compat), name, parameters))
        header = (kernel / "include/linux/syscalls.h").read_text()
        self.declared = {name: declared_parameters(rest) for name, rest in self.PROTOTYPE.findall(header)}

    def find(self, abi, entry):
        name = re.sub(r"^(__ia32_)?(compat_)?sys_", "", entry)
        if name in OVERRIDES[abi]:
            return OVERRIDES[abi][name]
        own, generic, compat = [], [], []
        for path, is_compat, defined, parameters in self.defined:
            if defined != name:
                continue
            if is_compat:
                compat.append(parameters)
            elif path.startswith("arch/"):
                if any(path.startswith(folder) for folder in ARCH_DIRS[abi]):
                    own.append(parameters)
            else:
                generic.append(parameters)
        for candidates in (own, generic):
            if candidates:
                return candidates[0]
        if name in self.declared:
            return self.declared[name]
        return compat[0] if compat else []


def x86_table(path, abis):
    for line in path.read_text().splitlines():
        fields = line.split("#")[0].split()
        if len(fields) >= 3 and fields[1] in abis:
            yield int(fields[0]), fields[2], fields[3] if len(fields) > 3 else "sys_ni_syscall"


def generic_table(kernel):
    """The numbers of AArch64, which uses asm-generic/unistd.h with these options (arch/arm64/include/uapi/asm/unistd.h)."""
    wants = ["RENAMEAT", "NEW_STAT", "SET_GET_RLIMIT", "SYS_CLONE3", "MEMFD_SECRET"]
    command = ["cpp", "-P", "-D__BITS_PER_LONG=64", "-D__SYSCALL(number,entry)=ENTRY(number,entry)", *[f"-D__ARCH_WANT_{want}" for want in wants]]
    text = (kernel / "include/uapi/asm-generic/unistd.h").read_text().replace("#include <asm/bitsperlong.h>", "")
    names = {}
    macros = subprocess.run([*command, "-dM", "-"], input=text, capture_output=True, text=True, check=True).stdout
    for name, value in re.findall(r"#define __NR(?:3264)?_(\w+) (\d+)", macros):
        names.setdefault(int(value), name)
    for name, alias in re.findall(r"#define __NR_(\w+) __NR3264_(\w+)", macros):
        value = re.search(rf"#define __NR3264_{alias} (\d+)", macros)
        if value:
            names[int(value.group(1))] = name
    body = subprocess.run([*command, "-"], input=text, capture_output=True, text=True, check=True).stdout
    for number, entry in re.findall(r"ENTRY\(\s*(\d+)\s*,\s*(\w+)\s*\)", body):
        number = int(number)
        if number in names and names[number] not in ("syscalls", "arch_specific_syscall"):
            yield number, names[number], entry


def newer(abi):
    for line in (HERE / "syscalls_newer.txt").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        number, abis, rest = line.split(maxsplit=2)
        if abis == "all" or abi in abis.split(","):
            name, parameters = re.fullmatch(r"(\w+)\((.*)\)", rest).groups()
            yield int(number), name, declared_parameters(parameters)


def rows(abi, kernel, signatures):
    tables = kernel / "arch/x86/entry/syscalls"
    if abi == "amd64":
        table = x86_table(tables / "syscall_64.tbl", ("common", "64"))
    elif abi == "i386":
        table = x86_table(tables / "syscall_32.tbl", ("i386",))
    else:
        table = generic_table(kernel)
    found = {number: (name, signatures.find(abi, entry)) for number, name, entry in table}
    for number, name, parameters in newer(abi):
        found.setdefault(number, (name, parameters))
    return sorted((number, name, parameters) for number, (name, parameters) in found.items())


def definition(abi, kernel, signatures):
    lines = ["// Made by tools/gen_syscalls.py; change that, or tools/syscalls_newer.txt.",
             "// TRAPLINE_SYSCALL(number, name, type and name of each parameter ...)", ""]
    for number, name, parameters in rows(abi, kernel, signatures):
        flat = "".join(f', "{kind}", "{parameter}"' for kind, parameter in parameters)
        lines.append(f"TRAPLINE_SYSCALL({number}, {name}{flat})")
    return "\n".join([*lines, "", "#undef TRAPLINE_SYSCALL", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", type=pathlib.Path, required=True, help="an unpacked kernel source tree")
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "src/arch")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args()
    signatures = Signatures(options.kernel)
    same = True
    for abi in ("amd64", "i386", "aarch64"):
        path = options.out / f"syscalls_{abi}.def"
        text = definition(abi, options.kernel, signatures)
        if options.check:
            if not path.exists() or path.read_text() != text:
                same = False
                print(f"{path} differs", file=sys.stderr)
        elif not path.exists() or path.read_text() != text:
            path.write_text(text)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
