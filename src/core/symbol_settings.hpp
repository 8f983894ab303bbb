#pragma once

#include <atomic>
#include <mutex>

#include <trapline/types.hpp>

namespace trapline::core {

/// What all processes of a tree look their symbols up by. Any thread.
class SymbolSettings {
 public:
  explicit SymbolSettings(SymbolOptions options = {}) : options_(std::move(options)) {}

  [[nodiscard]] SymbolOptions get() const {
    const std::lock_guard lock(mutex_);
    return options_;
  }
  void set(SymbolOptions options) {
    const std::lock_guard lock(mutex_);
    options_ = std::move(options);
    ++changes_;
  }
  /// Counts the calls of set().
  [[nodiscard]] unsigned changes() const { return changes_; }

 private:
  mutable std::mutex mutex_;
  SymbolOptions options_;
  std::atomic<unsigned> changes_ = 0;
};

}  // namespace trapline::core
