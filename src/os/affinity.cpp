#include "os/affinity.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <tuple>
#include <vector>

#include "os/error.hpp"
#include "support/log.hpp"

namespace trapline::os {
namespace {

constexpr std::size_t smallest = 128;
constexpr std::size_t largest = 65536;

/// How many threads of this program have bound themselves to a CPU. It has no destructor, so that a Debugger which
/// lives until the program's end may use it.
struct Claims {
  std::mutex mutex;
  std::array<unsigned, support::CpuSet::most> taken{};

  /// The first to be tried comes first.
  [[nodiscard]] std::vector<int> by_preference(const support::CpuSet& candidates) const {
    const int here = ::sched_getcpu();
    std::vector<int> cpus = candidates.cpus();
    std::ranges::sort(cpus, {}, [&](int cpu) { return std::tuple(at(cpu), cpu != here, cpu); });
    return cpus;
  }
  [[nodiscard]] unsigned at(int cpu) const { return taken[static_cast<std::size_t>(cpu)]; }
};
constinit Claims claims;

}  // namespace

support::CpuSet affinity(pid_t tid) {
  for (std::size_t size = smallest;; size *= 2) {
    std::vector<std::byte> bits(size);
    const long filled = ::syscall(SYS_sched_getaffinity, tid, size, bits.data());
    if (filled >= 0) return support::CpuSet(std::move(bits));
    // Fewer bits than the kernel has CPUs.
    if (errno != EINVAL || size >= largest) throw_os_error(errno, "sched_getaffinity", tid);
  }
}

void set_affinity(pid_t tid, const support::CpuSet& cpus) {
  const auto bits = cpus.bits();
  if (::syscall(SYS_sched_setaffinity, tid, bits.size(), bits.data()) == 0) return;
  const int error = errno;
  throw_os_error(error, "sched_setaffinity to the CPUs " + cpus.text(), tid,
                 error == EPERM ? "a process of another user needs CAP_SYS_NICE" : "");
}

void restore_affinity(pid_t tid, const support::CpuSet& bound, const support::CpuSet& before) noexcept {
  try {
    if (affinity(tid) != bound) return;
    // Linux 6.2 and later remember what was asked for, and after a change of the cpuset give as much of it as they can.
    // A thread that had all CPUs of its cpuset most likely never asked, and is to have those that come later, too.
    set_affinity(tid, support::CpuSet::all());
    if (affinity(tid) != before) set_affinity(tid, before);
  } catch (const std::exception& error) {
    support::log(LogCategory::process, [&] { return std::string("its affinity is not given back: ") + error.what(); });
  }
}

CpuClaim::CpuClaim(const support::CpuSet& candidates) : before_(affinity(0)) {
  const std::lock_guard lock(claims.mutex);
  int error = EINVAL;
  for (const int cpu : claims.by_preference(candidates)) {
    const support::CpuSet only{cpu};
    const auto bits = only.bits();
    if (::syscall(SYS_sched_setaffinity, 0, bits.size(), bits.data()) == 0) {
      cpu_ = cpu;
      ++claims.taken[static_cast<std::size_t>(cpu)];
      return;
    }
    error = errno;
  }
  throw_explained(error, "the tracer thread may use none of the CPUs " + candidates.text() +
                             ", which the process may use: " + error_text(error) +
                             (error == EINVAL ? " (they belong to other cpusets)" : ""));
}

CpuClaim::~CpuClaim() {
  restore_affinity(0, support::CpuSet{cpu_}, before_);
  const std::lock_guard lock(claims.mutex);
  --claims.taken[static_cast<std::size_t>(cpu_)];
}

}  // namespace trapline::os
