#include "core/loader.hpp"

#include <elf.h>

#include <algorithm>
#include <string_view>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/location.hpp"
#include "core/process.hpp"
#include "os/proc.hpp"

namespace trapline::core {
namespace {

/// Words of the tracee's width.
class Words {
 public:
  Words(Process& process, std::size_t width) : process_(process), width_(width) {}
  [[nodiscard]] std::optional<std::uint64_t> at(Address address) const {
    std::uint64_t value = 0;
    const auto bytes = std::as_writable_bytes(std::span(&value, 1)).first(width_);
    if (process_.memory().read(address, bytes) != width_) return std::nullopt;
    return value;
  }
  [[nodiscard]] std::size_t width() const { return width_; }

 private:
  Process& process_;
  std::size_t width_;
};

std::optional<Address> dynamic_section(Process& process, const Words& words) {
  const auto vector = os::read_auxiliary_vector(process.pid());
  const auto headers = vector.find(AT_PHDR);
  const auto count = vector.find(AT_PHNUM);
  const auto size = vector.find(AT_PHENT);
  if (!headers || !count || !size) return std::nullopt;
  const bool wide = words.width() == 8;
  std::optional<Address> base;
  std::optional<Address> dynamic;
  for (std::uint64_t i = 0; i < *count; ++i) {
    const Address header = *headers + i * *size;
    const auto type = words.at(header);
    const auto address = words.at(header + (wide ? offsetof(Elf64_Phdr, p_vaddr) : offsetof(Elf32_Phdr, p_vaddr)));
    if (!type || !address) return std::nullopt;
    const auto kind = static_cast<std::uint32_t>(*type);
    if (kind == PT_PHDR) base = *headers - *address;
    if (kind == PT_DYNAMIC) dynamic = *address;
  }
  if (!dynamic) return std::nullopt;
  return *dynamic + base.value_or(0);
}

/// From the program's DT_DEBUG, which the loader fills in before the program begins.
std::optional<Address> from_debug_entry(Process& process) {
  const Words words(process, arch::info(process.arch()).word_size);
  const auto dynamic = dynamic_section(process, words);
  if (!dynamic) return std::nullopt;
  constexpr int most_entries = 512;
  for (int i = 0; i < most_entries; ++i) {
    const Address entry = *dynamic + static_cast<Address>(i) * 2 * words.width();
    const auto tag = words.at(entry);
    const auto value = words.at(entry + words.width());
    if (!tag || !value || *tag == DT_NULL) return std::nullopt;
    if (*tag != DT_DEBUG) continue;
    if (*value == 0) return std::nullopt;
    // struct r_debug: int r_version, then (aligned) r_map and r_brk.
    const auto breakpoint = words.at(*value + 2 * words.width());
    return breakpoint && *breakpoint != 0 ? breakpoint : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Address> loader_event_address(Process& process, const Modules& modules) {
  if (const auto address = from_debug_entry(process)) return address;
  // At the loader's first instruction the entry is still empty; glibc's and musl's loaders export the function.
  for (const char* name : {"_dl_debug_state", "dl_debug_state"}) {
    for (const Symbol& symbol : find_symbols(name, modules)) return symbol.address;
  }
  return std::nullopt;
}

}  // namespace trapline::core
