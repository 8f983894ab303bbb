#include "symbols/symbol_table.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include <trapline/error.hpp>

extern "C" {
// Called by nobody; what the tests look up in their own file.
int symbol_table_test_function() { return 7; }
int symbol_table_test_variable = 8;
thread_local int symbol_table_test_thread_local = 9;
}

namespace trapline::symbols {
namespace {

struct Row {
  std::string name;
  Address address;
  std::uint64_t size = 0;
  std::uint64_t room = 0x100;
  Binding binding = Binding::global;
};

SymbolTable make_table(const std::vector<Row>& rows) {
  SymbolCollector collector;
  for (const Row& row : rows) collector.add(row.address, row.size, row.name, row.binding);
  FileSymbols symbols = collector.take();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!symbols.symbols[i].sized) symbols.symbols[i].size = rows[i].room;
  }
  return {std::move(symbols), {}, {}};
}

std::string name_at(const SymbolTable& table, Address address) {
  const auto entry = table.at(address);
  return entry ? std::string(entry->name) : "";
}

TEST(SymbolTable, FindsAllOfANameInTheOrderOfAddresses) {
  const SymbolTable table = make_table({{"b", 0x30}, {"a", 0x20}, {"b", 0x10}, {"ab", 0x10}, {"b", 0x30}});
  const auto found = table.find("b");
  ASSERT_EQ(found.size(), 2U) << "the same symbol twice is one";
  EXPECT_EQ(found[0].address, 0x10U);
  EXPECT_EQ(found[1].address, 0x30U);
  EXPECT_TRUE(table.find("c").empty());
  EXPECT_TRUE(table.find("").empty());
}

TEST(SymbolTable, OfManyNamesFindsEach) {
  std::vector<Row> rows;
  for (unsigned i = 0; i < 5000; ++i) rows.push_back({"name" + std::to_string(i), 16 * Address{i}});
  const SymbolTable table = make_table(rows);
  for (const Row& row : rows) {
    ASSERT_EQ(table.find(row.name).size(), 1U);
    EXPECT_EQ(table.find(row.name).front().address, row.address);
  }
}

TEST(SymbolTable, MayBeEmpty) {
  const SymbolTable table = make_table({});
  EXPECT_TRUE(table.find("a").empty());
  EXPECT_FALSE(table.at(0));
}

TEST(SymbolTable, KnowsWhatContainsAnAddress) {
  const SymbolTable table = make_table({{"outer", 0x100, 0x100},
                                        {"label_in_outer", 0x110},
                                        {"inner", 0x120, 0x10},
                                        {"after", 0x200, 8},
                                        {"bare", 0x300, 0, 0x40},
                                        {"end", 0x400, 0, 0}});
  EXPECT_EQ(name_at(table, 0xff), "");
  EXPECT_EQ(name_at(table, 0x100), "outer");
  EXPECT_EQ(name_at(table, 0x118), "outer") << "a label without a size is no end";
  EXPECT_EQ(name_at(table, 0x125), "inner");
  EXPECT_EQ(name_at(table, 0x130), "outer");
  EXPECT_EQ(name_at(table, 0x1ff), "outer");
  EXPECT_EQ(name_at(table, 0x207), "after");
  EXPECT_EQ(name_at(table, 0x208), "") << "behind a symbol with a size";
  EXPECT_EQ(name_at(table, 0x33f), "bare");
  EXPECT_EQ(name_at(table, 0x340), "") << "behind the section";
  EXPECT_EQ(name_at(table, 0x400), "") << "a mark at a section's end contains nothing";
}

TEST(SymbolTable, TellsTheNameThatUsersKnow) {
  const SymbolTable table = make_table({{"__libc_malloc", 0x10, 8},
                                        {"malloc", 0x10, 8, 0, Binding::weak},
                                        {"__malloc", 0x10, 8, 0, Binding::local},
                                        {"z_local", 0x20, 8, 0, Binding::local},
                                        {"zz_global", 0x20, 8}});
  EXPECT_EQ(name_at(table, 0x12), "malloc");
  EXPECT_EQ(name_at(table, 0x20), "zz_global");
}

TEST(SymbolTable, OffersNearNames) {
  const SymbolTable table = make_table({{"check_pin", 1}, {"main", 2}, {"check_pin_again", 3}, {"something_else", 4}});
  const auto near = table.perhaps_near("chekc_pin", {});
  EXPECT_NE(std::ranges::find(near, "check_pin"), near.end());
  EXPECT_EQ(std::ranges::find(near, "main"), near.end());
  const auto longer = table.perhaps_near("check_pin", {});
  EXPECT_NE(std::ranges::find(longer, "check_pin_again"), longer.end());
}

/// What is added to the addresses of this program's file.
Address own_bias() {
  Address bias = 0;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* result) {
        *static_cast<Address*>(result) = info->dlpi_addr;
        return 1;
      },
      &bias);
  return bias;
}

TEST(SymbolTable, ReadsAProgram) {
  const auto table = table_of_file("/proc/self/exe");
  ASSERT_NE(table, nullptr);
  EXPECT_FALSE(table->stripped());
  const auto function = table->find("symbol_table_test_function");
  ASSERT_EQ(function.size(), 1U);
  EXPECT_EQ(function.front().address + own_bias(), reinterpret_cast<Address>(&symbol_table_test_function));
  EXPECT_GT(function.front().size, 0U);
  EXPECT_EQ(name_at(*table, function.front().address + 1), "symbol_table_test_function");
  const auto variable = table->find("symbol_table_test_variable");
  ASSERT_EQ(variable.size(), 1U);
  EXPECT_EQ(variable.front().address + own_bias(), reinterpret_cast<Address>(&symbol_table_test_variable));
  EXPECT_TRUE(table->find("symbol_table_test_thread_local").empty());
  EXPECT_TRUE(table->find("abort").empty()) << "it is defined elsewhere";
  EXPECT_TRUE(table->find("symbol_table_test.cpp").empty()) << "the name of a source file";
}

TEST(SymbolTable, ReadsALibraryWithVersions) {
  // Asked for its own symbol: a sanitizer's runtime may have one too.
  void* const libc = ::dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  ASSERT_NE(libc, nullptr);
  const void* const abort = ::dlsym(libc, "abort");
  ::dlclose(libc);
  Dl_info info;
  ASSERT_NE(::dladdr(abort, &info), 0);
  const auto table = table_of_file(info.dli_fname);
  ASSERT_NE(table, nullptr);
  const auto current = [&](std::string_view name) {
    auto found = table->find(name);
    std::erase_if(found, [](const auto& entry) { return entry.old_version; });
    return found;
  };
  for (const char* name : {"abort", "memcpy", "regexec", "malloc"}) {
    ASSERT_EQ(current(name).size(), 1U) << name;
  }
  EXPECT_EQ(current("abort").front().address + reinterpret_cast<Address>(info.dli_fbase),
            reinterpret_cast<Address>(abort));
#if defined(__x86_64__) && defined(__GLIBC__)
  EXPECT_EQ(table->find("regexec").size(), 2U) << "regexec@GLIBC_2.2.5 is kept for old programs";
  EXPECT_TRUE(table->find("GLIBC_2.2.5").empty());
#endif
}

TEST(SymbolTable, ReadsTheVdsoFromMemory) {
  const auto start = ::getauxval(AT_SYSINFO_EHDR);
  if (start == 0) GTEST_SKIP() << "no vDSO here";
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel tells its address as a number.
  const auto* image = reinterpret_cast<const std::byte*>(start);
  const auto table = table_of_image(Bytes(image, image + 4096));
  const auto whole = table_of_image(Bytes(image, image + 2 * 4096));
  EXPECT_TRUE((table && table->size() > 0) || (whole && whole->size() > 0));
}

TEST(SymbolTable, IsBuiltOnceForAFile) { EXPECT_EQ(table_of_file("/proc/self/exe"), table_of_file("/proc/self/exe")); }

class ScratchFile {
 public:
  explicit ScratchFile(std::string_view content) { write(content); }
  ~ScratchFile() { ::unlink(path_.c_str()); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  void write(std::string_view content) const {
    std::ofstream(path_, std::ios::binary).write(content.data(), static_cast<std::streamsize>(content.size()));
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = testing::TempDir() + "symbol_table_test." + std::to_string(::getpid());
};

std::string own_file() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(SymbolTable, OfADamagedFileIsWhatCanBeRead) {
  const std::string whole = own_file();
  const ScratchFile file("no ELF file");
  EXPECT_EQ(table_of_file(file.path()), nullptr);
  for (const std::size_t size : {std::size_t{0}, std::size_t{4}, std::size_t{60}, std::size_t{200}, whole.size() / 2}) {
    file.write(whole.substr(0, size));
    const auto table = table_of_file(file.path());
    if (table != nullptr) {
      EXPECT_TRUE(table->find("no such symbol").empty());
    }
  }
  EXPECT_EQ(table_of_file("/no/such/file"), nullptr);
  EXPECT_EQ(table_of_file("/dev/null"), nullptr);
  EXPECT_EQ(table_of_file("/"), nullptr);
}

TEST(SymbolTable, OfAReplacedFileIsTheNewOne) {
  const ScratchFile file("no ELF file");
  EXPECT_EQ(table_of_file(file.path()), nullptr);
  file.write(own_file());
  EXPECT_NE(table_of_file(file.path()), nullptr);
}

}  // namespace
}  // namespace trapline::symbols
