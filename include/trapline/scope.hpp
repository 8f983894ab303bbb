#pragma once

#include <functional>
#include <utility>

namespace trapline {

/// Ends something when it is destroyed, or before by end(); movable.
class Scope {
 public:
  Scope() = default;
  explicit Scope(std::function<void()> at_end) : at_end_(std::move(at_end)) {}
  Scope(Scope&& other) noexcept : at_end_(std::exchange(other.at_end_, nullptr)) {}
  Scope& operator=(Scope&& other) noexcept {
    std::swap(at_end_, other.at_end_);
    return *this;
  }
  ~Scope() { end(); }
  void end() {
    if (at_end_) std::exchange(at_end_, nullptr)();
  }

 private:
  std::function<void()> at_end_;
};

}  // namespace trapline
