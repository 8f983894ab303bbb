#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

#include <trapline/call_value.hpp>
#include <trapline/invoke.hpp>
#include <trapline/types.hpp>

namespace trapline {

/// What the other threads of the process do while a command moves one of them.
enum class Others { stop, run };

/// How a function is called in the tracee.
struct CallOptions {
  /// By default they stay at rest at first, and go on when the function takes longer than 250 ms: it may wait for a
  /// lock that one of them holds. Inside a callback they run anyway.
  std::optional<Others> others{};
  /// Then TimedOut is thrown, and the thread is back where it was: what the function has done until then stays done.
  Timeout timeout{};
};

namespace detail {

/// The type whose C rules a number of type T follows.
template <class T>
struct NumberOf {
  using type = T;
};
template <class T>
requires std::is_enum_v<T>
struct NumberOf<T> {
  using type = std::underlying_type_t<T>;
};

/// `long` and `std::uint64_t` are a word of the tracee, as a pointer is; `long long` has 8 bytes everywhere.
template <class T>
constexpr CallValueKind call_value_kind() {
  using Number = typename NumberOf<T>::type;
  if constexpr (std::is_void_v<T>) {
    return CallValueKind::nothing;
  } else if constexpr (std::same_as<Number, float>) {
    return CallValueKind::single;
  } else if constexpr (std::same_as<Number, double>) {
    return CallValueKind::real;
  } else if constexpr (std::same_as<Number, long double>) {
    return CallValueKind::extended;
  } else if constexpr (std::same_as<Number, long long> || std::same_as<Number, unsigned long long>) {
    return CallValueKind::wide;
  } else {
    return std::is_signed_v<Number> ? CallValueKind::signed_word : CallValueKind::word;
  }
}

}  // namespace detail

/// One argument of a function that is called in the tracee: a floating-point number by its C type, or whatever
/// InvokeArgument takes. Structs are passed by address; none can be passed by value.
class CallArgument {
 public:
  // clang-format 14 knows no requires clauses.
  // clang-format off
  template <class T>
    requires std::is_floating_point_v<T>
  CallArgument(T number) : argument_(nullptr), kind_(detail::call_value_kind<T>()) {
    std::memcpy(bytes_.data(), &number, sizeof number);
  }
  template <class T>
    requires(!std::is_floating_point_v<std::remove_cvref_t<T>> && !std::same_as<std::remove_cvref_t<T>, CallArgument> &&
             std::constructible_from<InvokeArgument, T>)
  CallArgument(T&& argument)
      : argument_(std::forward<T>(argument)), kind_(detail::call_value_kind<std::remove_cvref_t<T>>()) {}
  // clang-format on

  /// What is copied into the tracee and back, if it is passed by its address.
  [[nodiscard]] const InvokeArgument& argument() const { return argument_; }
  /// What the function gets; `copy` is where the copy is.
  [[nodiscard]] CallValue value(Address copy) const {
    CallValue value{argument_.copied() ? CallValueKind::word : kind_, bytes_};
    const bool number =
        kind_ == CallValueKind::single || kind_ == CallValueKind::real || kind_ == CallValueKind::extended;
    const std::uint64_t word = argument_.copied() ? copy : argument_.value();
    if (!number) std::memcpy(value.bytes.data(), &word, sizeof word);
    return value;
  }

 private:
  InvokeArgument argument_;
  CallValueKind kind_;
  std::array<std::byte, 16> bytes_{};
};

namespace detail {

/// What the tracee's function returned, as the type that the caller wants.
template <class R>
R result_as(const CallValue& value) {
  if constexpr (std::is_same_v<R, bool>) {
    return value.bytes[0] != std::byte{0};
  } else if constexpr (!std::is_void_v<R>) {
    static_assert(std::is_arithmetic_v<R> || std::is_enum_v<R> || std::is_pointer_v<R>,
                  "a function's result is a number, an enum, a pointer or void");
    R result{};
    std::memcpy(&result, value.bytes.data(), sizeof result);
    return result;
  }
}

}  // namespace detail

}  // namespace trapline
