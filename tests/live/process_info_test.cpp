// What /proc tells of a process, as data.
#include "support.hpp"

#include <elf.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace trapline::live {
namespace {

class ProcessInfoLive : public Live {
 protected:
  /// A folder for the test's files, without symbolic links in its path.
  struct Folder {
    Folder() {
      std::string name = std::filesystem::canonical(std::filesystem::temp_directory_path()) / "trapline-XXXXXX";
      if (::mkdtemp(name.data()) != nullptr) path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string path;
  };

  /// With all of its descriptors open, at rest.
  Debugger& descriptors(const std::string& mode = "stay") {
    debugger_.emplace(program("descriptors", {folder_.path, mode}));
    debugger_->run(no_stdio());
    to_announcement(*debugger_);
    return *debugger_;
  }

  [[nodiscard]] FileDescriptor at(int number) const {
    const auto found = debugger_->info().file_descriptor(number);
    EXPECT_TRUE(found.has_value()) << number;
    return found.value_or(FileDescriptor{});
  }

  Folder folder_;
  std::optional<Debugger> debugger_;
};

TEST_F(ProcessInfoLive, descriptors_of_every_kind) {
  const Debugger& d = descriptors();
  const auto all = d.info().file_descriptors();
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &FileDescriptor::number));
  using Kind = DescriptorKind;
  const std::vector<std::pair<int, Kind>> kinds = {{20, Kind::pipe},
                                                   {21, Kind::pipe},
                                                   {22, Kind::file},
                                                   {23, Kind::file},
                                                   {24, Kind::memfd},
                                                   {25, Kind::eventfd},
                                                   {26, Kind::timerfd},
                                                   {27, Kind::inotify},
                                                   {28, Kind::signalfd},
                                                   {29, Kind::epoll},
                                                   {30, Kind::character_device},
                                                   {31, Kind::directory},
                                                   {32, Kind::name_space},
                                                   {33, Kind::socket},
                                                   {39, Kind::socket}};
  for (const auto& [number, kind] : kinds) {
    EXPECT_EQ(to_string(at(number).kind), to_string(kind)) << number;
    const auto is_it = [wanted = number](const auto& entry) { return entry.number == wanted; };
    EXPECT_TRUE(std::ranges::any_of(all, is_it)) << number;
    EXPECT_TRUE(at(number).close_on_exec()) << number;
  }
  EXPECT_EQ(at(20).inode, at(21).inode);
  EXPECT_TRUE(at(20).readable() && !at(20).writable());
  EXPECT_TRUE(at(21).writable() && !at(21).readable());
  EXPECT_EQ(at(24).path, "/memfd:a memory file");
  EXPECT_FALSE(at(24).deleted);
  EXPECT_EQ(at(31).path, folder_.path);
  EXPECT_EQ(d.info().file_descriptor(1000), std::nullopt);
  const auto value = [](const FileDescriptor& fd, std::string_view key) {
    for (const auto& [name, text] : fd.details) {
      if (name == key) return text;
    }
    return std::string();
  };
  EXPECT_EQ(std::stoi(value(at(25), "eventfd-count")), 7);
  EXPECT_EQ(std::stoi(value(at(29), "tfd")), 25);
}

TEST_F(ProcessInfoLive, files_that_are_gone_and_those_that_are_merely_called_so) {
  descriptors();
  const FileDescriptor kept = at(22);
  EXPECT_EQ(kept.path, folder_.path + "/kept (deleted)");
  EXPECT_FALSE(kept.deleted);
  EXPECT_EQ(kept.offset, 12U);
  EXPECT_EQ(kept.flags & (O_ACCMODE | O_APPEND), O_RDWR | O_APPEND);
  struct stat status {};
  ASSERT_EQ(::stat(kept.path.c_str(), &status), 0);
  EXPECT_EQ(kept.inode, status.st_ino);
  EXPECT_EQ(kept.device, status.st_dev);
  const FileDescriptor gone_file = at(23);
  EXPECT_EQ(gone_file.path, folder_.path + "/gone with\na break");
  EXPECT_TRUE(gone_file.deleted);
}

TEST_F(ProcessInfoLive, sockets_with_both_ends) {
  const Debugger& d = descriptors();
  const SocketInfo listener = at(33).socket.value();
  EXPECT_EQ(listener.protocol, "tcp");
  EXPECT_EQ(listener.state, "LISTEN");
  EXPECT_TRUE(listener.local.starts_with("127.0.0.1:")) << listener.local;
  EXPECT_EQ(listener.peer, "");
  const SocketInfo client = at(34).socket.value();
  const SocketInfo server = at(35).socket.value();
  EXPECT_EQ(client.state, "ESTABLISHED");
  EXPECT_EQ(client.peer, listener.local);
  EXPECT_EQ(server.peer, client.local);
  EXPECT_EQ(server.local, client.peer);
  EXPECT_EQ(at(36).socket->protocol, "udp");
  const SocketInfo pair = at(37).socket.value();
  EXPECT_EQ(pair.protocol, "unix");
  EXPECT_EQ(pair.type, SOCK_SEQPACKET);
  EXPECT_EQ(pair.state, "CONNECTED");
  EXPECT_EQ(at(39).socket->local, "@trapline test " + std::to_string(d.pid()));
  EXPECT_EQ(at(39).socket->state, "LISTEN");
  if (const auto six = d.info().file_descriptor(40)) {
    EXPECT_EQ(six->socket->protocol, "tcp6");
    EXPECT_TRUE(six->socket->local.starts_with("[::1]:")) << six->socket->local;
  }
}

/// On this thread alone, as a container does to its processes.
bool forbid_copies_of_descriptors() {
  sock_filter lines[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                         BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_getfd, 0, 1),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                         BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog code{std::size(lines), lines};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &code) == 0;
}

TEST_F(ProcessInfoLive, sockets_where_their_descriptors_cannot_be_copied) {
  const Debugger& d = descriptors();
  const auto exactly = d.info().file_descriptors();
  std::vector<FileDescriptor> from_tables;
  std::jthread([&] {
    ASSERT_TRUE(forbid_copies_of_descriptors());
    from_tables = d.info().file_descriptors();
  }).join();
  ASSERT_EQ(from_tables.size(), exactly.size());
  for (std::size_t i = 0; i < exactly.size(); ++i) {
    ASSERT_EQ(from_tables[i].socket.has_value(), exactly[i].socket.has_value());
    if (!exactly[i].socket) continue;
    const SocketInfo& a = exactly[i].socket.value();
    const SocketInfo& b = from_tables[i].socket.value();
    EXPECT_EQ(a.protocol, b.protocol) << exactly[i].number;
    EXPECT_EQ(a.family, b.family) << exactly[i].number;
    EXPECT_EQ(a.type, b.type) << exactly[i].number;
    EXPECT_EQ(a.local, b.local) << exactly[i].number;
    EXPECT_EQ(a.peer, b.peer) << exactly[i].number;
    EXPECT_EQ(a.state, b.state) << exactly[i].number;
  }
}

TEST_F(ProcessInfoLive, after_the_leader_has_exited) {
  const Debugger& d = descriptors("leave");
  d.cont();
  ASSERT_TRUE(eventually([&] { return state_of(d.pid()) == 'Z'; }));
  EXPECT_EQ(at(25).kind, DescriptorKind::eventfd);
  EXPECT_EQ(d.info().executable().path, std::filesystem::canonical(tracee("descriptors")));
  EXPECT_EQ(d.info().command_line().size(), 3U);
  EXPECT_FALSE(d.info().auxv().entries.empty());
  EXPECT_EQ(d.binary().path(), d.info().executable().path);
  const auto threads = d.info().threads();
  ASSERT_EQ(threads.size(), 2U);
  EXPECT_EQ(threads[0].state, RunState::zombie);
}

TEST_F(ProcessInfoLive, after_the_leader_has_exited_for_somebody_without_privileges) {
  if (::geteuid() != 0) GTEST_SKIP() << "nobody but root can be somebody else; after_the_leader_has_exited does it";
  constexpr uid_t nobody = 65534;
  ASSERT_EQ(::chown(folder_.path.c_str(), nobody, nobody), 0);
  const std::string copy = folder_.path + "/program";
  std::filesystem::copy_file(tracee("descriptors"), copy);
  const auto look = [&] {
    if (::setresgid(nobody, nobody, nobody) != 0 || ::setresuid(nobody, nobody, nobody) != 0) ::_exit(2);
    // What has changed its user may not be looked at by its equals, and its children are as it is until they execute.
    ::prctl(PR_SET_DUMPABLE, 1);
    Debugger d(command({copy, folder_.path, "leave"}));
    d.run(no_stdio());
    to_announcement(d);
    d.cont();
    EXPECT_TRUE(eventually([&] { return state_of(d.pid()) == 'Z'; }));
    EXPECT_TRUE(d.info().file_descriptor(25));
    d.kill();
    ::_exit(HasFailure() ? 1 : 0);
  };
  EXPECT_EXIT(look(), ::testing::ExitedWithCode(0), "");
}

TEST_F(ProcessInfoLive, threads_with_their_names_and_states) {
  const Debugger& d = descriptors();
  d.cont();
  const auto blocked = [&] {
    const auto threads = d.info().threads();
    return threads.size() == 2 && threads[1].state == RunState::sleeping && threads[0].state == RunState::sleeping;
  };
  ASSERT_TRUE(eventually(blocked));
  const auto threads = d.info().threads();
  EXPECT_EQ(threads[0].tid, d.pid());
  EXPECT_EQ(threads[0].name, "descriptors");
  EXPECT_EQ(threads[1].name, ") R (odd\nname");
  ASSERT_TRUE(threads[1].syscall.has_value());
  EXPECT_EQ(threads[1].syscall->name, "read");
  EXPECT_EQ(threads[1].syscall->arguments[0], 20U);
  EXPECT_NE(d.maps().at(threads[1].syscall->pc), nullptr);
  EXPECT_TRUE(threads[0].syscall->name.starts_with("futex")) << threads[0].syscall->name;
  EXPECT_EQ(d.threads().back().name(), ") R (odd\nname");
  d.interrupt();
  d.wait();
  EXPECT_EQ(d.threads().back().info().state, RunState::traced);
  EXPECT_EQ(d.main_thread().info().name, "descriptors");
}

TEST_F(ProcessInfoLive, arguments_and_environment_of_any_bytes) {
  DebuggerOptions options = program("points", {"", "two words", "line\nbreak", "\xff\x01"});
  options.env = Environment{{"A", "1"}, {"B", "x=y\n\xfe"}, {"EMPTY", ""}};
  options.cwd = "/proc";
  Debugger d(options);
  d.run(no_stdio());
  const ProcessInfo info = d.info();
  EXPECT_EQ(info.command_line(),
            (std::vector<std::string>{tracee("points"), "", "two words", "line\nbreak", "\xff\x01"}));
  EXPECT_EQ(info.environment(), (std::vector<std::string>{"A=1", "B=x=y\n\xfe", "EMPTY="}));
  EXPECT_EQ(info.environment("B"), "x=y\n\xfe");
  EXPECT_EQ(info.environment("EMPTY"), "");
  EXPECT_EQ(info.environment("EMPT"), std::nullopt);
  EXPECT_EQ(info.working_directory().path, "/proc");
  EXPECT_EQ(info.root().path, "/");
  EXPECT_FALSE(info.executable().deleted);
}

TEST_F(ProcessInfoLive, the_auxiliary_vector) {
  Debugger d(program("points"));
  d.run(no_stdio());
  const AuxiliaryVector auxv = d.info().auxv();
  EXPECT_EQ(auxv.find(AT_ENTRY), d.main_thread().pc());
  EXPECT_EQ(auxv.find(AT_PAGESZ), ::getauxval(AT_PAGESZ));
  EXPECT_EQ(auxv.find(AT_UID), ::getuid());
  EXPECT_EQ(auxv.find(0x12345), std::nullopt);
  const auto named = std::ranges::find(auxv, "AT_EXECFN", &AuxiliaryEntry::name);
  ASSERT_NE(named, auxv.end());
  EXPECT_EQ(named->kind, AuxiliaryKind::string);
  EXPECT_EQ(named->text, tracee("points"));
  EXPECT_EQ(auxv.find(AT_ENTRY), d.binary().entry() + d.binary().base().value());
}

TEST_F(ProcessInfoLive, limits_credentials_namespaces_and_ids) {
  DebuggerOptions options = program("points");
  options.limits = {{.resource = RLIMIT_NOFILE, .soft = 33, .hard = 44},
                    {.resource = RLIMIT_CORE, .soft = 0, .hard = 0}};
  Debugger d(options);
  d.run(no_stdio());
  const ProcessInfo info = d.info();
  const auto limits = info.limits();
  const auto files = std::ranges::find(limits, RLIMIT_NOFILE, &LimitInForce::resource);
  ASSERT_NE(files, limits.end());
  EXPECT_EQ(files->name, "Max open files");
  EXPECT_EQ(files->soft, 33U);
  EXPECT_EQ(files->hard, 44U);
  EXPECT_EQ(files->unit, "files");
  EXPECT_TRUE(std::ranges::none_of(limits, [](const auto& limit) { return limit.resource == -1; }));
  for (const LimitInForce& limit : limits) {
    if (limit.resource == RLIMIT_NOFILE || limit.resource == RLIMIT_CORE) continue;
    rlimit own{};
    ::getrlimit(static_cast<__rlimit_resource>(limit.resource), &own);
    EXPECT_EQ(limit.soft.value_or(RLIM_INFINITY), own.rlim_cur) << limit.name;
  }
  const Credentials credentials = info.credentials();
  EXPECT_EQ(credentials.uid.real, ::getuid());
  EXPECT_EQ(credentials.gid.effective, ::getegid());
  std::vector<gid_t> groups(64);
  groups.resize(static_cast<std::size_t>(::getgroups(64, groups.data())));
  std::ranges::sort(groups);
  EXPECT_EQ(credentials.groups, groups);
  EXPECT_EQ(capability_name(19), "CAP_SYS_PTRACE");
  EXPECT_EQ(capability_name(63), "");
  const auto namespaces = info.namespaces();
  const auto net = std::ranges::find(namespaces, "net", &NamespaceId::name);
  ASSERT_NE(net, namespaces.end());
  struct stat own {};
  ::stat("/proc/self/ns/net", &own);
  EXPECT_EQ(net->inode, own.st_ino);
  EXPECT_EQ(info.ids().parent, ::getpid());
  EXPECT_NE(info.ids().tracer, 0);
}

TEST_F(ProcessInfoLive, of_another_network_namespace) {
  const HostChild probe({"/usr/bin/unshare", "--user", "--map-root-user", "--net", "/bin/true"});
  if (const_cast<HostChild&>(probe).exit_status() != 0) GTEST_SKIP() << "no namespaces here";
  DebuggerOptions options =
      command({"/usr/bin/unshare", "--user", "--map-root-user", "--net", tracee("descriptors"), folder_.path});
  Debugger d(options);
  d.run(no_stdio());
  to_announcement(d);
  // Its loopback is down, but a name in the abstract is its own.
  const auto socket = d.info().file_descriptor(39);
  ASSERT_TRUE(socket.has_value());
  EXPECT_EQ(socket->socket->local, "@trapline test " + std::to_string(d.pid()));
}

TEST_F(ProcessInfoLive, what_is_gone_or_never_was_throws) {
  Debugger d(program("exit_with", {"0"}));
  EXPECT_THROW(static_cast<void>(d.info().command_line()), UsageError);
  d.run(no_stdio());
  const ProcessInfo info = d.info();
  const Thread thread = d.main_thread();
  EXPECT_EQ(thread.name(), "exit_with");
  run_out(d);
  EXPECT_THROW(static_cast<void>(info.file_descriptors()), ProcessGone);
  EXPECT_THROW(static_cast<void>(info.auxv()), ProcessGone);
  EXPECT_THROW(static_cast<void>(info.threads()), ProcessGone);
  EXPECT_THROW(static_cast<void>(d.binary()), ProcessGone);
  EXPECT_THROW(static_cast<void>(d.libraries()), ProcessGone);
  EXPECT_THROW(static_cast<void>(thread.name()), ProcessGone);
  EXPECT_THROW(static_cast<void>(thread.info()), ProcessGone);
}

TEST_F(ProcessInfoLive, is_whole_or_gone_while_it_dies) {
  for (int round = 0; round < 20; ++round) {
    Debugger d(program("descriptors", {folder_.path}));
    d.run(no_stdio());
    to_announcement(d);
    const std::size_t open = d.info().file_descriptors().size();
    d.cont();
    std::jthread killer([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(100 * round));
      ::kill(d.pid(), SIGKILL);
    });
    try {
      for (;;) {
        ASSERT_EQ(d.info().command_line().size(), 2U);
        ASSERT_FALSE(d.info().environment().empty());
        ASSERT_EQ(d.info().file_descriptors().size(), open);
        ASSERT_FALSE(d.info().auxv().entries.empty());
        ASSERT_FALSE(d.info().limits().empty());
      }
    } catch (const ProcessGone&) {
      // As it should.
    }
  }
}

TEST_F(ProcessInfoLive, of_children_and_after_an_exec) {
  Debugger d(command({"/bin/sh", "-c", R"(exec "$0")", tracee("sleeper")}));
  d.stop_on_exec();
  d.run(no_stdio());
  ASSERT_EQ(next_stop(d).kind, StopKind::exec);
  EXPECT_EQ(d.info().command_line(), std::vector<std::string>{tracee("sleeper")});
  EXPECT_EQ(d.main_thread().name(), "sleeper");
  EXPECT_EQ(d.binary().path(), std::filesystem::canonical(tracee("sleeper")));
}

TEST_F(ProcessInfoLive, a_binary_that_was_removed) {
  const std::string copy = folder_.path + "/a copy";
  std::filesystem::copy_file(tracee("points"), copy);
  Debugger d(command({copy}));
  d.run(no_stdio());
  const std::string id = d.binary().build_id();
  std::filesystem::remove(copy);
  EXPECT_TRUE(d.info().executable().deleted);
  EXPECT_EQ(d.info().executable().path, copy);
  EXPECT_EQ(d.binary().path(), copy);
  EXPECT_EQ(d.binary().build_id(), id);
}

}  // namespace
}  // namespace trapline::live
