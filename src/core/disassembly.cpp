#include "core/disassembly.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <span>

#include <trapline/error.hpp>

#include "arch/disassembler.hpp"
#include "core/places.hpp"
#include "core/process.hpp"
#include "support/function_ref.hpp"

namespace trapline::core {
namespace {

constexpr std::size_t longest_instruction = 15;
/// How far in front of an address its function may begin for the instructions between to be told.
constexpr Address farthest_start = Address{1} << 20U;
/// Of a function whose symbol has no size.
constexpr Address longest_function = Address{1} << 20U;

/// The code of a process from an address on, read as far as it is needed.
class Code {
 public:
  Code(const TraceeMemory& memory, Address at) : memory_(memory), at_(at) {}

  [[nodiscard]] Address at() const { return at_; }
  /// At least the bytes of one instruction, but at the end of the memory: there what is left.
  [[nodiscard]] ByteView next() {
    if (end_ - begin_ < longest_instruction) refill();
    return ByteView(buffer_).subspan(begin_, end_ - begin_);
  }
  void skip(std::size_t count) {
    begin_ += count;
    at_ += count;
  }

 private:
  void refill() {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
    end_ += memory_.read(at_ + end_, std::span(buffer_).subspan(end_));
  }

  const TraceeMemory& memory_;
  Address at_;
  std::array<std::byte, 4096> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class Listing {
 public:
  Listing(Process& process, Syntax syntax)
      : process_(process), places_(process), disassembler_(process.arch(), syntax) {}

  Places& places() { return places_; }

  /// Hands over instruction after instruction, until there are no more or it is told to end.
  void walk(Address from, support::FunctionRef<bool(Instruction&)> wants_more) {
    Code code(process_.memory(), from);
    for (;;) {
      const ByteView bytes = code.next();
      if (bytes.empty()) return;
      arch::Disassembled found = disassembler_.decode(bytes, code.at());
      const ByteView own = bytes.first(found.length);
      // g++ 12 warns of half an instruction that is destroyed when this is an initializer with names.
      Instruction instruction;
      instruction.place.address = code.at();
      instruction.bytes.assign(own.begin(), own.end());
      instruction.kind = found.kind;
      instruction.mnemonic = std::move(found.mnemonic);
      instruction.operands = std::move(found.operands);
      if (found.target) instruction.target = Place{.address = *found.target};
      if (found.data) instruction.data = Place{.address = *found.data};
      if (!wants_more(instruction)) return;
      code.skip(found.length);
    }
  }

  /// The last `count` in front of an address, if the way from the start of its function leads there.
  std::vector<Instruction> before(Address address, std::size_t count) {
    const auto function = places_.symbol(address);
    if (!function || address - function->address > farthest_start) return {};
    std::deque<Instruction> last;
    Address end = function->address;
    walk(function->address, [&](Instruction& instruction) {
      if (instruction.address() >= address) return false;
      end = instruction.next_address();
      last.push_back(std::move(instruction));
      if (last.size() > count) last.pop_front();
      return end < address;
    });
    if (end != address) return {};
    return {std::make_move_iterator(last.begin()), std::make_move_iterator(last.end())};
  }

  std::vector<Instruction> named(std::vector<Instruction> list) {
    const auto name = [&](std::optional<Place>& place) {
      if (place) place = places_.place(place->address);
    };
    for (Instruction& instruction : list) {
      instruction.place = places_.place(instruction.address());
      name(instruction.target);
      name(instruction.data);
    }
    return list;
  }

 private:
  Process& process_;
  Places places_;
  arch::Disassembler disassembler_;
};

}  // namespace

std::vector<Instruction> disassemble(Process& process, Address at, std::size_t count,
                                     const DisassemblyOptions& options) {
  Listing listing(process, options.syntax);
  std::vector<Instruction> list;
  if (options.before != 0) list = listing.before(at, options.before);
  listing.walk(at, [&](Instruction& instruction) {
    if (count == 0) return false;
    list.push_back(std::move(instruction));
    return --count != 0;
  });
  return listing.named(std::move(list));
}

std::vector<Instruction> disassemble_range(Process& process, Address from, Address to,
                                           const DisassemblyOptions& options) {
  Listing listing(process, options.syntax);
  std::vector<Instruction> list;
  if (options.before != 0) list = listing.before(from, options.before);
  listing.walk(from, [&](Instruction& instruction) {
    if (instruction.address() >= to) return false;
    list.push_back(std::move(instruction));
    return true;
  });
  return listing.named(std::move(list));
}

std::vector<Instruction> disassemble_function(Process& process, Address inside, const DisassemblyOptions& options) {
  Listing listing(process, options.syntax);
  const auto function = listing.places().symbol(inside);
  if (!function) {
    throw SymbolError(fmt::format("no symbol covers {:#x}: give a range, or a number of instructions", inside));
  }
  std::vector<Instruction> list;
  const Address end = function->address + (function->size != 0 ? function->size : longest_function);
  listing.walk(function->address, [&](Instruction& instruction) {
    if (instruction.address() >= end) return false;
    if (function->size == 0) {
      const auto here = listing.places().symbol(instruction.address());
      if (!here || here->address != function->address) return false;
    }
    list.push_back(std::move(instruction));
    return true;
  });
  return listing.named(std::move(list));
}

}  // namespace trapline::core
