#include "symbols/line_table.hpp"

#include <dwarf.h>

#include <algorithm>
#include <filesystem>

#include "symbols/byte_reader.hpp"

namespace trapline::symbols {

/// Takes the header apart.
class LineHeaderReader {
 public:
  LineHeaderReader(const LineSections& sections, const LineUnit& unit) : sections_(sections) {
    table_.unit_directory_ = unit.directory;
    table_.unit_name_ = unit.name;
    table_.address_size_ = unit.address_size;
    if (unit.offset < sections.line.size()) reader_ = ByteReader(sections.line.subspan(unit.offset));
  }

  std::optional<LineTable> read() {
    if (!read_length()) return std::nullopt;
    const std::uint64_t version = reader_.number(2);
    if (version < 2 || version > 5) return std::nullopt;
    if (version == 5) {
      table_.address_size_ = reader_.byte();
      if (reader_.byte() != 0) return std::nullopt;  // segment selectors
    }
    const std::uint64_t header_length = reader_.number(offset_size_);
    if (header_length > reader_.remaining()) return std::nullopt;
    const ByteView after = reader_.rest();
    reader_ = ByteReader(after.first(header_length));
    table_.program_ = after.subspan(header_length);
    if (!read_machine(version)) return std::nullopt;
    const bool whole = version == 5 ? read_entries() : read_old_entries();
    if (!whole || (table_.address_size_ != 4 && table_.address_size_ != 8)) return std::nullopt;
    return std::move(table_);
  }

 private:
  bool read_length() {
    std::uint64_t length = reader_.number(4);
    constexpr std::uint64_t wide = 0xffffffff;
    if (length == wide) {
      offset_size_ = 8;
      length = reader_.number(8);
    }
    if (reader_.failed() || length > reader_.remaining()) return false;
    reader_ = ByteReader(reader_.take(length));
    return true;
  }

  bool read_machine(std::uint64_t version) {
    table_.shortest_instruction_ = reader_.byte();
    if (version >= 4) reader_.byte();  // operations of a VLIW bundle, which no architecture here has
    table_.statement_by_default_ = reader_.byte() != 0;
    table_.line_base_ = static_cast<std::int8_t>(reader_.byte());
    table_.line_range_ = reader_.byte();
    table_.opcode_base_ = reader_.byte();
    if (table_.opcode_base_ == 0 || table_.line_range_ == 0) return false;
    table_.operand_counts_ = reader_.take(table_.opcode_base_ - 1U);
    return !reader_.failed();
  }

  /// Up to DWARF 4; directory 0 and file 0 are those of the unit.
  bool read_old_entries() {
    table_.directories_.emplace_back();
    for (std::string_view name; !(name = reader_.string()).empty();) table_.directories_.push_back(name);
    table_.files_.push_back({});
    for (std::string_view name; !(name = reader_.string()).empty();) {
      table_.files_.push_back({name, reader_.uleb()});
      reader_.uleb();  // modification time
      reader_.uleb();  // size
    }
    return !reader_.failed();
  }

  bool read_entries() {
    for (const LineTable::File& directory : read_list()) table_.directories_.push_back(directory.name);
    table_.files_ = read_list();
    return !reader_.failed();
  }

  struct Column {
    std::uint64_t content = 0;
    std::uint64_t form = 0;
  };

  std::vector<LineTable::File> read_list() {
    std::vector<Column> columns(reader_.byte());
    for (Column& column : columns) column = {.content = reader_.uleb(), .form = reader_.uleb()};
    const std::uint64_t count = reader_.uleb();
    std::vector<LineTable::File> list;
    // Each has at least a byte.
    if (columns.empty() || count > reader_.remaining()) return list;
    for (std::uint64_t i = 0; i < count && !reader_.failed(); ++i) {
      LineTable::File& entry = list.emplace_back();
      for (const Column& column : columns) read_column(column, entry);
    }
    return list;
  }

  void read_column(const Column& column, LineTable::File& entry) {
    std::string_view text;
    std::uint64_t number = 0;
    switch (column.form) {
      case DW_FORM_string: text = reader_.string(); break;
      case DW_FORM_line_strp: text = string_in(sections_.line_str, reader_.number(offset_size_)); break;
      case DW_FORM_strp: text = string_in(sections_.str, reader_.number(offset_size_)); break;
      case DW_FORM_strp_sup: reader_.number(offset_size_); break;
      case DW_FORM_data1: number = reader_.number(1); break;
      case DW_FORM_data2: number = reader_.number(2); break;
      case DW_FORM_data4: number = reader_.number(4); break;
      case DW_FORM_data8: number = reader_.number(8); break;
      case DW_FORM_data16: reader_.take(16); break;
      case DW_FORM_udata: number = reader_.uleb(); break;
      case DW_FORM_block: reader_.take(reader_.uleb()); break;
      // What has an unknown size hides all that follows.
      default: reader_.take(SIZE_MAX);
    }
    if (column.content == DW_LNCT_path) entry.name = text;
    if (column.content == DW_LNCT_directory_index) entry.directory = number;
  }

  static std::string_view string_in(ByteView section, std::uint64_t offset) {
    if (offset >= section.size()) return {};
    return ByteReader(section.subspan(offset)).string();
  }

  const LineSections& sections_;
  ByteReader reader_{ByteView{}};
  std::size_t offset_size_ = 4;
  LineTable table_;
};

/// The machine that a line program runs on.
class LineProgram {
 public:
  LineProgram(LineTable& table, support::FunctionRef<bool(Address)> is_code)
      : table_(table), is_code_(is_code), reader_(table.program_) {
    reset();
  }

  void run() {
    // More than the largest unit has, and what a damaged table may cost.
    constexpr std::size_t most_rows = 8'000'000;
    while (reader_.remaining() > 0 && table_.rows_.size() < most_rows) {
      const std::uint8_t opcode = reader_.byte();
      if (opcode >= table_.opcode_base_) {
        special(opcode);
      } else if (opcode == 0) {
        extended();
      } else {
        standard(opcode);
      }
    }
    // Rows without an end are of a damaged table: how far they reach is unknown.
    table_.rows_.resize(first_);
    std::ranges::sort(table_.sequences_, {}, &LineSequence::low);
  }

 private:
  void reset() { row_ = {.address = 0, .file = 1, .line = 1, .column = 0, .statement = table_.statement_by_default_}; }
  void advance(std::uint64_t steps) { row_.address += steps * table_.shortest_instruction_; }
  void emit() { table_.rows_.push_back(row_); }
  [[nodiscard]] unsigned beyond_base(std::uint8_t opcode) const { return unsigned{opcode} - table_.opcode_base_; }

  void special(std::uint8_t opcode) {
    advance(beyond_base(opcode) / table_.line_range_);
    const int lines = table_.line_base_ + static_cast<int>(beyond_base(opcode) % table_.line_range_);
    row_.line += static_cast<std::uint32_t>(lines);
    emit();
  }

  void extended() {
    ByteReader operands(reader_.take(reader_.uleb()));
    switch (operands.byte()) {
      case DW_LNE_end_sequence:
        end_sequence();
        reset();
        break;
      case DW_LNE_set_address:
        row_.address = operands.number(std::min(operands.remaining(), table_.address_size_));
        break;
      default: break;
    }
  }

  void standard(std::uint8_t opcode) {
    switch (opcode) {
      case DW_LNS_copy: emit(); break;
      case DW_LNS_advance_pc: advance(reader_.uleb()); break;
      case DW_LNS_advance_line: row_.line += static_cast<std::uint32_t>(reader_.sleb()); break;
      case DW_LNS_set_file: row_.file = static_cast<std::uint32_t>(reader_.uleb()); break;
      case DW_LNS_set_column: row_.column = static_cast<std::uint32_t>(reader_.uleb()); break;
      case DW_LNS_negate_stmt: row_.statement = !row_.statement; break;
      case DW_LNS_const_add_pc: advance(beyond_base(0xff) / table_.line_range_); break;
      case DW_LNS_fixed_advance_pc: row_.address += reader_.number(2); break;
      default: skip_operands(opcode);
    }
  }

  void skip_operands(std::uint8_t opcode) {
    const auto count = static_cast<unsigned>(table_.operand_counts_[opcode - 1U]);
    for (unsigned i = 0; i < count; ++i) reader_.uleb();
  }

  void end_sequence() {
    auto& rows = table_.rows_;
    const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(first_);
    if (!std::is_sorted(begin, rows.end(), by_address)) std::stable_sort(begin, rows.end(), by_address);
    if (begin == rows.end() || begin->address >= row_.address || !is_code_(begin->address)) {
      rows.resize(first_);
      return;
    }
    table_.sequences_.push_back({.low = begin->address,
                                 .high = row_.address,
                                 .first = static_cast<std::uint32_t>(first_),
                                 .last = static_cast<std::uint32_t>(rows.size())});
    first_ = rows.size();
  }

  static bool by_address(const LineRow& a, const LineRow& b) { return a.address < b.address; }

  LineTable& table_;
  support::FunctionRef<bool(Address)> is_code_;
  ByteReader reader_;
  LineRow row_;
  std::size_t first_ = 0;
};

std::optional<LineTable> LineTable::read(const LineSections& sections, const LineUnit& unit) {
  return LineHeaderReader(sections, unit).read();
}

std::string_view LineTable::file_name(std::size_t file) const {
  if (file >= files_.size()) return {};
  std::string_view name = files_[file].name;
  if (name.empty() && file == 0) name = unit_name_;
  return name.substr(name.rfind('/') + 1);
}

std::string LineTable::file_path(std::size_t file) const {
  if (file >= files_.size()) return {};
  const File& entry = files_[file];
  if (entry.name.empty() && file != 0) return {};
  std::filesystem::path path(unit_directory_);
  if (entry.name.empty()) {
    path /= unit_name_;
  } else {
    if (entry.directory < directories_.size()) path /= directories_[entry.directory];
    path /= entry.name;
  }
  return path.lexically_normal().string();
}

void LineTable::run(support::FunctionRef<bool(Address)> is_code) { LineProgram(*this, is_code).run(); }

const LineRow* LineTable::at(Address address) const {
  auto sequence = std::ranges::upper_bound(sequences_, address, {}, &LineSequence::low);
  if (sequence == sequences_.begin()) return nullptr;
  --sequence;
  if (address >= sequence->high) return nullptr;
  const auto begin = rows_.begin() + sequence->first;
  auto row = std::upper_bound(begin, rows_.begin() + sequence->last, address,
                              [](Address wanted, const LineRow& one) { return wanted < one.address; });
  if (row == begin) return nullptr;
  --row;
  // Of several for one address the last one counts, as a statement if one is.
  for (auto other = row; other->address == row->address; --other) {
    if (other->statement) return &*other;
    if (other == begin) break;
  }
  return &*row;
}

}  // namespace trapline::symbols
