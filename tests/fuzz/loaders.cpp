#include "loaders.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <trapline/error.hpp>

#include "symbols/call_frames.hpp"
#include "symbols/cxx_name.hpp"
#include "symbols/debug_info.hpp"
#include "symbols/dwarf_symbols.hpp"
#include "symbols/elf_facts.hpp"
#include "symbols/separate_file.hpp"
#include "symbols/symbol_table.hpp"
#include "symbols/unwind.hpp"

namespace trapline::fuzz {
namespace {

/// Where to ask: around what the file says of itself, and where nothing is.
std::vector<Address> addresses_of(const symbols::SymbolTable* table) {
  std::vector<Address> addresses{0, 1, 0x1000, 0x401000, ~Address{0}, ~Address{0} - 1};
  if (table == nullptr) return addresses;
  for (const symbols::Segment& segment : table->segments()) {
    constexpr Address pieces = 24;
    const Address step = std::max<Address>(1, segment.memory_size / pieces);
    for (Address i = 0; i < pieces && addresses.size() < 128; ++i) addresses.push_back(segment.address + i * step);
  }
  return addresses;
}

void symbols_of(const symbols::SymbolTable& table, std::span<const Address> addresses) {
  for (const Address address : addresses) static_cast<void>(table.at(address));
  static_cast<void>(table.find("main"));
  static_cast<void>(table.perhaps_near("mian", {}));
  table.each({}, [](const symbols::SymbolTable::Entry& entry) { static_cast<void>(symbols::demangle(entry.name)); });
}

/// Memory of nothing but what the file holds, over and over.
class Memory {
 public:
  explicit Memory(ByteView content) : content_(content) {}
  bool read(Address address, std::span<std::byte> into) const {
    if (content_.empty() || address % 7 == 3) return false;
    for (std::size_t i = 0; i < into.size(); ++i) into[i] = content_[(address + i) % content_.size()];
    return true;
  }

 private:
  ByteView content_;
};

void frames_of(const std::shared_ptr<const symbols::CallFrames>& frames, ByteView content,
               std::span<const Address> addresses) {
  const Memory memory(content);
  const auto read = [&](Address address, std::span<std::byte> into) { return memory.read(address, into); };
  const auto frames_at = [&](Address address) -> std::optional<symbols::LoadedFrames> {
    if (!frames || address % 5 == 4) return std::nullopt;
    return symbols::LoadedFrames{frames, 0};
  };
  const auto executable = [](Address address) { return address % 3 != 2; };
  const auto function_at = [](Address address) -> std::optional<Address> { return address & ~Address{0xff}; };
  for (const Arch arch : {Arch::amd64, Arch::i386}) {
    const symbols::FrameAbi& abi = *symbols::frame_abi(arch);
    for (const Address address : addresses) {
      symbols::FrameRegisters registers;
      for (std::size_t number = 0; number < abi.registers; ++number) registers.set(number, address + 64 * number);
      registers.set(abi.pc, address);
      static_cast<void>(symbols::unwind(
          {.abi = abi, .read = read, .frames_at = frames_at, .executable = executable, .function_at = function_at},
          registers, 64));
    }
  }
}

void lines_of(const symbols::DebugInfo& info, std::span<const Address> addresses) {
  for (const Address address : addresses) {
    static_cast<void>(info.line_at(address));
    static_cast<void>(info.inlined_at(address));
  }
  for (const std::string& name : info.file_names()) {
    static_cast<void>(info.find_line(name, 1));
    break;
  }
  static_cast<void>(info.find_line("seed.cpp", 20));
}

void names_and_facts_of(const Bytes& image) {
  try {
    const symbols::ElfFile elf{Bytes(image)};
    static_cast<void>(elf.facts());
    static_cast<void>(symbols::dwarf_symbols_of(elf, ""));
    static_cast<void>(symbols::debug_file_of(elf, "/nowhere/seed"));
  } catch (const SymbolError&) {
    // What is no ELF file, or damaged beyond use.
  }
}

}  // namespace

void load_everything(ByteView file) {
  const Bytes image(file.begin(), file.end());
  names_and_facts_of(image);
  const auto table = symbols::table_of_image(image);
  const std::vector<Address> addresses = addresses_of(table.get());
  if (table) symbols_of(*table, addresses);
  frames_of(symbols::call_frames_of_image(image), file, addresses);
  const auto info = symbols::debug_info_of_image(image);
  if (info) lines_of(*info, addresses);
}

}  // namespace trapline::fuzz
