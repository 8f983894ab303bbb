#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include <trapline/maps.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class MemorySearch;
class Process;
}  // namespace core

/// Where Memory::find looks.
struct FindOptions {
  /// A mapping as MemoryMaps::filter names it ("libc", "heap", "binary"); empty, "*" or "all" mean all readable memory.
  std::string in{};
  /// Only mappings that MemoryMap::permits these, such as "rw" or "r-x".
  std::string permissions{};
  Address start = 0;
  Address end = ~Address{0};
  /// Only matches whose address is a multiple of this.
  std::size_t alignment = 1;
  std::size_t limit = SIZE_MAX;
};

/// A part of the memory: mappings by what MemoryMaps::filter calls them, or a range of addresses.
class TRAPLINE_API Area {
 public:
  Area(const char* name) : name_(name) {}
  Area(std::string name) : name_(std::move(name)) {}
  Area(Address start, Address end) : start_(start), end_(end) {}
  Area(const MemoryMap& map) : start_(map.start), end_(map.end) {}

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] Address start() const { return start_; }
  [[nodiscard]] Address end() const { return end_; }

 private:
  std::string name_;
  Address start_ = 0;
  Address end_ = ~Address{0};
};

/// A place where a search has found what it looks for.
struct Match {
  Address address = 0;
  /// In bytes.
  std::size_t size = 0;

  friend bool operator==(const Match&, const Match&) = default;
};

/// A pointer in memory, and where it points to.
struct FoundPointer {
  Address address = 0;
  Address target = 0;

  friend bool operator==(const FoundPointer&, const FoundPointer&) = default;
};

/// A search that goes on match by match, for as long as somebody asks: it reads a piece of memory when it needs one.
///
/// `for (const Match& match : memory.search(pattern))`, or next(). The mappings are those of its beginning. For one
/// host thread at a time.
class TRAPLINE_API Search {
 public:
  /// The next match, in ascending order; nothing at the end, for good. Throws ProcessGone when the memory is gone.
  [[nodiscard]] std::optional<Match> next();

  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Match;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(Search& search) : search_(&search), match_(search.next()) {}
    const Match& operator*() const { return *match_; }
    const Match* operator->() const { return &*match_; }
    Iterator& operator++() {
      match_ = search_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& iterator, std::default_sentinel_t) { return !iterator.match_; }

   private:
    Search* search_ = nullptr;
    std::optional<Match> match_;
  };
  [[nodiscard]] Iterator begin() { return Iterator(*this); }
  [[nodiscard]] static std::default_sentinel_t end() { return {}; }

  /// For trapline itself.
  Search(std::shared_ptr<core::Process> process, std::unique_ptr<core::MemorySearch> search);
  ~Search();
  Search(Search&&) noexcept;
  Search& operator=(Search&&) noexcept;

 private:
  std::shared_ptr<core::Process> process_;
  std::unique_ptr<core::MemorySearch> search_;
};

}  // namespace trapline
