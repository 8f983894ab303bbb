#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

#include <trapline/types.hpp>

namespace trapline {

/// Memory that is to be read among others, and where to: `{address, buffer}`, or `{address, object}` for as many bytes
/// as the object has.
struct ReadPiece {
  ReadPiece(Address from, std::span<std::byte> to) : address(from), into(to) {}
  // clang-format 14 knows no requires clauses.
  // clang-format off
  template <class T>
    requires(std::is_trivially_copyable_v<T> && !std::is_const_v<T> && !std::is_convertible_v<T&, std::span<std::byte>>)
  ReadPiece(Address from, T& object) : address(from), into(std::as_writable_bytes(std::span<T>(&object, 1))) {}
  // clang-format on

  Address address;
  std::span<std::byte> into;
};

}  // namespace trapline
