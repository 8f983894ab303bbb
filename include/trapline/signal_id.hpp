#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

/// One signal, by number or by name: `"SIGUSR1"`, `"USR1"`, `"SIGRTMIN+3"`.
class TRAPLINE_API SignalId {
 public:
  template <std::integral T>
  SignalId(T number) : value_(static_cast<std::int64_t>(number)) {}
  SignalId(const char* name) : value_(std::string(name)) {}
  SignalId(std::string name) : value_(std::move(name)) {}
  SignalId(std::string_view name) : value_(std::string(name)) {}

  /// The number, when it was given as one.
  [[nodiscard]] std::optional<std::int64_t> number() const;
  /// The name, or the number in decimal.
  [[nodiscard]] std::string text() const;

 private:
  std::variant<std::int64_t, std::string> value_;
};

/// Several signals: a number, a name, a list of them, or `"all"` (also `"*"`), which is all but SIGKILL.
/// A name after `!` is taken out of the set, which is "all" when it has nothing else: `"!SIGCHLD"`.
class TRAPLINE_API SignalSet {
 public:
  /// The empty set.
  SignalSet() = default;
  template <std::integral T>
  SignalSet(T number) : items_{SignalId(number)} {}
  SignalSet(const char* spec) : items_{SignalId(spec)} {}
  SignalSet(std::string spec) : items_{SignalId(std::move(spec))} {}
  SignalSet(SignalId id) : items_{std::move(id)} {}
  SignalSet(std::initializer_list<SignalId> items) : items_(items) {}
  SignalSet(std::vector<SignalId> items) : items_(std::move(items)) {}

  [[nodiscard]] const std::vector<SignalId>& items() const { return items_; }

 private:
  std::vector<SignalId> items_;
};

}  // namespace trapline
