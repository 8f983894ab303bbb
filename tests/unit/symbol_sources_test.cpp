// Where names come from: files as compilers and distributions make them, made here with their tools and compared with
// what those print.
#include <elf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "support/bytes.hpp"
#include "symbols/dwarf_symbols.hpp"
#include "symbols/mini_debug_info.hpp"
#include "symbols/separate_file.hpp"
#include "symbols/symbol_table.hpp"

namespace trapline::symbols {
namespace {

const SymbolOptions all_local{.level = SymbolLevel::separate};

/// A program with what is only in some tables; each test makes it in another way.
constexpr const char* source = R"(
#include <stdio.h>
#include <stdlib.h>
static int __attribute__((noinline)) hidden_function(int x) { static int calls_so_far = 4; return x * 3 + calls_so_far++; }
static int hidden_variable = 3;
int exported_function(int x) { return hidden_function(x) + hidden_variable++; }
int main(int argc, char** argv) {
  if (argc > 5) return atoi(argv[1]);
  printf("%d\n", exported_function(argc));
  puts("text");
  return (int)(exit != NULL) - 1;
}
)";

class Folder {
 public:
  Folder() {
    std::string name = testing::TempDir() + "symbol_sources.XXXXXX";
    path_ = ::mkdtemp(name.data()) != nullptr ? name : "";
    std::ofstream(path_ + "/prog.c") << source;
  }
  ~Folder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// Whether a command succeeds there.
  [[nodiscard]] bool run(const std::string& command) const {
    return std::system(("cd '" + path_ + "' && { " + command + "; } >/dev/null 2>&1").c_str()) == 0;
  }
  [[nodiscard]] std::vector<std::string> lines(const std::string& command) const {
    std::vector<std::string> result;
    std::FILE* const pipe = ::popen(("cd '" + path_ + "' && " + command + " 2>/dev/null").c_str(), "re");
    std::array<char, 4096> line{};
    while (pipe != nullptr && std::fgets(line.data(), static_cast<int>(line.size()), pipe) != nullptr) {
      result.emplace_back(line.data());
    }
    if (pipe != nullptr) ::pclose(pipe);
    return result;
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::vector<SymbolTable::Entry> find(const SymbolTable& table, std::string_view name, SymbolLevel most) {
  for (const SymbolLevel level : {SymbolLevel::tables, SymbolLevel::dwarf, SymbolLevel::separate}) {
    if (level > most) break;
    auto found = table.find(SymbolQuery(name), level, all_local);
    if (!found.empty()) return found;
  }
  return {};
}

std::size_t count(const SymbolTable& table, std::string_view name, SymbolLevel most = SymbolLevel::separate) {
  return find(table, name, most).size();
}

/// Skips the test where a compiler or a tool of binutils is missing.
#define MAKE(folder, command) \
  if (!(folder).run(command)) GTEST_SKIP() << "this does not work here: " << (command)

TEST(SymbolSources, SeparateFileByDebugLink) {
  const Folder folder;
  MAKE(folder,
       "gcc -g -O1 -Wl,--build-id=none -o prog prog.c && objcopy --only-keep-debug prog prog.debug && strip prog "
       "&& objcopy --add-gnu-debuglink=prog.debug prog");
  const auto table = table_of_file(folder / "prog");
  ASSERT_NE(table, nullptr);
  EXPECT_TRUE(table->stripped());
  EXPECT_EQ(count(*table, "hidden_function", SymbolLevel::dwarf), 0U);
  ASSERT_EQ(count(*table, "hidden_function"), 1U);
  EXPECT_EQ(count(*table, "hidden_variable"), 1U);
  const Address address = find(*table, "hidden_function", SymbolLevel::separate).front().address;
  EXPECT_EQ(table->at(address + 1, all_local).value().name, "hidden_function");
  EXPECT_FALSE(table->at(address + 1, {.level = SymbolLevel::dwarf}).has_value());
  EXPECT_FALSE(table->only_exports(all_local));
  EXPECT_TRUE(table->only_exports({.level = SymbolLevel::dwarf}));
}

TEST(SymbolSources, ADebugLinkToAnotherBuildIsNotFollowed) {
  const Folder folder;
  MAKE(folder,
       "gcc -g -O1 -Wl,--build-id=none -o prog prog.c && objcopy --only-keep-debug prog prog.debug && strip prog "
       "&& objcopy --add-gnu-debuglink=prog.debug prog && printf x >> prog.debug");
  EXPECT_EQ(count(*table_of_file(folder / "prog"), "hidden_function"), 0U);
  MAKE(folder, "truncate -s -1 prog.debug && mkdir .debug && mv prog.debug .debug && cp prog again");
  EXPECT_EQ(count(*table_of_file(folder / "again"), "hidden_function"), 1U) << "in .debug/";
}

TEST(SymbolSources, ADebugFileOfAnotherBuildIdIsNotTaken) {
  const Folder folder;
  MAKE(folder,
       "gcc -g -O1 -Wl,--build-id=0x1234567890 -o prog prog.c && objcopy --only-keep-debug prog prog.debug && strip "
       "prog && objcopy --add-gnu-debuglink=prog.debug prog && gcc -g -O1 -Wl,--build-id=0x1234567891 -o other prog.c "
       "&& objcopy --only-keep-debug other prog.debug");
  EXPECT_EQ(count(*table_of_file(folder / "prog"), "hidden_function"), 0U);
}

TEST(SymbolSources, MiniDebugInfo) {
  const Folder folder;
  MAKE(folder,
       "gcc -O1 -o prog prog.c && objcopy -S --keep-symbol=hidden_function prog mini && xz mini && strip prog && "
       "objcopy --add-section .gnu_debugdata=mini.xz prog");
  const auto table = table_of_file(folder / "prog");
  ASSERT_EQ(count(*table, "hidden_function", SymbolLevel::tables), 1U);
  EXPECT_EQ(table->at(find(*table, "hidden_function", SymbolLevel::tables).front().address + 1)->name,
            "hidden_function");
}

TEST(SymbolSources, MiniDebugInfoMayBeABomb) {
  const Folder folder;
  MAKE(folder, "head -c 300M /dev/zero | xz -0 > bomb.xz");
  std::ifstream file(folder / "bomb.xz", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(unpack_xz(support::as_bytes(text)).empty());
  EXPECT_TRUE(unpack_xz(support::as_bytes("no xz at all")).empty());
  EXPECT_TRUE(unpack_xz({}).empty());
}

TEST(SymbolSources, DwarfKnowsWhatSymtabDoesNot) {
  const Folder folder;
  MAKE(folder,
       "gcc -g -O1 -o prog prog.c && cp prog bare && strip --strip-unneeded -K nothing --keep-section='.debug*' bare "
       "&& objcopy --strip-all --keep-section='.debug*' prog nosym");
  const auto whole = table_of_file(folder / "prog");
  ASSERT_EQ(count(*whole, "calls_so_far"), 1U) << "in .symtab it is calls_so_far.0";
  EXPECT_EQ(count(*whole, "calls_so_far", SymbolLevel::tables), 0U);
  const Address of_function = whole->find("hidden_function").front().address;
  const auto bare = table_of_file(folder / "nosym");
  if (!bare->stripped()) GTEST_SKIP() << "this objcopy keeps .symtab";
  ASSERT_EQ(count(*bare, "hidden_function"), 1U);
  EXPECT_EQ(find(*bare, "hidden_function", SymbolLevel::dwarf).front().address, of_function);
  EXPECT_EQ(count(*bare, "hidden_variable"), 1U);
  EXPECT_EQ(bare->at(of_function + 2)->name, "hidden_function");
  EXPECT_EQ(count(*bare, "no_such_name"), 0U);
}

TEST(SymbolSources, CompressedDwarf) {
  const Folder folder;
  MAKE(folder, "gcc -g -gz -O1 -o prog prog.c");
  EXPECT_EQ(count(*table_of_file(folder / "prog"), "calls_so_far"), 1U);
}

TEST(SymbolSources, DwarfOfCxx) {
  const Folder folder;
  std::ofstream(folder / "cxx.cpp")
      << "namespace ns { static int __attribute__((noinline)) f(int x) { return x + 1; }\n"
         "struct S { int __attribute__((noinline)) g(char c) const { return f(c); } }; }\n"
         "int main(int n, char**) { return ns::f(n) + ns::S().g(char(n)); }\n";
  MAKE(folder, "g++ -g -O1 -o cxx cxx.cpp && objcopy --strip-all --keep-section='.debug*' cxx nosym");
  for (const char* name : {"cxx", "nosym"}) {
    const auto table = table_of_file(folder / name);
    EXPECT_EQ(count(*table, "ns::f"), 1U) << name;
    EXPECT_EQ(count(*table, "ns::S::g"), 1U) << name;
  }
  const auto table = table_of_file(folder / "cxx");
  EXPECT_EQ(count(*table, "ns::f(int)"), 1U);
  EXPECT_EQ(count(*table, "ns::S::g(char) const"), 1U);
  EXPECT_EQ(count(*table, "_ZNK2ns1S1gEc"), 1U);
  EXPECT_EQ(count(*table, "g"), 0U);
}

/// What `objdump -d` calls the entries of PLTs.
std::map<std::string, Address> plt_by_objdump(const Folder& folder, const std::string& file) {
  std::map<std::string, Address> result;
  for (const std::string& line : folder.lines("objdump -d -j .plt -j .plt.sec -j .plt.got '" + file + "'")) {
    const std::size_t open = line.find(" <");
    const std::size_t close = line.find("@plt>:");
    if (open == std::string::npos || close == std::string::npos || line[open + 2] == '*') continue;
    result.emplace(line.substr(open + 2, close + 4 - open - 2), std::stoull(line, nullptr, 16));
  }
  return result;
}

void expect_plt(const Folder& folder, const std::string& file) {
  const auto expected = plt_by_objdump(folder, file);
  const auto table = table_of_file(file.front() == '/' ? file : folder / file);
  ASSERT_NE(table, nullptr);
  EXPECT_FALSE(expected.empty()) << file;
  for (const auto& [name, address] : expected) {
    const auto found = table->find(name);
    EXPECT_TRUE(
        std::ranges::any_of(found, [&, wanted = address](const auto& entry) { return entry.address == wanted; }))
        << name << " in " << file;
    if (!found.empty()) {
      EXPECT_EQ(table->at(address + 1)->name, name);
    }
  }
}

TEST(SymbolSources, PltOfManyKinds) {
  const Folder folder;
  MAKE(folder, "gcc -O1 -o prog prog.c && objdump -d prog");
  const char* const flags[] = {"-Wl,-z,lazy",
                               "-Wl,-z,now",
                               "-Wl,-z,lazy -fcf-protection -Wl,-z,ibtplt",
                               "-Wl,-z,now -fcf-protection -Wl,-z,ibtplt",
                               "-no-pie -fno-pie",
                               "-no-pie -fno-pie -Wl,-z,now",
                               "-m32 -fpie -pie -Wl,-z,lazy",
                               "-m32 -no-pie -fno-pie"};
  int made = 0;
  for (const char* flag : flags) {
    const std::string name = "plt" + std::to_string(made);
    if (!folder.run("gcc -O1 " + std::string(flag) + " -o " + name + " prog.c")) continue;
    ++made;
    SCOPED_TRACE(flag);
    expect_plt(folder, name);
    const auto table = table_of_file(folder / name);
    EXPECT_EQ(count(*table, "puts@plt"), 1U);
    const auto got = table->find("puts@got");
    ASSERT_EQ(got.size(), 1U);
    EXPECT_EQ(table->at(got.front().address)->name, "puts@got");
  }
  EXPECT_GE(made, 6);
}

/// Files that many machines have.
std::vector<std::string> real_files() {
  std::vector<std::string> files;
  for (const char* file : {"/usr/bin/python3", "/bin/bash", "/usr/bin/git", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus",
                           "/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
                           "/lib32/libc.so.6", "/proc/self/exe"}) {
    if (::access(file, R_OK) == 0) files.push_back(std::filesystem::canonical(file));
  }
  return files;
}

TEST(SymbolSources, PltOfRealPrograms) {
  const Folder folder;
  MAKE(folder, "objdump --version");
  for (const std::string& file : real_files()) {
    if (!plt_by_objdump(folder, file).empty()) expect_plt(folder, file);
  }
}

/// What `nm` lists as defined, with the names that we take for places in memory.
std::multimap<std::string, Address> by_nm(const Folder& folder, const std::string& arguments) {
  std::multimap<std::string, Address> result;
  for (const std::string& line : folder.lines("nm --format=posix --defined-only " + arguments)) {
    std::istringstream words(line);
    std::string name;
    std::string kind;
    std::string value;
    words >> name >> kind >> value;
    if (kind == "a" || kind == "A" || value.empty()) continue;
    result.emplace(name.substr(0, name.find('@', 1)), std::stoull(value, nullptr, 16));
  }
  return result;
}

TEST(SymbolSources, NamesOfRealPrograms) {
  const Folder folder;
  MAKE(folder, "nm --version");
  for (const std::string& file : real_files()) {
    const auto table = table_of_file(file);
    ASSERT_NE(table, nullptr) << file;
    std::multimap<std::string, Address> ours;
    table->each({.level = SymbolLevel::tables}, [&](const auto& entry) { ours.emplace(entry.name, entry.address); });
    std::size_t missing = 0;
    std::string first;
    auto expected = by_nm(folder, "-D '" + file + "'");
    expected.merge(by_nm(folder, "'" + file + "'"));
    for (const auto& [name, address] : expected) {
      const auto range = ours.equal_range(name);
      if (std::any_of(range.first, range.second, [&, a = address](const auto& one) { return one.second == a; }))
        continue;
      ++missing;
      if (first.empty()) first = name;
    }
    // Thread-local variables have no address: errno, and some ten more in libc.
    EXPECT_LE(missing, 40U) << file << " of " << expected.size() << ", such as " << first;
    if (expected.size() > 100) {
      EXPECT_LT(missing, expected.size() / 10) << file;
    }
  }
}

TEST(SymbolSources, LocalNamesOfLibcByItsDebugFile) {
  const auto table = table_of_file("/lib/x86_64-linux-gnu/libc.so.6");
  if (!table || !table->stripped()) GTEST_SKIP() << "no stripped libc here";
  if (table->only_exports(all_local)) GTEST_SKIP() << "its debug file (Debian: libc6-dbg) is not installed";
  const auto found = find(*table, "_int_malloc", SymbolLevel::separate);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(table->at(found.front().address + 5, all_local)->name, "_int_malloc");
}

TEST(SymbolSources, Versions) {
  const auto table = table_of_file("/lib/x86_64-linux-gnu/libc.so.6");
  if (!table) GTEST_SKIP() << "no libc there";
  EXPECT_EQ(count(*table, "memcpy@@GLIBC_2.14"), 1U);
  EXPECT_EQ(count(*table, "memcpy@GLIBC_2.2.5"), 1U);
  EXPECT_EQ(count(*table, "memcpy@@GLIBC_2.2.5"), 0U);
  EXPECT_EQ(count(*table, "memcpy@NOTHING"), 0U);
  EXPECT_EQ(find(*table, "memcpy@@GLIBC_2.14", SymbolLevel::tables).front().version, "GLIBC_2.14");
}

TEST(SymbolSources, FilesOfOneBuildShareTheirTable) {
  const Folder folder;
  MAKE(folder, "gcc -O1 -Wl,--build-id -o prog prog.c && cp prog same && strip -o stripped prog");
  EXPECT_EQ(table_of_file(folder / "prog"), table_of_file(folder / "same"));
  EXPECT_NE(table_of_file(folder / "prog"), table_of_file(folder / "stripped"));
}

TEST(SymbolSources, DamagedFiles) {
  const Folder folder;
  MAKE(folder, "gcc -g -O1 -o prog prog.c");
  std::ifstream file(folder / "prog", std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  unsigned random = 12345;
  for (int round = 0; round < 300; ++round) {
    std::string damaged = whole;
    for (int i = 0; i < 40; ++i) {
      random = random * 1103515245 + 12345;
      // Headers more often than code.
      const std::size_t from = round % 2 == 0 ? damaged.size() - 4096 : 0;
      damaged[from + (random >> 8) % (round % 3 == 0 ? 512 : damaged.size() - from)] = static_cast<char>(random >> 16);
    }
    std::ofstream(folder / "damaged", std::ios::binary | std::ios::trunc) << damaged;
    std::filesystem::rename(folder / "damaged", folder / ("damaged" + std::to_string(round)));
    const auto table = table_of_file(folder / ("damaged" + std::to_string(round)));
    if (!table) continue;
    (void)count(*table, "hidden_function");
    (void)count(*table, "calls_so_far");
    (void)count(*table, "puts@plt");
    (void)table->at(0x1150, all_local);
    table->each(all_local, [](const auto&) {});
  }
}

}  // namespace
}  // namespace trapline::symbols
