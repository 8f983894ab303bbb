#include "core/turns.hpp"

#include <algorithm>

namespace trapline::core {

bool Turns::due(std::size_t threads) {
  // One that is taken costs a request more than one that is only found.
  constexpr std::size_t at_least = 32;
  if (threads < 2 || events_ < std::max(at_least, 2 * threads)) return false;
  events_ = 0;
  return true;
}

std::optional<os::Waited> Turns::next() {
  if (taken_.empty()) return std::nullopt;
  const os::Waited first = taken_.front();
  taken_.pop_front();
  return first;
}

bool Turns::has(pid_t tid) const { return std::ranges::find(taken_, tid, &os::Waited::tid) != taken_.end(); }

void Turns::forget(pid_t tid) {
  std::erase_if(taken_, [&](const os::Waited& event) { return event.tid == tid; });
}

}  // namespace trapline::core
