"""What `trapline trace` prints, how it ends, and what Ctrl-C does. Each case is an entry of ctest (CMakeLists.txt)."""

import os
import pathlib
import pty
import re
import resource
import select
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

TRAPLINE = os.environ["TRAPLINE"]
TRACEES = pathlib.Path(os.environ["TRACEES"])
# Longer than anything takes; only a broken build waits so long.
PATIENCE = 40


def tracee(name):
    return str(TRACEES / name)


def trace(*args, **options):
    """Runs `trapline trace ARGS` to its end."""
    options.setdefault("stdin", subprocess.DEVNULL)
    environment = {**os.environ, "LC_ALL": "C", **options.pop("env", {})}
    return subprocess.run([TRAPLINE, "trace", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="surrogateescape", timeout=PATIENCE, env=environment, **options)


def eventually(fact):
    """Asks again and again until it is so, for facts that only /proc tells."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if fact():
            return True
        time.sleep(0.005)
    return False


def status_field(pid, name):
    """Of /proc/PID/status; None when it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = re.search(rf"^{name}:\s*(\S+)", text, re.M)
    return found.group(1) if found else None


def gone(pid):
    return status_field(pid, "State") in (None, "Z", "X")


def blocked_in(pid, number):
    try:
        return pathlib.Path(f"/proc/{pid}/syscall").read_text().split()[0] == str(number)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.started = []
        self.addCleanup(self.end_all)

    def start(self, *argv, **options):
        """In a process group of its own, so that a signal to the group reaches nobody else."""
        options.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(argv, start_new_session=True, **options)
        self.started.append(process)
        return process

    def end_all(self):
        for process in self.started:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()

    def wait_for_text(self, path, text):
        self.assertTrue(eventually(lambda: path.exists() and text in path.read_text()), f"{text!r} never came")


class Never(Case):
    """What was asked for and never came."""

    def test_the_clock_is_no_call_unless_the_vdso_is_hidden(self):
        result = trace("-e", "clock_gettime", tracee("clock"))
        self.assertNotIn("clock_gettime(", result.stderr)
        self.assertIn("trapline: hint: clock_gettime was never called", result.stderr)
        result = trace("--no-vdso", "-e", "clock_gettime", tracee("clock"))
        self.assertIn("clock_gettime(CLOCK_REALTIME, {tv_sec=", result.stderr)
        self.assertNotIn("hint", result.stderr)

    def test_another_call_came_instead(self):
        says = "trapline: hint: open was never called, but openat was: name it too\n"
        self.assertTrue(trace("-e", "open", tracee("clock")).stderr.endswith(says))
        self.assertNotIn("hint", trace("-q", "-e", "open", tracee("clock")).stderr)
        self.assertNotIn("hint", trace("-e", "open,openat", tracee("clock")).stderr)
        self.assertNotIn("hint", trace("-e", "%file", tracee("clock")).stderr)

    def test_with_an_output_file_it_is_on_stderr(self):
        file = self.folder / "calls"
        result = trace("-o", str(file), "-e", "open", tracee("clock"))
        self.assertIn("hint", result.stderr)
        self.assertNotIn("hint", file.read_text())


class Lines(Case):
    def test_paths_flags_and_errors(self):
        result = trace("-e", "openat", tracee("odd_calls"))
        self.assertIn('openat(AT_FDCWD, "/no/such/file", O_RDWR|O_CREAT|O_CLOEXEC, 0640) = -1 ENOENT '
                      "(No such file or directory)\n", result.stderr)
        self.assertIn('openat(AT_FDCWD, "/no/such/file", O_WRONLY|O_DIRECTORY) = -1 ENOENT', result.stderr)

    def test_bytes_of_the_tracee_are_escaped(self):
        result = trace("-e", "rmdir,write", tracee("odd_calls"))
        self.assertIn(r'rmdir("\1\2\3\4\5\6\a\b\t\n\v\f\r\16\17', result.stderr)
        self.assertIn(r'write(-1, "\0a\"b\\c\33[31m", 11) = -1 EBADF', result.stderr)
        self.assertTrue(all(c == "\n" or " " <= c <= "~" for c in result.stderr), result.stderr)

    def test_strings_are_cut_at_the_limit(self):
        self.assertIn('write(-1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`"..., 40) = -1', trace("-e", "write", tracee("odd_calls")).stderr)
        self.assertIn('write(-1, "ABCD"..., 40) = -1', trace("-s", "4", "-e", "write", tracee("odd_calls")).stderr)

    def test_pointers_that_lead_nowhere(self):
        lines = trace("-e", "rmdir", tracee("odd_calls")).stderr
        self.assertIn("rmdir(NULL) = -1 EFAULT (Bad address)\nrmdir(0x10) = -1 EFAULT (Bad address)\n", lines)

    def test_a_number_that_no_table_has(self):
        self.assertIn("syscall_0x3e8(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = -1 ENOSYS (Function not implemented)\n",
                      trace(tracee("odd_calls")).stderr)

    def test_vectors(self):
        self.assertIn('writev(-1, [{iov_base="one", iov_len=3}, {iov_base="two", iov_len=3}], 2) = -1 EBADF',
                      trace(tracee("odd_calls")).stderr)

    def test_what_the_kernel_fills_in(self):
        file = self.folder / "file"
        file.write_text("some text\n")
        result = trace("-e", "read,newfstatat,fstat", "cat", str(file))
        self.assertRegex(result.stderr, r'read\(3, "some text\\n", \d+\) = 10\n')
        self.assertIn("{st_mode=S_IFREG|0644, st_size=10, ...}", result.stderr)
        self.assertEqual(result.stdout, "some text\n")

    def test_descriptors_with_their_paths(self):
        file = self.folder / "file"
        file.write_text("x")
        lines = trace("-y", "-e", "openat,read", "cat", str(file)).stderr
        self.assertIn(f"= 3<{file}>\n", lines)
        self.assertIn(f"read(3<{file}>, \"x\", ", lines)
        self.assertIn(f"openat(AT_FDCWD<{os.getcwd()}>, ", lines)

    def test_addresses_are_hexadecimal(self):
        lines = trace("-e", "brk,mmap", tracee("exit_with")).stderr
        self.assertRegex(lines, r"(?m)^brk\(NULL\) = 0x[0-9a-f]+$")
        self.assertRegex(lines, r"(?m)^mmap\(NULL, \d+, PROT_READ\|PROT_WRITE, MAP_PRIVATE\|MAP_ANONYMOUS, -1, 0\) = 0x[0-9a-f]+$")

    def test_the_loader_is_traced_from_its_first_call(self):
        self.assertTrue(trace(tracee("exit_with")).stderr.startswith("brk(NULL)"))

    def test_signals(self):
        lines = trace("-e", "none", "bash", "-c", "trap : USR1; kill -USR1 $$; /bin/true; :").stderr
        self.assertRegex(lines, r"--- SIGUSR1 \{si_signo=SIGUSR1, si_code=SI_USER, si_pid=\d+\} ---\n")
        self.assertRegex(lines, r"--- SIGCHLD \{si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=\d+\} ---\n")
        self.assertTrue(lines.endswith("+++ exited with 0 +++\n"), lines)
        self.assertNotIn("(", lines.replace("(core", ""))


class Threads(Case):
    def test_calls_of_several_threads_are_taken_up_again(self):
        lines = trace("-e", "futex,write,exit", tracee("threads"), "4", "50").stderr
        self.assertRegex(lines, r"(?m)^\[(\d+)\] futex\(.* <unfinished \.\.\.>\n(.*\n)*\[\1\] <\.\.\. futex resumed>\) = ")
        # However it was split, no call lost its end: each unfinished one is resumed by the same thread.
        opened = re.findall(r"(?m)^\[(\d+)\] (\w+)\(.* <unfinished \.\.\.>$", lines)
        resumed = re.findall(r"(?m)^\[(\d+)\] <\.\.\. (\w+) resumed>", lines)
        self.assertEqual(sorted(opened), sorted(resumed))
        self.assertEqual(len(re.findall(r'(?m)^(?:\[\d+\] )?write\(3, "x", 1', lines)), 200)
        self.assertEqual(len(re.findall(r"(?m)^\[\d+\] \+\+\+ exited with 0 \+\+\+$", lines)), 5)

    def test_ids_from_the_second_thread_on(self):
        lines = trace(tracee("threads"), "1", "1").stderr.splitlines()
        first = next(i for i, line in enumerate(lines) if line.startswith("["))
        self.assertGreater(first, 10)
        self.assertTrue(all(line.startswith("[") for line in lines[first:]))

    def test_one_cpu_is_not_noticed(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("this process may use one CPU only")
        count = str(len(os.sched_getaffinity(0)))
        for options in ([], ["-f"], ["-f", "-e", "execve"], ["-f", "--no-filter"]):
            traced = trace("--one-cpu", *options, "sh", "-c", "nproc; grep -c , /dev/null; nproc")
            self.assertEqual(traced.stdout.split(), [count, "0", count], options)
        lines = trace("--one-cpu", "-f", "-e", "sched_getaffinity", "nproc").stderr
        self.assertRegex(lines, r"sched_getaffinity\(0, \d+, .*\) = \d+")

    def test_f_shows_ids_always(self):
        lines = trace("-f", tracee("exit_with")).stderr.splitlines()
        self.assertTrue(all(re.match(r"\[\d+\] ", line) for line in lines), lines)

    def test_f_follows_children(self):
        kinds = ["fork", "vfork", "clone", "clone_silent", "clone_vm", "clone3", "spawn", "system"]
        result = trace("-f", "-e", "getpgid", tracee("family"), *kinds)
        self.assertEqual(result.returncode, 5)
        self.assertEqual(result.stdout, "10\n11\n12\n12\n12\n13\n14\n15\n")
        ends = re.findall(r"(?m)^\[\d+\] \+\+\+ exited with (\d+) \+\+\+$", result.stderr)
        self.assertEqual(ends, ["10", "11", "12", "12", "12", "13", "14", "15", "5"])
        announced = re.findall(r"(?m)^\[(\d+)\] getpgid\(2119630849\)", result.stderr)
        self.assertEqual(len(set(announced)), 7)

    def test_f_waits_for_the_last_one(self):
        result = trace("-f", "-e", "none", "sh", "-c", "(sleep 0.2; echo late) & exit 3")
        self.assertEqual(result.returncode, 3)
        self.assertEqual(result.stdout, "late\n")

    def test_f_changes_the_calls_of_children(self):
        result = trace("-f", "--fail", "getpgid=EPERM", "-e", "getpgid", tracee("family"), "fork")
        self.assertEqual(len(re.findall(r"(?m)= -1 EPERM .*\(skipped\)$", result.stderr)), 2)

    def test_ff_writes_a_file_for_each_process(self):
        out = self.folder / "calls"
        result = trace("-ff", "-o", str(out), "-e", "getpgid", tracee("family"), "fork", "spawn")
        self.assertEqual((result.returncode, result.stderr), (5, ""))
        files = {int(path.name.split(".")[1]): path.read_text() for path in self.folder.iterdir()}
        self.assertEqual(len(files), 3)
        ends = sorted(text.splitlines()[-1] for text in files.values())
        self.assertEqual(ends, ["+++ exited with 10 +++", "+++ exited with 14 +++", "+++ exited with 5 +++"])
        for text in files.values():
            self.assertRegex(text, r"(?m)^getpgid\(211963\d+\) = -1 ESRCH \(No such process\)$")

    def test_ff_needs_a_file(self):
        result = trace("-ff", "true")
        self.assertEqual(result.returncode, 2)
        self.assertIn("-o FILE", result.stderr)

    def test_the_tree_at_the_end(self):
        result = trace("-e", "none", "--tree", "sh", "-c", "sh -c 'kill -9 $$'; (sleep 0.01; exit 4); exit 3")
        self.assertEqual(result.returncode, 3)
        tree = "\n".join(result.stderr.splitlines()[-4:]) + "\n"
        self.assertRegex(tree, r'''^\d+ sh -c ".*": exited with 3
\|- \d+ sh -c "kill -9 \$\$": killed by SIGKILL
`- \d+ sh -c ".*": exited with 4
   `- \d+ sleep 0.01: exited with 0
$''')

    def test_without_f_children_run_free(self):
        result = trace("-e", "getpgid", tracee("family"), "fork", "vfork", "spawn", "system")
        self.assertEqual(result.stdout, "10\n11\n14\n15\n")
        self.assertEqual(result.stderr.count("getpgid("), 1)


class Ends(Case):
    def test_exit_status(self):
        result = trace(tracee("exit_with"), "3")
        self.assertEqual(result.returncode, 3)
        self.assertTrue(result.stderr.endswith("exit_group(3) = ?\n+++ exited with 3 +++\n"), result.stderr[-200:])

    def test_killed_by_a_signal_dies_likewise(self):
        for number in (signal.SIGTERM, signal.SIGSEGV, signal.SIGKILL):
            with self.subTest(number):
                result = trace("-e", "none", tracee("die"), str(int(number)), cwd=self.folder,
                               preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))
                self.assertEqual(result.returncode, -number)
                self.assertRegex(result.stderr, rf"\+\+\+ killed by {signal.Signals(number).name}.* \+\+\+\n$")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_not_found_is_127(self):
        result = trace("no-such-program-of-this-name")
        self.assertEqual(result.returncode, 127)
        self.assertIn("trapline: no-such-program-of-this-name", result.stderr)
        missing = str(self.folder / "missing")
        result = trace(missing)
        self.assertEqual((result.returncode, result.stderr), (127, f"trapline: {missing}: does not exist\n"))

    def test_not_executable_is_126(self):
        file = self.folder / "file"
        file.write_text("#!/bin/sh\n")
        result = trace(str(file))
        self.assertEqual(result.returncode, 126)
        self.assertEqual(result.stderr, f"trapline: {file}: is not executable (chmod +x {file})\n")

    def test_cannot_attach_is_125(self):
        child = self.start("/bin/true")
        child.wait()
        result = trace("-p", str(child.pid))
        self.assertEqual(result.returncode, 125)
        self.assertIn("no process", result.stderr)

    def test_the_programs_own_dashes_stay_its_own(self):
        self.assertEqual(trace("-e", "none", "echo", "-e", "x", "--", "-f").stdout, "x -- -f\n")
        self.assertEqual(trace("-e", "none", "--", "echo", "--", "-o").stdout, "-- -o\n")

    def test_inherits_descriptors_and_ignored_signals(self):
        file = self.folder / "file"
        file.write_text("through 9\n")
        script = f"trap '' HUP; exec 9<{shlex.quote(str(file))}; exec {shlex.quote(TRAPLINE)} trace -e none -- sh -c 'cat <&9; kill -HUP $$; kill -PIPE $$; echo not here'"
        result = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=PATIENCE,
                                restore_signals=True)
        self.assertEqual(result.stdout, "through 9\n")
        self.assertEqual(result.returncode, -signal.SIGPIPE)


class Usage(Case):
    def check(self, *args, says, code=2):
        result = trace(*args)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(says, result.stderr)
        self.assertIn("Try 'trapline trace --help'.", result.stderr)

    def test_unknown_names_name_near_ones(self):
        self.check("-e", "opnat", "true", says="did you mean openat")
        self.check("--skip", "reed=0", "true", says="did you mean read")
        self.check("--fail", "openat=ENOENTT", "true", says='there is no error "ENOENTT"')

    def test_malformed_changes(self):
        self.check("--hijack", "unlink", "true", says="OLD=NEW[,argN=VALUE]")
        self.check("--hijack", "unlink=access,arg7=1", "true", says="argN=VALUE with N from 0 to 5")
        self.check("--hijack", "unlink=unlink", "true", says="itself")
        self.check("--skip", "unlink=x", "true", says='"x" in "unlink=x" is no number')

    def test_nothing_or_too_much_to_trace(self):
        self.check(says="nothing to trace")
        self.check("-p", "1", "true", says="exclude each other")
        self.check("--no-such-option", "true", says="--no-such-option")
        self.check("-p", "x", says='-p: "x" is no number')
        self.check("-s", "-1", "true", says='-s: "-1" is no number')
        for words, says in (([], "give a command: trace"), (["tarce", "ls"], 'there is no command "tarce", only: trace'),
                            (["--tarce"], "unknown option --tarce")):
            result = subprocess.run([TRAPLINE, *words], stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
            self.assertEqual(result.returncode, 2)
            self.assertTrue(result.stderr.startswith(f"trapline: {says}"), result.stderr)
            self.assertTrue(result.stderr.endswith("\nTry 'trapline --help'.\n"), result.stderr)

    def test_a_mistyped_name_leaves_the_output_file_alone(self):
        file = self.folder / "file"
        file.write_text("precious")
        self.check("-o", str(file), "-e", "opnat", "true", says="opnat")
        self.assertEqual(file.read_text(), "precious")

    def test_help_and_version(self):
        for arguments in (["help", "trace"], ["trace", "--help"]):
            result = subprocess.run([TRAPLINE, *arguments], stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
            self.assertEqual(result.returncode, 0)
            for text in ("Usage: trapline trace", "--hijack", "Examples:", "Exit status:", "child processes are followed too"):
                self.assertIn(text, result.stdout)
        for arguments in (["help"], ["--help"]):
            result = subprocess.run([TRAPLINE, *arguments], stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
            self.assertEqual(result.returncode, 0)
            self.assertIn("trace", result.stdout)
        result = subprocess.run([TRAPLINE, "--version"], stdout=subprocess.PIPE, text=True, timeout=PATIENCE)
        self.assertRegex(result.stdout, r"^trapline \d+\.\d+\.\d+\n$")
        self.assertEqual(subprocess.run([TRAPLINE], stderr=subprocess.PIPE, timeout=PATIENCE).returncode, 2)

    def test_sets(self):
        def names(*sets):
            options = [word for one in sets for word in ("-e", one)]
            lines = trace(*options, tracee("variety")).stderr
            return set(re.findall(r"(?m)^(\w+)\(", lines))

        self.assertEqual(names("trace=getppid,socket"), {"getppid", "socket"})
        self.assertEqual(names("getppid", "socket"), {"getppid", "socket"})
        self.assertEqual(names("%network"), {"socket"})
        self.assertEqual(names("/^get(p|x)p/"), {"getppid"})
        self.assertEqual(names("none"), set())
        everything = names()
        self.assertTrue({"uname", "kill", "shmget", "munmap"} <= everything)
        self.assertEqual(names("!%memory,socket"), everything - {"mmap", "munmap", "mprotect", "brk", "socket"})


class Changes(Case):
    def victim(self):
        file = self.folder / "a.txt"
        file.write_text("x")
        return file

    def test_hijack(self):
        file = self.victim()
        result = trace("--hijack", "/^unlink/=faccessat,arg2=0", "-e", "unlinkat", "rm", str(file))
        self.assertEqual(result.returncode, 0)
        self.assertTrue(file.exists())
        self.assertIn(f'unlinkat(AT_FDCWD, "{file}", 0) -> faccessat(AT_FDCWD, "{file}", F_OK) = 0 (hijacked)\n', result.stderr)

    def test_skip(self):
        file = self.victim()
        result = trace("--skip", "unlinkat=0", "-e", "unlinkat", "rm", str(file))
        self.assertEqual(result.returncode, 0)
        self.assertTrue(file.exists())
        self.assertIn(f'unlinkat(AT_FDCWD, "{file}", 0) = 0 (skipped)\n', result.stderr)

    def test_fail(self):
        file = self.victim()
        result = trace("--fail", "unlinkat=EROFS", "-e", "unlinkat", "rm", "-f", str(file))
        self.assertEqual(result.returncode, 1)
        self.assertTrue(file.exists())
        self.assertIn(f'unlinkat(AT_FDCWD, "{file}", 0) = -1 EROFS (Read-only file system) (skipped)\n', result.stderr)
        self.assertIn("rm: cannot remove", result.stderr)

    def test_what_a_skipped_call_did_not_fill_in_is_an_address(self):
        file = self.victim()
        lines = trace("--skip", "read=0", "-e", "read", "cat", str(file)).stderr
        self.assertRegex(lines, r"read\(3, 0x[0-9a-f]+, \d+\) = 0 \(skipped\)\n")


class Output(Case):
    def test_into_a_file(self):
        file = self.folder / "out"
        result = trace("-o", str(file), tracee("exit_with"), "3")
        self.assertEqual((result.returncode, result.stderr), (3, ""))
        self.assertTrue(file.read_text().endswith("exit_group(3) = ?\n+++ exited with 3 +++\n"))

    def test_a_file_can_be_followed(self):
        file = self.folder / "out"
        process = self.start(TRAPLINE, "trace", "-o", str(file), tracee("block"))
        self.wait_for_text(file, "pause(")
        self.assertIsNone(process.poll())

    def test_a_file_that_cannot_be_made(self):
        result = trace("-o", str(self.folder / "no" / "file"), "true")
        self.assertEqual(result.returncode, 125)
        self.assertIn("cannot open", result.stderr)

    def test_a_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        result = trace("-o", "/dev/full", tracee("threads"), "2", "10000")
        self.assertEqual(result.returncode, 125)
        self.assertIn("No space left on device", result.stderr)

    def test_a_reader_that_has_gone(self):
        reading, writing = os.pipe()
        process = self.start(TRAPLINE, "trace", tracee("threads"), "2", "1000000", stderr=writing)
        os.close(writing)
        os.read(reading, 100)
        os.close(reading)
        self.assertEqual(process.wait(PATIENCE), -signal.SIGPIPE)

    def on_terminal(self, *argv, **env):
        leader, follower = pty.openpty()
        process = self.start(TRAPLINE, "trace", *(argv or ("-e", "openat", tracee("odd_calls"))), stderr=follower,
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
        self.assertEqual(process.wait(PATIENCE), 0)
        return text

    def test_colour_on_a_terminal_only(self):
        environment = {"NO_COLOR": ""}
        self.assertIn(b"\033[31m-1 ENOENT", self.on_terminal(**environment))
        self.assertNotIn(b"\033", self.on_terminal(NO_COLOR="1"))
        self.assertNotIn("\033", trace(tracee("odd_calls"), env=environment).stderr)

    def test_what_handlers_replaced_is_struck_through(self):
        file = self.folder / "a.txt"
        file.write_text("x")
        arguments = ("--hijack", "unlinkat=faccessat,arg2=0", "-e", "unlinkat", "rm", str(file))
        seen = self.on_terminal(*arguments, NO_COLOR="").decode()
        self.assertIn(f'\033[9munlinkat(AT_FDCWD, "{file}", 0)\033[29m -> faccessat(', seen)
        self.assertEqual(re.sub("\033\\[[0-9;]*m", "", seen).replace("\r\n", "\n"), trace(*arguments).stderr)


class Interrupts(Case):
    def start_on_terminal(self, *argv):
        """Behind a terminal of its own, whose foreground process group it is; returns it and our end of the terminal."""
        leader, follower = pty.openpty()
        name = os.ttyname(follower)

        def take_terminal():
            os.close(os.open(name, os.O_RDWR))  # A session leader's first terminal becomes its own.

        process = self.start(*argv, stdin=follower, stdout=follower, stderr=follower, preexec_fn=take_terminal)
        os.close(follower)
        self.addCleanup(os.close, leader)
        return process, leader

    def read_until(self, fd, text):
        seen = b""
        end = time.monotonic() + PATIENCE
        while text not in seen and time.monotonic() < end:
            if select.select([fd], [], [], 0.1)[0]:
                seen += os.read(fd, 65536)
        self.assertIn(text, seen)

    def test_ctrl_c_reaches_the_program(self):
        out = self.folder / "out"
        process, terminal = self.start_on_terminal(TRAPLINE, "trace", "-o", str(out), tracee("catch_interrupts"), "1")
        self.read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        self.read_until(terminal, b"caught")
        self.assertEqual(process.wait(PATIENCE), 5)
        self.assertIn("--- SIGINT {si_signo=SIGINT, si_code=SI_KERNEL} ---", out.read_text())

    def test_a_second_ctrl_c_kills_it(self):
        process, terminal = self.start_on_terminal(TRAPLINE, "trace", "-o", "/dev/null", tracee("catch_interrupts"), "9")
        self.read_until(terminal, b"ready")
        os.write(terminal, b"\x03")
        self.read_until(terminal, b"caught")
        time.sleep(0.3)  # Signals that come together count as one.
        os.write(terminal, b"\x03")
        self.assertEqual(process.wait(PATIENCE), -signal.SIGINT)

    def test_sigterm_kills_the_program(self):
        out = self.folder / "out"
        process = self.start(TRAPLINE, "trace", "-f", "-o", str(out), tracee("block"))
        self.wait_for_text(out, "pause(")
        program = int(re.search(r"\[(\d+)\] pause", out.read_text()).group(1))
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), -signal.SIGTERM)
        self.assertTrue(gone(program))
        self.assertTrue(out.read_text().endswith("+++ killed by SIGKILL +++\n"))

    def test_the_program_dies_with_a_tracer_that_is_killed(self):
        out = self.folder / "out"
        process = self.start(TRAPLINE, "trace", "-f", "-o", str(out), tracee("block"))
        self.wait_for_text(out, "pause(")
        program = int(re.search(r"\[(\d+)\] pause", out.read_text()).group(1))
        process.kill()
        process.wait()
        self.assertTrue(eventually(lambda: gone(program)))


class Attached(Case):
    def start_echo(self):
        program = self.start(tracee("echo"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(program.stdout.readline(), b"ready\n")
        return program

    def answer(self, program, question):
        program.stdin.write(question)
        program.stdin.flush()
        return program.stdout.read(len(question))

    def attach(self, program, out, *options):
        process = self.start(TRAPLINE, "trace", *options, "-o", str(out), "-p", str(program.pid), stderr=subprocess.PIPE)
        self.assertIn(b"attached to process", process.stderr.readline())
        return process

    def test_what_it_hangs_in_is_seen_at_once(self):
        out = self.folder / "out"
        program = self.start_echo()
        self.assertTrue(eventually(lambda: blocked_in(program.pid, 0)))
        self.attach(program, out)
        self.wait_for_text(out, "read(0, ")
        self.assertEqual(self.answer(program, b"a"), b"b")
        self.wait_for_text(out, 'read(0, "a", 1) = 1\nwrite(1, "b", 1) = 1\nread(0, ')

    def test_signals_let_it_go(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                out = self.folder / number.name
                program = self.start_echo()
                process = self.attach(program, out)
                self.assertEqual(self.answer(program, b"a"), b"b")
                os.killpg(process.pid, number)
                self.assertEqual(process.wait(PATIENCE), 0)
                self.assertEqual(status_field(program.pid, "TracerPid"), "0")
                self.assertEqual(self.answer(program, b"c"), b"d")
                program.stdin.close()
                self.assertEqual(program.wait(PATIENCE), 0)

    def test_one_cpu_lasts_as_long_as_the_tracing(self):
        own = os.sched_getaffinity(0)
        if len(own) < 2:
            self.skipTest("this process may use one CPU only")
        for number in (signal.SIGINT, signal.SIGKILL):
            with self.subTest(number):
                program = self.start_echo()
                process = self.attach(program, self.folder / number.name, "--one-cpu")
                self.assertEqual(len(os.sched_getaffinity(program.pid)), 1)
                self.assertEqual(self.answer(program, b"a"), b"b")
                os.killpg(process.pid, number)
                process.wait(PATIENCE)
                self.assertTrue(eventually(lambda: os.sched_getaffinity(program.pid) == own))
                self.assertEqual(self.answer(program, b"c"), b"d")

    def test_it_outlives_a_tracer_that_is_killed(self):
        program = self.start_echo()
        process = self.attach(program, self.folder / "out")
        process.kill()
        process.wait()
        self.assertEqual(self.answer(program, b"a"), b"b")

    def test_it_outlives_a_reader_that_has_gone(self):
        reading, writing = os.pipe()
        program = self.start_echo()
        process = self.start(TRAPLINE, "trace", "-p", str(program.pid), stderr=writing)
        os.close(writing)
        self.assertIn(b"attached", os.read(reading, 1000))
        os.close(reading)
        self.assertEqual(self.answer(program, b"ab"), b"bc")
        self.assertEqual(process.wait(PATIENCE), -signal.SIGPIPE)
        self.assertEqual(self.answer(program, b"c"), b"d")

    def test_its_end_is_ours(self):
        program = self.start_echo()
        process = self.attach(program, self.folder / "out")
        program.stdin.close()
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertIn("+++ exited with 0 +++", (self.folder / "out").read_text())


class RealPrograms(Case):
    def check(self, *command):
        def run(*argv):
            result = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    timeout=PATIENCE, cwd=self.folder)
            return result.returncode, result.stdout, result.stderr

        if shutil.which(command[0]) is None:
            self.skipTest(f"{command[0]} is not installed")
        self.assertEqual(run(TRAPLINE, "trace", "-o", "trace.out", "--", *command), run(*command))

    def test_ls(self):
        self.check("ls", "-lR", "/usr/share/doc/libc6", "/usr/lib/python3")

    def test_a_script_with_pipes(self):
        self.check("bash", "-c", "for i in 1 2 3; do echo $i | sed s/2/two/ | cat; done; ls /etc | wc -l; exit 7")

    def test_threads_of_python(self):
        self.check("python3", "-c", "import threading, os\nr = []\n"
                   "t = [threading.Thread(target=lambda: [r.append(len(open('/etc/passwd').read())) for _ in range(20)]) for _ in range(16)]\n"
                   "[x.start() for x in t]; [x.join() for x in t]\nprint(len(r), set(r))")

    def test_a_compiler(self):
        (self.folder / "a.c").write_text("int main(void) { return 0; }\n")
        self.check("gcc", "-c", "a.c", "-o", "a.o")

    def test_a_digest(self):
        (self.folder / "data").write_bytes(os.urandom(1 << 20))
        self.check("openssl", "dgst", "data")

    def test_a_setuid_program_gets_privileges_only_under_root(self):
        if os.geteuid() != 0 or shutil.which("setpriv") is None:
            self.skipTest("needs root, to make a setuid program and to be somebody else")
        program = self.folder / "id"
        shutil.copy(shutil.which("id"), program)
        program.chmod(0o4755)
        self.folder.chmod(0o755)
        nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]

        def run(*argv):
            return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, timeout=PATIENCE)

        if run(*nobody, TRAPLINE, "--help").returncode != 0 or "euid=0" not in run(*nobody, program).stdout:
            self.skipTest("nobody may not run these programs here")
        quietly = [TRAPLINE, "trace", "-f", "-o", "/dev/null"]
        self.assertIn("euid=0", run(*quietly, *nobody, program).stdout)
        plain = run(*nobody, *quietly, program)
        self.assertIn("uid=65534", plain.stdout, plain.stderr)
        self.assertNotIn("euid=0", plain.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
