#pragma once

#include <stdexcept>
#include <string>
#include <system_error>

#include <trapline/types.hpp>

namespace trapline {

/// The base of everything that trapline throws.
class TRAPLINE_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The call was made at the wrong moment or with a wrong argument; the text says what is possible instead.
class TRAPLINE_API UsageError : public Error {
 public:
  using Error::Error;
};

/// The kernel refused a request; the text names the request, the thread and, where it is known, the remedy.
class TRAPLINE_API OsError : public Error {
 public:
  OsError(std::error_code code, const std::string& what);
  /// The errno value, in the generic category.
  [[nodiscard]] const std::error_code& code() const noexcept { return code_; }

 private:
  std::error_code code_;
};

/// The process (or thread) died before or during the call.
class TRAPLINE_API ProcessGone : public Error {
 public:
  using Error::Error;
};

/// The time given to the call ran out; the process goes on and stays usable.
class TRAPLINE_API TimedOut : public Error {
 public:
  using Error::Error;
};

/// A symbol or location is unknown or ambiguous; the text names near ones.
class TRAPLINE_API SymbolError : public Error {
 public:
  using Error::Error;
};

}  // namespace trapline
