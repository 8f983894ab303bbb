#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "symbols/cxx_name.hpp"
#include "symbols/symbol_list.hpp"

namespace trapline::symbols {

/// A name as a user writes it: as it is in the tables, with a version (`memcpy@GLIBC_2.2.5`, `memcpy@@GLIBC_2.14`), of
/// a PLT entry or GOT slot (`puts@plt`, `puts@got`), or of C++ with or without parameters.
class SymbolQuery {
 public:
  explicit SymbolQuery(std::string_view written);

  [[nodiscard]] const std::string& written() const { return written_; }
  /// Whether only PLT and GOT have names like that.
  [[nodiscard]] bool of_linkage() const { return !suffix_.empty(); }
  /// Texts of which the DWARF of what can match has one; empty when that cannot be told.
  [[nodiscard]] std::vector<std::string> texts() const;
  /// Those that have the name in the tables, or otherwise those whose C++ name it is.
  [[nodiscard]] std::vector<SymbolList::Entry> find_in(const SymbolList& list) const;

 private:
  [[nodiscard]] std::vector<SymbolList::Entry> find_exact(const SymbolList& list) const;
  [[nodiscard]] std::vector<SymbolList::Entry> find_cxx(const SymbolList& list) const;

  std::string written_;
  /// Without version and suffix.
  std::string name_;
  std::string version_;
  bool current_ = false;
  std::string suffix_;
  CxxName cxx_;
};

}  // namespace trapline::symbols
