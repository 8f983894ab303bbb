#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/types.hpp>

#include "support/function_ref.hpp"

namespace trapline::symbols {

/// The sections that a line table is read from; the header and the rows refer to them.
struct LineSections {
  ByteView line{};
  ByteView line_str{};
  ByteView str{};
};

/// What a line table belongs to.
struct LineUnit {
  std::uint64_t offset = 0;
  std::size_t address_size = 8;
  /// DW_AT_comp_dir and DW_AT_name; they complete file names of DWARF 4.
  std::string directory{};
  std::string name{};
};

struct LineRow {
  Address address = 0;
  std::uint32_t file = 0;
  /// 0 for code that is from no line.
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  /// A good place for a breakpoint.
  bool statement = false;
};

/// Rows of one piece of code: [first, last), in the order of their addresses.
struct LineSequence {
  Address low = 0;
  Address high = 0;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

/// The line table of one compilation unit, of DWARF 2 to 5. It is read here and not by libdw, which runs a unit's whole
/// line program where only its files are asked for, and keeps the result for ever; what is read here may be damaged in
/// any way.
class LineTable {
 public:
  /// Nothing when there is no table, or none that can be read.
  [[nodiscard]] static std::optional<LineTable> read(const LineSections& sections, const LineUnit& unit);

  /// How many files the rows can refer to.
  [[nodiscard]] std::size_t files() const { return files_.size(); }
  /// Without directories; empty for a number that no file has.
  [[nodiscard]] std::string_view file_name(std::size_t file) const;
  /// Absolute unless the compiler was told of no directory, without `.` and `..`.
  [[nodiscard]] std::string file_path(std::size_t file) const;

  /// Runs the line program, from which on the rest can be asked. Left out is what does not begin in code: it is of
  /// functions that the linker left out.
  void run(support::FunctionRef<bool(Address)> is_code);
  [[nodiscard]] const std::vector<LineRow>& rows() const { return rows_; }
  [[nodiscard]] const std::vector<LineSequence>& sequences() const { return sequences_; }
  /// What stands for the code at an address.
  [[nodiscard]] const LineRow* at(Address address) const;

 private:
  friend class LineHeaderReader;
  friend class LineProgram;

  struct File {
    std::string_view name;
    std::uint64_t directory = 0;
  };

  LineTable() = default;

  std::vector<std::string_view> directories_;
  std::vector<File> files_;
  std::string unit_directory_;
  std::string unit_name_;
  ByteView program_;
  ByteView operand_counts_;
  std::size_t address_size_ = 8;
  std::uint8_t shortest_instruction_ = 1;
  std::uint8_t line_range_ = 1;
  std::uint8_t opcode_base_ = 1;
  std::int8_t line_base_ = 0;
  bool statement_by_default_ = true;
  std::vector<LineRow> rows_;
  std::vector<LineSequence> sequences_;
};

}  // namespace trapline::symbols
