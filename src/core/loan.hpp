#pragma once

#include <cstddef>

#include <trapline/types.hpp>

#include "core/remote.hpp"

namespace trapline::core {

/// Memory of the tracee for one invocation: in our scratch mapping, which grows when it must; or below the stack of a
/// thread with seccomp filters of its own, which may forbid it to map, with what was there put back.
class Loan {
 public:
  /// Throws OsError when the kernel gives the tracee no memory, UsageError when the stack has no room.
  Loan(ThreadState& thread, Remote& remote, std::size_t size);
  ~Loan();
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;

  [[nodiscard]] Address address() const { return address_; }

 private:
  void borrow_stack(ThreadState& thread, Remote& remote);
  void borrow_scratch(Remote& remote);
  void grow(Remote& remote);

  Process& process_;
  std::size_t size_;
  Address address_ = 0;
  Bytes covered_;
  bool from_scratch_ = false;
};

}  // namespace trapline::core
