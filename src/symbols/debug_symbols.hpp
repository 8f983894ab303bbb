#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "symbols/symbol_query.hpp"

namespace trapline::symbols {

/// What the debug information of a file names, read when it is asked for the first time. Any thread.
class DebugSymbols {
 public:
  using Open = std::function<std::optional<ElfFile>()>;
  /// What is asked of it.
  enum class Parts {
    dwarf,
    /// First .symtab, and only then its DWARF, which is slow to read and seldom knows more.
    symtab_and_dwarf
  };

  DebugSymbols(Open open, std::string path, Parts parts);

  [[nodiscard]] std::vector<SymbolList::Entry> find(const SymbolQuery& query) const;
  [[nodiscard]] std::optional<SymbolList::Entry> at(Address address) const;
  void each(SymbolList::Visitor visit) const;

 private:
  [[nodiscard]] const SymbolList& symtab() const;
  [[nodiscard]] const SymbolList& dwarf() const;
  [[nodiscard]] bool may_know(const SymbolQuery& query) const;

  Open open_;
  std::string path_;
  Parts parts_;
  mutable std::once_flag symtab_read_;
  mutable std::optional<SymbolList> symtab_;
  mutable std::once_flag dwarf_read_;
  mutable std::optional<SymbolList> dwarf_;
};

}  // namespace trapline::symbols
