#include "core/memory_text.hpp"

#include <algorithm>
#include <array>

#include "core/process.hpp"
#include "support/bytes.hpp"

namespace trapline::core {

std::string text_at(Process& process, Address address, std::size_t most) {
  std::string text;
  std::array<std::byte, 256> piece;
  while (text.size() < most) {
    const std::size_t wanted = std::min(piece.size(), most - text.size());
    const std::size_t count = process.memory().read(address + text.size(), std::span(piece).first(wanted));
    const std::string_view read = support::as_text(std::span(piece).first(count));
    const std::size_t end = read.find('\0');
    text += read.substr(0, end);
    if (end != std::string_view::npos || count < wanted) break;
  }
  return text;
}

}  // namespace trapline::core
