"""What `trapline doctor` says, to its users and to programs. Each case is an entry of ctest (CMakeLists.txt)."""

import ctypes
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import unittest

TRAPLINE = os.environ["TRAPLINE"]
# Longer than anything takes; only a broken build waits so long.
PATIENCE = 50


def doctor(*args, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    environment = {**os.environ, "LC_ALL": "C", **options.pop("env", {})}
    return subprocess.run([TRAPLINE, "doctor", *args], capture_output=True, text=True, timeout=PATIENCE, env=environment,
                          **options)


def checks(run):
    return {check["name"]: check for check in json.loads(run.stdout)["checks"]}


def forbid_ptrace():
    """A seccomp filter as a container's may be: ptrace fails with EPERM."""
    load, equal, result, allow = 0x20, 0x15, 0x06, 0x7FFF0000
    number, eperm = 101, 0x00050001
    lines = [(load, 0, 0, 0), (equal, 0, 1, number), (result, 0, 0, eperm), (result, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(lines), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privs, seccomp, filter_mode = 38, 22, 2
    if libc.prctl(no_new_privs, 1, 0, 0, 0) != 0 or libc.prctl(seccomp, filter_mode, program, 0, 0) != 0:
        os._exit(99)


class Doctor(unittest.TestCase):
    def test_where_tracing_works(self):
        run = doctor("--json")
        document = json.loads(run.stdout)
        found = checks(run)
        for name in ("launch", "breakpoint", "syscall", "memory_write"):
            self.assertEqual(found[name]["status"], "ok", found[name])
        self.assertEqual(document["works"], all(check["status"] != "problem" for check in found.values()))
        self.assertEqual(run.returncode, 0 if document["works"] else 1)
        self.assertEqual(found["user"]["detail"], "root" if os.geteuid() == 0 else f"user {os.geteuid()}")
        self.assertIn(os.uname().release, found["kernel"]["detail"])
        self.assertIn(f"{len(os.sched_getaffinity(0))} usable CPU", found["machine"]["detail"])
        self.assertEqual(found["gdb"]["status"], "ok" if shutil.which("gdb") else "missing")
        self.assertRegex(found["stop_cost"]["detail"], r"[0-9.]+ us")

    def test_text_for_people(self):
        run = doctor()
        self.assertNotIn("\033", run.stdout)
        self.assertRegex(run.stdout, r"(?m)^ok +launch +/bin/true was launched")
        self.assertRegex(run.stdout.splitlines()[-1], r"^Tracing (works|is limited) here")
        self.assertEqual(run.stderr, "")

    def test_what_is_missing_and_its_remedy(self):
        run = doctor(env={"PATH": "/nowhere", "DEBUGINFOD_URLS": ""})
        self.assertRegex(run.stdout, r"(?m)^missing +gdb +is not in PATH\n +-> apt-get install gdb$")
        self.assertRegex(run.stdout, r"(?m)^missing +debuginfod .*\n +-> export DEBUGINFOD_URLS=")

    def test_where_a_filter_forbids_ptrace(self):
        run = doctor("--json", preexec_fn=forbid_ptrace)
        self.assertNotEqual(run.returncode, 99)
        found = checks(run)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(found["launch"]["status"], "problem")
        self.assertIn("--cap-add=SYS_PTRACE", found["launch"]["remedy"])
        self.assertIn("Operation not permitted", found["launch"]["detail"])
        self.assertEqual(found["no_new_privs"]["status"], "missing")
        self.assertIn("filters judge", found["seccomp"]["detail"])
        self.assertIn("Tracing is impossible here: launch", doctor(preexec_fn=forbid_ptrace).stdout)

    def test_an_ordinary_user(self):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("needs root, to be another user")
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", TRAPLINE, "doctor", "--json"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        if run.returncode == 126 or "Permission denied" in run.stderr:
            self.skipTest("the program is where others cannot execute it")
        found = checks(run)
        self.assertEqual(found["user"]["detail"], "user 65534")
        self.assertEqual(found["cap_sys_ptrace"]["status"], "missing")
        self.assertEqual(found["launch"]["status"], "ok", found["launch"])

    def test_what_the_machine_tells_is_harmless(self):
        environment = {"DEBUGINFOD_URLS": "http://x\033[31m\nproblem  launch"}
        run = doctor(env=environment)
        self.assertNotIn("\033", run.stdout)
        self.assertIn(r"http://x\x1b[31m\x0aproblem", run.stdout)
        self.assertEqual(checks(doctor("--json", env=environment))["debuginfod"]["detail"], environment["DEBUGINFOD_URLS"])
        odd = doctor("--json", env={"DEBUGINFOD_URLS": os.fsdecode(b"http://\xff")})
        self.assertIn("http://\ufffd", checks(odd)["debuginfod"]["detail"])

    def colours_on_a_terminal(self, environment):
        output = b""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(TRAPLINE, [TRAPLINE, "doctor"], {**os.environ, **environment})
        try:
            while piece := os.read(terminal, 4096):
                output += piece
        except OSError:
            pass
        os.close(terminal)
        os.waitpid(pid, 0)
        self.assertIn(b"launch", output)
        return b"\033[32mok" in output

    def test_colour_on_a_terminal_only(self):
        self.assertTrue(self.colours_on_a_terminal({"NO_COLOR": ""}))
        self.assertFalse(self.colours_on_a_terminal({"NO_COLOR": "1"}))

    def test_wrong_usage(self):
        for args in (["--nonsense"], ["argument"], ["--", "argument"]):
            run = doctor(*args)
            self.assertEqual((run.returncode, run.stdout), (2, ""), args)
            self.assertIn("Try 'trapline doctor --help'", run.stderr)

    def test_help(self):
        run = doctor("--help")
        self.assertEqual(run.returncode, 0)
        for part in ("Usage: trapline doctor", "--json", "Exit status:", "Examples:"):
            self.assertIn(part, run.stdout)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            run = subprocess.run([TRAPLINE, "doctor"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        self.assertEqual(run.returncode, 125)
        self.assertIn("cannot be written", run.stderr)

    def test_leaves_nothing_behind(self):
        with subprocess.Popen([TRAPLINE, "doctor"], stdout=subprocess.DEVNULL, start_new_session=True) as run:
            self.assertIn(run.wait(PATIENCE), (0, 1))
            listed = subprocess.run(["ps", "-o", "args=", "--sid", str(run.pid)], capture_output=True, text=True)
            self.assertEqual(re.findall(r"sleep|true|probe", listed.stdout), [])


if __name__ == "__main__":
    unittest.main()
