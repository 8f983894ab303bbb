#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/trapline.hpp>

#include <sys/types.h>

namespace trapline::live {

using namespace std::chrono_literals;

/// Longer than anything takes; only a broken build waits so long.
inline constexpr auto patience = 30s;
/// The syscall by which a tracee announces its points (tracee.h).
inline constexpr const char* announcement = "getpgid";

/// The path of one of our test programs.
std::string tracee(std::string_view name);
/// A program with its arguments, all else as by default.
DebuggerOptions program(std::string_view name, std::vector<std::string> args = {});
/// One that is found by its path.
DebuggerOptions command(std::vector<std::string> argv);

RunOptions no_stdio();
/// Input and output through the Stdio that run() returns.
RunOptions piped();
RunOptions inherited();
/// Output into that file, nothing else.
RunOptions into_file(const std::string& path);
/// Without its newline.
std::string read_line(const Stdio& io);
/// What is left up to the end of the output.
std::string rest_of_output(const Stdio& io);

/// Lets it go on and returns its next stop.
Stop next_stop(const Process& process);
/// Lets it go on until it has exited; any other stop fails the test.
Stop run_out(const Process& process);
/// Runs it without input and output, lets it go on, and returns its exit status.
int run_to_exit(Debugger& debugger);
struct Finished {
  int status = -1;
  std::string output;
};
/// The same with what it printed.
Finished run_for_output(Debugger& debugger);
/// Goes on to the enter of the tracee's next announcement; no trap is left behind.
Stop to_announcement(const Process& process);
/// Goes on to the next exit of that syscall.
Stop to_exit_of(const Process& process, const SyscallSet& syscall);
/// Steps out of an enter stop: returns at the exit of the same announcement.
Stop to_announcement_exit(const Process& process);

/// Events in the order in which they came, written "enter write|exit write"; from any thread.
class Transcript {
 public:
  void add(const std::string& event);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::size_t size() const;
  void clear();
  /// A callback that adds `"word name"`.
  SyscallCallback note(std::string word);
  /// Enter and exit callbacks that add "enter name" and "exit name".
  SyscallOptions options();

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> events_;
};

/// Something that happens once, on any thread.
class Event {
 public:
  void happen();
  /// False when patience ran out.
  [[nodiscard]] bool wait();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool happened_ = false;
};

/// Asks again and again until it is so; false when patience ran out. For facts that only /proc tells.
bool eventually(const std::function<bool()>& fact);

/// What this process holds; a test compares it before and after.
struct Holdings {
  std::size_t descriptors = 0;
  std::size_t threads = 0;
  std::size_t children = 0;
  friend bool operator==(const Holdings&, const Holdings&) = default;
  static Holdings now();
};
std::ostream& operator<<(std::ostream& out, const Holdings& holdings);
/// True as soon as nothing more is held than before (a joined thread leaves /proc a moment later).
bool nothing_left_since(const Holdings& before);

/// A process that the test itself started, with its own pipes, untraced.
class HostChild {
 public:
  explicit HostChild(const std::vector<std::string>& argv);
  ~HostChild();
  HostChild(const HostChild&) = delete;
  HostChild& operator=(const HostChild&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void send(std::string_view text) const;
  void close_input();
  /// Without its newline.
  std::string read_line() const;
  std::string read(std::size_t size) const;
  /// Sends it a signal.
  void signal(int number) const;
  /// Its status as of waitpid(2); -1 when a Debugger of this process saw its death, which reaps our own children too.
  int reap();
  /// The exit status, -1 when it did not exit by itself or was reaped already.
  int exit_status();

 private:
  pid_t pid_ = 0;
  int pidfd_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::optional<int> status_;
};

/// The state letter of /proc/PID/stat, '?' when there is no such task.
char state_of(pid_t tid);
/// True when it is dead, reaped or not.
bool gone(pid_t pid);
/// True when it sleeps inside that syscall.
bool blocked_in(pid_t tid, std::int64_t number);
/// The number that our test programs know a call by, which may be in i386.
std::int64_t number_in_tracees(std::string_view name);
/// The thread that traces it (/proc/PID/status), 0 for none.
pid_t tracer_of(pid_t tid);
/// True when a thread of this process traces it.
bool traced_by_us(pid_t tid);

/// The text of the exception that the function throws; fails the test when it throws another or none.
template <class E>
std::string message_of(const std::function<void()>& function) {
  try {
    function();
  } catch (const E& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another exception: " << error.what();
    return {};
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

/// A path in a directory that is removed at the test's end.
class ScratchDir {
 public:
  ScratchDir();
  ~ScratchDir();
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;
  [[nodiscard]] std::string path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const;
  std::string file(std::string_view name, std::string_view content, unsigned mode = 0644) const;

 private:
  std::string path_;
};

/// The library of the tracees under a name that LD_PRELOAD can hold: it separates by spaces.
std::string preloadable(const ScratchDir& folder, const std::string& library);

std::string read_file(const std::string& path);
/// The file of a program in PATH; empty when it is not installed.
std::string which(std::string_view name);

/// A fixture that ends programs left running and skips where the kernel forbids tracing.
class Live : public ::testing::Test {
 protected:
  void SetUp() override;
};

}  // namespace trapline::live
