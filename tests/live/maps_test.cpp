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
