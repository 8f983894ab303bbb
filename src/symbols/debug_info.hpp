#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/source.hpp>

#include "symbols/debug_image.hpp"
#include "symbols/function_scopes.hpp"
#include "symbols/line_table.hpp"

namespace trapline::symbols {

/// A source file that has code for a line.
struct LineMatch {
  std::string file;
  /// The line that was asked for or, without code for it, the next one that has some; 0 when none follows.
  unsigned line = 0;
  /// The last one with code.
  unsigned last = 0;
  /// Where it begins: in each function of its own, and in each place where it was inlined.
  std::vector<Address> addresses{};
  /// While it is looked for: code of the very line that is no good place for a breakpoint.
  std::vector<Address> no_statements{};
};

/// The DWARF of one file: source lines and inlined calls. A unit is read when it is first asked about. Shared by all
/// processes; any thread, which libdw by itself would not allow.
///
/// Addresses are those that the file was linked for.
class DebugInfo {
 public:
  /// The other image is that of the file that dwz(1) moved common parts to; empty without one.
  explicit DebugInfo(DebugImage image, Bytes alternate = {});
  ~DebugInfo();
  DebugInfo(const DebugInfo&) = delete;
  DebugInfo& operator=(const DebugInfo&) = delete;

  [[nodiscard]] std::optional<SourceLine> line_at(Address address) const;
  /// The calls inlined around an address, the innermost first.
  [[nodiscard]] std::vector<InlinedCall> inlined_at(Address address) const;
  /// The files of that name, or whose paths end in it, with where the line is in each.
  [[nodiscard]] std::vector<LineMatch> find_line(std::string_view file, unsigned line) const;
  /// The names of all source files, without directories.
  [[nodiscard]] std::vector<std::string> file_names() const;

 private:
  struct End {
    void operator()(Elf* elf) const;
    void operator()(Dwarf* dwarf) const;
  };
  /// An image and what libelf and libdw know of it.
  struct Opened {
    Bytes image;
    std::unique_ptr<Elf, End> elf{};
    std::unique_ptr<Dwarf, End> dwarf{};
  };
  struct Unit {
    std::uint64_t die = 0;
    /// Without one its code has no lines.
    std::optional<LineUnit> lines{};
  };
  /// What was read of a unit that was asked about.
  struct Details {
    std::size_t unit = 0;
    std::optional<LineTable> lines{};
    std::optional<FunctionScopes> scopes{};
  };
  struct Piece {
    AddressRange range;
    std::uint32_t unit = 0;
  };

  static Opened open(Bytes image);
  void find_sections();
  void index() const;
  void index_unit(Dwarf_Die& die) const;
  [[nodiscard]] bool is_code(Address address) const;
  [[nodiscard]] std::optional<std::size_t> unit_at(Address address) const;
  Details& details(std::size_t unit) const;
  const LineTable* lines_of(std::size_t unit) const;
  std::vector<FunctionScopes::Scope> scopes_around(Address address) const;
  [[nodiscard]] InlinedCall describe(const FunctionScopes::Scope& scope, const LineTable* lines) const;
  void find_line_in(std::size_t unit, std::string_view file, unsigned line, std::vector<LineMatch>& matches) const;
  void keep_first_of_each_function(std::vector<Address>& addresses) const;

  mutable std::mutex mutex_;
  std::vector<AddressRange> code_;
  Opened alternate_;
  Opened main_;
  LineSections sections_;
  mutable bool indexed_ = false;
  mutable std::vector<Unit> units_;
  /// By their beginnings.
  mutable std::vector<Piece> pieces_;
  /// What a damaged file may cost: any number of units may name one long list.
  mutable std::size_t ranges_left_ = 4'000'000;
  /// The last one used first.
  mutable std::list<Details> details_;
};

/// The one place that decides which file holds the DWARF of a mapped one: that file itself, or a separate one that was
/// installed for it. Read once for as long as the file stays the same; nullptr without any. Any thread.
[[nodiscard]] std::shared_ptr<const DebugInfo> debug_info_of_file(const std::string& path);
/// Of an image of a whole file.
[[nodiscard]] std::shared_ptr<const DebugInfo> debug_info_of_image(Bytes image);

}  // namespace trapline::symbols
