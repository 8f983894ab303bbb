#include "arch/syscall_table.hpp"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <regex>

#include "support/text.hpp"

namespace trapline::arch {
namespace {

constexpr SyscallRow make_row(std::int32_t number, std::string_view name,
                              std::initializer_list<std::string_view> types_and_names) {
  SyscallRow row{number, name, {}, types_and_names.size() / 2};
  const auto* at = types_and_names.begin();
  for (std::size_t i = 0; i < row.param_count; ++i) row.all_params[i] = {at[2 * i], at[2 * i + 1]};
  return row;
}

#define TRAPLINE_SYSCALL(number, name, ...) make_row(number, #name, {__VA_ARGS__}),
constexpr SyscallRow amd64_rows[] = {
#include "arch/syscalls_amd64.def"
};
#define TRAPLINE_SYSCALL(number, name, ...) make_row(number, #name, {__VA_ARGS__}),
constexpr SyscallRow i386_rows[] = {
#include "arch/syscalls_i386.def"
};
#define TRAPLINE_SYSCALL(number, name, ...) make_row(number, #name, {__VA_ARGS__}),
constexpr SyscallRow aarch64_rows[] = {
#include "arch/syscalls_aarch64.def"
};

constexpr bool ascending(std::span<const SyscallRow> rows) {
  return std::ranges::adjacent_find(rows, [](const auto& a, const auto& b) { return a.number >= b.number; }) == rows.end();
}
static_assert(ascending(amd64_rows) && ascending(i386_rows) && ascending(aarch64_rows));

template <std::size_t N>
constexpr std::array<std::uint16_t, N> sorted_by_name(const SyscallRow (&rows)[N]) {
  std::array<std::uint16_t, N> order{};
  for (std::size_t i = 0; i < N; ++i) order[i] = static_cast<std::uint16_t>(i);
  std::ranges::sort(order, {}, [&](std::uint16_t i) { return rows[i].name; });
  return order;
}
constexpr auto amd64_names = sorted_by_name(amd64_rows);
constexpr auto i386_names = sorted_by_name(i386_rows);
constexpr auto aarch64_names = sorted_by_name(aarch64_rows);

std::span<const std::uint16_t> names(Abi abi) {
  switch (abi) {
    case Abi::amd64: return amd64_names;
    case Abi::i386: return i386_names;
    case Abi::aarch64: break;
  }
  return aarch64_names;
}

struct Alias {
  std::string_view name;
  std::string_view real;
};

/// The kernel's, libc's and older names; each serves only where the table does not have it as a call of its own.
constexpr Alias aliases[] = {
    {"newuname", "uname"},      {"newstat", "stat"},         {"newfstat", "fstat"},      {"newlstat", "lstat"},
    {"mmap_pgoff", "mmap2"},    {"mmap_pgoff", "mmap"},      {"mmap2", "mmap"},          {"pread", "pread64"},
    {"pwrite", "pwrite64"},     {"sendfile64", "sendfile"},  {"umount", "umount2"},      {"fadvise64_64", "fadvise64"},
    {"posix_fadvise", "fadvise64"}, {"_newselect", "select"}, {"newselect", "select"},   {"_llseek", "lseek"},
    {"llseek", "_llseek"},      {"newfstatat", "fstatat64"}, {"fstatat", "newfstatat"},  {"fstatat", "fstatat64"},
    {"fstatat64", "newfstatat"}, {"stat64", "stat"},         {"lstat64", "lstat"},       {"fstat64", "fstat"},
    {"fcntl64", "fcntl"},       {"truncate64", "truncate"},  {"ftruncate64", "ftruncate"}, {"getdents", "getdents64"},
    {"prlimit", "prlimit64"},   {"getrlimit", "ugetrlimit"}, {"sigaction", "rt_sigaction"}, {"sigprocmask", "rt_sigprocmask"},
    {"sigreturn", "rt_sigreturn"}, {"sigsuspend", "rt_sigsuspend"}, {"sigpending", "rt_sigpending"},
    {"sigqueue", "rt_sigqueueinfo"}, {"sigtimedwait", "rt_sigtimedwait"}, {"send", "sendto"}, {"recv", "recvfrom"},
    {"ppoll_time64", "ppoll"},  {"pselect", "pselect6"},     {"signalfd", "signalfd4"},  {"eventfd", "eventfd2"},
    {"epoll_create", "epoll_create1"}, {"inotify_init", "inotify_init1"}, {"sync_file_range2", "sync_file_range"},
    {"madvise1", "madvise"},    {"sysctl", "_sysctl"},       {"pivotroot", "pivot_root"}, {"renameat", "renameat2"},
};

const SyscallRow* find_exact(Abi abi, std::string_view name) noexcept {
  const auto rows = syscalls(abi);
  const auto order = names(abi);
  const auto at = std::ranges::lower_bound(order, name, {}, [&](std::uint16_t i) { return rows[i].name; });
  return at != order.end() && rows[*at].name == name ? &rows[*at] : nullptr;
}

const SyscallRow* find_alias(Abi abi, std::string_view name) noexcept {
  for (const Alias& alias : aliases) {
    if (alias.name != name) continue;
    if (const SyscallRow* row = find_exact(abi, alias.real)) return row;
  }
  return nullptr;
}

bool is_all(std::string_view spec) { return spec == "all" || spec == "ALL" || spec == "*"; }

Selection select_group(Abi abi, std::string_view group) {
  const auto known = group_names();
  if (std::ranges::find(known, group) == known.end()) {
    std::vector<std::string> list;
    for (const std::string_view name : known) list.push_back("%" + std::string(name));
    return {.error = "there is no syscall group \"%" + support::escape(group) + "\"; there are " + support::join(list, ", ")};
  }
  Selection selection;
  for (const SyscallRow& row : syscalls(abi)) {
    if (in_group(group, row)) selection.numbers.push_back(row.number);
  }
  return selection;
}

Selection select_matching(Abi abi, std::string_view expression) {
  Selection selection;
  try {
    const std::regex regex(expression.begin(), expression.end());
    for (const SyscallRow& row : syscalls(abi)) {
      if (std::regex_search(row.name.begin(), row.name.end(), regex)) selection.numbers.push_back(row.number);
    }
  } catch (const std::regex_error& error) {
    selection.error = "\"/" + support::escape(expression) + "/\" is no regular expression: " + error.what();
  }
  return selection;
}

}  // namespace

std::span<const SyscallRow> syscalls(Abi abi) noexcept {
  switch (abi) {
    case Abi::amd64: return amd64_rows;
    case Abi::i386: return i386_rows;
    case Abi::aarch64: break;
  }
  return aarch64_rows;
}

const SyscallRow* find_syscall(Abi abi, std::int64_t number) noexcept {
  const auto rows = syscalls(abi);
  const auto at = std::ranges::lower_bound(rows, number, {}, [](const SyscallRow& row) { return std::int64_t{row.number}; });
  return at != rows.end() && at->number == number ? &*at : nullptr;
}

const SyscallRow* find_syscall(Abi abi, std::string_view name) noexcept {
  for (const std::string_view prefix : {"SYS_", "__NR_", "sys_"}) {
    if (name.starts_with(prefix)) {
      name.remove_prefix(prefix.size());
      break;
    }
  }
  const SyscallRow* row = find_exact(abi, name);
  return row != nullptr ? row : find_alias(abi, name);
}

std::vector<std::string> near_syscall_names(Abi abi, std::string_view name) {
  std::vector<std::string_view> candidates;
  for (const SyscallRow& row : syscalls(abi)) candidates.push_back(row.name);
  return support::near_names(name, candidates);
}

Selection select_syscalls(Abi abi, std::string_view spec) {
  if (is_all(spec)) return {.all = true};
  if (spec.starts_with('%')) return select_group(abi, spec.substr(1));
  if (spec.starts_with('/')) {
    spec.remove_prefix(1);
    if (spec.ends_with('/')) spec.remove_suffix(1);
    Selection selection = select_matching(abi, spec);
    return selection;
  }
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(spec.data(), spec.data() + spec.size(), number);
  if (error == std::errc{} && end == spec.data() + spec.size()) return {.numbers = {number}};
  if (const SyscallRow* row = find_syscall(abi, spec)) return {.numbers = {row->number}};
  return {};
}

bool names_a_set(std::string_view spec) { return is_all(spec) || spec.starts_with('%') || spec.starts_with('/'); }

}  // namespace trapline::arch
