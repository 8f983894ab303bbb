#include "symbols/debug_symbols.hpp"

#include <algorithm>

#include "symbols/dwarf_symbols.hpp"

namespace trapline::symbols {

DebugSymbols::DebugSymbols(Open open, std::string path, Parts parts)
    : open_(std::move(open)), path_(std::move(path)), parts_(parts) {}

const SymbolList& DebugSymbols::symtab() const {
  std::call_once(symtab_read_, [this] {
    const auto elf = parts_ == Parts::symtab_and_dwarf ? open_() : std::nullopt;
    symtab_.emplace(elf ? symtab_of(*elf) : FileSymbols{});
  });
  return *symtab_;
}

const SymbolList& DebugSymbols::dwarf() const {
  std::call_once(dwarf_read_, [this] {
    const auto elf = open_();
    dwarf_.emplace(elf ? dwarf_symbols_of(*elf, path_) : FileSymbols{});
  });
  return *dwarf_;
}

bool DebugSymbols::may_know(const SymbolQuery& query) const {
  const auto elf = open_();
  const auto texts = query.texts();
  if (!elf || texts.empty()) return elf.has_value();
  return std::ranges::any_of(texts, [&](const std::string& text) { return dwarf_may_name(*elf, text); });
}

std::vector<SymbolList::Entry> DebugSymbols::find(const SymbolQuery& query) const {
  if (query.of_linkage()) return {};
  auto found = query.find_in(symtab());
  if (found.empty() && may_know(query)) found = query.find_in(dwarf());
  return found;
}

std::optional<SymbolList::Entry> DebugSymbols::at(Address address) const {
  auto found = symtab().at(address);
  if (!found && symtab().empty()) found = dwarf().at(address);
  return found;
}

void DebugSymbols::each(SymbolList::Visitor visit) const {
  symtab().each(visit);
  if (symtab().empty()) dwarf().each(visit);
}

}  // namespace trapline::symbols
