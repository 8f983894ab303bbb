#pragma once

#include <set>
#include <string_view>

#include <trapline/elf_facts.hpp>

namespace trapline::symbols {

/// Where the name of a symbol was found.
enum class NameOf {
  import,      ///< undefined: another file has it
  definition,  ///< in the file
};

/// Draws conclusions from what is known of a file. First all names of its symbols are shown to it.
class MitigationReader {
 public:
  /// `static_names`: the file imports nothing, so that what it defines is what it calls.
  explicit MitigationReader(ElfFacts& facts, bool static_names) : facts_(facts), static_names_(static_names) {}

  void add_name(std::string_view name, NameOf of);
  /// When all of the facts but these are there.
  void finish();

 private:
  void add_dynamic();
  void add_properties();

  ElfFacts& facts_;
  const bool static_names_;
  /// Of the table of such functions.
  std::set<std::string_view> fortified_;
  std::set<std::string_view> unfortified_;
};

}  // namespace trapline::symbols
