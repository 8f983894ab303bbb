#pragma once

namespace trapline::core {

/// What one dispatched event means for its thread.
enum class Verdict { go_on, stop };

}  // namespace trapline::core
