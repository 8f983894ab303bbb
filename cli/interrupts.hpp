#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <thread>

namespace cli {

/// What Ctrl-C and its kind do while a program is traced. One at a time in a process.
///
/// A launched program shares our process group: the terminal's Ctrl-C reaches it by itself, and the second one kills
/// it. SIGTERM and SIGHUP kill it at once. An attached process is let go by any of them. One more signal ends us in any
/// case.
class Interrupts {
 public:
  enum class Tracee { launched, attached };

  /// From here on the signals are ours; `end` runs on a thread of its own: it lets go what was attached to, and kills
  /// what the launched program has left behind.
  Interrupts(Tracee tracee, std::function<void()> end);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Says which process is to be killed; by pidfd, so that it can be no other one.
  void watch(pid_t pid);
  /// The signal that asked us to end (not the first Ctrl-C of a launched program).
  [[nodiscard]] std::optional<int> asked_to_end() const;

 private:
  std::function<void()> end_;
  std::thread waiter_;
};

}  // namespace cli
