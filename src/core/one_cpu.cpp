#include "core/one_cpu.hpp"

#include <trapline/error.hpp>

#include "support/log.hpp"

namespace trapline::core {
namespace {

/// Those that both may use; where there are none it is the tracer thread that goes elsewhere, being ours.
support::CpuSet common(const support::CpuSet& usable) {
  support::CpuSet both = usable & os::affinity(0);
  return both.empty() ? usable : both;
}

}  // namespace

OneCpu::OneCpu(const support::CpuSet& usable, os::AffinityLedger& ledger)
    : ledger_(ledger), claim_(common(usable)), only_{claim_.cpu()} {
  support::log(LogCategory::process, [&] { return "tracer and tracees share CPU " + std::to_string(cpu()); });
}

OneCpu::~OneCpu() {
  for (const pid_t tid : threads()) free(tid);
}

void OneCpu::bind(pid_t tid) {
  auto own = std::make_shared<const OwnCpus>(os::affinity(tid));
  // The host may be killed between the two.
  enter(tid, std::move(own));
  try {
    os::set_affinity(tid, only_);
  } catch (...) {
    forget(tid);
    throw;
  }
}

void OneCpu::inherit(pid_t maker, pid_t born) {
  if (auto own = known(maker)) enter(born, std::move(own));
}

void OneCpu::bind_orphan(pid_t tid, std::shared_ptr<const OwnCpus> own) {
  os::set_affinity(tid, only_);
  enter(tid, std::move(own));
}

void OneCpu::enter(pid_t tid, std::shared_ptr<const OwnCpus> own) {
  const os::AffinityLedger::Cpus& words = own->words;
  if (const auto found = bound_.find(tid); found != bound_.end()) {
    os::AffinityLedger::change(*found->second.entry, words);
    found->second.own = std::move(own);
    return;
  }
  bound_.emplace(tid, Bound{std::move(own), ledger_.enter(tid, cpu(), words)});
}

void OneCpu::free(pid_t tid) noexcept {
  const auto found = bound_.find(tid);
  if (found == bound_.end()) return;
  os::restore_affinity(tid, only_, found->second.own->cpus);
  forget(tid);
}

void OneCpu::forget(pid_t tid) {
  const auto found = bound_.find(tid);
  if (found == bound_.end()) return;
  ledger_.strike(*found->second.entry);
  bound_.erase(found);
}

void OneCpu::rename(pid_t from, pid_t to) {
  forget(to);
  auto node = bound_.extract(from);
  if (node.empty()) return;
  node.key() = to;
  os::AffinityLedger::rename(*node.mapped().entry, to);
  bound_.insert(std::move(node));
}

std::shared_ptr<const OwnCpus> OneCpu::known(pid_t tid) const {
  const auto found = bound_.find(tid);
  return found == bound_.end() ? nullptr : found->second.own;
}

std::shared_ptr<const OwnCpus> OneCpu::own_cpus(pid_t tid) {
  if (!bound_.contains(tid)) return nullptr;
  if (os::affinity(tid) == only_) return known(tid);
  forget(tid);
  return nullptr;
}

void OneCpu::take_over(pid_t tid) {
  if (bound_.contains(tid)) bind(tid);
}

std::vector<pid_t> OneCpu::threads() const {
  std::vector<pid_t> result;
  for (const auto& [tid, bound] : bound_) result.push_back(tid);
  return result;
}

}  // namespace trapline::core
