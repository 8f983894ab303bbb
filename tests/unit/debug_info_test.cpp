#include "symbols/debug_info.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <optional>

#include "symbols/byte_reader.hpp"
#include "symbols/line_table.hpp"
#include "symbols/symbol_table.hpp"

extern "C" {
// Called by nobody; it is looked up in this very file.
int debug_info_test_function(int value) { return value * 3; }
constexpr unsigned debug_info_test_line = __LINE__ - 1;
}

namespace trapline::symbols {
namespace {

Bytes bytes(std::initializer_list<int> values) {
  Bytes result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

TEST(ByteReader, ReadsNumbersAndStrings) {
  const Bytes data = bytes({0x34, 0x12, 0xe5, 0x8e, 0x26, 0x7f, 'a', 'b', 0, 1});
  ByteReader reader(data);
  EXPECT_EQ(reader.number(2), 0x1234U);
  EXPECT_EQ(reader.uleb(), 624485U);
  EXPECT_EQ(reader.sleb(), -1);
  EXPECT_EQ(reader.string(), "ab");
  EXPECT_EQ(reader.remaining(), 1U);
  EXPECT_FALSE(reader.failed());
}

TEST(ByteReader, ReadsNothingPastTheEnd) {
  const Bytes data = bytes({'a', 0xff});
  ByteReader reader(data);
  EXPECT_EQ(reader.string(), "") << "no zero ends it";
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.byte(), 0U);
  EXPECT_EQ(reader.uleb(), 0U);
  ByteReader endless(ByteView(data).subspan(1));
  EXPECT_EQ(endless.uleb(), 0x7fU);
  EXPECT_TRUE(endless.failed());
  EXPECT_TRUE(ByteReader(data).take(SIZE_MAX).empty());
}

/// A table of DWARF 4 with one file, and this program.
Bytes table_with(std::initializer_list<int> program) {
  Bytes header = bytes({1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1});
  const Bytes names = bytes({'d', 0, 0, 'a', '.', 'c', 0, 1, 0, 0, 0});
  header.insert(header.end(), names.begin(), names.end());
  const Bytes code = bytes(program);
  Bytes table = bytes({static_cast<int>(2 + 4 + header.size() + code.size()), 0, 0, 0, 4, 0});
  const Bytes length = bytes({static_cast<int>(header.size()), 0, 0, 0});
  for (const Bytes& part : {length, header, code}) table.insert(table.end(), part.begin(), part.end());
  return table;
}

std::optional<LineTable> read(const Bytes& section) {
  auto table = LineTable::read({.line = section}, {.directory = "/src", .name = "unit.c"});
  if (table) table->run([](Address address) { return address != 0; });
  return table;
}

TEST(LineTable, TellsFilesAndRows) {
  // Address 0x1000, three special opcodes of one line and one byte each, and the end 4 bytes on.
  const Bytes section = table_with({0, 9, 2, 0, 0x10, 0, 0, 0, 0, 0, 0, 0x21, 0x21, 0x21, 2, 4, 0, 1, 1});
  const auto table = read(section);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->file_name(1), "a.c");
  EXPECT_EQ(table->file_path(1), "/src/d/a.c");
  EXPECT_EQ(table->file_path(0), "/src/unit.c");
  EXPECT_EQ(table->file_path(7), "");
  ASSERT_EQ(table->rows().size(), 3U);
  EXPECT_EQ(table->at(0x1001)->line, 2U);
  EXPECT_EQ(table->at(0x1002)->line, 3U);
  EXPECT_EQ(table->at(0x1003)->line, 4U);
  EXPECT_EQ(table->at(0x1006)->line, 4U);
  EXPECT_EQ(table->at(0x1007), nullptr);
  EXPECT_EQ(table->at(0x1000), nullptr);
}

TEST(LineTable, LeavesOutWhatTheLinkerLeftOutAndWhatHasNoEnd) {
  EXPECT_TRUE(read(table_with({0, 9, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 0, 1, 1}))->rows().empty());
  EXPECT_TRUE(read(table_with({0, 9, 2, 0, 0x10, 0, 0, 0, 0, 0, 0, 1, 2, 4}))->rows().empty());
}

TEST(LineTable, OfWhichAnyPartIsMissingIsNoneOrShorter) {
  const Bytes section = table_with({0, 9, 2, 0, 0x10, 0, 0, 0, 0, 0, 0, 0x21, 0x21, 0x21, 2, 4, 0, 1, 1});
  for (std::size_t size = 0; size < section.size(); ++size) {
    EXPECT_FALSE(read(Bytes(section.begin(), section.begin() + static_cast<std::ptrdiff_t>(size)))) << size;
  }
  EXPECT_FALSE(LineTable::read({.line = section}, {.offset = section.size()}));
  EXPECT_FALSE(LineTable::read({.line = section}, {.offset = ~std::uint64_t{0}}));
}

TEST(DebugInfo, OfThisFile) {
  const auto info = debug_info_of_file("/proc/self/exe");
  if (!info) GTEST_SKIP() << "these tests were built without -g";
  const Address address = table_of_file("/proc/self/exe")->find("debug_info_test_function").front().address;
  const auto line = info->line_at(address);
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->file.ends_with("debug_info_test.cpp")) << line->file;
  EXPECT_EQ(line->line, debug_info_test_line);
  const auto matches = info->find_line("unit/debug_info_test.cpp", debug_info_test_line);
  ASSERT_EQ(matches.size(), 1U);
  EXPECT_EQ(matches.front().line, debug_info_test_line);
  EXPECT_EQ(matches.front().addresses, std::vector{address});
  EXPECT_TRUE(info->find_line("no_such_file.cpp", 1).empty());
  EXPECT_EQ(info, debug_info_of_file("/proc/self/exe")) << "it is read once";
  EXPECT_EQ(debug_info_of_image(bytes({0x7f, 'E', 'L', 'F'})), nullptr);
}

}  // namespace
}  // namespace trapline::symbols
