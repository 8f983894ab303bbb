#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace trapline::support {

/// Sleeps while the word holds `expected`, until woken or the deadline; may return early. std::atomic::wait has no
/// timeout.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                const std::optional<std::chrono::steady_clock::time_point>& deadline);
void futex_wake(std::atomic<std::uint32_t>& word, int count);

}  // namespace trapline::support
