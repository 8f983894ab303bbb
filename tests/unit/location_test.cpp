#include "core/location.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <ostream>

#include <trapline/error.hpp>

#include "core/modules.hpp"
#include "os/maps.hpp"
#include "os/proc.hpp"

namespace trapline::core {
namespace {

using symbols::Binding;

struct Row {
  std::string name;
  Address address;
  Binding binding = Binding::global;
  bool old_version = false;
};

std::shared_ptr<const symbols::SymbolTable> make_table(const std::vector<Row>& rows, Address linked_at = 0) {
  symbols::SymbolCollector collector;
  for (const Row& row : rows) collector.add(row.address, 16, row.name, row.binding);
  symbols::FileSymbols symbols = collector.take();
  for (std::size_t i = 0; i < rows.size(); ++i) symbols.symbols[i].old_version = rows[i].old_version;
  // Headers, text, and data whose last page is .bss alone.
  std::vector<symbols::Segment> segments = {
      {0, linked_at, 0x800}, {0x1000, linked_at + 0x1000, 0x800}, {0x2e00, linked_at + 0x3e00, 0x2000}};
  return std::make_shared<symbols::SymbolTable>(std::move(symbols), symbols::FileSymbols{}, std::move(segments));
}

constexpr Address program = 0x5555'0000'0000;
constexpr Address libb = 0x7f00'0000'0000;
constexpr Address libc = 0x7f00'1000'0000;
constexpr Address liba = 0x7f00'2000'0000;
constexpr Address loader = 0x7f00'3000'0000;
constexpr Address vdso = 0x7fff'0000'0000;

/// The mappings that a file of make_table() gets.
void add_file(std::vector<MemoryMap>& maps, const std::string& path, Address start, std::uint64_t inode) {
  maps.push_back({.start = start, .end = start + 0x1000, .readable = true, .offset = 0, .inode = inode, .path = path});
  maps.push_back({.start = start + 0x1000,
                  .end = start + 0x2000,
                  .readable = true,
                  .executable = true,
                  .offset = 0x1000,
                  .inode = inode,
                  .path = path});
  maps.push_back({.start = start + 0x3000,
                  .end = start + 0x5000,
                  .readable = true,
                  .writable = true,
                  .offset = 0x2000,
                  .inode = inode,
                  .path = path});
  maps.push_back({.start = start + 0x5000, .end = start + 0x6000, .readable = true, .writable = true});
}

/// A process with a program, three libraries, the loader and the vDSO.
class FakeProcess {
 public:
  FakeProcess() {
    std::vector<MemoryMap> maps;
    add_file(maps, "/home/me/vault", program, 1);
    maps.push_back({.start = program + 0x10'0000, .end = program + 0x11'0000, .readable = true, .path = "[heap]"});
    // Somebody looks at the file of liba, below where it is loaded.
    maps.push_back(
        {.start = libb - 0x10'0000, .end = libb - 0xf'0000, .readable = true, .inode = 4, .path = "/lib/liba.so.1"});
    add_file(maps, "/lib/libb.so.1", libb, 2);
    add_file(maps, "/lib/libc.so.6", libc, 3);
    add_file(maps, "/lib/liba.so.1", liba, 4);
    add_file(maps, "/lib/ld-linux-x86-64.so.2", loader, 5);
    maps.push_back({.start = vdso, .end = vdso + 0x2000, .readable = true, .executable = true, .path = "[vdso]"});
    maps_ = MemoryMaps(std::move(maps), "/home/me/vault");
    tables_["/home/me/vault"] = make_table({{"main", 0x1010},
                                            {"counter", 0x5010},
                                            {"operator+", 0x1050},
                                            {"malloc", 0x1060},
                                            {"twice", 0x1070, Binding::local},
                                            {"twice", 0x1090, Binding::local},
                                            {"helper", 0x10b0, Binding::local},
                                            {"helper", 0x10d0},
                                            {"alias", 0x1010, Binding::weak}});
    tables_["/lib/libb.so.1"] = make_table({{"shared", 0x1000}, {"quiet", 0x1100, Binding::local}});
    tables_["/lib/libc.so.6"] = make_table({{"malloc", 0x1000},
                                            {"puts", 0x1100, Binding::weak},
                                            {"memcpy", 0x1200, Binding::global, true},
                                            {"memcpy", 0x1300},
                                            {"clock_gettime", 0x1400},
                                            {"quiet", 0x1500}});
    tables_["/lib/liba.so.1"] = make_table({{"shared", 0x1000}, {"memcpy", 0x1100, Binding::global, true}});
    tables_["/lib/ld-linux-x86-64.so.2"] = make_table({{"puts", 0x1000, Binding::local}});
    tables_["[vdso]"] = make_table({{"clock_gettime", 0x700}, {"__vdso_time", 0x600}});
  }

  [[nodiscard]] Modules modules() {
    return {maps_, [this](const MemoryMap& map, bool) {
              ++loads_[map.path];
              const auto found = tables_.find(map.path);
              return found != tables_.end() ? found->second : nullptr;
            }};
  }
  Address resolve(const Location& location) { return core::resolve(location, modules()); }
  std::string error_of(const Location& location) {
    try {
      const Address address = resolve(location);
      return "no error but " + std::to_string(address);
    } catch (const SymbolError& error) {
      return error.what();
    }
  }
  int loads(const std::string& path) { return loads_[path]; }

 private:
  MemoryMaps maps_{{}, {}};
  std::map<std::string, std::shared_ptr<const symbols::SymbolTable>> tables_;
  std::map<std::string, int> loads_;
};

struct Case {
  Location location;
  Address expected;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.location.text(); }

class Locations : public testing::TestWithParam<Case> {};
TEST_P(Locations, ResolveTo) { EXPECT_EQ(FakeProcess().resolve(GetParam().location), GetParam().expected); }

INSTANTIATE_TEST_SUITE_P(
    All, Locations,
    testing::Values(
        // Numbers: absolute if mapped, otherwise relative to the binary.
        Case{libc + 0x10, libc + 0x10}, Case{0x1010, program + 0x1010}, Case{0x5010, program + 0x5010},
        Case{program + 0x1010, program + 0x1010}, Case{"0x1010", program + 0x1010}, Case{"4112", program + 0x1010},
        Case{Location(0x1010).in("binary"), program + 0x1010}, Case{Location(0x1010).in("libc"), libc + 0x1010},
        Case{Location("0x1010").in("libc.so.6"), libc + 0x1010}, Case{Location(0x20).in("heap"), program + 0x10'0020},
        Case{Location(0x1010).in("liba"), liba + 0x1010}, Case{Location(0x5010).in("liba"), liba + 0x5010},
        // Names.
        Case{"main", program + 0x1010}, Case{"  main ", program + 0x1010}, Case{"counter", program + 0x5010},
        Case{"main+0x1f", program + 0x102f}, Case{"main+31", program + 0x102f}, Case{"main + 0x1f", program + 0x102f},
        Case{"operator+", program + 0x1050}, Case{"operator++0x4", program + 0x1054}, Case{"malloc", program + 0x1060},
        Case{Location("malloc").in("libc"), libc + 0x1000}, Case{Location("malloc+8").in("libc"), libc + 0x1008},
        Case{"puts", libc + 0x1100}, Case{"memcpy", libc + 0x1300}, Case{"quiet", libc + 0x1500},
        Case{Location("quiet").in("libb"), libb + 0x1100}, Case{"helper", program + 0x10d0},
        Case{"alias", program + 0x1010}, Case{"clock_gettime", libc + 0x1400},
        Case{Location("clock_gettime").in("vdso"), vdso + 0x700}, Case{"__vdso_time", vdso + 0x600},
        Case{Location("shared").in("liba"), liba + 0x1000}));

struct ErrorCase {
  Location location;
  std::vector<std::string> words;
};
std::ostream& operator<<(std::ostream& out, const ErrorCase& c) { return out << c.location.text(); }

class LocationErrors : public testing::TestWithParam<ErrorCase> {};
TEST_P(LocationErrors, SayWhatIsWrong) {
  const std::string error = FakeProcess().error_of(GetParam().location);
  for (const std::string& word : GetParam().words) EXPECT_NE(error.find(word), std::string::npos) << error;
}

INSTANTIATE_TEST_SUITE_P(
    All, LocationErrors,
    testing::Values(ErrorCase{"mian", {"no symbol \"mian\"", "main"}},
                    ErrorCase{"mian+4", {"no symbol \"mian\"", "main"}},
                    ErrorCase{Location("mallok").in("libc"), {"no symbol \"mallok\" in libc.so.6", "malloc"}},
                    ErrorCase{Location("main").in("libc"), {"no symbol \"main\"", "it is in vault"}},
                    ErrorCase{"shared", {"ambiguous", "/lib/liba.so.1", "/lib/libb.so.1", ".in(\"liba.so.1\")"}},
                    ErrorCase{"twice", {"ambiguous", "0x1070", "0x1090", "Location(0x1070).in(\"vault\")"}},
                    ErrorCase{"vault.c:42", {"no such source file", "vault has no line numbers"}},
                    ErrorCase{"", {"empty location"}}, ErrorCase{" ", {"empty location"}},
                    ErrorCase{0x7000, {"0x7000", "not mapped", "binary"}},
                    ErrorCase{Location(0x8000).in("libc"), {"0x8000", "libc"}},
                    ErrorCase{Location(libc).in("libc"), {"was given as an offset"}},
                    ErrorCase{Location("main").in("libd"), {"\"libd\" is mapped", "vault", "libc.so.6"}},
                    ErrorCase{Location("main").in("/lib/"), {"several files", "/lib/liba.so.1"}}));

TEST(Locations, OpenNoLibraryForASymbolOfTheProgram) {
  FakeProcess process;
  static_cast<void>(process.resolve("main+4"));
  EXPECT_EQ(process.loads("/lib/libc.so.6"), 0);
  EXPECT_GT(process.loads("/home/me/vault"), 0);
}

TEST(Locations, TellWhatTheUserWrote) {
  EXPECT_EQ(Location("main+4").text(), "main+4");
  EXPECT_EQ(Location(0x1139).in("binary").text(), "0x1139 in binary");
  EXPECT_EQ(Location(0x1139).address(), Address{0x1139});
  EXPECT_FALSE(Location("main").address());
  EXPECT_EQ(Location("main").in("x").module(), "x");
}

TEST(FindSymbols, ListsTheProgramsOwnFirstAndThenInTheOrderOfLoading) {
  FakeProcess process;
  const auto found = find_symbols("puts", process.modules());
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].module, "/lib/libc.so.6");
  EXPECT_EQ(found[1].module, "/lib/ld-linux-x86-64.so.2");
  const auto shared = find_symbols("shared", process.modules());
  ASSERT_EQ(shared.size(), 2U);
  EXPECT_EQ(shared[0].module, "/lib/liba.so.1");
  EXPECT_EQ(shared[0].address, liba + 0x1000);
  EXPECT_EQ(shared[0].size, 16U);
  EXPECT_EQ(find_symbols("malloc", process.modules()).front().module, "/home/me/vault");
  EXPECT_TRUE(find_symbols("main+4", process.modules()).empty());
}

TEST(SymbolAt, IsThatOfTheModuleAround) {
  FakeProcess process;
  const auto name_at = [&](Address address) {
    const auto symbol = symbol_at(address, process.modules());
    return symbol ? symbol->module + " " + symbol->name : "";
  };
  EXPECT_EQ(name_at(program + 0x1014), "/home/me/vault main");
  EXPECT_EQ(name_at(program + 0x5018), "/home/me/vault counter") << "in .bss, which no file is behind";
  EXPECT_EQ(name_at(libc + 0x1308), "/lib/libc.so.6 memcpy");
  EXPECT_EQ(name_at(vdso + 0x701), "[vdso] clock_gettime");
  EXPECT_EQ(name_at(program + 0x10'0010), "");
  EXPECT_EQ(name_at(8), "");
  EXPECT_EQ(name_at(~Address{0}), "");
}

TEST(Modules, OfAProgramAtAFixedAddressHaveNoBias) {
  std::vector<MemoryMap> maps;
  add_file(maps, "/bin/fixed", 0x40'0000, 1);
  const auto table = make_table({{"main", 0x40'1010}}, 0x40'0000);
  const Modules modules(MemoryMaps(std::move(maps), "/bin/fixed"), [&](const MemoryMap&, bool) { return table; });
  EXPECT_EQ(resolve("main", modules), 0x40'1010U);
  EXPECT_EQ(resolve(0x40'1010, modules), 0x40'1010U);
  EXPECT_EQ(resolve(0x1010, modules), 0x40'1010U);
}

TEST(Modules, OfAFileThatIsLoadedTwiceAreTwo) {
  std::vector<MemoryMap> maps;
  add_file(maps, "/lib/libb.so.1", libb, 2);
  add_file(maps, "/lib/libb.so.1", liba, 2);
  const auto table = make_table({{"shared", 0x1000}});
  const Modules modules(MemoryMaps(std::move(maps), "/bin/x"), [&](const MemoryMap&, bool) { return table; });
  ASSERT_EQ(modules.files().size(), 1U);
  EXPECT_EQ(modules.load(modules.files().front()).size(), 2U);
  EXPECT_EQ(find_symbols("shared", modules).size(), 2U);
  EXPECT_EQ(symbol_at(liba + 0x1000, modules)->address, liba + 0x1000);
  EXPECT_THROW(static_cast<void>(resolve("shared", modules)), SymbolError);
}

/// This very process, as its maps file tells.
Modules own_modules() {
  std::vector<MemoryMap> maps;
  for (const os::Mapping& from : os::read_maps(::getpid())) {
    maps.push_back({.start = from.start,
                    .end = from.end,
                    .readable = from.readable,
                    .executable = from.executable,
                    .offset = from.offset,
                    .inode = from.inode,
                    .path = from.name});
  }
  return {MemoryMaps(std::move(maps), os::executable_path(::getpid())),
          [](const MemoryMap& map, bool) { return symbols::table_of_file(map.path); }};
}

TEST(Modules, OfThisProcessAgreeWithTheDynamicLinker) {
  const Modules modules = own_modules();
  // Asked for its own symbols: a sanitizer's runtime has some of them too.
  void* const libc_handle = ::dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  ASSERT_NE(libc_handle, nullptr);
  for (const char* name : {"puts", "abort", "regexec", "getenv"}) {
    EXPECT_EQ(resolve(Location(name).in("libc"), modules), reinterpret_cast<Address>(::dlsym(libc_handle, name)))
        << name;
  }
  ::dlclose(libc_handle);
  const auto symbol = symbol_at(resolve(Location("getenv").in("libc"), modules) + 1, modules);
  ASSERT_TRUE(symbol);
  EXPECT_EQ(symbol->name, "getenv");
}

}  // namespace
}  // namespace trapline::core
