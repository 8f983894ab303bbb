#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

/// Marks what the shared library exports.
#define TRAPLINE_API __attribute__((visibility("default")))

namespace trapline {

/// An absolute address in the tracee; everything relative or symbolic is a Location.
using Address = std::uint64_t;

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

/// How long to wait at most; an empty one waits for ever.
using Timeout = std::optional<std::chrono::nanoseconds>;

using Environment = std::map<std::string, std::string, std::less<>>;

/// The instruction set of a process.
enum class Arch { amd64, i386, aarch64 };

/// The syscall table that one stop speaks: a 64-bit process can enter the kernel by `int 0x80`.
enum class Abi { amd64, i386, aarch64 };

/// How far to go for the name of something, each level with all before it. A level is asked when those before it have
/// no answer.
enum class SymbolLevel {
  /// .symtab, .dynsym, mini debug info, PLT and GOT of the file itself.
  tables,
  /// Functions and variables of its DWARF.
  dwarf,
  /// The tables and DWARF of a separate debug file on this machine.
  separate,
  /// The same of one that a debuginfod server has.
  debuginfod,
};

/// Where the names of functions and variables come from.
struct SymbolOptions {
  SymbolLevel level = SymbolLevel::separate;
  /// How long a server may take for one file; one that is slower is not asked again for a minute.
  std::chrono::nanoseconds download_timeout = std::chrono::seconds(10);
  /// Ends a download at once, from any thread.
  std::stop_token cancel{};
};

}  // namespace trapline
