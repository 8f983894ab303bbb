#pragma once

#include <array>
#include <concepts>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <trapline/syscall_id.hpp>
#include <trapline/types.hpp>

namespace trapline {

class ResultOf;

/// One argument of an invoked syscall: a number that goes into a register, or bytes of the host that are copied into
/// the tracee for the call and, when they are a non-const object, back afterwards.
///
/// Integers, enums and pointers are passed as they are (pointers are addresses in the tracee). Strings (`const char*`
/// too), `Bytes`, spans of bytes, arrays and trivially copyable objects are passed by address of their copy. It refers
/// to what it was made from, which must live until the call is over.
class InvokeArgument {
 public:
  // clang-format 14 knows no requires clauses.
  // clang-format off
  template <class T>
    requires(std::integral<T> || std::is_enum_v<T>)
  InvokeArgument(T value) : value_(extend(value)) {}
  InvokeArgument(std::nullptr_t) {}
  InvokeArgument(const char* text) : in_(as_bytes(std::string_view(text))), terminated_(true), copied_(true) {}
  InvokeArgument(std::string_view text) : in_(as_bytes(text)), terminated_(true), copied_(true) {}
  InvokeArgument(const std::string& text) : InvokeArgument(std::string_view(text)) {}
  InvokeArgument(std::string& text) : InvokeArgument(std::string_view(text)) {
    out_ = std::as_writable_bytes(std::span<char>(text));
  }
  InvokeArgument(ByteView bytes) : in_(bytes), copied_(true) {}
  InvokeArgument(std::span<std::byte> bytes) : in_(bytes), out_(bytes), copied_(true) {}
  InvokeArgument(const Bytes& bytes) : in_(bytes), copied_(true) {}
  InvokeArgument(Bytes& bytes) : in_(bytes), out_(bytes), copied_(true) {}
  template <class T>
    requires(std::is_pointer_v<T> && !std::is_convertible_v<T, const char*>)
  InvokeArgument(T pointer) : value_(reinterpret_cast<std::uint64_t>(pointer)) {}
  template <class T>
    requires(std::is_class_v<T> && std::is_trivially_copyable_v<T> && !std::is_convertible_v<T&, ByteView> &&
             !std::is_convertible_v<T&, std::string_view>)
  InvokeArgument(const T& object) : in_(std::as_bytes(std::span<const T>(&object, 1))), copied_(true) {}
  template <class T>
    requires(std::is_class_v<T> && std::is_trivially_copyable_v<T> && !std::is_const_v<T> &&
             !std::is_convertible_v<T&, ByteView> && !std::is_convertible_v<T&, std::string_view>)
  InvokeArgument(T& object) : InvokeArgument(static_cast<const T&>(object)) {
    out_ = std::as_writable_bytes(std::span<T>(&object, 1));
  }
  template <class T, std::size_t N>
    requires(std::is_trivially_copyable_v<T> && !std::same_as<T, char> && !std::same_as<T, const char>)
  InvokeArgument(T (&array)[N]) : in_(std::as_bytes(std::span<const T>(array, N))), copied_(true) {
    if constexpr (!std::is_const_v<T>) out_ = std::as_writable_bytes(std::span<T>(array, N));
  }
  // clang-format on
  template <std::size_t N>
  InvokeArgument(char (&buffer)[N]) : in_(std::as_bytes(std::span<const char>(buffer, N))), copied_(true) {
    out_ = std::as_writable_bytes(std::span<char>(buffer, N));
  }

  /// There is an earlier call only in a batch (batch.hpp).
  InvokeArgument(const ResultOf&) = delete;
  InvokeArgument(ResultOf&) = delete;

  /// The register's value, when nothing is copied.
  [[nodiscard]] std::uint64_t value() const { return value_; }
  /// True when the argument is the address of a copy in the tracee.
  [[nodiscard]] bool copied() const { return copied_; }
  [[nodiscard]] ByteView input() const { return in_; }
  [[nodiscard]] std::span<std::byte> output() const { return out_; }
  /// True for strings: the copy in the tracee ends in a NUL.
  [[nodiscard]] bool terminated() const { return terminated_; }

 private:
  template <class T>
  static std::uint64_t extend(T value) {
    if constexpr (std::is_enum_v<T>) {
      return extend(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_signed_v<T>) {
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    } else {
      return static_cast<std::uint64_t>(value);
    }
  }
  static ByteView as_bytes(std::string_view text) { return std::as_bytes(std::span<const char>(text)); }

  std::uint64_t value_ = 0;
  ByteView in_{};
  std::span<std::byte> out_{};
  bool terminated_ = false;
  bool copied_ = false;
};

}  // namespace trapline
