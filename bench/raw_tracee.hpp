#pragma once

#include <linux/filter.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace trapline::bench {

/// Throws std::system_error with errno when the condition does not hold.
void require(bool condition, const char* what);

/// A ptrace request that has to succeed; its result.
template <class Address = std::uintptr_t, class Data = std::uintptr_t>
long request(__ptrace_request what, pid_t tid, Address address = {}, Data data = {}) {
  const long result = ::ptrace(what, tid, address, data);
  require(result != -1, "ptrace");
  return result;
}

constexpr std::size_t user_offset(std::size_t register_offset) { return offsetof(user, regs) + register_offset; }

/// A child of this thread that it traces, stopped after its exec; killed at the end.
class RawTracee {
 public:
  /// With that seccomp filter, if any.
  explicit RawTracee(const std::vector<std::string>& argv, std::span<sock_filter> filter = {});
  ~RawTracee();
  RawTracee(const RawTracee&) = delete;
  RawTracee& operator=(const RawTracee&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Resumes it and waits for its next stop.
  void go(__ptrace_request how) const;

 private:
  pid_t pid_ = 0;
};

}  // namespace trapline::bench
