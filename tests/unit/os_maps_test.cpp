#include "os/maps.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <trapline/error.hpp>

#include "os/proc.hpp"

namespace trapline::os {
namespace {

constexpr std::size_t page = 4096;

void code_of_ours() {}

TEST(ParseMaps, EveryField) {
  const auto maps = parse_maps(
      "7f0010000000-7f0010021000 rw-p 00000000 00:00 0 \n"
      "55d0c0a00000-55d0c0a02000 r-xs 0001a000 fe:10 1234567                    /tmp/a file\\012with a break "
      "(deleted)\n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n");
  ASSERT_EQ(maps.size(), 3U);
  EXPECT_EQ(maps[0].start, 0x7f0010000000U);
  EXPECT_EQ(maps[0].end, 0x7f0010021000U);
  EXPECT_TRUE(maps[0].readable && maps[0].writable && !maps[0].executable && !maps[0].shared);
  EXPECT_EQ(maps[0].name, "");
  EXPECT_EQ(maps[1].offset, 0x1a000U);
  EXPECT_EQ(maps[1].device_major, 0xfeU);
  EXPECT_EQ(maps[1].device_minor, 0x10U);
  EXPECT_EQ(maps[1].inode, 1234567U);
  EXPECT_TRUE(maps[1].readable && !maps[1].writable && maps[1].executable && maps[1].shared);
  EXPECT_TRUE(maps[1].deleted);
  EXPECT_EQ(maps[1].name, "/tmp/a file\nwith a break");
  EXPECT_EQ(maps[2].start, 0xffffffffff600000U);
  EXPECT_EQ(maps[2].name, "[vsyscall]");
  EXPECT_TRUE(maps[2].contains(0xffffffffff600fffU));
  EXPECT_FALSE(maps[2].contains(0xffffffffff601000U));
}

TEST(ReadMaps, FindsOurOwnStackAndCode) {
  const auto maps = read_maps(::getpid());
  const auto holds = [&](const void* pointer) {
    return std::ranges::find_if(maps, [&](const Mapping& m) { return m.contains(reinterpret_cast<Address>(pointer)); });
  };
  int local = 0;
  ASSERT_NE(holds(&local), maps.end());
  EXPECT_TRUE(holds(&local)->writable);
  const auto code = holds(reinterpret_cast<const void*>(&code_of_ours));
  ASSERT_NE(code, maps.end());
  EXPECT_TRUE(code->executable);
  EXPECT_EQ(code->name, executable_path(::getpid()));
}

TEST(ReadMaps, AsLongAsTheyAre) {
  constexpr std::size_t count = 4000;
  // Neighbours of different protection stay apart.
  auto* area = static_cast<std::byte*>(::mmap(nullptr, count * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<void*>(area), MAP_FAILED);
  for (std::size_t i = 0; i < count; i += 2) ::mprotect(area + i * 4096, 4096, PROT_READ | PROT_WRITE);
  const auto begin = reinterpret_cast<Address>(area);
  const auto inside = std::ranges::count_if(
      read_maps(::getpid()), [&](const Mapping& m) { return m.start >= begin && m.end <= begin + count * 4096; });
  EXPECT_GE(inside, 3998);
  ::munmap(area, count * 4096);
}

/// A page of a file that is made for it, mapped while this lives.
class MappedFile {
 public:
  explicit MappedFile(const std::string& name) {
    std::string folder = std::filesystem::temp_directory_path() / "trapline-maps-XXXXXX";
    folder_ = ::mkdtemp(folder.data());
    path_ = folder_ + "/" + name;
    const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    map(file);
  }
  /// Of a memfd.
  MappedFile(const std::string& name, unsigned flags) { map(::memfd_create(name.c_str(), flags)); }
  ~MappedFile() {
    ::munmap(memory_, page);
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  /// As the list of all mappings and the request for one tell it.
  [[nodiscard]] Mapping mapping() const {
    const auto address = reinterpret_cast<Address>(memory_);
    const auto all = read_maps(::getpid());
    const auto found = std::ranges::find_if(all, [&](const Mapping& m) { return m.contains(address); });
    EXPECT_NE(found, all.end());
    EXPECT_EQ(mapping_at(::getpid(), address), *found);
    EXPECT_EQ(mapping_at(::getpid(), address, MapQuery::by_reading), *found);
    return *found;
  }

 private:
  void map(int file) {
    EXPECT_NE(file, -1);
    EXPECT_EQ(::ftruncate(file, page), 0);
    memory_ = ::mmap(nullptr, page, PROT_READ, MAP_SHARED, file, 0);
    EXPECT_NE(memory_, MAP_FAILED);
    ::close(file);
  }

  std::string folder_;
  std::string path_;
  void* memory_ = nullptr;
};

TEST(MappingNames, OfFilesWithOddNames) {
  for (const char* name : {"a b  c ", "two\nlines", "back\\slash", "looks like a break: \\012", "both \\012 and \n",
                           "called so (deleted)", "\\134 [heap]"}) {
    const MappedFile file(name);
    const Mapping mapping = file.mapping();
    EXPECT_EQ(mapping.name, file.path());
    EXPECT_FALSE(mapping.deleted) << name;
  }
}

TEST(MappingNames, OfDeletedFiles) {
  for (const char* name : {"plain", "two\nlines", "looks like a break: \\012", "called so (deleted)"}) {
    const MappedFile file(name);
    ::unlink(file.path().c_str());
    const Mapping mapping = file.mapping();
    EXPECT_EQ(mapping.name, file.path());
    EXPECT_TRUE(mapping.deleted) << name;
  }
}

TEST(MappingNames, OfMemoryFiles) {
  const MappedFile file("name of it", MFD_CLOEXEC);
  EXPECT_EQ(file.mapping().name, "/memfd:name of it");
  EXPECT_TRUE(file.mapping().deleted);
  EXPECT_TRUE(file.mapping().shared);
}

TEST(MappingAt, AgreesWithTheText) {
  const auto maps = read_maps(::getpid());
  for (const Mapping& mapping : maps) {
    // The others grow with what this test itself allocates.
    if (mapping.inode == 0 && mapping.name != "[vdso]") continue;
    EXPECT_EQ(mapping_at(::getpid(), mapping.start), mapping);
    EXPECT_EQ(mapping_at(::getpid(), mapping.end - 1), mapping);
    EXPECT_EQ(mapping_at(::getpid(), mapping.end - 1, MapQuery::by_reading), mapping);
  }
  for (const Address nowhere : {Address{0}, Address{8}, ~Address{0}, Address{0x8000'0000'0000'0000}}) {
    EXPECT_EQ(mapping_at(::getpid(), nowhere), std::nullopt);
    EXPECT_EQ(mapping_at(::getpid(), nowhere, MapQuery::by_reading), std::nullopt);
  }
}

TEST(MappingAt, OfNobodyThrows) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  EXPECT_THROW(static_cast<void>(read_maps(pid)), ProcessGone) << "a zombie";
  EXPECT_THROW(static_cast<void>(mapping_at(pid, 4096)), ProcessGone);
  ::waitpid(pid, nullptr, 0);
  EXPECT_THROW(static_cast<void>(read_maps(pid)), ProcessGone);
  EXPECT_THROW(static_cast<void>(mapping_at(pid, 4096)), ProcessGone);
}

TEST(MakeDisjoint, CutsWhatWasReadTwice) {
  // The second was merged with the first after that had been read.
  std::vector<Mapping> maps = {{.start = 0x1000, .end = 0x2000, .offset = 0x5000, .inode = 7, .name = "f"},
                               {.start = 0x1000, .end = 0x4000, .offset = 0x5000, .inode = 7, .name = "f"},
                               {.start = 0x3000, .end = 0x4000, .name = {}},
                               {.start = 0x8000, .end = 0x9000, .name = {}}};
  make_disjoint(maps);
  ASSERT_EQ(maps.size(), 3U);
  EXPECT_EQ(maps[1].start, 0x2000U);
  EXPECT_EQ(maps[1].offset, 0x6000U);
  EXPECT_EQ(maps[2].start, 0x8000U);
}

TEST(ReadMaps, WhileTheyChangeAreNeverOutOfOrder) {
  std::atomic<bool> done{false};
  constexpr std::size_t pages = 600;
  auto* const area =
      static_cast<std::byte*>(::mmap(nullptr, pages * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<void*>(area), MAP_FAILED);
  // Splits and merges.
  std::thread changer([&] {
    while (!done) {
      for (std::size_t i = 0; i < pages; i += 2) ::mprotect(area + i * page, page, PROT_READ | PROT_WRITE);
      ::mprotect(area, pages * page, PROT_READ);
    }
  });
  const auto begin = reinterpret_cast<Address>(area);
  for (int i = 0; i < 200; ++i) {
    Address end = 0;
    Address covered = 0;
    for (const Mapping& mapping : read_maps(::getpid())) {
      ASSERT_LE(end, mapping.start);
      ASSERT_LT(mapping.start, mapping.end);
      end = mapping.end;
      const Address from = std::max(mapping.start, begin);
      const Address to = std::min(mapping.end, begin + pages * page);
      if (from < to) covered += to - from;
    }
    EXPECT_EQ(covered, pages * page);
  }
  done = true;
  changer.join();
  ::munmap(area, pages * page);
}

}  // namespace
}  // namespace trapline::os
