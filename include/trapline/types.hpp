#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
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

}  // namespace trapline
