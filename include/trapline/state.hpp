#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/disassembly.hpp>
#include <trapline/symbols.hpp>
#include <trapline/types.hpp>

// What a process holds, as values that outlive the stop at which they were read: what print_state.hpp prints.

namespace trapline {

class Process;
class Thread;

/// What a value leads to that is the address of something mapped.
struct Pointee {
  /// The symbol that covers the address, if any.
  Place place{};
  /// The mapping around it: its path or kernel's name, empty for anonymous memory, and its permissions.
  std::string map{};
  bool readable = false;
  bool writable = false;
  bool executable = false;
  /// The text that begins there: at least four bytes of printable UTF-8 before a NUL; at most 64 of them.
  std::string text{};
  /// The word that is stored there, of the size of a pointer.
  std::optional<std::uint64_t> word{};
};

enum class RegisterRole { general, flags, segment, vector };

struct TRAPLINE_API RegisterValue {
  std::string_view name{};
  RegisterRole role = RegisterRole::general;
  /// Lowest first.
  Bytes bytes{};
  /// Of a general register, if that was asked for.
  std::optional<Pointee> pointee{};

  /// The low eight bytes.
  [[nodiscard]] std::uint64_t word() const;
};

/// The full-width registers of a thread.
struct TRAPLINE_API RegisterValues {
  Arch arch{};
  /// The general ones, the flags, the segments and, if they were asked for, the vector registers (the widest that the
  /// CPU has) and those of the x87.
  std::vector<RegisterValue> list{};

  /// nullptr when it is not among them.
  [[nodiscard]] const RegisterValue* find(std::string_view name) const;
  /// The names of those that had another value before.
  [[nodiscard]] std::vector<std::string_view> changed_since(const RegisterValues& before) const;
};

struct ReadRegisters {
  bool vector = false;
  /// Whether it is looked up what the general ones lead to.
  bool follow = true;
};

/// Reads the registers of a thread at rest, or the last ones of a dead one (which lead nowhere).
[[nodiscard]] TRAPLINE_API RegisterValues read_registers(const Thread& thread, const ReadRegisters& options = {});

/// One word of memory, of the size of a pointer.
struct MemoryWord {
  /// Where it is, with the symbol that covers it.
  Place place{};
  std::uint64_t value = 0;
  std::optional<Pointee> pointee{};
};

/// Reads so many words, fewer where the readable memory ends. At any time.
[[nodiscard]] TRAPLINE_API std::vector<MemoryWord> read_words(const Process& process, const Location& at,
                                                              std::size_t count);
/// Those from the stack pointer on.
[[nodiscard]] TRAPLINE_API std::vector<MemoryWord> read_stack(const Thread& thread, std::size_t count = 16);

/// A piece of memory.
struct MemoryBlock {
  /// Its first byte, and the one behind its last, with the symbols that they are in.
  Place start{};
  Place end{};
  Bytes bytes{};
  /// How many were asked for; there are fewer where the readable memory ends.
  std::size_t wanted = 0;
};

/// Reads what is readable of a piece of memory. At any time.
[[nodiscard]] TRAPLINE_API MemoryBlock read_block(const Process& process, const Location& at, std::size_t size);

}  // namespace trapline
