#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include <trapline/invoke.hpp>
#include <trapline/syscall_id.hpp>
#include <trapline/types.hpp>

namespace trapline {

/// Stands for what an earlier call of the same batch returns, plus a number: see result_of().
class ResultOf {
 public:
  constexpr ResultOf(std::size_t call, std::int64_t plus) : call_(call), plus_(plus) {}

  [[nodiscard]] constexpr std::size_t call() const { return call_; }
  [[nodiscard]] constexpr std::int64_t plus() const { return plus_; }

  friend constexpr ResultOf operator+(ResultOf result, std::int64_t more) {
    return {result.call_, result.plus_ + more};
  }
  friend constexpr ResultOf operator-(ResultOf result, std::int64_t less) {
    return {result.call_, result.plus_ - less};
  }

 private:
  std::size_t call_;
  std::int64_t plus_;
};

/// As an argument in a batch: the result of an earlier call in it, counted from 0. Where that call fails, the one that
/// would have got its result is not made and has the same result.
[[nodiscard]] constexpr ResultOf result_of(std::size_t call) { return {call, 0}; }

/// One argument of a call in a batch: all that is one of an invoked syscall (InvokeArgument), or result_of() an earlier
/// call.
class BatchArgument {
 public:
  BatchArgument(ResultOf result) : argument_(nullptr), result_(result) {}
  // clang-format 14 knows no requires clauses.
  // clang-format off
  template <class T>
    requires(std::constructible_from<InvokeArgument, T> && !std::same_as<std::remove_cvref_t<T>, BatchArgument>)
  BatchArgument(T&& value) : argument_(std::forward<T>(value)) {}
  // clang-format on

  [[nodiscard]] const InvokeArgument& value() const { return argument_; }
  [[nodiscard]] const std::optional<ResultOf>& result() const { return result_; }

 private:
  InvokeArgument argument_;
  std::optional<ResultOf> result_;
};

/// One call of a batch: `{"read", fd, buffer, buffer.size()}`. It refers to the strings and objects among its
/// arguments, which must live until the batch is over; numbers are those of the moment when it was made.
class TRAPLINE_API BatchCall {
 public:
  template <class... A>
  BatchCall(SyscallId syscall, A&&... arguments) : syscall_(std::move(syscall)), count_(sizeof...(A)) {
    static_assert(sizeof...(A) <= most, "a syscall takes at most six arguments");
    std::size_t index = 0;
    ((arguments_[index++] = BatchArgument(std::forward<A>(arguments))), ...);
  }
  /// For arguments that are made at run time; throws UsageError when it has six already.
  BatchCall& add_argument(const BatchArgument& argument);

  [[nodiscard]] const SyscallId& syscall() const { return syscall_; }
  [[nodiscard]] std::span<const BatchArgument> arguments() const { return std::span(arguments_).first(count_); }

 private:
  static constexpr std::size_t most = 6;

  SyscallId syscall_;
  std::array<BatchArgument, most> arguments_{nullptr, nullptr, nullptr, nullptr, nullptr, nullptr};
  std::size_t count_;
};

/// How a batch is executed.
struct BatchOptions {
  /// The first call that fails is the last one that is made.
  bool stop_at_error = false;
};

}  // namespace trapline
