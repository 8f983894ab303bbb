#include "support.hpp"

#include <sstream>

namespace trapline::live {
namespace {

class MapsOf : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped()) return;
    d_.run(no_stdio());
    to_announcement_exit(d_);
  }
  Debugger d_{program("places")};
};

TEST_F(MapsOf, are_those_of_proc) {
  std::istringstream lines(read_file("/proc/" + std::to_string(d_.pid()) + "/maps"));
  const MemoryMaps maps = d_.maps();
  std::size_t index = 0;
  for (std::string line; std::getline(lines, line); ++index) {
    ASSERT_LT(index, maps.size());
    const MemoryMap& map = maps[index];
    std::ostringstream expected;
    expected << std::hex << map.start << "-" << map.end << " " << map.permissions();
    // The kernel pads addresses to at least eight digits.
    EXPECT_NE(line.find(expected.str()), std::string::npos) << line << " against " << expected.str();
    EXPECT_TRUE(line.ends_with(map.path)) << line;
    EXPECT_EQ(map.size(), map.end - map.start);
  }
  EXPECT_EQ(index, maps.size());
}

TEST_F(MapsOf, filter_by_what_users_call_them) {
  const MemoryMaps maps = d_.maps();
  for (const MemoryMap& map : maps.filter("binary")) EXPECT_EQ(map.path, tracee("places"));
  EXPECT_GE(maps.filter("binary").size(), 3U);
  EXPECT_EQ(maps.filter("places").size(), maps.filter("binary").size());
  EXPECT_EQ(maps.filter(tracee("places")).size(), maps.filter("binary").size());
  for (const MemoryMap& map : maps.filter("libc")) EXPECT_NE(map.path.find("libc"), std::string::npos);
  EXPECT_FALSE(maps.filter("libc").empty());
  ASSERT_EQ(maps.filter("stack").size(), 1U);
  EXPECT_TRUE(maps.filter("stack").front().contains(d_.regs().rsp()));
  ASSERT_EQ(maps.filter("heap").size(), 1U);
  EXPECT_TRUE(maps.filter("heap").front().contains(d_.memory().read_value<Address>(d_.symbols().resolve("heap"))));
  EXPECT_EQ(maps.filter("vdso").size(), 1U);
  EXPECT_TRUE(maps.filter("no such name").empty());
}

TEST_F(MapsOf, by_address) {
  const MemoryMaps maps = d_.maps();
  const Address pc = d_.main_thread().pc();
  ASSERT_NE(maps.at(pc), nullptr);
  EXPECT_TRUE(maps.at(pc)->executable);
  EXPECT_TRUE(maps.at(pc)->contains(pc));
  EXPECT_FALSE(maps.at(pc)->contains(maps.at(pc)->end));
  EXPECT_EQ(maps.filter(pc).size(), 1U);
  EXPECT_EQ(maps.at(8), nullptr);
  EXPECT_TRUE(maps.filter(Address{8}).empty());
}

TEST_F(MapsOf, are_read_anew_each_time) {
  const MemoryMaps before = d_.maps();
  const std::int64_t page = d_.invoke_syscall("mmap", 0, 8192, 1, 0x22, -1, 0);
  ASSERT_GT(page, 0);
  EXPECT_EQ(before.at(static_cast<Address>(page)), nullptr);
  const MemoryMaps after = d_.maps();
  ASSERT_NE(after.at(static_cast<Address>(page)), nullptr);
  EXPECT_EQ(after.at(static_cast<Address>(page))->permissions(), "r--p");
}

TEST_F(MapsOf, names_with_spaces_and_deleted_files) {
  const ScratchDir dir;
  const std::string path = dir.file("a name with spaces", std::string(4096, 'x'));
  const std::int64_t fd = d_.invoke_syscall("openat", -100, path, 0);
  ASSERT_GE(fd, 0);
  const std::int64_t page = d_.invoke_syscall("mmap", 0, 4096, 1, 2, fd, 0);
  ASSERT_GT(page, 0);
  EXPECT_EQ(d_.maps().at(static_cast<Address>(page))->path, path);
  EXPECT_EQ(d_.maps().filter("a name with spaces").size(), 1U);
}

TEST_F(MapsOf, of_files_that_are_deleted) {
  const ScratchDir dir;
  const std::string path = dir.file("gone soon", std::string(4096, 'x'));
  const std::int64_t fd = d_.invoke_syscall("openat", -100, path, 0);
  ASSERT_GE(fd, 0);
  const std::int64_t page = d_.invoke_syscall("mmap", 0, 4096, 1, 2, fd, 0);
  ASSERT_GT(page, 0);
  EXPECT_FALSE(d_.maps().at(static_cast<Address>(page))->deleted);
  ASSERT_EQ(d_.invoke_syscall("unlink", path), 0);
  EXPECT_EQ(d_.maps().at(static_cast<Address>(page))->path, path);
  EXPECT_TRUE(d_.maps().at(static_cast<Address>(page))->deleted);
  EXPECT_EQ(d_.map_at(static_cast<Address>(page)), *d_.maps().at(static_cast<Address>(page)));
}

TEST_F(MapsOf, names_with_breaks_and_backslashes) {
  const ScratchDir dir;
  for (const char* name : {"two\nlines", "back\\slash", "looks like a break: \\012", "called so (deleted)"}) {
    const std::string path = dir.file(name, std::string(4096, 'x'));
    const std::int64_t fd = d_.invoke_syscall("openat", -100, path, 0);
    ASSERT_GE(fd, 0);
    const std::int64_t page = d_.invoke_syscall("mmap", 0, 4096, 1, 2, fd, 0);
    ASSERT_GT(page, 0);
    // The request for one mapping first, and then the list.
    EXPECT_EQ(d_.map_at(static_cast<Address>(page))->path, path);
    EXPECT_EQ(d_.maps().at(static_cast<Address>(page))->path, path);
    EXPECT_EQ(d_.maps().filter(name).size(), 1U);
  }
}

TEST_F(MapsOf, are_read_once_for_each_rest) {
  const MemoryMap* const first = &d_.maps().front();
  EXPECT_EQ(&d_.maps().front(), first);
  d_.step();
  const MemoryMaps stepped = d_.maps();
  EXPECT_NE(&stepped.front(), first);
  ASSERT_GT(d_.invoke_syscall("getpid"), 0);
  const MemoryMaps invoked = d_.maps();
  EXPECT_NE(&invoked.front(), &stepped.front());
  EXPECT_EQ(&d_.maps().front(), &invoked.front());
}

TEST_F(MapsOf, are_never_stale_in_callbacks_and_while_it_runs) {
  Debugger d(program("remap"));
  d.run(no_stdio());
  std::size_t calls = 0;
  d.handle_syscall("mmap", {.on_exit = [&](Thread& t, SyscallHandler&) {
                     const auto page = static_cast<Address>(t.syscall_return());
                     ++calls;
                     const MemoryMaps maps = t.process().maps();
                     EXPECT_NE(maps.at(page), nullptr);
                     EXPECT_EQ(t.process().map_at(page)->start, maps.at(page)->start);
                   }});
  d.handle_syscall("munmap", {.on_exit = [&](Thread& t, SyscallHandler&) {
                     EXPECT_EQ(t.process().maps().at(t.syscall_arg(0)), nullptr);
                     EXPECT_FALSE(t.process().map_at(t.syscall_arg(0)));
                   }});
  to_announcement(d);
  EXPECT_GT(calls, 10U);
}

TEST_F(MapsOf, are_never_stale_while_a_child_shares_the_memory) {
  for (const char* kind : {"vfork", "clone_vm"}) {
    Debugger d(program("family", {kind}));
    d.run(no_stdio());
    const Catchpoint forks = d.stop_on_fork();
    ASSERT_EQ(next_stop(d).kind, StopKind::fork);
    const Process child = d.children().front();
    EXPECT_FALSE(d.maps().empty());
    const auto page = static_cast<Address>(child.invoke_syscall("mmap", 0, 4096, 1, 0x22, -1, 0));
    EXPECT_NE(d.maps().at(page), nullptr) << kind;
    EXPECT_NE(child.maps().at(page), nullptr) << kind;
    ASSERT_EQ(child.invoke_syscall("munmap", page, 4096), 0);
    EXPECT_EQ(d.maps().at(page), nullptr) << kind;
  }
}

TEST_F(MapsOf, of_a_process_whose_leader_has_exited) {
  Debugger d(program("leader_exits"));
  d.run(no_stdio());
  to_announcement(d);
  const Address check = d.threads().back().pc();
  EXPECT_TRUE(d.maps().at(check)->executable);
  EXPECT_TRUE(d.map_at(check)->executable);
  EXPECT_FALSE(d.map_at(8));
}

TEST_F(MapsOf, the_stack_of_each_thread) {
  EXPECT_EQ(d_.main_thread().stack()->path, "[stack]");
  Debugger d(program("remap"));
  d.run(no_stdio());
  to_announcement(d);
  ASSERT_EQ(d.threads().size(), 2U);
  const Thread other = d.threads().back();
  ASSERT_TRUE(other.stack());
  EXPECT_TRUE(other.stack()->contains(other.regs().rsp()));
  EXPECT_TRUE(other.stack()->permits("rw"));
  EXPECT_NE(other.stack()->path, "[stack]");
  EXPECT_EQ(d.maps().filter("anon").filter(other.regs().rsp()).size(), 1U);
  other.regs().set_rsp(8);
  EXPECT_FALSE(other.stack());
}

TEST_F(MapsOf, the_loader_and_what_has_permissions) {
  EXPECT_FALSE(d_.maps().filter("loader").empty());
  EXPECT_EQ(d_.maps().filter("ld").size(), d_.maps().filter("loader").size());
  for (const MemoryMap& map : d_.maps().with_permissions("r-x")) EXPECT_EQ(map.permissions().substr(0, 3), "r-x");
  EXPECT_EQ(d_.maps().filter("binary").with_permissions("x").size(), 1U);
}

TEST_F(MapsOf, symbols_are_found_by_name_module_and_address) {
  const Symbols symbols = d_.symbols();
  const Address check = symbols.resolve("check");
  EXPECT_TRUE(d_.maps().at(check)->executable);
  EXPECT_EQ(symbols.resolve("check+4"), check + 4);
  EXPECT_EQ(symbols.resolve(check), check);
  EXPECT_EQ(symbols.at(check + 1)->name, "check");
  EXPECT_EQ(symbols.resolve(Location("check").in("binary")), check);
  EXPECT_NE(symbols.resolve(Location("malloc").in("libc")), 0U);
  const std::string message = message_of<SymbolError>([&] { static_cast<void>(symbols.resolve("chekc")); });
  EXPECT_NE(message.find("check"), std::string::npos) << message;
}

}  // namespace
}  // namespace trapline::live
