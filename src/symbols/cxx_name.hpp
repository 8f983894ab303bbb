#pragma once

#include <string>
#include <string_view>

namespace trapline::symbols {

/// What a C++ compiler made `name` of: `ns::f(int)` for `_ZN2ns1fEi`. The name itself when it is none of C++, or is so
/// intricate that only a bomb can be so. Of `_ZdlPv@plt` the part before the at sign is translated.
[[nodiscard]] std::string demangle(std::string_view name);

/// A C++ name as users write it, to be found among mangled ones: with or without parameters, template arguments and
/// return type, with spaces or without.
class CxxName {
 public:
  explicit CxxName(std::string_view written);

  /// A text that is in each mangled name that can match, which spares the demangling of most others; empty when none
  /// can.
  [[nodiscard]] const std::string& needle() const { return needle_; }

  enum class Match {
    no,
    /// To be taken where nothing else matches: a part of the function that was split off (`f() [clone .cold]`), or a
    /// const member where no const was written.
    near,
    yes
  };
  [[nodiscard]] Match matches(std::string_view mangled) const;

 private:
  std::string written_;
  bool parameters_ = false;
  bool templates_ = false;
  bool tags_ = false;
  std::string needle_;
};

}  // namespace trapline::symbols
