#pragma once

#include <cstddef>
#include <vector>

#include <trapline/search.hpp>

#include "core/memory_windows.hpp"

namespace trapline::core {

/// Takes the matches of a window in order, until there are enough.
class MatchSink {
 public:
  MatchSink(std::size_t alignment, std::size_t most) : alignment_(alignment), most_(most) {}

  [[nodiscard]] std::size_t alignment() const { return alignment_; }
  [[nodiscard]] bool takes(Address address) const { return address % alignment_ == 0; }
  void add(Address address, std::size_t size) { matches_.push_back({address, size}); }
  [[nodiscard]] bool full() const { return matches_.size() >= most_; }
  [[nodiscard]] const std::vector<Match>& matches() const { return matches_; }
  void clear(std::size_t most) {
    matches_.clear();
    most_ = most;
  }

 private:
  std::size_t alignment_;
  std::size_t most_;
  std::vector<Match> matches_;
};

/// What a search looks for.
class Matcher {
 public:
  Matcher() = default;
  virtual ~Matcher() = default;
  Matcher(const Matcher&) = delete;
  Matcher& operator=(const Matcher&) = delete;

  /// How many bytes from its first on must be there to know whether something is a match.
  [[nodiscard]] virtual std::size_t reach() const = 0;
  /// Whether something that is nothing but zeros may be a match.
  [[nodiscard]] virtual bool matches_zeros() const = 0;
  /// Gives the sink the matches that begin at the offset `from` or behind, until it is full or more bytes are needed.
  /// Returns where to go on.
  virtual std::size_t scan(const Window& window, std::size_t from, MatchSink& sink) const = 0;
};

}  // namespace trapline::core
