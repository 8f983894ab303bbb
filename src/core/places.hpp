#pragma once

#include <optional>
#include <unordered_map>

#include <trapline/disassembly.hpp>
#include <trapline/symbols.hpp>

#include "core/modules.hpp"

namespace trapline::core {

class Process;

/// What the addresses of a process mean at one moment: its mappings and symbols, each looked up once. To be used while
/// the process object lives, by one thread.
class Places {
 public:
  /// As of memory_maps().
  explicit Places(Process& process);

  [[nodiscard]] const MemoryMaps& maps() const { return modules_.maps(); }
  /// The symbol that covers an address.
  [[nodiscard]] std::optional<Symbol> symbol(Address address);
  [[nodiscard]] Place place(Address address);

 private:
  Modules modules_;
  std::unordered_map<Address, std::optional<Symbol>> seen_;
  /// The last one that was found: neighbours are in it too.
  std::optional<Symbol> last_;
};

}  // namespace trapline::core
