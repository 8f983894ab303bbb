#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include <trapline/trapline.hpp>

#include <sys/syscall.h>

namespace trapline::live {

/// Checks that the enters and exits of each thread pair exactly and nest; its callbacks run on one tracer thread.
class Pairing {
 public:
  SyscallOptions options() {
    return {.on_enter = [this](Thread& t, SyscallHandler&) { enter(t); },
            .on_exit = [this](Thread& t, SyscallHandler&) { exit(t); }};
  }
  [[nodiscard]] std::size_t wrong() const { return wrong_; }
  [[nodiscard]] std::size_t threads() const { return open_.size(); }
  [[nodiscard]] std::size_t pairs() const { return pairs_; }
  std::size_t pairs(std::int64_t number) { return pairs_of_[number]; }

 private:
  /// A call, and one of a signal handler inside it.
  static constexpr std::size_t deepest = 2;

  void enter(const Thread& t) {
    const std::int64_t number = t.syscall_number();
    std::vector<std::int64_t>& open = open_[t.tid()];
    if (number == SYS_exit || number == SYS_exit_group) {
      // The id may come back as another thread's.
      open.clear();
      return;
    }
    open.push_back(number);
    wrong_ += open.size() > deepest;
  }

  void exit(const Thread& t) {
    std::vector<std::int64_t>& open = open_[t.tid()];
    if (open.empty() || open.back() != t.syscall_number()) {
      ++wrong_;
      return;
    }
    open.pop_back();
    ++pairs_of_[t.syscall_number()];
    ++pairs_;
  }

  std::map<pid_t, std::vector<std::int64_t>> open_;
  std::map<std::int64_t, std::size_t> pairs_of_;
  std::size_t pairs_ = 0;
  std::size_t wrong_ = 0;
};

}  // namespace trapline::live
