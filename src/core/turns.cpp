#include "core/turns.hpp"

#include <algorithm>

namespace trapline::core {

bool Turns::due(std::size_t threads) {
  constexpr std::size_t at_least = 32;
  constexpr std::size_t for_each = 4;
  if (threads < 2 || !waiting_.empty() || events_ < std::max(at_least, for_each * threads)) return false;
  events_ = 0;
  return true;
}

std::optional<pid_t> Turns::next() {
  if (waiting_.empty()) return std::nullopt;
  const pid_t tid = waiting_.back();
  waiting_.pop_back();
  return tid;
}

}  // namespace trapline::core
