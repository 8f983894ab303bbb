#pragma once

#include "measure.hpp"

namespace trapline::bench {

/// Measures one row batch by batch for somebody who has other programs take their turns in between. Each line of the
/// standard input, "ours" or "floor", is answered by what one event took in nanoseconds; before the first one comes
/// "ready", or "skipped" and the reason. Returns the exit status.
[[nodiscard]] int serve(const Row& row, const Effort& effort);

}  // namespace trapline::bench
