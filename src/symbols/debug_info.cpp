#include "symbols/debug_info.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <trapline/error.hpp>

#include "symbols/cxx_name.hpp"
#include "symbols/elf_file.hpp"
#include "symbols/file_cache.hpp"
#include "symbols/section_image.hpp"

namespace trapline::symbols {
namespace {

std::optional<Dwarf_Word> number_of(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (::dwarf_attr(&die, name, &attribute) == nullptr || ::dwarf_formudata(&attribute, &value) != 0)
    return std::nullopt;
  return value;
}

/// Of the entry itself, where dwarf_attr_integrate() would look for a unit's in files that the DWARF names.
std::string own_text_of(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  const char* text = ::dwarf_formstring(::dwarf_attr(&die, name, &attribute));
  return text != nullptr ? text : "";
}

/// Of the entry, or of what it is an instance of.
std::string text_of(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  const char* text = ::dwarf_formstring(::dwarf_attr_integrate(&die, name, &attribute));
  return text != nullptr ? text : "";
}

/// As a user would write it, or the linker's name where that is all there is.
std::string function_name(Dwarf_Die& die) {
  for (const unsigned attribute : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name}) {
    const std::string name = text_of(die, attribute);
    if (!name.empty()) return demangle(name);
  }
  return text_of(die, DW_AT_name);
}

/// Whether a user who writes `wanted` can mean the file: it is the path or its last parts.
bool is_meant(std::string_view wanted, std::string_view path) {
  if (!path.ends_with(wanted)) return false;
  return path.size() == wanted.size() || (!wanted.starts_with('/') && path[path.size() - wanted.size() - 1] == '/');
}

}  // namespace

void DebugInfo::End::operator()(Elf* elf) const { ::elf_end(elf); }
void DebugInfo::End::operator()(Dwarf* dwarf) const { ::dwarf_end(dwarf); }

DebugInfo::DebugInfo(DebugImage image, Bytes alternate)
    : code_(std::move(image.code)), alternate_(open(std::move(alternate))), main_(open(std::move(image.image))) {
  if (main_.dwarf && alternate_.dwarf) ::dwarf_setalt(main_.dwarf.get(), alternate_.dwarf.get());
  if (main_.elf) find_sections();
}

DebugInfo::~DebugInfo() = default;

DebugInfo::Opened DebugInfo::open(Bytes image) {
  Opened opened{.image = std::move(image)};
  if (opened.image.empty()) return opened;
  opened.elf.reset(::elf_memory(reinterpret_cast<char*>(opened.image.data()), opened.image.size()));
  if (opened.elf) opened.dwarf.reset(::dwarf_begin_elf(opened.elf.get(), DWARF_C_READ, nullptr));
  return opened;
}

void DebugInfo::find_sections() {
  std::size_t names = 0;
  if (::elf_getshdrstrndx(main_.elf.get(), &names) != 0) return;
  for (Elf_Scn* scn = nullptr; (scn = ::elf_nextscn(main_.elf.get(), scn)) != nullptr;) {
    GElf_Shdr header;
    if (::gelf_getshdr(scn, &header) == nullptr) continue;
    const std::string_view name = ::elf_strptr(main_.elf.get(), names, header.sh_name);
    if (name == ".debug_line") sections_.line = raw_content(scn);
    if (name == ".debug_line_str") sections_.line_str = raw_content(scn);
    if (name == ".debug_str") sections_.str = raw_content(scn);
  }
}

bool DebugInfo::is_code(Address address) const {
  if (address == 0) return false;
  const auto around = [&](const AddressRange& range) { return address >= range.low && address < range.high; };
  return code_.empty() || std::ranges::any_of(code_, around);
}

void DebugInfo::index() const {
  if (indexed_) return;
  indexed_ = true;
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die;
  // Without the last argument nothing looks for the files of -gsplit-dwarf.
  while (main_.dwarf && ::dwarf_get_units(main_.dwarf.get(), unit, &unit, nullptr, nullptr, &die, nullptr) == 0) {
    const int tag = ::dwarf_tag(&die);
    if (tag == DW_TAG_compile_unit || tag == DW_TAG_skeleton_unit) index_unit(die);
  }
  std::ranges::sort(pieces_, {}, [](const Piece& piece) { return piece.range.low; });
}

void DebugInfo::index_unit(Dwarf_Die& die) const {
  Unit unit{.die = ::dwarf_dieoffset(&die)};
  if (const auto offset = number_of(die, DW_AT_stmt_list)) {
    unit.lines = {
        .offset = *offset, .directory = own_text_of(die, DW_AT_comp_dir), .name = own_text_of(die, DW_AT_name)};
    std::uint8_t address_size = 0;
    Dwarf_Die again;
    if (::dwarf_diecu(&die, &again, &address_size, nullptr) != nullptr) unit.lines->address_size = address_size;
  }
  const auto number = static_cast<std::uint32_t>(units_.size());
  units_.push_back(std::move(unit));

  const std::size_t before = pieces_.size();
  Dwarf_Addr base = 0;
  AddressRange range;
  std::ptrdiff_t at = 0;
  while (ranges_left_ > 0 && (at = ::dwarf_ranges(&die, at, &base, &range.low, &range.high)) > 0) {
    --ranges_left_;
    if (range.low < range.high && is_code(range.low)) pieces_.push_back({range, number});
  }
  if (pieces_.size() != before || ranges_left_ == 0) return;
  // Not every assembler tells where a unit is.
  const LineTable* const lines = lines_of(number);
  if (lines == nullptr) return;
  for (const LineSequence& sequence : lines->sequences()) pieces_.push_back({{sequence.low, sequence.high}, number});
  ranges_left_ -= std::min(ranges_left_, lines->rows().size());
}

std::optional<std::size_t> DebugInfo::unit_at(Address address) const {
  index();
  const auto above = std::ranges::upper_bound(pieces_, address, {}, [](const Piece& piece) { return piece.range.low; });
  // Units do not overlap, except where one could not say it better.
  constexpr std::ptrdiff_t most = 16;
  for (auto piece = above; piece != pieces_.begin() && above - piece < most;) {
    --piece;
    if (address < piece->range.high) return piece->unit;
  }
  return std::nullopt;
}

DebugInfo::Details& DebugInfo::details(std::size_t unit) const {
  const auto found = std::ranges::find(details_, unit, &Details::unit);
  if (found != details_.end()) {
    details_.splice(details_.begin(), details_, found);
    return details_.front();
  }
  constexpr std::size_t most = 256;
  if (details_.size() == most) details_.pop_back();
  return details_.emplace_front(Details{.unit = unit});
}

const LineTable* DebugInfo::lines_of(std::size_t unit) const {
  if (!units_[unit].lines) return nullptr;
  Details& known = details(unit);
  if (!known.lines) {
    known.lines = LineTable::read(sections_, *units_[unit].lines);
    if (!known.lines) {
      units_[unit].lines.reset();
      return nullptr;
    }
    known.lines->run([&](Address address) { return is_code(address); });
  }
  return &*known.lines;
}

std::vector<FunctionScopes::Scope> DebugInfo::scopes_around(Address address) const {
  const auto unit = unit_at(address);
  if (!unit) return {};
  Details& known = details(*unit);
  Dwarf_Die die;
  if (!known.scopes) {
    if (::dwarf_offdie(main_.dwarf.get(), units_[*unit].die, &die) == nullptr) return {};
    known.scopes.emplace(die);
  }
  return known.scopes->around(address);
}

std::optional<SourceLine> DebugInfo::line_at(Address address) const {
  const std::lock_guard lock(mutex_);
  const auto unit = unit_at(address);
  const LineTable* const lines = unit ? lines_of(*unit) : nullptr;
  const LineRow* const row = lines != nullptr ? lines->at(address) : nullptr;
  if (row == nullptr || row->line == 0) return std::nullopt;
  return SourceLine{.file = lines->file_path(row->file), .line = row->line, .column = row->column};
}

InlinedCall DebugInfo::describe(const FunctionScopes::Scope& scope, const LineTable* lines) const {
  InlinedCall call;
  Dwarf_Die die;
  if (::dwarf_offdie(main_.dwarf.get(), scope.die, &die) == nullptr) return call;
  call.function = function_name(die);
  if (lines != nullptr) call.call.file = lines->file_path(number_of(die, DW_AT_call_file).value_or(SIZE_MAX));
  call.call.line = static_cast<unsigned>(number_of(die, DW_AT_call_line).value_or(0));
  call.call.column = static_cast<unsigned>(number_of(die, DW_AT_call_column).value_or(0));
  return call;
}

std::vector<InlinedCall> DebugInfo::inlined_at(Address address) const {
  const std::lock_guard lock(mutex_);
  const auto unit = unit_at(address);
  if (!unit) return {};
  std::vector<InlinedCall> calls;
  const auto scopes = scopes_around(address);
  const LineTable* const lines = lines_of(*unit);
  for (const FunctionScopes::Scope& scope : scopes) {
    if (scope.inlined) calls.push_back(describe(scope, lines));
  }
  return calls;
}

void DebugInfo::find_line_in(std::size_t unit, std::string_view file, unsigned line,
                             std::vector<LineMatch>& matches) const {
  if (!units_[unit].lines) return;
  const auto header = LineTable::read(sections_, *units_[unit].lines);
  if (!header) return;
  const std::string_view name = file.substr(file.rfind('/') + 1);
  std::map<std::size_t, LineMatch*> meant;
  for (std::size_t i = 0; i < header->files(); ++i) {
    if (header->file_name(i) != name) continue;
    std::string path = header->file_path(i);
    if (!is_meant(file, path)) continue;
    auto known = std::ranges::find(matches, path, &LineMatch::file);
    if (known == matches.end()) known = matches.insert(known, LineMatch{.file = std::move(path)});
    meant.emplace(i, nullptr);
  }
  if (meant.empty()) return;
  for (auto& [number, match] : meant) match = &*std::ranges::find(matches, header->file_path(number), &LineMatch::file);
  const LineTable* const lines = lines_of(unit);
  if (lines == nullptr) return;
  for (const LineRow& row : lines->rows()) {
    const auto found = row.line != 0 ? meant.find(row.file) : meant.end();
    if (found == meant.end()) continue;
    LineMatch& match = *found->second;
    match.last = std::max(match.last, row.line);
    if (!row.statement) {
      if (row.line == line) match.no_statements.push_back(row.address);
      continue;
    }
    if (row.line < line || (match.line != 0 && row.line > match.line)) continue;
    if (row.line != match.line) match.addresses.clear();
    match.line = row.line;
    match.addresses.push_back(row.address);
  }
}

void DebugInfo::keep_first_of_each_function(std::vector<Address>& addresses) const {
  std::ranges::sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  // Each scope with the first address in it; one in its first piece is before all others.
  std::map<std::pair<std::size_t, std::uint64_t>, std::pair<std::uint32_t, Address>> first;
  for (const Address address : addresses) {
    const auto scopes = scopes_around(address);
    const FunctionScopes::Scope scope = scopes.empty() ? FunctionScopes::Scope{} : scopes.front();
    const std::pair place(scope.part, address);
    const auto [known, added] = first.emplace(std::pair(unit_at(address).value_or(SIZE_MAX), scope.die), place);
    if (!added) known->second = std::min(known->second, place);
  }
  addresses.clear();
  for (const auto& [scope, place] : first) addresses.push_back(place.second);
  std::ranges::sort(addresses);
}

std::vector<LineMatch> DebugInfo::find_line(std::string_view file, unsigned line) const {
  const std::lock_guard lock(mutex_);
  index();
  std::vector<LineMatch> matches;
  std::set<std::uint64_t> seen;
  for (std::size_t unit = 0; unit < units_.size(); ++unit) {
    if (units_[unit].lines && seen.insert(units_[unit].lines->offset).second) find_line_in(unit, file, line, matches);
  }
  for (LineMatch& match : matches) {
    // Optimised code has lines of which nothing is marked as a statement. They are better than another line.
    if (match.line != line && !match.no_statements.empty()) {
      match.line = line;
      match.addresses = std::move(match.no_statements);
    }
    keep_first_of_each_function(match.addresses);
  }
  return matches;
}

std::vector<std::string> DebugInfo::file_names() const {
  const std::lock_guard lock(mutex_);
  index();
  std::set<std::string, std::less<>> names;
  for (const Unit& unit : units_) {
    const auto header = unit.lines ? LineTable::read(sections_, *unit.lines) : std::nullopt;
    for (std::size_t i = 0; header && i < header->files(); ++i) names.emplace(header->file_name(i));
  }
  return {names.begin(), names.end()};
}

}  // namespace trapline::symbols
