#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/maps.hpp>

#include "symbols/symbol_table.hpp"

namespace trapline::symbols {
class DebugInfo;
}

namespace trapline::core {

/// A program or library as it is loaded in a process.
struct Module {
  std::string path;
  /// What is added to an address in the file to get the one in the process.
  Address bias = 0;
  Address start = 0;
  /// Past the last byte, its zero-initialised data (.bss) included.
  Address end = 0;
  std::shared_ptr<const symbols::SymbolTable> table;
  /// The mapping that it begins with.
  MemoryMap map;
  /// How far to go for its symbols.
  SymbolOptions options{};

  /// The symbol around an address in the process; its own address is the file's.
  [[nodiscard]] std::optional<symbols::SymbolTable::Entry> symbol_at(Address address) const {
    return table->at(address - bias, options);
  }
};

/// What is loaded in a process, at one moment. A file is opened only when something in it is asked for.
class Modules {
 public:
  /// Gets the table of the file that a mapping is of, nullptr when there is none; true for the program's own file.
  using Loader = std::function<std::shared_ptr<const symbols::SymbolTable>(const MemoryMap&, bool)>;
  /// Gets what is known of the source of a module, nullptr when nothing is.
  using DebugLoader = std::function<std::shared_ptr<const symbols::DebugInfo>(const Module&)>;
  enum class Kind { program, library, vdso };

  /// One file with code; usually it is loaded once, more often only in other namespaces (dlmopen).
  struct File {
    std::string path;
    Kind kind = Kind::library;
    std::vector<MemoryMap> maps;
  };

  Modules(MemoryMaps maps, Loader loader, DebugLoader debug_loader = {}, SymbolOptions options = {});

  [[nodiscard]] const MemoryMaps& maps() const { return maps_; }
  [[nodiscard]] const SymbolOptions& options() const { return options_; }
  /// The program first, the libraries in the order in which they were loaded, and the vDSO, which only the C library
  /// calls.
  [[nodiscard]] const std::vector<File>& files() const { return files_; }
  [[nodiscard]] std::vector<Module> load(const File& file) const;
  /// The module around an address.
  [[nodiscard]] std::optional<Module> at(Address address) const;
  /// nullptr when it has none.
  [[nodiscard]] std::shared_ptr<const symbols::DebugInfo> debug_info(const Module& module) const {
    return debug_loader_ ? debug_loader_(module) : nullptr;
  }

 private:
  MemoryMaps maps_;
  Loader loader_;
  DebugLoader debug_loader_;
  SymbolOptions options_;
  std::vector<File> files_;
};

}  // namespace trapline::core
