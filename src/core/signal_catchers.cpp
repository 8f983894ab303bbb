#include "core/signal_catchers.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include <trapline/error.hpp>

#include "core/process.hpp"
#include "support/text.hpp"

namespace trapline::core {
namespace {

/// Signals that were expected and never came (the program took them by sigwait(3)) are forgotten beyond this number.
constexpr std::size_t most_expected = 64;

[[noreturn]] void throw_unknown(const std::string& name) {
  std::vector<std::string> names;
  for (int signal = 1; signal <= os::last_signal; ++signal) names.push_back(os::signal_name(signal));
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  std::string full = name;
  std::ranges::transform(full, full.begin(), [](char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; });
  if (!full.starts_with("SIG")) full.insert(0, "SIG");
  std::string text = "there is no signal \"" + support::escape(name) + "\"";
  const auto near = support::near_names(full, candidates);
  if (!near.empty()) text += "; did you mean " + support::join(near, ", ") + "?";
  throw UsageError(text);
}

bool names_all(const std::string& text) { return text == "all" || text == "ALL" || text == "*"; }

/// `"!SIGCHLD"`: all but that.
bool is_exclusion(const SignalId& item) { return !item.number() && item.text().starts_with('!'); }

void add_item(WantedSignals& wanted, const SignalId& item) {
  if (is_exclusion(item)) {
    const SignalId excluded(item.text().substr(1));
    wanted.mask |= names_all(excluded.text()) ? ~SignalMask{0} : mask_of(resolve_signal(excluded));
    return;
  }
  if (!item.number() && names_all(item.text())) {
    wanted.all = true;
    wanted.mask = ~SignalMask{0};
    return;
  }
  const int signal = resolve_signal(item);
  if (signal == SIGKILL) {
    throw UsageError("SIGKILL can be neither caught, hijacked nor blocked: the kernel kills without asking a tracer");
  }
  wanted.mask |= mask_of(signal);
}

/// The kernel sends these with what a tracer cannot know beforehand: our pid as another pid namespace sees it.
bool sent_by_us(const siginfo_t& info) {
  return info.si_code == SI_TKILL && (info.si_pid == ::getpid() || info.si_pid == 0);
}

bool same(const siginfo_t& a, const siginfo_t& b) {
  if (a.si_signo != b.si_signo) return false;
  return std::memcmp(&a, &b, sizeof a) == 0 || (sent_by_us(a) && sent_by_us(b));
}

}  // namespace

int resolve_signal(const SignalId& signal) {
  if (const auto number = signal.number()) {
    if (*number >= 1 && *number <= os::last_signal) return static_cast<int>(*number);
    throw UsageError("there is no signal " + std::to_string(*number) + "; signals are 1 to " +
                     std::to_string(os::last_signal));
  }
  const auto number = os::signal_number(signal.text());
  if (!number) throw_unknown(signal.text());
  return *number;
}

WantedSignals resolve_signals(const SignalSet& signals) {
  WantedSignals wanted;
  WantedSignals excluded;
  for (const SignalId& item : signals.items()) add_item(is_exclusion(item) ? excluded : wanted, item);
  if (std::ranges::any_of(signals.items(), is_exclusion)) {
    if (std::ranges::all_of(signals.items(), is_exclusion)) wanted.mask = ~SignalMask{0};
    wanted.all = false;
    wanted.mask &= ~excluded.mask;
  }
  wanted.mask &= ~mask_of(SIGKILL);
  return wanted;
}

std::shared_ptr<SignalTrap> make_catcher(const SignalSet& signals, SignalOptions options) {
  if (signals.items().empty()) throw UsageError("an empty set of signals: name some, or \"all\"");
  auto trap = std::make_shared<SignalTrap>();
  trap->wanted = resolve_signals(signals);
  if (options.callback) trap->callback = std::make_shared<const SignalCallback>(std::move(options.callback));
  trap->condition = std::move(options.condition);
  trap->thread = std::move(options.thread);
  trap->recursive = options.recursive;
  trap->once = options.once;
  trap->ignore_count = options.ignore_count;
  return trap;
}

std::shared_ptr<SignalTrap> make_signal_hijack(const SignalSet& original, const SignalId& replacement,
                                               SignalOptions options) {
  if (!replacement.number() && names_all(replacement.text())) {
    throw UsageError("a signal can be hijacked to one signal only, not to \"" + replacement.text() + "\"");
  }
  const int into = resolve_signal(replacement);
  auto trap = make_catcher(original, std::move(options));
  for (const SignalId& item : original.items()) {
    if (is_exclusion(item) || (!item.number() && names_all(item.text()))) continue;
    if (resolve_signal(item) == into) throw UsageError("signal " + os::signal_name(into) + " hijacked to itself");
  }
  // What is hijacked as a whole set leaves out the signal that it is hijacked to.
  trap->wanted.mask &= ~mask_of(into);
  trap->replacement = into;
  return trap;
}

void SignalTrap::changed(Process& owner) {
  if (removed) owner.catchers().remove(*this);
}

SignalCatchers::SignalCatchers() { rebuild(); }

void SignalCatchers::add(std::shared_ptr<SignalTrap> trap) {
  traps_.push_back(std::move(trap));
  rebuild();
}

void SignalCatchers::remove(const SignalTrap& trap) {
  std::erase_if(traps_, [&](const auto& entry) { return entry.get() == &trap; });
  rebuild();
}

SignalCatchers SignalCatchers::inherited() const {
  SignalCatchers result = *this;
  result.expected_.clear();
  if (std::erase_if(result.traps_, [](const auto& trap) { return trap->thread.has_value(); }) != 0) result.rebuild();
  return result;
}

void SignalCatchers::begin() {
  for (const auto& trap : traps_) trap->reset();
  expected_.clear();
}

bool SignalCatchers::any_synchronous() const {
  return std::ranges::any_of(traps_, [](const auto& trap) { return trap->live() && trap->synchronous(); });
}

void SignalCatchers::block(SignalSet signals) {
  blocked_mask_ = resolve_signals(signals).mask;
  blocked_ = std::move(signals);
}

void SignalCatchers::expect(const Expected& signal) {
  if (expected_.size() >= most_expected) expected_.erase(expected_.begin());
  expected_.push_back(signal);
}

std::optional<SignalCatchers::Expected> SignalCatchers::take_expected(const siginfo_t& info) {
  const auto found = std::ranges::find_if(expected_, [&](const Expected& entry) { return same(entry.info, info); });
  if (found == expected_.end()) return std::nullopt;
  const Expected taken = *found;
  expected_.erase(found);
  return taken;
}

void SignalCatchers::rebuild() {
  auto index = std::make_shared<Index>();
  for (const bool all : {false, true}) {
    for (const auto& trap : traps_) {
      if (trap->wanted.all != all) continue;
      for (int signal = 1; signal <= os::last_signal; ++signal) {
        if (contains(trap->wanted.mask, signal)) index->by_number[static_cast<std::size_t>(signal)].push_back(trap);
      }
    }
  }
  index_ = std::move(index);
}

}  // namespace trapline::core
