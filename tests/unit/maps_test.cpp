#include <trapline/maps.hpp>

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <ostream>

#include <trapline/error.hpp>

namespace trapline {
namespace {

constexpr Address page = 4096;

/// Lines of a /proc/PID/maps in which every rule has something that it must not take.
MemoryMaps maps_of_a_process() {
  const std::vector<std::string> paths = {
      "/home/me/vault",
      "/home/me/vault",
      "[heap]",
      "/home/me/heap of libs/plugin.so",
      "/usr/lib/libcrypto.so.3",
      "/usr/lib/libc-client.so.2007e",
      "/usr/lib/libX11-xcb.so.1",
      "/usr/lib/libX11.so.6.4.0",
      "/usr/lib/libpthread-2.31.so",
      "/usr/lib/libc.so.6",
      "/usr/lib/libc.so.6",
      "",
      "[vvar]",
      "[vvar_vclock]",
      "[vdso]",
      "/usr/lib/ld-linux-x86-64.so.2",
      "[stack]",
  };
  std::vector<MemoryMap> maps;
  // A hole of a page behind each.
  for (std::size_t i = 0; i < paths.size(); ++i) {
    maps.push_back({.start = (2 * i + 1) * page, .end = (2 * i + 2) * page, .readable = true, .path = paths[i]});
  }
  return {std::move(maps), "/home/me/vault"};
}

struct NameCase {
  std::string name;
  std::vector<std::string> expected;
};
std::ostream& operator<<(std::ostream& out, const NameCase& c) { return out << '"' << c.name << '"'; }

class MapNames : public testing::TestWithParam<NameCase> {};

TEST_P(MapNames, MeanWhatUsersMean) {
  std::vector<std::string> found;
  for (const MemoryMap& map : maps_of_a_process().filter(GetParam().name)) found.push_back(map.path);
  EXPECT_EQ(found, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(All, MapNames,
                         testing::Values(NameCase{"binary", {"/home/me/vault", "/home/me/vault"}},
                                         NameCase{"vault", {"/home/me/vault", "/home/me/vault"}},
                                         NameCase{"/home/me/vault", {"/home/me/vault", "/home/me/vault"}},
                                         NameCase{"libc", {"/usr/lib/libc.so.6", "/usr/lib/libc.so.6"}},
                                         NameCase{"libc.so.6", {"/usr/lib/libc.so.6", "/usr/lib/libc.so.6"}},
                                         NameCase{"libcrypto", {"/usr/lib/libcrypto.so.3"}},
                                         NameCase{"libX11", {"/usr/lib/libX11.so.6.4.0"}},
                                         NameCase{"libpthread", {"/usr/lib/libpthread-2.31.so"}},
                                         NameCase{"libcr", {"/usr/lib/libcrypto.so.3"}}, NameCase{"stack", {"[stack]"}},
                                         NameCase{"[stack]", {"[stack]"}}, NameCase{"heap", {"[heap]"}},
                                         NameCase{"vdso", {"[vdso]"}}, NameCase{"vvar", {"[vvar]"}},
                                         NameCase{"anon", {""}}, NameCase{"ld", {"/usr/lib/ld-linux-x86-64.so.2"}},
                                         NameCase{"loader", {"/usr/lib/ld-linux-x86-64.so.2"}},
                                         NameCase{"plugin", {"/home/me/heap of libs/plugin.so"}},
                                         NameCase{"ld-linux", {"/usr/lib/ld-linux-x86-64.so.2"}},
                                         NameCase{"no such file", {}}));

TEST(MemoryMaps, FixedNamesAreNeverPartsOfPaths) {
  const MemoryMaps maps({{.start = page, .end = 2 * page, .path = "/heap/libcrypto.so.3"},
                         {.start = 3 * page, .end = 4 * page, .path = "/usr/binary/stacked"}},
                        "/gone");
  for (const char* name : {"libc", "heap", "stack", "binary"}) EXPECT_TRUE(maps.filter(name).empty()) << name;
  EXPECT_EQ(maps.filter("stacked").size(), 1U);
}

TEST(MemoryMaps, MuslsLoaderIsItsLibc) {
  const MemoryMaps maps({{.start = page, .end = 2 * page, .path = "/lib/ld-musl-x86_64.so.1"}}, "/bin/x");
  EXPECT_EQ(maps.filter("libc").size(), 1U);
}

TEST(MemoryMaps, AreFoundByAddress) {
  const MemoryMaps maps = maps_of_a_process();
  EXPECT_EQ(maps.at(0), nullptr);
  EXPECT_EQ(maps.at(page - 1), nullptr);
  EXPECT_EQ(maps.at(page), &maps.front());
  EXPECT_EQ(maps.at(2 * page - 1), &maps.front());
  EXPECT_EQ(maps.at(2 * page), nullptr);
  EXPECT_EQ(maps.at(~Address{0}), nullptr);
  ASSERT_EQ(maps.filter(5 * page).size(), 1U);
  EXPECT_EQ(maps.filter(5 * page).front().path, "[heap]");
  EXPECT_TRUE(maps.filter(Address{6 * page}).empty());
}

TEST(MemoryMaps, FilteredOnesCanBeFilteredAgain) {
  const MemoryMaps binary = maps_of_a_process().filter("vault");
  EXPECT_EQ(binary.filter("binary").size(), 2U);
  EXPECT_EQ(binary.filter(page).size(), 1U);
}

TEST(MemoryMap, PermissionsAreWrittenAsInTheFile) {
  EXPECT_EQ(MemoryMap{}.permissions(), "---p");
  EXPECT_EQ((MemoryMap{.readable = true, .executable = true}).permissions(), "r-xp");
  EXPECT_EQ((MemoryMap{.readable = true, .writable = true, .shared = true}).permissions(), "rw-s");
}

TEST(MemoryMap, PermissionsAreAskedForByText) {
  const MemoryMap code{.readable = true, .executable = true};
  for (const char* text : {"", "r", "x", "rx", "r-x", "r-xp", "rxp", "p"}) EXPECT_TRUE(code.permits(text)) << text;
  for (const char* text : {"w", "rw", "rwx", "-", "--x", "r--", "s", "r-xs"}) EXPECT_FALSE(code.permits(text)) << text;
  for (const char* text : {"xr", "q", "rwxx", "r-x-", "pr", "sp", "R"}) {
    EXPECT_THROW(static_cast<void>(code.permits(text)), UsageError) << text;
  }
  EXPECT_EQ(code.protection(), PROT_READ | PROT_EXEC);
  EXPECT_EQ((MemoryMap{.writable = true}).protection(), PROT_WRITE);
}

TEST(MemoryMaps, AreChosenByPermissions) {
  const MemoryMaps maps({{.start = page, .end = 2 * page, .readable = true},
                         {.start = 2 * page, .end = 3 * page, .readable = true, .writable = true},
                         {.start = 3 * page, .end = 4 * page}},
                        "/bin/x");
  EXPECT_EQ(maps.with_permissions("r").size(), 2U);
  EXPECT_EQ(maps.with_permissions("r-").size(), 1U);
  EXPECT_EQ(maps.with_permissions("---").front().start, 3 * page);
  EXPECT_TRUE(maps.with_permissions("x").empty());
  EXPECT_THROW(static_cast<void>(MemoryMaps({}, "").with_permissions("?")), UsageError);
}

}  // namespace
}  // namespace trapline
