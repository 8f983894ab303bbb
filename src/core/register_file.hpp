#pragma once

#include <span>
#include <string_view>

#include <trapline/types.hpp>

#include "arch/register_table.hpp"

namespace trapline::core {

class ThreadState;

/// A thread's registers by their rows, from any thread: what Registers stands on. It is a part of its thread.
class RegisterFile {
 public:
  explicit RegisterFile(ThreadState& thread) : thread_(thread) {}

  /// The row of that name; throws UsageError, with near names, when the thread's architecture has none.
  [[nodiscard]] const arch::RegisterRow& row(std::string_view name) const;
  [[nodiscard]] std::span<const arch::RegisterRow> rows() const;
  /// Whether this CPU and kernel have it.
  [[nodiscard]] bool has(const arch::RegisterRow& row) const;
  /// The low bytes of the register.
  void read(const arch::RegisterRow& row, std::span<std::byte> into) const;
  void write(const arch::RegisterRow& row, ByteView bytes) const;

 private:
  ThreadState& thread_;
};

}  // namespace trapline::core
