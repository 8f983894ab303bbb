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
  return std::ranges::adjacent_find(rows, [](const auto& a, const auto& b) { return a.number >= b.number; }) ==
         rows.end();
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

/// The kernel's, libc's and older names; each serves only where the table does not have it as a call of its own, and
/// leads to a call whose first arguments mean the same.
// clang-format off
constexpr Alias aliases[] = {
    {"newuname", "uname"},      {"newstat", "stat"},         {"newfstat", "fstat"},      {"newlstat", "lstat"},
    {"mmap_pgoff", "mmap2"},    {"mmap_pgoff", "mmap"},      {"mmap2", "mmap"},          {"old_mmap", "mmap"},
    {"mmap64", "mmap2"},        {"mmap64", "mmap"},          {"madvise1", "madvise"},
    {"pread", "pread64"},       {"pwrite", "pwrite64"},      {"preadv64", "preadv"},     {"pwritev64", "pwritev"},
    {"preadv64v2", "preadv2"},  {"pwritev64v2", "pwritev2"}, {"sendfile64", "sendfile"}, {"umount", "umount2"},
    {"oldumount", "umount"},    {"open64", "open"},          {"openat64", "openat"},     {"creat64", "creat"},
    {"posix_fallocate", "fallocate"}, {"fallocate64", "fallocate"}, {"posix_fadvise", "fadvise64"},
    {"posix_fadvise64", "fadvise64_64"}, {"posix_fadvise64", "fadvise64"}, {"fadvise64_64", "fadvise64"},
    {"fadvise", "fadvise64"},   {"_newselect", "select"},    {"newselect", "_newselect"}, {"newselect", "select"},
    {"old_select", "select"},   {"_llseek", "lseek"},       {"llseek", "_llseek"},
    {"llseek", "lseek"},        {"lseek64", "_llseek"},      {"lseek64", "lseek"},       {"newfstatat", "fstatat64"},
    {"fstatat", "newfstatat"},  {"fstatat", "fstatat64"},    {"fstatat64", "newfstatat"}, {"stat64", "stat"},
    {"getdents", "getdents64"}, {"old_readdir", "readdir"},  {"prlimit", "prlimit64"},   {"getrlimit", "ugetrlimit"},
    {"ugetrlimit", "getrlimit"}, {"old_getrlimit", "getrlimit"}, {"getrlimit64", "ugetrlimit"}, {"getrlimit64", "getrlimit"},
    {"setrlimit64", "setrlimit"}, {"sigaction", "rt_sigaction"}, {"sigprocmask", "rt_sigprocmask"},
    {"sigreturn", "rt_sigreturn"}, {"sigsuspend", "rt_sigsuspend"}, {"sigpending", "rt_sigpending"},
    {"sigqueue", "rt_sigqueueinfo"}, {"sigtimedwait", "rt_sigtimedwait"}, {"sigwaitinfo", "rt_sigtimedwait"},
    {"send", "sendto"},         {"recv", "recvfrom"},        {"accept", "accept4"},      {"pselect", "pselect6"},
    {"epoll_wait", "epoll_pwait"}, {"signalfd", "signalfd4"}, {"eventfd", "eventfd2"},   {"pipe", "pipe2"},
    {"dup2", "dup3"},           {"epoll_create", "epoll_create1"}, {"inotify_init", "inotify_init1"},
    {"sync_file_range2", "sync_file_range"}, {"sysctl", "_sysctl"}, {"pivotroot", "pivot_root"}, {"renameat", "renameat2"},
    {"waitpid", "wait4"},       {"semtimedop", "semtimedop_time64"}, {"_exit", "exit_group"}, {"_Exit", "exit_group"},
};
// clang-format on

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

constexpr std::array<std::string_view, 5> widths{"_time64", "_time32", "64", "32", "16"};

/// Whether i386 has the call in a second width, such as fcntl and fcntl64.
bool has_widths(std::string_view base) noexcept {
  const auto order = names(Abi::i386);
  const auto name_of = [](std::uint16_t i) { return i386_rows[i].name; };
  for (auto at = std::ranges::lower_bound(order, base, {}, name_of);
       at != order.end() && name_of(*at).starts_with(base); ++at) {
    if (std::ranges::find(widths, name_of(*at).substr(base.size())) != widths.end()) return true;
  }
  return false;
}

/// Names such as getuid32 and futex_time64, or the kernel's for the narrow ones, getuid16 and futex_time32, where the
/// table has the call in one width only.
const SyscallRow* find_other_width(Abi abi, std::string_view name) noexcept {
  for (const std::string_view width : widths) {
    if (!name.ends_with(width)) continue;
    name.remove_suffix(width.size());
    return has_widths(name) ? find_exact(abi, name) : nullptr;
  }
  return nullptr;
}

bool is_all(std::string_view spec) { return spec == "all" || spec == "ALL" || spec == "*"; }

Selection select_group(Abi abi, std::string_view group) {
  const auto known = group_names();
  if (std::ranges::find(known, group) == known.end()) {
    std::vector<std::string> list;
    for (const std::string_view name : known) list.push_back("%" + std::string(name));
    return {.error = "there is no syscall group \"%" + support::escape(group) + "\"; there are " +
                     support::join(list, ", ")};
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
  const auto at =
      std::ranges::lower_bound(rows, number, {}, [](const SyscallRow& row) { return std::int64_t{row.number}; });
  return at != rows.end() && at->number == number ? &*at : nullptr;
}

const SyscallRow* find_syscall(Abi abi, std::string_view name) noexcept {
  for (const std::string_view prefix : {"SYS_", "__NR_", "sys_"}) {
    if (name.starts_with(prefix)) {
      name.remove_prefix(prefix.size());
      break;
    }
  }
  if (const SyscallRow* row = find_exact(abi, name)) return row;
  if (const SyscallRow* row = find_alias(abi, name)) return row;
  return find_other_width(abi, name);
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
    return select_matching(abi, spec);
  }
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(spec.data(), spec.data() + spec.size(), number);
  if (error == std::errc{} && end == spec.data() + spec.size()) return {.numbers = {number}};
  if (const SyscallRow* row = find_syscall(abi, spec)) return {.numbers = {row->number}};
  return {};
}

bool names_a_set(std::string_view spec) { return is_all(spec) || spec.starts_with('%') || spec.starts_with('/'); }

}  // namespace trapline::arch
