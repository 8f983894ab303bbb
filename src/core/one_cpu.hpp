#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "os/affinity.hpp"
#include "os/affinity_ledger.hpp"
#include "support/cpu_set.hpp"

namespace trapline::core {

/// The CPUs that a thread may use without us; shared by those that have inherited them.
struct OwnCpus {
  explicit OwnCpus(support::CpuSet set) : cpus(std::move(set)), words{cpus.bits().data(), cpus.bits().size()} {}
  OwnCpus(const OwnCpus&) = delete;
  OwnCpus& operator=(const OwnCpus&) = delete;

  const support::CpuSet cpus;
  const os::AffinityLedger::Cpus words;
};

/// The tracer thread and its tracees on one CPU: which one, and what each tracee could use without that.
///
/// An affinity that somebody else gives a thread of ours meanwhile (taskset -p) stays, and it is bound no more; that is
/// found out when it matters. On the tracer thread.
class OneCpu {
 public:
  /// Binds the tracer thread to a CPU of those that the first process may use. Throws OsError.
  OneCpu(const support::CpuSet& usable, os::AffinityLedger& ledger);
  /// Gives everybody's back.
  ~OneCpu();
  OneCpu(const OneCpu&) = delete;
  OneCpu& operator=(const OneCpu&) = delete;

  [[nodiscard]] int cpu() const { return claim_.cpu(); }
  /// Binds a thread, whose affinity so far is its own. Throws OsError and ProcessGone.
  void bind(pid_t tid);
  /// One that the kernel made with the affinity of its maker, if that is bound.
  void inherit(pid_t maker, pid_t born);
  /// One that was made by somebody bound who is dead by now.
  void bind_orphan(pid_t tid, std::shared_ptr<const OwnCpus> own);
  void free(pid_t tid) noexcept;
  void forget(pid_t tid);
  void rename(pid_t from, pid_t to);

  /// Without a look at the thread; nothing when it is not bound.
  [[nodiscard]] std::shared_ptr<const OwnCpus> known(pid_t tid) const;
  /// The same, after one.
  [[nodiscard]] std::shared_ptr<const OwnCpus> own_cpus(pid_t tid);
  /// It has got another affinity by a call of the program: that is its own from now on, and it is bound again.
  void take_over(pid_t tid);
  /// Those that are bound.
  [[nodiscard]] std::vector<pid_t> threads() const;

 private:
  struct Bound {
    std::shared_ptr<const OwnCpus> own;
    os::AffinityLedger::Entry* entry;
  };
  void enter(pid_t tid, std::shared_ptr<const OwnCpus> own);

  os::AffinityLedger& ledger_;
  const os::CpuClaim claim_;
  const support::CpuSet only_;
  std::unordered_map<pid_t, Bound> bound_;
};

}  // namespace trapline::core
