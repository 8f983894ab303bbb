#include "core/loader.hpp"

#include <elf.h>

#include <algorithm>
#include <string_view>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/location.hpp"
#include "core/memory_text.hpp"
#include "core/process.hpp"
#include "os/proc.hpp"

namespace trapline::core {
namespace {

/// Words of the tracee's width.
class Words {
 public:
  explicit Words(Process& process) : process_(process), width_(arch::info(process.arch()).word_size) {}
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

/// struct r_debug (link.h): from the program's DT_DEBUG, which the loader fills in before the program begins; in a
/// program that was started as the loader's argument by its name.
std::optional<Address> debug_structure(Process& process, const Words& words, const Modules& modules) {
  const auto dynamic = dynamic_section(process, words);
  if (!dynamic) return std::nullopt;
  constexpr int most_entries = 512;
  for (int i = 0; i < most_entries; ++i) {
    const Address entry = *dynamic + static_cast<Address>(i) * 2 * words.width();
    const auto tag = words.at(entry);
    const auto value = words.at(entry + words.width());
    if (!tag || !value || *tag == DT_NULL) break;
    if (*tag == DT_DEBUG) return *value != 0 ? value : std::nullopt;
  }
  for (const Symbol& symbol : find_symbols("_r_debug", modules)) return symbol.address;
  return std::nullopt;
}

// struct r_debug: int r_version, then (aligned) r_map, r_brk, int r_state, r_ldbase, and from version 2 on r_next.
constexpr unsigned map_word = 1;
constexpr unsigned breakpoint_word = 2;
constexpr unsigned state_word = 3;
constexpr unsigned next_namespace_word = 5;

std::optional<Address> from_debug_structure(Process& process, const Modules& modules) {
  const Words words(process);
  const auto debug = debug_structure(process, words, modules);
  if (!debug) return std::nullopt;
  const auto breakpoint = words.at(*debug + breakpoint_word * words.width());
  return breakpoint && *breakpoint != 0 ? breakpoint : std::nullopt;
}

/// No program has so many; a list that the program has damaged may have no end.
constexpr std::size_t most_objects = 65536;
constexpr std::size_t most_namespaces = 64;

/// One list of struct link_map: l_addr, l_name, l_ld, l_next.
void append_objects(Process& process, const Words& words, Address map, std::vector<LoadedObject>& objects) {
  while (map != 0 && objects.size() < most_objects) {
    const auto base = words.at(map);
    const auto name = words.at(map + words.width());
    const auto dynamic = words.at(map + 2 * words.width());
    const auto next = words.at(map + 3 * words.width());
    if (!base || !name || !dynamic || !next) return;
    objects.push_back({.dynamic = *dynamic, .base = *base, .name = string_at(process, *name).value_or("")});
    map = *next;
  }
}

}  // namespace

std::optional<Address> loader_event_address(Process& process, const Modules& modules) {
  if (const auto address = from_debug_structure(process, modules)) return address;
  // At the loader's first instruction the entry is still empty; glibc's and musl's loaders export the function.
  for (const char* name : {"_dl_debug_state", "dl_debug_state"}) {
    for (const Symbol& symbol : find_symbols(name, modules)) return symbol.address;
  }
  return std::nullopt;
}

LoadedObjects loaded_objects(Process& process, const Modules& modules) {
  LoadedObjects result;
  const Words words(process);
  auto debug = debug_structure(process, words, modules);
  for (std::size_t i = 0; debug && *debug != 0 && i < most_namespaces; ++i) {
    const auto version = words.at(*debug);
    const auto map = words.at(*debug + map_word * words.width());
    const auto state = words.at(*debug + state_word * words.width());
    if (!version || !map || !state) break;
    result.changing |= static_cast<std::uint32_t>(*state) != 0;  // RT_CONSISTENT
    append_objects(process, words, *map, result.objects);
    // glibc 2.35 and later chain the namespaces of dlmopen(3).
    const bool chained = static_cast<std::uint32_t>(*version) >= 2;
    debug = chained ? words.at(*debug + next_namespace_word * words.width()) : std::nullopt;
  }
  const auto program = dynamic_section(process, words);
  std::erase_if(result.objects, [&](const LoadedObject& object) { return object.dynamic == program; });
  return result;
}

}  // namespace trapline::core
