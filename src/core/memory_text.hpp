#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <trapline/types.hpp>

#include "core/memory_windows.hpp"

namespace trapline::core {

class Process;

/// The string at an address, up to its zero byte, the end of what can be read, or `max` bytes; nothing when nothing can
/// be read there.
[[nodiscard]] std::optional<std::string> string_at(Address address, std::size_t max, ReadMemory read);
/// The same in the memory of a process.
[[nodiscard]] std::optional<std::string> string_at(Process& process, Address address, std::size_t max = 4096);

/// How long a text has to be, and how much of it is wanted.
struct TextBounds {
  std::size_t min = 4;
  std::size_t max = 64;
};
/// So many bytes behind the longest text tell whether it goes on, also in the middle of a character.
constexpr std::size_t more_than_text = 4;
/// The printable text in UTF-8 that the bytes begin with, when a zero byte, the end of the bytes, or more text than is
/// wanted follows: what is no text is followed by anything.
[[nodiscard]] std::optional<std::string> text_in(ByteView bytes, const TextBounds& bounds);
/// How many bytes at the beginning are such text, the last character whole.
[[nodiscard]] std::size_t printable_prefix(ByteView bytes);

}  // namespace trapline::core
