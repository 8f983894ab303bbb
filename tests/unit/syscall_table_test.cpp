#include "arch/syscall_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "arch/errno_names.hpp"

namespace trapline::arch {
namespace {

constexpr std::array all_abis{Abi::amd64, Abi::i386, Abi::aarch64};

/// The table's name for another name; empty when it has none.
std::string_view canonical(Abi abi, std::string_view name) {
  const SyscallRow* row = find_syscall(abi, name);
  return row != nullptr ? row->name : std::string_view();
}

std::set<std::string_view> names_of(Abi abi, std::string_view spec) {
  std::set<std::string_view> names;
  for (const std::int32_t number : select_syscalls(abi, spec).numbers) names.insert(find_syscall(abi, number)->name);
  return names;
}

TEST(SyscallTable, every_row_is_found_both_ways) {
  for (const Abi abi : all_abis) {
    EXPECT_GT(syscalls(abi).size(), 300U);
    for (const SyscallRow& row : syscalls(abi)) {
      EXPECT_EQ(find_syscall(abi, row.number), &row) << row.name;
      EXPECT_EQ(find_syscall(abi, row.name), &row) << row.name;
      EXPECT_EQ(find_syscall(abi, "SYS_" + std::string(row.name)), &row) << row.name;
      EXPECT_EQ(find_syscall(abi, "__NR_" + std::string(row.name)), &row) << row.name;
      EXPECT_EQ(find_syscall(abi, "sys_" + std::string(row.name)), &row) << row.name;
    }
  }
}

TEST(SyscallTable, what_is_none_is_not_found) {
  for (const Abi abi : all_abis) {
    for (const std::int64_t number :
         {std::int64_t{-1}, std::int64_t{1000}, std::int64_t{1} << 32, std::int64_t{1} << 40, INT64_MIN}) {
      EXPECT_EQ(find_syscall(abi, number), nullptr) << number;
    }
    for (const char* name :
         {"", "opena", "OPENAT", "read64", "getpid32", "getpid16", "SYS_", "SYS_SYS_read", "64", "_time64", "open "}) {
      EXPECT_EQ(find_syscall(abi, name), nullptr) << name;
    }
  }
}

TEST(SyscallTable, a_name_of_the_table_is_never_taken_for_another) {
  for (const char* name :
       {"mmap",         "mmap2",     "select",     "_newselect", "stat",       "stat64",    "oldstat",  "umount",
        "umount2",      "getrlimit", "ugetrlimit", "sendfile",   "sendfile64", "getuid",    "getuid32", "futex",
        "futex_time64", "_llseek",   "lseek",      "fstatat64",  "waitpid",    "sigaction", "signal"}) {
    EXPECT_EQ(canonical(Abi::i386, name), name);
  }
}

struct OtherName {
  const char* name;
  const char* amd64;
  const char* i386;
  const char* aarch64;
};

class OtherNames : public ::testing::TestWithParam<OtherName> {};

TEST_P(OtherNames, lead_to_the_call) {
  const OtherName& row = GetParam();
  EXPECT_EQ(canonical(Abi::amd64, row.name), row.amd64);
  EXPECT_EQ(canonical(Abi::i386, row.name), row.i386);
  EXPECT_EQ(canonical(Abi::aarch64, row.name), row.aarch64);
}

// glibc's wrappers, whose call has another name or another width.
INSTANTIATE_TEST_SUITE_P(
    libc, OtherNames,
    ::testing::Values(
        OtherName{"uname", "uname", "uname", "uname"}, OtherName{"stat", "stat", "stat", ""},
        OtherName{"pread", "pread64", "pread64", "pread64"}, OtherName{"pwrite", "pwrite64", "pwrite64", "pwrite64"},
        OtherName{"preadv64", "preadv", "preadv", "preadv"}, OtherName{"sendfile", "sendfile", "sendfile", "sendfile"},
        OtherName{"sendfile64", "sendfile", "sendfile64", "sendfile"},
        OtherName{"umount", "umount2", "umount", "umount2"}, OtherName{"lseek64", "lseek", "_llseek", "lseek"},
        OtherName{"mmap64", "mmap", "mmap2", "mmap"}, OtherName{"open64", "open", "open", ""},
        OtherName{"openat64", "openat", "openat", "openat"},
        OtherName{"fstatat", "newfstatat", "fstatat64", "newfstatat"},
        OtherName{"getdents", "getdents", "getdents", "getdents64"},
        OtherName{"prlimit", "prlimit64", "prlimit64", "prlimit64"},
        OtherName{"pselect", "pselect6", "pselect6", "pselect6"},
        OtherName{"signalfd", "signalfd", "signalfd", "signalfd4"},
        OtherName{"eventfd", "eventfd", "eventfd", "eventfd2"}, OtherName{"pipe", "pipe", "pipe", "pipe2"},
        OtherName{"dup2", "dup2", "dup2", "dup3"}, OtherName{"epoll_wait", "epoll_wait", "epoll_wait", "epoll_pwait"},
        OtherName{"accept", "accept", "accept4", "accept"}, OtherName{"send", "sendto", "sendto", "sendto"},
        OtherName{"recv", "recvfrom", "recvfrom", "recvfrom"}, OtherName{"waitpid", "wait4", "waitpid", "wait4"},
        OtherName{"sigaction", "rt_sigaction", "sigaction", "rt_sigaction"},
        OtherName{"sigqueue", "rt_sigqueueinfo", "rt_sigqueueinfo", "rt_sigqueueinfo"},
        OtherName{"sigtimedwait", "rt_sigtimedwait", "rt_sigtimedwait", "rt_sigtimedwait"},
        OtherName{"posix_fadvise", "fadvise64", "fadvise64", "fadvise64"},
        OtherName{"posix_fallocate", "fallocate", "fallocate", "fallocate"},
        OtherName{"_exit", "exit_group", "exit_group", "exit_group"},
        OtherName{"semtimedop", "semtimedop", "semtimedop_time64", "semtimedop"}));

// Names of the functions in the kernel (sys_newstat, ...).
INSTANTIATE_TEST_SUITE_P(
    kernel, OtherNames,
    ::testing::Values(OtherName{"newuname", "uname", "uname", "uname"}, OtherName{"newstat", "stat", "stat", ""},
                      OtherName{"newfstat", "fstat", "fstat", "fstat"}, OtherName{"newlstat", "lstat", "lstat", ""},
                      OtherName{"newfstatat", "newfstatat", "fstatat64", "newfstatat"},
                      OtherName{"mmap_pgoff", "mmap", "mmap2", "mmap"},
                      OtherName{"llseek", "lseek", "_llseek", "lseek"},
                      OtherName{"fadvise64_64", "fadvise64", "fadvise64_64", "fadvise64"},
                      OtherName{"old_mmap", "mmap", "mmap", "mmap"},
                      OtherName{"getuid16", "getuid", "getuid", "getuid"}, OtherName{"chown16", "chown", "chown", ""},
                      OtherName{"futex_time32", "futex", "futex", "futex"},
                      OtherName{"clock_gettime32", "clock_gettime", "clock_gettime", "clock_gettime"},
                      OtherName{"sys_newuname", "uname", "uname", "uname"}));

// Names that another table has.
INSTANTIATE_TEST_SUITE_P(
    other_tables, OtherNames,
    ::testing::Values(OtherName{"mmap2", "mmap", "mmap2", "mmap"}, OtherName{"_llseek", "lseek", "_llseek", "lseek"},
                      OtherName{"_newselect", "select", "_newselect", ""},
                      OtherName{"newselect", "select", "_newselect", ""},
                      OtherName{"fstatat64", "newfstatat", "fstatat64", "newfstatat"},
                      OtherName{"stat64", "stat", "stat64", ""}, OtherName{"fstat64", "fstat", "fstat64", "fstat"},
                      OtherName{"fcntl64", "fcntl", "fcntl64", "fcntl"},
                      OtherName{"statfs64", "statfs", "statfs64", "statfs"},
                      OtherName{"ftruncate64", "ftruncate", "ftruncate64", "ftruncate"},
                      OtherName{"getuid32", "getuid", "getuid32", "getuid"},
                      OtherName{"setresgid32", "setresgid", "setresgid32", "setresgid"},
                      OtherName{"futex_time64", "futex", "futex_time64", "futex"},
                      OtherName{"clock_gettime64", "clock_gettime", "clock_gettime64", "clock_gettime"},
                      OtherName{"ppoll_time64", "ppoll", "ppoll_time64", "ppoll"},
                      OtherName{"ugetrlimit", "getrlimit", "ugetrlimit", "getrlimit"},
                      OtherName{"__NR_fcntl64", "fcntl", "fcntl64", "fcntl"}));

TEST(SyscallTable, near_names) {
  const auto near = [](const char* name) { return near_syscall_names(Abi::amd64, name); };
  EXPECT_EQ(near("opnat").front(), "openat");
  EXPECT_EQ(near("raed").front(), "read");
  EXPECT_EQ(near("getpidd").front(), "getpid");
  EXPECT_LE(near("stt").size(), 3U);
  EXPECT_TRUE(near("xyzzyxyzzyxyzzy").empty());
}

TEST(SyscallTable, one_call_by_name_or_number) {
  EXPECT_EQ(select_syscalls(Abi::amd64, "read").numbers, std::vector<std::int32_t>{0});
  EXPECT_EQ(select_syscalls(Abi::i386, "read").numbers, std::vector<std::int32_t>{3});
  EXPECT_EQ(select_syscalls(Abi::amd64, "57").numbers, std::vector<std::int32_t>{57});
  EXPECT_EQ(select_syscalls(Abi::amd64, "newstat").numbers, std::vector<std::int32_t>{4});
  const Selection unknown = select_syscalls(Abi::amd64, "raed");
  EXPECT_TRUE(unknown.numbers.empty() && !unknown.all && unknown.error.empty());
}

TEST(SyscallTable, all) {
  for (const char* spec : {"all", "ALL", "*"}) {
    EXPECT_TRUE(select_syscalls(Abi::amd64, spec).all);
    EXPECT_TRUE(names_a_set(spec));
  }
  EXPECT_TRUE(names_a_set("%file") && names_a_set("/x/"));
  EXPECT_FALSE(names_a_set("read") || names_a_set("0"));
}

TEST(SyscallTable, regular_expressions) {
  EXPECT_EQ(
      names_of(Abi::amd64, "/^open/"),
      (std::set<std::string_view>{"open", "openat", "openat2", "open_by_handle_at", "open_tree", "open_tree_attr"}));
  EXPECT_EQ(names_of(Abi::amd64, "/^(read|write)$/"), (std::set<std::string_view>{"read", "write"}));
  EXPECT_EQ(names_of(Abi::aarch64, "/^epoll_p?wait/"), (std::set<std::string_view>{"epoll_pwait", "epoll_pwait2"}));
  EXPECT_EQ(names_of(Abi::amd64, "/^open"), names_of(Abi::amd64, "/^open/"));
  EXPECT_EQ(names_of(Abi::amd64, "/./").size(), syscalls(Abi::amd64).size());
}

TEST(SyscallTable, a_bad_regular_expression_is_told) {
  for (const char* bad : {"/(/", "/[a/", "/*/", "/a{2,1}/"}) {
    const Selection selection = select_syscalls(Abi::amd64, bad);
    EXPECT_TRUE(selection.numbers.empty());
    EXPECT_NE(selection.error.find("is no regular expression"), std::string::npos) << bad << ": " << selection.error;
    EXPECT_NE(selection.error.find(bad), std::string::npos) << selection.error;
  }
}

TEST(SyscallTable, an_unknown_group_is_told_with_the_known_ones) {
  const Selection selection = select_syscalls(Abi::amd64, "%fiel");
  EXPECT_NE(selection.error.find("\"%fiel\""), std::string::npos);
  for (const std::string_view group : group_names()) {
    EXPECT_NE(selection.error.find("%" + std::string(group)), std::string::npos) << group;
  }
}

TEST(SyscallTable, parameters) {
  for (const Abi abi : all_abis) {
    for (const SyscallRow& row : syscalls(abi)) {
      ASSERT_LE(row.param_count, 6U) << row.name;
      std::set<std::string_view> seen;
      for (const SyscallParam& param : row.params()) {
        EXPECT_FALSE(param.type.empty() || param.name.empty()) << row.name;
        EXPECT_EQ(param.name.find_first_of(" *,()"), std::string_view::npos) << row.name << ": " << param.name;
        EXPECT_EQ(param.type.find("__user"), std::string_view::npos) << row.name << ": " << param.type;
        EXPECT_TRUE(seen.insert(param.name).second) << row.name << " has two parameters " << param.name;
      }
    }
  }
}

TEST(SyscallTable, parameters_of_some) {
  const auto text = [](Abi abi, const char* name) {
    std::string result;
    for (const SyscallParam& param : find_syscall(abi, name)->params()) {
      result += (result.empty() ? "" : ", ") + std::string(param.type) + " " + std::string(param.name);
    }
    return result;
  };
  EXPECT_EQ(text(Abi::amd64, "getpid"), "");
  EXPECT_EQ(text(Abi::amd64, "close"), "unsigned int fd");
  EXPECT_EQ(text(Abi::amd64, "openat"), "int dfd, const char * filename, int flags, umode_t mode");
  EXPECT_EQ(text(Abi::aarch64, "openat"), text(Abi::amd64, "openat"));
  EXPECT_EQ(text(Abi::amd64, "execve"), "const char * filename, const char * const * argv, const char * const * envp");
  EXPECT_EQ(text(Abi::amd64, "mseal"), "unsigned long start, size_t len, unsigned long flags");
  // The last two are swapped between architectures.
  EXPECT_EQ(find_syscall(Abi::amd64, "clone")->params()[3].name, "child_tidptr");
  EXPECT_EQ(find_syscall(Abi::i386, "clone")->params()[3].name, "tls");
  EXPECT_EQ(find_syscall(Abi::aarch64, "clone")->params()[3].name, "tls");
  const std::map<std::string_view, std::size_t> counts{
      {"mmap", 6}, {"futex", 6}, {"sendto", 6}, {"pselect6", 6},     {"clone", 5},
      {"read", 3}, {"wait4", 4}, {"dup3", 3},   {"rt_sigreturn", 0}, {"copy_file_range", 6}};
  for (const auto& [name, count] : counts) EXPECT_EQ(find_syscall(Abi::amd64, name)->param_count, count) << name;
}

TEST(SyscallTable, kinds_of_parameters) {
  const auto kind = [](const char* name, std::size_t index) {
    return classify(*find_syscall(Abi::amd64, name), index);
  };
  EXPECT_EQ(kind("openat", 0), ParamKind::dirfd);
  EXPECT_EQ(kind("openat", 1), ParamKind::path);
  EXPECT_EQ(kind("openat", 2), ParamKind::flags);
  EXPECT_EQ(kind("openat", 3), ParamKind::mode);
  EXPECT_EQ(kind("write", 0), ParamKind::fd);
  EXPECT_EQ(kind("write", 1), ParamKind::input_buffer);
  EXPECT_EQ(kind("write", 2), ParamKind::size);
  EXPECT_EQ(kind("read", 1), ParamKind::output_buffer);
  EXPECT_EQ(kind("kill", 0), ParamKind::pid);
  EXPECT_EQ(kind("kill", 1), ParamKind::signal);
  EXPECT_EQ(kind("mmap", 4), ParamKind::fd);
  EXPECT_EQ(kind("munmap", 0), ParamKind::pointer);
  EXPECT_EQ(kind("symlink", 0), ParamKind::path);
  EXPECT_EQ(kind("exit", 0), ParamKind::integer);
}

TEST(ErrnoNames, both_ways) {
  EXPECT_EQ(errno_name(2), "ENOENT");
  EXPECT_EQ(errno_number("ENOENT"), 2);
  EXPECT_EQ(errno_number("EWOULDBLOCK"), errno_number("EAGAIN"));
  EXPECT_EQ(errno_number("ENOTSUP"), errno_number("EOPNOTSUPP"));
  EXPECT_EQ(errno_number("EDEADLOCK"), errno_number("EDEADLK"));
  for (const char* none : {"", "ENOTHING", "enoent", "2"}) EXPECT_EQ(errno_number(none), std::nullopt) << none;
  for (const int none : {-1, 0, 41, 58, 134, 512, 4096}) {
    EXPECT_EQ(errno_name(none), "") << none;
    EXPECT_EQ(errno_text(none), "") << none;
  }
}

TEST(ErrnoNames, are_those_of_libc) {
  for (int error = 1; error < 140; ++error) {
    const char* name = ::strerrorname_np(error);
    EXPECT_EQ(errno_name(error), name == nullptr ? "" : std::string(name) == "ENOTSUP" ? "EOPNOTSUPP" : name) << error;
    if (name == nullptr) continue;
    EXPECT_EQ(errno_number(name), error);
    EXPECT_EQ(errno_text(error), ::strerrordesc_np(error)) << name;
  }
}

}  // namespace
}  // namespace trapline::arch
