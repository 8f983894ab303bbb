#pragma once

#include <cctype>
#include <cstddef>
#include <string>
#include <string_view>

#include <trapline/types.hpp>

namespace trapline {

/// `"48 89 e5"` as bytes.
inline Bytes hex_bytes(std::string_view text) {
  Bytes bytes;
  std::string digits;
  for (const char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) continue;
    digits += c;
    if (digits.size() < 2) continue;
    bytes.push_back(static_cast<std::byte>(std::stoi(digits, nullptr, 16)));
    digits.clear();
  }
  return bytes;
}

}  // namespace trapline
