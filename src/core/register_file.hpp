#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <trapline/types.hpp>

#include "arch/register_table.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

/// A thread's registers by their rows, from any thread: what Registers stands on.
class RegisterFile {
 public:
  explicit RegisterFile(std::shared_ptr<ThreadState> thread) : thread_(std::move(thread)) {}

  /// The row of that name; throws UsageError, with near names, when the thread's architecture has none.
  [[nodiscard]] const arch::RegisterRow& row(std::string_view name) const;
  [[nodiscard]] std::span<const arch::RegisterRow> rows() const;
  /// Whether this CPU and kernel have it.
  [[nodiscard]] bool has(const arch::RegisterRow& row) const;
  /// The low bytes of the register.
  void read(const arch::RegisterRow& row, std::span<std::byte> into) const;
  void write(const arch::RegisterRow& row, ByteView bytes) const;

 private:
  std::shared_ptr<ThreadState> thread_;
};

}  // namespace trapline::core
