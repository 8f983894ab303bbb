#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <trapline/trapline.hpp>

namespace trapline::live {

/// Writes down the lives of a tree of processes, and what is not as it must be: each process and each thread is born
/// once and dies once, and each call that is entered is left or abandoned. Its callbacks run on one tracer thread; it
/// is to be placed before the run, of a debugger whose children inherit.
class Chronicle {
 public:
  explicit Chronicle(Debugger& d);

  /// After the end: adds who is still alive.
  const std::vector<std::string>& finish();

  [[nodiscard]] std::size_t forks() const { return forks_; }
  [[nodiscard]] std::size_t execs() const { return execs_; }
  /// All but the first one of each process.
  [[nodiscard]] std::size_t threads() const { return threads_; }
  [[nodiscard]] std::size_t calls() const { return calls_; }
  /// How many processes ended so; the root's too.
  [[nodiscard]] std::size_t exited(int code) const;
  [[nodiscard]] std::size_t killed(int signal) const;
  [[nodiscard]] std::size_t ended() const { return ended_; }
  [[nodiscard]] std::size_t exited_in_all() const;
  /// The sum of all exit codes.
  [[nodiscard]] long sum_of_codes() const;

 private:
  struct Life {
    pid_t pid = 0;
    std::vector<std::int64_t> open;
  };

  void born(pid_t tid, pid_t pid);
  void died(const Thread& thread, int status);
  void executed(const Thread& thread);
  void enter(const Thread& thread, const SyscallRecord& record);
  void leave(const Thread& thread, const SyscallRecord& record, const char* how);
  void note(std::string what);

  std::map<pid_t, Life> lives_;
  std::map<int, std::size_t> codes_;
  std::map<int, std::size_t> signals_;
  std::vector<std::string> wrong_;
  std::size_t forks_ = 0;
  std::size_t execs_ = 0;
  std::size_t threads_ = 0;
  std::size_t calls_ = 0;
  std::size_t ended_ = 0;
  Observation observation_;
};

}  // namespace trapline::live
