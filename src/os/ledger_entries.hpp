#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <vector>

namespace trapline::os {

class Guardian;

/// Makes a word visible to a Guardian, which may read it at any moment.
template <class T>
void publish(T& place, T value) {
  __atomic_store_n(&place, value, __ATOMIC_RELEASE);
}

/// The entries of a ledger, used and unused: they stay where they are, and a Guardian finds them by plain pointers.
template <class Entry, std::size_t Size>
class LedgerEntries {
 public:
  struct Chunk {
    static constexpr std::size_t size = Size;
    std::array<Entry, Size> entries;
    Chunk* next = nullptr;
  };

  [[nodiscard]] Entry& take() {
    if (free_.empty()) {
      Chunk& chunk = chunks_.emplace_front();
      for (Entry& entry : chunk.entries) free_.push_back(&entry);
      chunk.next = first_;
      publish(first_, &chunk);
    }
    Entry& entry = *free_.back();
    free_.pop_back();
    return entry;
  }
  void give_back(Entry& entry) { free_.push_back(&entry); }
  template <class Clear>
  void give_all_back(Clear clear) {
    free_.clear();
    for (Chunk& chunk : chunks_) {
      for (Entry& entry : chunk.entries) {
        clear(entry);
        free_.push_back(&entry);
      }
    }
  }

 private:
  friend class Guardian;
  Chunk* first_ = nullptr;
  std::deque<Chunk> chunks_;
  std::vector<Entry*> free_;
};

}  // namespace trapline::os
