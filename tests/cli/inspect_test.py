"""What `trapline inspect` shows, and that what it looked at goes on. Each case is an entry of ctest (CMakeLists.txt)."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import unittest

from trace_test import PATIENCE, TRAPLINE, Case, blocked_in, eventually, gone, status_field, tracee


def inspect(*args, **options):
    """Runs `trapline inspect ARGS` to its end."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    command = options.pop("before", []) + [TRAPLINE, "inspect", *args]
    environment = {**os.environ, "LC_ALL": "C", **options.pop("env", {})}
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="surrogateescape", timeout=PATIENCE,
                          env=environment, **options)


def data(*args, **options):
    result = inspect("--json", *args, **options)
    return json.loads(result.stdout), result.returncode


class InspectCase(Case):
    def sleeping(self):
        """A process that sleeps in clock_nanosleep."""
        process = self.start("sleep", "1000")
        self.assertTrue(eventually(lambda: blocked_in(process.pid, 230)))
        return process

    def sleeps_on(self, process):
        """In the same call, which the kernel has restarted under another name."""
        return eventually(lambda: blocked_in(process.pid, 230) or blocked_in(process.pid, 219))

    def untouched(self, process):
        self.assertIsNone(process.poll())
        self.assertEqual(status_field(process.pid, "TracerPid"), "0")


class Inspect(InspectCase):
    def test_the_summary_of_a_sleeper(self):
        process = self.sleeping()
        result = inspect("-p", str(process.pid))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertTrue(result.stdout.startswith(f"process {process.pid}: sleep 1000\namd64, 1 thread, thread {process.pid} in clock_nanosleep(CLOCK_REALTIME, 0, {{tv_sec=1000, tv_nsec=0}}, "),
                        result.stdout)
        for heading in ("-- registers\n", "-- disassembly\n", "-- stack\n", "-- backtraces\n"):
            self.assertIn(heading, result.stdout)
        self.assertNotIn("-- maps\n", result.stdout)
        self.assertRegex(result.stdout, r"(?m)^=> 0x[0-9a-f]+ .*$")
        self.assertRegex(result.stdout, r"(?m)^rip +0x[0-9a-f]+ +clock_nanosleep\+0x[0-9a-f]+ in libc")
        self.assertNotIn("\033", result.stdout)
        self.untouched(process)
        self.assertTrue(self.sleeps_on(process))

    def test_as_json(self):
        process = self.sleeping()
        shown, status = data("-p", str(process.pid), "-r", "-d", "-k", "-b", "-m", "--vectors")
        self.assertEqual(status, 0)
        self.assertEqual(shown["process"], {"pid": process.pid, "command": ["sleep", "1000"], "arch": "amd64", "threads": 1})
        self.assertEqual(shown["thread"], process.pid)
        self.assertEqual(list(shown), ["process", "thread", "registers", "disassembly", "stack", "backtraces", "maps"])
        values = shown["registers"]["values"]
        pc = values["rip"]["value"]
        self.assertEqual(values["rip"]["pointee"]["permissions"], "r-x")
        self.assertIn("mxcsr", values)
        self.assertIn("IF", shown["registers"]["flags"])
        current = [line for line in shown["disassembly"] if line.get("current")]
        self.assertEqual([line["address"] for line in current], [pc])
        self.assertEqual(shown["stack"][0]["address"], values["rsp"]["value"])
        frames = shown["backtraces"][0]["frames"]
        self.assertEqual((frames[0]["pc"], shown["backtraces"][0]["syscall"]), (pc, "clock_nanosleep"))
        kernel = [line for line in pathlib.Path(f"/proc/{process.pid}/maps").read_text().splitlines()]
        self.assertEqual(len(shown["maps"]), len(kernel))
        self.assertEqual([one["permissions"] for one in shown["maps"]], [line.split()[1] for line in kernel])
        self.untouched(process)

    def test_a_command_stands_at_its_entry_point_and_does_not_run(self):
        file = self.folder / "made"
        result = inspect("-r", "--", "touch", str(file))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("at its entry point", result.stdout)
        self.assertFalse(file.exists())

    def test_at_a_place(self):
        shown, status = data("--at", "leaf", "-b", "--", tracee("steps"), "recursive")
        self.assertEqual(status, 0)
        self.assertEqual(shown["stop"]["kind"], "breakpoint")
        functions = [frame.get("function") for frame in shown["backtraces"][0]["frames"]]
        self.assertEqual(functions[:8], ["leaf"] + ["recursive"] * 6 + ["main"])

    def test_a_place_that_it_never_comes_to(self):
        result = inspect("--at", "leaves", "--", tracee("steps"), "leaf")
        self.assertEqual(result.returncode, 1)
        self.assertIn("it never came there: exited in thread", result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertIn("42\n", result.stderr, "what it printed")

    def test_a_crash(self):
        result = inspect("--signal", "--", tracee("die"), str(int(signal.SIGSEGV)))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("(SIGSEGV", result.stdout.splitlines()[1])
        self.assertRegex(result.stdout.splitlines()[2], r"^SIGSEGV \{si_signo=SIGSEGV, si_code=")
        shown, _ = data("--signal", "-r", "--", tracee("die"), str(int(signal.SIGSEGV)))
        self.assertTrue(shown["stop"]["signal"].startswith("SIGSEGV {"))
        result = inspect("--signal", "SIGTERM", "-b", "--", tracee("die"), str(int(signal.SIGTERM)))
        self.assertIn("(SIGTERM", result.stdout.splitlines()[1])

    def test_backtraces_with_lines_and_inlined_calls(self):
        stop = ["--at", "syscall", "-b"]
        result = inspect(*stop, "--", tracee("lines"))
        self.assertRegex(result.stdout, r"(?m)^#1 +0x[0-9a-f]+ innermost \[inlined\] at .*/lines\.cpp:\d+$")
        self.assertRegex(result.stdout, r"(?m)^#1 +0x[0-9a-f]+ space::once\(long\)\+0x[0-9a-f]+ in .*/lines at .*/lines\.cpp:\d+$")
        plain = inspect(*stop, "--no-lines", "--", tracee("lines")).stdout
        self.assertRegex(plain, r"(?m)^#1 +0x[0-9a-f]+ space::once\(long\)\+0x[0-9a-f]+ in .*/lines$")
        self.assertNotIn("[inlined]", plain)
        frame = data(*stop, "--", tracee("lines"))[0]["backtraces"][0]["frames"][1]
        self.assertEqual((frame["function"], frame["demangled"]), ("_ZN5space4onceEl", "space::once(long)"))
        self.assertTrue(frame["source"]["file"].endswith("lines.cpp"))
        self.assertTrue(frame["inlined"][0]["call"]["line"] > 0)

    def test_a_server_of_symbols_that_does_not_answer(self):
        result = inspect("--debuginfod", "-b", "--", tracee("steps"), "leaf", env={"DEBUGINFOD_URLS": "http://127.0.0.1:9"})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("-- backtraces", result.stdout)

    def test_the_stack_leads_somewhere(self):
        arguments = ["--at", "leaf", "-k", "-n", "40"]
        result = inspect(*arguments, "--", tracee("steps"), "recursive")
        self.assertRegex(result.stdout, r"(?m)^\+0x000 rsp[a-z0-9,]* +0x[0-9a-f]+ -> 0x[0-9a-f]+ <recursive\+0x[0-9a-f]+>$")
        words = data(*arguments, "--", tracee("steps"), "recursive")[0]["stack"]
        self.assertEqual((words[0]["end"], words[0]["links"][1]["symbol"]), ("code", "recursive"))

    def test_calls_through_the_plt_are_named(self):
        result = inspect("--function", "main", "--", tracee("places"))
        self.assertRegex(result.stdout, r"(?m)call +0x[0-9a-f]+ <strdup@plt>$")

    def test_a_title_is_no_list_of_empty_arguments(self):
        title = "import os; os.execv('/bin/sh', ['titled', '-c', 'read x', '', ''])"
        process = self.start(sys.executable, "-c", title, stdin=subprocess.PIPE)
        self.assertTrue(eventually(lambda: pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"titled")))
        self.assertTrue(inspect("--maps", "-p", str(process.pid)).stdout.startswith(f'process {process.pid}: titled -c "read x"\n'))

    def test_threads_that_stand_at_one_place_are_told_together(self):
        script = """
import threading, time
event = threading.Event()
for i in range(50): threading.Thread(target=event.wait, daemon=True).start()
print("ready", flush=True)
time.sleep(1000)
"""
        process = self.start(sys.executable, "-c", script, stdout=subprocess.PIPE)
        process.stdout.readline()
        self.assertTrue(eventually(lambda: len(os.listdir(f"/proc/{process.pid}/task")) == 51))
        result = inspect("-b", "-p", str(process.pid))
        self.assertIn("51 threads", result.stdout)
        self.assertRegex(result.stdout, r'(?m)^50 threads "[^"]*" in futex: \d+, .*, \.\.\.$')
        shown, _ = data("-b", "-p", str(process.pid))
        self.assertEqual(len(shown["backtraces"]), 51)
        self.untouched(process)
        one = shown["backtraces"][7]["thread"]
        shown, _ = data("-r", "-t", str(one), "-p", str(process.pid))
        self.assertEqual(shown["thread"], one)
        result = inspect("-r", "-t", "1", "-p", str(process.pid))
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"process {process.pid} has no thread 1", result.stderr)


class Lookups(InspectCase):
    def test_symbols_addresses_and_functions(self):
        result = inspect("--symbol", "leaf", "--address", "main+4", "--function", "leaf", "--", tracee("steps"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r'(?m)^0x[0-9a-f]+ leaf \d+ bytes in ".*/steps"$')
        self.assertRegex(result.stdout, r"(?m)^0x[0-9a-f]+ <main\+0x4>  0x[0-9a-f]+")
        self.assertRegex(result.stdout, r"(?m)^leaf:\n   0x[0-9a-f]+ <\+0x0> ")
        self.assertRegex(result.stdout, r"(?m)^   0x[0-9a-f]+ <\+0x[0-9a-f]+> +ret$")

    def test_memory(self):
        result = inspect("--memory", "writable,16", "--at", "check", "--", tracee("places"))
        self.assertRegex(result.stdout, r"0x[0-9a-f]+  77 72 69 74 61 62 6c 65  20 74 65 78 74 00 00 00  \|writable text\.\.\.\|\n")
        result = inspect("--memory", "magic,8", "--word", "8", "--at", "check", "--", tracee("places"))
        self.assertIn(" 0x5ca1ab1edeadbeef\n", result.stdout)
        shown, _ = data("--memory", "magic,8", "--at", "check", "--", tracee("places"))
        self.assertEqual(shown["memory"][0]["bytes"], "efbeaddE1eaba15c".lower())

    def test_finds(self):
        arguments = ["--find", "u64:0x5ca1ab1edeadbeef", "--find", "hex:efbeadde1eaba15c", "--find", "text on the heap",
                     "--symbol", "magic", "--at", "check", "--", tracee("places")]
        shown, status = data(*arguments)
        self.assertEqual(status, 0)
        magic = shown["symbols"][0]["found"][0]["address"]
        hit = next(hit for hit in shown["found"][0]["hits"] if hit["address"] == magic)
        self.assertEqual((hit["symbol"], hit["offset"], hit["size"], hit["bytes"][:16]), ("magic", 0, 8, "efbeadde1eaba15c"))
        self.assertEqual(shown["found"][0]["hits"], shown["found"][1]["hits"])
        self.assertTrue(shown["found"][2]["hits"])
        self.assertRegex(inspect(*arguments).stdout, r'(?m)^  0x[0-9a-f]+  \|text on the heap.*\|  "\[heap\]"$')
        result = inspect("--limit", "1", "--find", "e", "--", tracee("places"))
        self.assertIn("and more; --limit 10", result.stdout)

    def test_finds_by_mask_regex_and_width_in_an_area(self):
        places = ["--at", "check", "--", tracee("places")]
        shown, status = data("--find", "hex:77 72 ?? 74 61 62 6?", "--find", "/wr[a-z]+ text/", "--find", "/WRITABLE TEXT/i",
                             "--find", "text:writable", "--find", "u64be:0x7772697461626c65", "--in", "binary",
                             "--permissions", "rw", "--symbol", "writable", *places)
        self.assertEqual(status, 0)
        writable = shown["symbols"][0]["found"][0]["address"]
        for found, size in zip(shown["found"], (7, 13, 13, 8, 8)):
            self.assertEqual([(hit["address"], hit["size"]) for hit in found["hits"]], [(writable, size)], found)
        result = inspect("--find", "writable text", "--in", "heap", *places)
        self.assertEqual(result.returncode, 1)
        self.assertIn("is nowhere in its heap", result.stderr)
        result = inspect("--find", "i32:-559038737", "--in", "binary", "--permissions", "rw", *places)
        self.assertRegex(result.stdout, r"(?m)^  0x[0-9a-f]+ <magic>  \|")

    def test_telescopes(self):
        arguments = ["--telescope", "constant_at", "--telescope", "heap", "--at", "check", "--", tracee("places")]
        result = inspect(*arguments)
        self.assertRegex(result.stdout, r'(?m)^0x[0-9a-f]+ <constant_at> -> 0x[0-9a-f]+ <constant> -> "constant text in read-only memory"$')
        self.assertRegex(result.stdout, r'(?m)^0x[0-9a-f]+ <heap> -> 0x[0-9a-f]+ -> "text on the heap"$')
        shown, _ = data(*arguments)
        chain = shown["telescopes"][1]
        self.assertEqual((chain["location"], chain["end"], chain["links"][-1]["text"]), ("heap", "text", "text on the heap"))
        self.assertEqual(chain["links"][0]["value"], chain["links"][1]["address"])
        result = inspect("--telescope", "0xdead00000000", "--telescope", "heap", "--", tracee("places"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("<heap>", result.stdout)

    def test_pointers(self):
        arguments = ["--pointers", "binary", "heap", "--pointers", "all", "constant", "--symbol", "heap", "--symbol", "constant_at",
                     "--at", "check", "--", tracee("places")]
        shown, status = data(*arguments)
        self.assertEqual(status, 0)
        for found, symbol in zip(shown["pointers"], shown["symbols"]):
            self.assertIn(symbol["found"][0]["address"], [one["address"] for one in found["found"]])
        self.assertEqual(shown["pointers"][1]["found"][0]["target"]["symbol"], "constant")
        self.assertRegex(inspect(*arguments).stdout, r"(?m)^  \".*places\"  0x[0-9a-f]+ <constant_at> -> 0x[0-9a-f]+ <constant>$")
        result = inspect("--pointers", "stakk", "heap", "--", tracee("places"))
        self.assertEqual(result.returncode, 1)
        self.assertIn('"stakk" is neither a mapping', result.stderr)
        magic = shown["symbols"][0]["found"][0]["address"]
        shown, status = data("--pointers", "all", magic, "--pointers", "0x1000-0x2000", "stack", "--", tracee("places"))
        self.assertEqual(status, 1)
        self.assertTrue(all("error" in one for one in shown["pointers"]))

    def test_symbols_by_pattern_and_line(self):
        lines = tracee("lines")
        arguments = ["--symbol", "space::*", "--symbol", "/^_ZN5space4onceEl$/", "--symbol", "lines.cpp:1", "--line", "space::once",
                     "--", lines]
        result = inspect(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r'(?m)^0x[0-9a-f]+ space::once\(long\) \d+ bytes in ".*"$')
        self.assertRegex(result.stdout, r"(?m)^#0 0x[0-9a-f]+ space::once\(long\)\+0x0 in .* at .*lines\.cpp:\d+$")
        shown, _ = data(*arguments)
        self.assertEqual([one["name"] for one in shown["symbols"][1]["found"]], ["_ZN5space4onceEl"])
        self.assertEqual(shown["symbols"][1]["found"][0]["demangled"], "space::once(long)")
        self.assertTrue(shown["symbols"][2]["lines"][0]["source"]["file"].endswith("lines.cpp"))
        self.assertEqual(shown["lines"][0]["demangled"], "space::once(long)")
        result = inspect("--symbol", "zz*zz", "--symbol", "nowhere.c:7", "--line", "0x10", "--", lines)
        self.assertEqual(result.returncode, 1)
        self.assertIn('no symbol fits "zz*zz"', result.stderr)
        self.assertIn("-g", result.stderr)
        limited, _ = data("--symbol", "*", "--limit", "3", "--", lines)
        self.assertEqual((len(limited["symbols"][0]["found"]), limited["symbols"][0]["more"]), (3, True))

    def test_what_is_not_there(self):
        result = inspect("--symbol", "leef", "--symbol", "leaf", "--find", "zzqqyyxx" * 3 + "\x7f", "--", tracee("steps"))
        self.assertEqual(result.returncode, 1)
        self.assertIn('no symbol "leef"', result.stderr)
        self.assertIn("near names: leaf", result.stderr)
        self.assertIn("leaf", result.stdout, "the others are shown")
        shown, status = data("--symbol", "leef", "--memory", "0xdead00000000", "--", tracee("steps"))
        self.assertEqual(status, 1)
        self.assertIn("near names", shown["symbols"][0]["error"])
        self.assertIn("error", shown["memory"][0])

    def test_malformed_ones(self):
        for arguments, says in ((["--find", "hex:7f4"], "hex"), (["--find", "u8:256"], "does not fit"),
                                (["--find", "i8:200"], "too wide"), (["--find", "i8:-200"], "does not fit"), (["--find", "/(/"], "("),
                                (["--find", "hex:??"], "everywhere"), (["--checksec=some"], "--checksec"),
                                (["--pointers", "stack"], "--pointers"), (["--permissions", "q", "--find", "abc"], "q"),
                                (["--symbol", "/(/"], "("), (["--limit", "0"], "0 shows nothing"),
                                (["--find", "u8:x"], "is no number"), (["--memory", "main,x"], "is no number"),
                                (["--find", ""], "something to look for"), (["--word", "3"], "--word")):
            result = inspect(*arguments, "--", "true")
            self.assertEqual(result.returncode, 2, arguments)
            self.assertIn(says, result.stderr)
            self.assertIn("Try 'trapline inspect --help'.", result.stderr)


class Facts(InspectCase):
    def test_threads_and_what_they_wait_for(self):
        process = self.start("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertTrue(eventually(lambda: blocked_in(process.pid, 0)))
        result = inspect("-p", str(process.pid), "--threads")
        self.assertRegex(result.stdout, r'(?m)^%d  "cat"  sleeping  cpu \d+ .* in read\(0<pipe:\[\d+\]>, 0x' % process.pid)
        # The call that was interrupted is made again.
        self.assertTrue(eventually(lambda: blocked_in(process.pid, 0)))
        shown, _ = data("-p", str(process.pid), "--threads")
        thread = shown["threads"][0]
        self.assertEqual((thread["thread"], thread["name"], thread["state"]), (process.pid, "cat", "sleeping"))
        self.assertEqual((thread["syscall"]["name"], thread["syscall"]["arguments"][0]), ("read", "0x0"))
        os.kill(process.pid, signal.SIGSTOP)
        self.assertTrue(eventually(lambda: status_field(process.pid, "State") == "T"))
        self.assertEqual(data("-p", str(process.pid), "--threads")[0]["threads"][0]["state"], "stopped")
        launched, _ = data("--threads", "--", "true")
        self.assertNotIn("state", launched["threads"][0])
        self.assertNotIn("syscall", launched["threads"][0])

    def test_descriptors(self):
        with open(self.folder / "file", "w+") as file:
            process = self.start("sleep", "1000", stdin=file, stdout=subprocess.PIPE)
        self.assertTrue(eventually(lambda: blocked_in(process.pid, 230)))
        os.unlink(self.folder / "file")
        result = inspect("-p", str(process.pid), "--descriptors")
        self.assertRegex(result.stdout, r"(?m)^ *0  rw  file +.*/file \(deleted\)$")
        self.assertRegex(result.stdout, r"(?m)^ *1  -w  pipe +pipe:\[\d+\]$")
        shown, _ = data("-p", str(process.pid), "--descriptors")
        file, pipe = shown["descriptors"][:2]
        self.assertEqual((file["number"], file["kind"], file["deleted"], file["writable"]), (0, "file", True, True))
        self.assertEqual((pipe["kind"], pipe["readable"], pipe["close_on_exec"]), ("pipe", False, False))

    def test_environment_auxv_and_limits(self):
        arguments = ["--environment", "--auxv", "--limits", "--", "sh", "-c", "true"]
        result = inspect(*arguments, env={"TRAPLINE_A": "b c", "TRAPLINE_B": "\033[31m"})
        self.assertIn("\nTRAPLINE_A=b c\n", result.stdout)
        self.assertIn('\n"TRAPLINE_B=\\33[31m"\n', result.stdout)
        self.assertRegex(result.stdout, r"(?m)^AT_PAGESZ +4096$")
        self.assertRegex(result.stdout, r"(?m)^Max open files +\d+ ")
        shown, _ = data(*arguments, env={"TRAPLINE_A": "b c"})
        self.assertIn("TRAPLINE_A=b c", shown["environment"])
        entries = {entry.get("name"): entry for entry in shown["auxv"]}
        self.assertEqual(entries["AT_PAGESZ"]["value"], "0x1000")
        self.assertTrue(entries["AT_EXECFN"]["text"].endswith("sh"))
        limits = {limit["name"]: limit for limit in shown["limits"]}
        self.assertIn("soft", limits["Max open files"])

    def test_checksec_and_libraries(self):
        result = inspect("--checksec", "--libraries", "--", tracee("steps"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"(?m)^NX       (yes|no)")
        self.assertRegex(result.stdout, r"(?m)^0x[0-9a-f]+  .*/libc\.so\.6$")
        self.assertRegex(inspect("--checksec=all", "--", tracee("steps")).stdout, r"(?m)^RELRO .* file\n.*steps.*\n(.*\n)*.*library .*libc\.so\.6")
        shown, _ = data("--checksec=all", "--libraries", "--", tracee("steps"))
        self.assertTrue(shown["checksec"][0]["path"].endswith("steps"))
        self.assertEqual(len(shown["checksec"]), 1 + len(shown["libraries"]))
        self.assertIn(shown["checksec"][0]["relro"], ("none", "partial", "full"))
        self.assertIn("libc.so.6", [one.get("soname") for one in shown["libraries"]])

    def test_files_that_are_not_running(self):
        result = inspect("--checksec", "--file", tracee("steps"))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertTrue(result.stdout.startswith(tracee("steps")), result.stdout)
        self.assertIn("\033[", inspect("--color=always", "--file", tracee("steps")).stdout)
        result = inspect("--file", tracee("steps"), "--file", "/etc/passwd", "--file", "/nonexistent")
        self.assertEqual(result.returncode, 1)
        self.assertIn("RELRO", result.stdout)
        self.assertRegex(result.stderr, "trapline: /etc/passwd: .*\ntrapline: /nonexistent: .*")
        shown, status = data("--file", tracee("steps"), "--file", "/etc/passwd")
        self.assertEqual(status, 1)
        self.assertEqual(shown["checksec"][0]["machine"], "x86-64")
        self.assertIn("error", shown["checksec"][1])
        for arguments, says in ((["-p", "1"], "excludes"), (["-b"], "needs a process"), (["--symbol", "main"], "needs a process"),
                                (["--", "true"], "excludes")):
            result = inspect("--file", tracee("steps"), *arguments)
            self.assertEqual((result.returncode, says in result.stderr), (2, True), result.stderr)
        with open("/dev/full", "w") as full:
            self.assertEqual(inspect("--file", tracee("steps"), stdout=full).returncode, 125)

    def test_all_of_it(self):
        process = self.sleeping()
        sections = ["registers", "disassembly", "stack", "backtraces", "threads", "maps", "libraries", "checksec", "descriptors",
                    "environment", "auxv", "limits"]
        shown, status = data("--all", "-p", str(process.pid))
        self.assertEqual((status, list(shown)[2:]), (0, sections))
        result = inspect("-a", "--symbol", "environ", "-p", str(process.pid))
        self.assertEqual([line[3:] for line in result.stdout.splitlines() if line.startswith("-- ")], sections + ["symbols"])
        self.untouched(process)


class GoesOn(InspectCase):
    def test_one_that_is_stopped_stays_stopped(self):
        process = self.sleeping()
        os.kill(process.pid, signal.SIGSTOP)
        self.assertTrue(eventually(lambda: status_field(process.pid, "State") == "T"))
        self.assertEqual(inspect("-p", str(process.pid)).returncode, 0)
        self.assertTrue(eventually(lambda: status_field(process.pid, "State") == "T"))
        self.untouched(process)
        os.kill(process.pid, signal.SIGCONT)
        self.assertTrue(self.sleeps_on(process))

    def test_many_looks_change_nothing(self):
        process = self.start("sh", "-c", "i=0; while [ $i -lt 200 ]; do i=$((i+1)); /bin/true; done; read x; exit 7",
                             stdin=subprocess.PIPE)
        for _ in range(20):
            self.assertEqual(inspect("-p", str(process.pid), "-b", "-r").returncode, 0)
        process.stdin.write(b"\n")
        process.stdin.flush()
        self.assertEqual(process.wait(PATIENCE), 7)

    def test_a_read_that_it_was_in_goes_on(self):
        process = self.start("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertTrue(eventually(lambda: blocked_in(process.pid, 0)))
        self.assertIn("in read", inspect("-p", str(process.pid)).stdout)
        process.stdin.write(b"hello\n")
        process.stdin.close()
        self.assertEqual(process.stdout.read(), b"hello\n")
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_it_goes_on_before_the_output_is_read(self):
        process = self.sleeping()
        reading, writing = os.pipe()
        viewer = self.start(TRAPLINE, "inspect", "-p", str(process.pid), "-m", "--memory", "environ,1000000", stdout=writing,
                            stderr=subprocess.DEVNULL)
        os.close(writing)
        os.read(reading, 1)
        self.untouched(process)
        os.close(reading)
        viewer.wait(PATIENCE)

    def test_interrupted_while_it_waits_for_a_place(self):
        process = self.sleeping()
        viewer = self.start(TRAPLINE, "inspect", "--at", "write", "-p", str(process.pid), stderr=subprocess.PIPE)
        viewer.stderr.readline()
        os.kill(viewer.pid, signal.SIGINT)
        self.assertEqual(viewer.wait(PATIENCE), -signal.SIGINT)
        self.untouched(process)

    def test_a_launched_one_is_gone_afterwards(self):
        shown, _ = data("-r", "--", "sleep", "1000")
        self.assertTrue(eventually(lambda: gone(shown["process"]["pid"])))


class Refused(InspectCase):
    def refused(self, *args, says, code=125, **options):
        result = inspect(*args, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertRegex(result.stderr, says)
        self.assertEqual(result.stdout, "")

    def test_processes_that_are_not_there(self):
        child = self.start("/bin/true")
        child.wait()
        self.refused("-p", str(child.pid), says="no process")
        self.refused("-p", "999999999", says="no process")

    def test_a_zombie(self):
        child = self.start("/bin/true")
        self.assertTrue(eventually(lambda: status_field(child.pid, "State") == "Z"))
        self.refused("-p", str(child.pid), says="trapline: ")

    def test_a_kernel_thread(self):
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
            try:
                kernel = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[6]) & 0x200000
            except (FileNotFoundError, ProcessLookupError):
                continue
            if kernel:
                self.refused("-p", str(pid), says="trapline: ")
                return
        self.skipTest("no kernel thread is seen here")

    def test_one_that_is_traced_already(self):
        process = self.sleeping()
        viewer = self.start(TRAPLINE, "trace", "-p", str(process.pid), stderr=subprocess.PIPE)
        viewer.stderr.readline()
        self.refused("-p", str(process.pid), says="trac")
        self.assertEqual(status_field(process.pid, "TracerPid") == "0", False)

    def test_somebody_elses(self):
        if os.getuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("needs root and setpriv")
        process = self.sleeping()
        before = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
        if inspect("-h", before=before).returncode != 0:
            self.skipTest("an ordinary user cannot read this build")
        self.refused("-p", str(process.pid), says="trapline: ", before=before)
        result = inspect("-r", "--", "sleep", "1", before=before, env={"HOME": "/tmp", "PATH": "/usr/bin:/bin"})
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_programs_that_cannot_be_run(self):
        self.refused("--", "no-such-program-of-this-name", says="not found", code=127)
        self.refused("--", "/etc/passwd", says="not executable", code=126)

    def test_command_lines(self):
        self.refused(says="nothing to inspect", code=2)
        self.refused("-p", "1", "true", says="exclude each other", code=2)
        self.refused("--no-such-option", "true", says="--no-such-option", code=2)
        self.refused("-p", "x", says='"x" is no number', code=2)
        self.refused("-p", "0", says="nothing to inspect", code=2)
        self.refused("--color", "blue", "true", says="--color", code=2)
        self.refused("--at", "mian", "--", tracee("steps"), says="near names: main", code=1)
        self.refused("--signal", "SIGNONE", "--", "true", says="SIGNONE", code=2)

    def test_help(self):
        for arguments in (["help", "inspect"], ["inspect", "--help"]):
            result = subprocess.run([TRAPLINE, *arguments], stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
            self.assertEqual(result.returncode, 0)
            for text in ("Usage: trapline inspect", "--backtraces", "Examples:", "Exit status:"):
                self.assertIn(text, result.stdout)


class Shown(InspectCase):
    def test_a_reader_that_has_gone(self):
        process = self.sleeping()
        reading, writing = os.pipe()
        os.close(reading)
        result = inspect("-p", str(process.pid), stdout=writing)
        os.close(writing)
        self.assertEqual(result.returncode, -signal.SIGPIPE)
        self.untouched(process)

    def test_a_full_disk(self):
        process = self.sleeping()
        with open("/dev/full", "w") as full:
            result = inspect("-p", str(process.pid), stdout=full)
        self.assertEqual(result.returncode, 125)
        self.assertIn("No space left on device", result.stderr)
        self.untouched(process)

    def test_a_closed_stdout(self):
        process = self.sleeping()
        result = subprocess.run(["sh", "-c", f'exec "$0" inspect -p {process.pid} >&-', TRAPLINE], stderr=subprocess.PIPE,
                                text=True, timeout=PATIENCE)
        self.assertEqual(result.returncode, 125)
        self.untouched(process)

    def test_what_the_program_prints_is_not_in_it(self):
        result = inspect("--json", "--signal", "SIGCHLD", "--", "sh", "-c", "echo noise; /bin/true; echo more")
        self.assertEqual(json.loads(result.stdout)["stop"]["kind"], "signal")
        self.assertIn("noise\n", result.stderr)

    def test_names_are_escaped(self):
        link = self.folder / "a\n\033[31mb"
        link.symlink_to(shutil.which("sleep"))
        process = self.start(str(link), "1000")
        self.assertTrue(eventually(lambda: blocked_in(process.pid, 230)))
        result = inspect("-p", str(process.pid), "-b", "-m", "-k")
        self.assertIn(r"a\n\33[31mb", result.stdout)
        self.assertTrue(all(c == "\n" or " " <= c <= "~" for c in result.stdout), result.stdout)

    def test_bytes_that_are_no_unicode_leave_the_json_valid(self):
        odd = self.start("bash", "-c", "exec -a $'odd\\xff' sleep 1000")
        self.assertTrue(eventually(lambda: blocked_in(odd.pid, 230)))
        shown, status = data("-p", str(odd.pid), "-b", "-k")
        self.assertEqual(status, 0)
        self.assertEqual(shown["process"]["command"], ["odd\ufffd", "1000"])

    def test_color(self):
        process = self.sleeping()
        self.assertIn("\033[", inspect("--color", "always", "-p", str(process.pid)).stdout)
        for options, env, colored in (([], {}, True), ([], {"NO_COLOR": "1"}, False), (["--color=never"], {}, False),
                                      (["--json"], {}, False)):
            leader, follower = pty.openpty()
            viewer = self.start(TRAPLINE, "inspect", *options, "-r", "-p", str(process.pid), stdout=follower,
                                env={**os.environ, "TERM": "xterm", **env})
            os.close(follower)
            text = b""
            while True:
                try:
                    piece = os.read(leader, 65536)
                except OSError:
                    break
                if not piece:
                    break
                text += piece
            os.close(leader)
            viewer.wait(PATIENCE)
            self.assertEqual(b"\033[" in text, colored, (options, env))

    def test_a_process_that_dies_meanwhile(self):
        for _ in range(30):
            process = self.start("sleep", "1000")
            viewer = self.start(TRAPLINE, "inspect", "-p", str(process.pid), "-m", "-b", "-r", "--find", "zzz", stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)
            os.kill(process.pid, signal.SIGKILL)
            self.assertIn(viewer.wait(PATIENCE), (0, 1, 125))

    def test_a_program_in_a_folder_of_any_name(self):
        for name in ("two\nlines", "so called (deleted)", "back\\slash \\012"):
            folder = self.folder / name
            folder.mkdir()
            program = shutil.copy(tracee("frames"), folder)
            shown, status = data("-b", "-m", "--symbol", "inner", "--at", "inner", "--", program, "nested")
            self.assertEqual(status, 0)
            self.assertEqual(shown["process"]["command"], [program, "nested"])
            frames = shown["backtraces"][0]["frames"]
            self.assertEqual([(frame["function"], frame["module"]) for frame in frames[:4]],
                             [(function, program) for function in ("inner", "middle", "outer", "main")])
            self.assertIn(program, [area.get("path") for area in shown["maps"]])
            self.assertEqual(shown["symbols"][0]["found"][0]["module"], program)
            text = inspect("-b", "-m", "--at", "inner", "--", program, "nested").stdout
            shown_as = name.replace("\\", "\\\\").replace("\n", "\\n")
            self.assertRegex(text, r"(?m)^#3 0x[0-9a-f]+ main\+0x[0-9a-f]+ in /.*" + re.escape(f"{shown_as}/frames"))


if __name__ == "__main__":
    unittest.main()
