#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <trapline/symbols.hpp>
#include <trapline/types.hpp>

namespace trapline {

struct TelescopeOptions {
  /// Words are read in at most so many places.
  std::size_t max_depth = 10;
  /// A text counts from so many bytes on, and is cut off behind so many.
  std::size_t min_string = 4;
  std::size_t max_string = 256;
};

/// A place that a chain of pointers leads through.
struct TelescopeLink {
  Address address = 0;
  /// The word that is there; in code and behind the end of what is mapped, the bytes that there are.
  std::uint64_t value = 0;
  /// What contains the address.
  std::optional<Symbol> symbol{};
  /// The text that is there where the word points nowhere; UTF-8, without its NUL.
  std::optional<std::string> string{};
};

/// Why a chain of pointers ends.
enum class TelescopeEnd {
  value,   ///< its last word points nowhere
  string,  ///< there is text
  code,    ///< it leads into executable memory
  loop,    ///< its last word points to a place that it has led through
  depth,   ///< more places would be needed than were allowed
};

/// Where an address leads when the words in memory are followed as pointers.
struct Telescope {
  /// From the given address on, at least one.
  std::vector<TelescopeLink> links;
  TelescopeEnd end = TelescopeEnd::value;
};

}  // namespace trapline
