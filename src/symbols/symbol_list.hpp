#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "support/function_ref.hpp"
#include "symbols/file_symbols.hpp"

namespace trapline::symbols {

/// The symbols of one table, by name and by address. Immutable; any thread.
///
/// Nothing is sorted or hashed before it pays: the first names are searched for in the text of all names, which is
/// quicker than looking at each of them once.
class SymbolList {
 public:
  struct Entry {
    /// Without its version.
    std::string_view name;
    std::string_view version;
    Address address = 0;
    /// 0 when the file tells none.
    std::uint64_t size = 0;
    Binding binding = Binding::global;
    bool old_version = false;
    /// A function that chooses the one that is meant.
    bool indirect = false;
  };
  using Visitor = support::FunctionRef<void(const Entry&)>;

  explicit SymbolList(FileSymbols symbols);

  /// All of exactly that name.
  [[nodiscard]] std::vector<Entry> find(std::string_view name) const;
  /// All whose names have that text in them.
  void each_containing(std::string_view text, Visitor visit) const;
  void each(Visitor visit) const;
  /// The symbol that contains the address or, without sizes, the nearest below it in the same section.
  [[nodiscard]] std::optional<Entry> at(Address address) const;

  [[nodiscard]] std::size_t size() const { return symbols_.size(); }
  [[nodiscard]] bool empty() const { return symbols_.empty(); }

 private:
  /// Where a searched text is in the names: in the string that begins at `first` or a shorter one, and not behind
  /// `last`.
  struct Span {
    std::size_t first = 0;
    std::size_t last = 0;
  };

  [[nodiscard]] Entry entry(const FileSymbol& symbol) const;
  [[nodiscard]] std::vector<Span> occurrences(std::string_view text, bool whole) const;
  void each_in(const std::vector<Span>& spans, Visitor visit) const;
  [[nodiscard]] std::vector<Entry> find_by_hash(std::string_view name) const;
  void index_names() const;
  void order_addresses() const;

  const FileSymbols all_;
  const std::vector<FileSymbol>& symbols_ = all_.symbols;

  mutable std::atomic<unsigned> searches_ = 0;
  mutable std::once_flag names_indexed_;
  /// Open addressing: the index into symbols_, plus 1, of the last of each name, in the slot of its hash or the next
  /// free one; and for each symbol the one before it of the same name.
  mutable std::vector<std::uint32_t> slots_;
  mutable std::vector<std::uint32_t> same_name_;

  mutable std::once_flag addresses_ordered_;
  /// Indices into symbols_.
  mutable std::vector<std::uint32_t> by_address_;
  /// The farthest end of a sized symbol up to each place in that order: where a search for one around an address can
  /// give up.
  mutable std::vector<Address> reach_;
};

/// In the order of addresses, each address and name once: what a file exports is in both of its tables.
[[nodiscard]] std::vector<SymbolList::Entry> each_once(std::vector<SymbolList::Entry> entries);
/// Of two names of one place the one that a user rather knows.
[[nodiscard]] bool nicer(const SymbolList::Entry& a, const SymbolList::Entry& b);

}  // namespace trapline::symbols
