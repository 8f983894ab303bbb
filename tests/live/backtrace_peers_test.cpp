#include "support.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

namespace trapline::live {
namespace {

// A program that was stopped is shown to another debugger, which lets it go again and leaves it stopped, and then to
// us: both have seen the same stacks.

/// One activation or inlined call.
struct Seen {
  Address pc = 0;
  bool inlined = false;
  std::string function{};
  /// Without its directories.
  std::string file{};
  unsigned line = 0;
  friend bool operator==(const Seen&, const Seen&) = default;
};
using Stacks = std::map<pid_t, std::vector<Seen>>;

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string shown(const std::vector<Seen>& stack) {
  std::ostringstream out;
  for (const Seen& seen : stack) {
    out << std::hex << seen.pc << std::dec << (seen.inlined ? " inlined " : " ") << seen.function << ' ' << seen.file
        << ':' << seen.line << '\n';
  }
  return out.str();
}

void add_frame(const Frame& frame, std::vector<Seen>& stack) {
  std::optional<SourceLine> line = frame.source;
  const auto add = [&](bool inlined, const std::string& function) {
    stack.push_back({.pc = frame.pc, .inlined = inlined, .function = function});
    if (line) stack.back().file = file_name(line->file);
    if (line) stack.back().line = line->line;
  };
  for (const InlinedCall& call : frame.inlined) {
    add(true, call.function);
    line = call.call;
  }
  add(false, frame.function);
}

Stacks ours(pid_t pid) {
  Debugger d(DebuggerOptions{});
  d.attach(pid);
  Stacks stacks;
  for (const Thread& thread : d.threads()) {
    for (const Frame& frame : thread.backtrace({.lines = true})) add_frame(frame, stacks[thread.tid()]);
  }
  d.detach();
  return stacks;
}

std::string output_of(const std::string& shell_command) {
  FILE* const pipe = ::popen(shell_command.c_str(), "r");
  std::string output;
  std::array<char, 4096> piece{};
  while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), pipe)) output.append(piece.data(), size);
  ::pclose(pipe);
  return output;
}

/// What gdb shows as a frame of a tail call was never on the stack, so that nobody else has it.
constexpr const char* gdb_script = R"(import gdb
gdb.execute("set backtrace past-main on")
for thread in gdb.selected_inferior().threads():
    thread.switch()
    print("thread", thread.ptid[1])
    frame = gdb.newest_frame()
    while frame is not None:
        place = frame.find_sal()
        if frame.type() != gdb.TAILCALL_FRAME:
            print("frame", frame.pc(), int(frame.type() == gdb.INLINE_FRAME), place.line if place.symtab else 0,
                  place.symtab.filename if place.symtab else "", sep="\t")
        frame = frame.older()
)";

Stacks of_gdb(pid_t pid) {
  const ScratchDir folder;
  const std::string script = folder.file("stacks.py", gdb_script);
  std::istringstream output(output_of("env -u DEBUGINFOD_URLS gdb -batch -nx -p " + std::to_string(pid) + " -x " +
                                      script + " 2>/dev/null </dev/null"));
  Stacks stacks;
  pid_t tid = 0;
  for (std::string line; std::getline(output, line);) {
    if (line.starts_with("thread ")) tid = std::stoi(line.substr(7));
    if (!line.starts_with("frame\t")) continue;
    std::istringstream fields(line.substr(6));
    Seen seen;
    std::string path;
    fields >> seen.pc >> seen.inlined >> seen.line;
    fields.ignore(1);
    std::getline(fields, path);
    seen.file = file_name(path);
    stacks[tid].push_back(seen);
  }
  return stacks;
}

Stacks of_eu_stack(pid_t pid) {
  std::istringstream output(
      output_of("env -u DEBUGINFOD_URLS eu-stack -n 0 -p " + std::to_string(pid) + " 2>/dev/null </dev/null"));
  Stacks stacks;
  pid_t tid = 0;
  for (std::string line; std::getline(output, line);) {
    if (line.starts_with("TID ")) tid = std::stoi(line.substr(4));
    const std::size_t number = line.find("0x");
    if (line.starts_with("#") && number != std::string::npos) {
      stacks[tid].push_back({.pc = std::stoull(line.substr(number), nullptr, 16)});
    }
  }
  return stacks;
}

/// A program that is stopped somewhere, and what it stands for.
class Stopped {
 public:
  explicit Stopped(std::vector<std::string> argv) : child_(found(std::move(argv))) {}

  /// Once it sleeps, or has worked for a while.
  void stop_at_rest() {
    EXPECT_TRUE(eventually([&] { return state_of(child_.pid()) == 'S'; }));
    stop();
  }
  void stop() {
    child_.signal(SIGSTOP);
    wait_until_stopped();
  }
  void wait_until_stopped() const {
    EXPECT_TRUE(eventually([&] { return state_of(child_.pid()) == 'T' || gone(child_.pid()); }));
  }
  void go_on() const { child_.signal(SIGCONT); }
  [[nodiscard]] HostChild& child() { return child_; }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }

 private:
  static std::vector<std::string> found(std::vector<std::string> argv) {
    if (!argv[0].starts_with("/")) argv[0] = which(argv[0]);
    return argv;
  }

  HostChild child_;
};

/// The same addresses; and where the other one tells lines, the same.
void compare(Stopped& program, Stacks (*of_other)(pid_t), bool with_lines) {
  Stacks other = of_other(program.pid());
  // On a busy machine they now and then let a program run that was stopped before, and what they saw is so no more.
  for (int again = 0; again < 8 && state_of(program.pid()) != 'T'; ++again) {
    if (gone(program.pid())) return;
    program.stop();
    other = of_other(program.pid());
  }
  ASSERT_FALSE(other.empty()) << "the other debugger said nothing";
  ASSERT_EQ(state_of(program.pid()), 'T') << "the other debugger let it run";
  Stacks own = ours(program.pid());
  ASSERT_EQ(own.size(), other.size()) << "not the same threads";
  for (auto& [tid, stack] : own) {
    const std::string all = "ours\n" + shown(stack) + "theirs\n" + shown(other[tid]);
    if (!with_lines) std::erase_if(stack, &Seen::inlined);
    for (Seen& seen : stack) {
      seen.function.clear();
      if (!with_lines) seen = {.pc = seen.pc};
    }
    EXPECT_EQ(stack == other[tid], true) << all;
  }
}

class BacktracePeers : public Live {
 protected:
  static void compare_with_all(Stopped& program) {
    if (!which("gdb").empty()) compare(program, of_gdb, true);
    if (!which("eu-stack").empty()) compare(program, of_eu_stack, false);
  }

  void SetUp() override {
    Live::SetUp();
    if (which("gdb").empty() && which("eu-stack").empty()) GTEST_SKIP() << "neither gdb nor eu-stack is installed";
  }
};

TEST_F(BacktracePeers, agree_about_the_threads_of_python) {
  if (which("python3").empty()) GTEST_SKIP() << "python3 is not installed";
  Stopped program({"python3", "-c",
                   "import threading, time, sys\n"
                   "for i in range(3): threading.Thread(target=lambda: time.sleep(1000), daemon=True).start()\n"
                   "print('ready', flush=True)\n"
                   "sys.stdin.read()\n"});
  EXPECT_EQ(program.child().read_line(), "ready");
  program.stop_at_rest();
  compare_with_all(program);
}

TEST_F(BacktracePeers, agree_about_bash_and_git) {
  for (const std::vector<std::string>& argv :
       {std::vector<std::string>{"bash", "-c", "f() { read x; }; f"}, {"git", "hash-object", "--stdin"}}) {
    if (which(argv[0]).empty()) continue;
    Stopped program(argv);
    program.stop_at_rest();
    compare_with_all(program);
  }
}

TEST_F(BacktracePeers, agree_about_a_compiler_wherever_it_is) {
  std::string compiler = output_of("g++ -print-prog-name=cc1plus 2>/dev/null");
  if (!compiler.ends_with("/cc1plus\n")) GTEST_SKIP() << "there is no g++";
  compiler.pop_back();
  const ScratchDir folder;
  const std::string source = folder.file("a.cpp", "#include <regex>\n#include <map>\nint main() {}\n");
  output_of("g++ -E " + source + " -o " + (folder / "a.ii"));
  Stopped program({compiler, "-quiet", "-fpreprocessed", "-O2", folder / "a.ii", "-o", "/dev/null"});
  for (int i = 0; i < 3; ++i) {
    ::usleep(100'000);
    if (gone(program.pid())) break;
    program.stop();
    compare_with_all(program);
    program.go_on();
  }
}

TEST_F(BacktracePeers, agree_about_an_exception_in_flight) {
  Stopped program({tracee("lines"), "stop"});
  program.wait_until_stopped();
  compare_with_all(program);
}

TEST_F(BacktracePeers, agree_about_a_32_bit_program) {
  const std::string path = tracee("i386/block");
  if (::access(path.c_str(), X_OK) != 0) GTEST_SKIP() << "no 32-bit programs were built";
  // It waits for signals for ever, where it runs.
  if (output_of("timeout 0.2 " + path + " 2>/dev/null; echo $?") != "124\n") GTEST_SKIP() << "this machine runs none";
  if (which("gdb").empty()) GTEST_SKIP() << "gdb is not installed";
  for (const std::vector<std::string>& argv : {std::vector{path}, {tracee("i386/crowd"), "5"}}) {
    Stopped program(argv);
    if (argv.size() > 1) {
      EXPECT_EQ(program.child().read_line(), "ready");
    }
    program.stop_at_rest();
    // eu-stack ends in main, whose CFA is an expression.
    compare(program, of_gdb, true);
  }
}

}  // namespace
}  // namespace trapline::live
