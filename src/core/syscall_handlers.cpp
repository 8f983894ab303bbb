#include "core/syscall_handlers.hpp"

#include <algorithm>
#include <utility>

#include <trapline/error.hpp>

#include "arch/syscall_table.hpp"
#include "core/process.hpp"
#include "support/text.hpp"

namespace trapline::core {
namespace {

constexpr std::array all_abis{Abi::amd64, Abi::i386, Abi::aarch64};

std::size_t slot(Abi abi) { return static_cast<std::size_t>(abi); }

[[noreturn]] void throw_unknown(Abi abi, const std::string& name) {
  std::string text = "there is no syscall \"" + support::escape(name) + "\"";
  const auto near = arch::near_syscall_names(abi, name);
  if (!near.empty()) text += "; did you mean " + support::join(near, ", ") + "?";
  throw UsageError(text);
}

/// `"!close"`: all but that.
bool is_exclusion(const SyscallId& item) { return !item.number() && item.text().starts_with('!'); }

void add_item(std::array<SyscallTrap::Wanted, 3>& wanted, const SyscallId& item) {
  if (const auto number = item.number()) {
    for (auto& abi : wanted) abi.numbers.push_back(*number);
    return;
  }
  const std::string text = is_exclusion(item) ? item.text().substr(1) : item.text();
  bool found = false;
  for (const Abi abi : all_abis) {
    const arch::Selection selection = arch::select_syscalls(abi, text);
    if (!selection.error.empty()) throw UsageError(selection.error);
    auto& into = wanted[slot(abi)];
    into.all |= selection.all;
    into.numbers.insert(into.numbers.end(), selection.numbers.begin(), selection.numbers.end());
    found |= selection.all || !selection.numbers.empty();
  }
  if (!found) throw_unknown(Abi::amd64, text);
}

void sort(std::array<SyscallTrap::Wanted, 3>& wanted) {
  for (auto& abi : wanted) {
    std::ranges::sort(abi.numbers);
    abi.numbers.erase(std::unique(abi.numbers.begin(), abi.numbers.end()), abi.numbers.end());
  }
}

/// Takes calls out; of "all" the rest of the table stays.
void exclude(Abi abi, SyscallTrap::Wanted& from, const SyscallTrap::Wanted& excluded) {
  if (std::exchange(from.all, false)) {
    for (const arch::SyscallRow& row : arch::syscalls(abi)) from.numbers.push_back(row.number);
  }
  std::erase_if(from.numbers, [&](std::int64_t number) {
    return excluded.all || std::ranges::binary_search(excluded.numbers, number);
  });
}

/// Whether the item is the very call that it is to be replaced by, in the table that numbers are taken from.
bool is_replacement(const SyscallId& item, const Replacement& into) {
  const std::int64_t number = into.numbers[slot(Abi::amd64)];
  if (item.number()) return *item.number() == number;
  const auto* row = arch::find_syscall(Abi::amd64, item.text());
  return row != nullptr && row->number == number;
}

}  // namespace

std::array<SyscallTrap::Wanted, 3> resolve(const SyscallSet& syscalls) {
  if (syscalls.items().empty()) throw UsageError("an empty set of syscalls: name some, or \"all\"");
  std::array<SyscallTrap::Wanted, 3> wanted{};
  std::array<SyscallTrap::Wanted, 3> excluded{};
  for (const SyscallId& item : syscalls.items()) add_item(is_exclusion(item) ? excluded : wanted, item);
  sort(excluded);
  if (std::ranges::any_of(syscalls.items(), is_exclusion)) {
    const bool nothing_else = std::ranges::all_of(syscalls.items(), is_exclusion);
    for (const Abi abi : all_abis) {
      wanted[slot(abi)].all |= nothing_else;
      exclude(abi, wanted[slot(abi)], excluded[slot(abi)]);
    }
  }
  sort(wanted);
  return wanted;
}

std::int64_t resolve(Abi abi, const SyscallId& syscall) {
  if (const auto number = syscall.number()) return *number;
  const auto* row = arch::find_syscall(abi, syscall.text());
  if (row == nullptr) throw_unknown(abi, syscall.text());
  return row->number;
}

std::shared_ptr<SyscallTrap> make_trap(const SyscallSet& syscalls, SyscallOptions options) {
  auto trap = std::make_shared<SyscallTrap>();
  trap->wanted = resolve(syscalls);
  if (options.on_enter) trap->on_enter = std::make_shared<const SyscallCallback>(std::move(options.on_enter));
  if (options.on_exit) trap->on_exit = std::make_shared<const SyscallCallback>(std::move(options.on_exit));
  trap->condition = std::move(options.condition);
  trap->thread = std::move(options.thread);
  trap->recursive = options.recursive;
  trap->once = options.once;
  trap->ignore_count = options.ignore_count;
  return trap;
}

std::shared_ptr<SyscallTrap> make_hijack(const SyscallSet& original, const SyscallId& replacement,
                                         const HijackOptions& options) {
  auto trap = make_trap(original, {.recursive = options.recursive,
                                   .thread = options.thread,
                                   .once = options.once,
                                   .ignore_count = options.ignore_count,
                                   .condition = options.condition});
  Replacement into{.numbers = {-1, -1, -1},
                   .args = {options.arg0, options.arg1, options.arg2, options.arg3, options.arg4, options.arg5}};
  if (const auto number = replacement.number()) {
    into.numbers.fill(*number);
  } else {
    const std::string name = replacement.text();
    if (arch::names_a_set(name)) {
      throw UsageError("a call can be hijacked to one syscall only, not to \"" + support::escape(name) + "\"");
    }
    bool found = false;
    for (const Abi abi : all_abis) {
      const auto* row = arch::find_syscall(abi, name);
      if (row != nullptr) into.numbers[slot(abi)] = row->number;
      found |= row != nullptr;
    }
    if (!found) throw_unknown(Abi::amd64, name);
  }
  for (const SyscallId& item : original.items()) {
    if (is_replacement(item, into)) {
      throw UsageError("syscall " + item.text() + " hijacked to itself");
    }
  }
  trap->replacement = into;
  return trap;
}

void SyscallTrap::changed(Process& owner) {
  if (removed) owner.handlers().remove(*this);
  owner.tracing_changed();
}

SyscallHandlers::SyscallHandlers() { rebuild(); }

void SyscallHandlers::add(std::shared_ptr<SyscallTrap> trap) {
  traps_.push_back(std::move(trap));
  rebuild();
}

void SyscallHandlers::remove(const SyscallTrap& trap) {
  std::erase_if(traps_, [&](const auto& entry) { return entry.get() == &trap; });
  rebuild();
}

SyscallHandlers SyscallHandlers::inherited() const {
  SyscallHandlers result = *this;
  if (std::erase_if(result.traps_, [](const auto& trap) { return trap->thread.has_value(); }) != 0) result.rebuild();
  return result;
}

void SyscallHandlers::reset_counts() {
  for (const auto& trap : traps_) trap->reset();
}

bool SyscallHandlers::any_live() const {
  return std::ranges::any_of(traps_, [](const auto& trap) { return trap->live(); });
}

std::array<SyscallTrap::Wanted, 3> SyscallHandlers::wanted() const {
  std::array<SyscallTrap::Wanted, 3> sum;
  for (const auto& trap : traps_) {
    if (!trap->live()) continue;
    for (std::size_t abi = 0; abi < sum.size(); ++abi) sum[abi].add(trap->wanted[abi]);
  }
  return sum;
}

void SyscallHandlers::rebuild() {
  auto index = std::make_shared<Index>();
  for (const Abi abi : all_abis) {
    List all;
    std::int64_t highest = -1;
    for (const auto& trap : traps_) {
      const auto& wanted = trap->wanted[slot(abi)];
      if (wanted.all) all.push_back(trap);
      if (!wanted.numbers.empty()) highest = std::max(highest, wanted.numbers.back());
    }
    // A number beyond any table (or -1) may be asked for; nothing much larger than the tables is worth a list of its
    // own.
    constexpr std::int64_t largest = 4095;
    auto& lists = index->by_number[slot(abi)];
    lists.resize(static_cast<std::size_t>(std::min(highest, largest) + 1));
    for (const auto& trap : traps_) {
      if (trap->wanted[slot(abi)].all) continue;
      for (const std::int64_t number : trap->wanted[slot(abi)].numbers) {
        if (number >= 0 && number <= largest) {
          lists[static_cast<std::size_t>(number)].push_back(trap);
        } else {
          index->beyond[slot(abi)][number].push_back(trap);
        }
      }
    }
    for (auto& list : lists) list.insert(list.end(), all.begin(), all.end());
    for (auto& [number, list] : index->beyond[slot(abi)]) list.insert(list.end(), all.begin(), all.end());
    index->for_others[slot(abi)] = std::move(all);
  }
  index_ = std::move(index);
}

const SyscallHandlers::List& SyscallHandlers::Index::find(Abi abi, std::int64_t number) const {
  const auto& lists = by_number[slot(abi)];
  if (number >= 0 && static_cast<std::size_t>(number) < lists.size()) return lists[static_cast<std::size_t>(number)];
  if (const auto found = beyond[slot(abi)].find(number); found != beyond[slot(abi)].end()) return found->second;
  return for_others[slot(abi)];
}

}  // namespace trapline::core
