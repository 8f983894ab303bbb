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
  /// `deepest`: of how many calls one may be inside the other; two for one of a signal handler, and one more where
  /// calls are invoked at stops.
  explicit Pairing(std::size_t deepest = 2) : deepest_(deepest) {}
  SyscallOptions options() {
    return {.on_enter = [this](Thread& t, SyscallHandler&) { enter(t); },
            .on_exit = [this](Thread& t, SyscallHandler&) { exit(t); }};
  }
  [[nodiscard]] std::size_t wrong() const { return wrong_; }
  /// What was open, and what came then, when it first went wrong.
  [[nodiscard]] const std::vector<std::int64_t>& first_wrong() const { return first_wrong_; }
  [[nodiscard]] std::size_t threads() const { return open_.size(); }
  [[nodiscard]] std::size_t pairs() const { return pairs_; }
  std::size_t pairs(std::int64_t number) { return pairs_of_[number]; }

 private:
  void enter(const Thread& t) {
    const std::int64_t number = t.syscall_number();
    std::vector<std::int64_t>& open = open_[t.tid()];
    if (number == SYS_exit || number == SYS_exit_group) {
      if (!open.empty()) note_wrong(open);
      // The id may come back as another thread's.
      open.clear();
      return;
    }
    open.push_back(number);
    if (open.size() > deepest_) note_wrong(open);
  }

  void exit(const Thread& t) {
    std::vector<std::int64_t>& open = open_[t.tid()];
    if (open.empty() || open.back() != t.syscall_number()) {
      note_wrong(open);
      return;
    }
    open.pop_back();
    ++pairs_of_[t.syscall_number()];
    ++pairs_;
  }

  void note_wrong(const std::vector<std::int64_t>& open) {
    if (wrong_++ == 0) first_wrong_ = open;
  }

  std::size_t deepest_;
  std::map<pid_t, std::vector<std::int64_t>> open_;
  std::map<std::int64_t, std::size_t> pairs_of_;
  std::size_t pairs_ = 0;
  std::size_t wrong_ = 0;
  std::vector<std::int64_t> first_wrong_;
};

}  // namespace trapline::live
