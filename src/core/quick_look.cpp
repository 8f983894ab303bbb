#include "core/quick_look.hpp"

#include <algorithm>

namespace trapline::core {

bool QuickLook::worth_it() {
  if (crowded_) return false;
  if (left_out_ == 0) return true;
  --left_out_;
  return false;
}

void QuickLook::note(bool found, std::chrono::nanoseconds took) {
  // Shorter than a time slice, which somebody else would have had.
  constexpr std::chrono::microseconds moment(100);
  constexpr unsigned longest_pause = 1024;
  if (found && took < moment) {
    pause_ = 1;
    return;
  }
  pause_ = std::min(2 * pause_, longest_pause);
  left_out_ = pause_;
}

}  // namespace trapline::core
