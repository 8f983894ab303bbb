#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <trapline/memory.hpp>
#include <trapline/print.hpp>

#include "arch/argument_format.hpp"

namespace trapline::print {

/// One call that is being printed.
struct Context {
  std::string& out;
  const Memory& memory;
  pid_t pid;
  const PrintOptions& options;
  Abi abi;
  /// The result, once it is known.
  std::int64_t result = 0;
  const std::array<std::uint64_t, 6>& args;
};

/// How many bytes could be read; 0 also when the process is gone.
[[nodiscard]] std::size_t read(const Memory& memory, Address address, std::span<std::byte> into);

void append_decimal(std::string& out, std::int64_t value);
void append_unsigned(std::string& out, std::uint64_t value);
void append_hexadecimal(std::string& out, std::uint64_t value);
/// `NULL` or `0x7ffd1234`.
void append_pointer(std::string& out, Address address);
void append_fd(const Context& context, std::int64_t fd);
/// A NUL-terminated string, cut at the limit; as a pointer when it cannot be read.
void append_string(const Context& context, Address address, std::size_t limit);
void append_bytes(const Context& context, Address address, std::uint64_t size);

/// One argument of a call, in the way that its format says.
void append_argument(const Context& context, std::size_t index, const arch::ArgumentFormat& format);
/// Those of them that are structures (print_structs.cpp); false when it is none or cannot be read.
bool append_structure(const Context& context, std::size_t index, const arch::ArgumentFormat& format);

}  // namespace trapline::print
