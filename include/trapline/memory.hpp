#pragma once

#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <trapline/pattern.hpp>
#include <trapline/read_piece.hpp>
#include <trapline/search.hpp>
#include <trapline/symbols.hpp>
#include <trapline/telescope.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class Process;
}

/// The memory of one process; it can be read and written at any time, on any thread, whether the process runs or not.
///
/// A handle. Traps are invisible: reads show the original bytes and writes go underneath. An Address is always
/// absolute; wherever one is taken a Location can be given instead ("symbol+8", `Location(0x1139).in("binary")`), which
/// is resolved as Symbols::resolve does it.
class TRAPLINE_API Memory {
 public:
  /// Reads exactly `size` bytes; throws OsError naming how many could be read before the first unreadable page.
  [[nodiscard]] Bytes read(Address address, std::size_t size) const;
  /// Reads what is readable from `address` on and returns how many bytes that was, 0 if the first is not readable.
  [[nodiscard]] std::size_t read_some(Address address, std::span<std::byte> into) const;
  /// Reads up to a NUL, `max` bytes or the end of readable memory; throws OsError when the first byte is unreadable.
  [[nodiscard]] std::string read_string(Address address, std::size_t max = 4096) const;
  /// Reads a trivially copyable value in the tracee's byte order.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] T read_value(Address address) const {
    T value;
    read_exactly(address, std::as_writable_bytes(std::span<T>(&value, 1)));
    return value;
  }

  /// Reads so many values in a row.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::vector<T> read_array(Address address, std::size_t count) const {
    static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no bytes of its own: read unsigned char");
    const Bytes bytes = read_items(address, count, sizeof(T));
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  /// Reads a pointer as wide as those of the process.
  [[nodiscard]] Address read_pointer(Address address) const;
  /// The size of a pointer in bytes: 4 in 32-bit programs, else 8.
  [[nodiscard]] std::size_t pointer_size() const;

  /// Reads all pieces, wherever they are, by one request to the kernel for up to 1024 of them; throws OsError naming
  /// the first that is not readable as a whole.
  void read_many(std::span<const ReadPiece> pieces) const;
  void read_many(std::initializer_list<ReadPiece> pieces) const { read_many(std::span(pieces.begin(), pieces.size())); }
  /// Reads what is readable of each, as read_some(), and returns how many bytes each got.
  [[nodiscard]] std::vector<std::size_t> try_read_many(std::span<const ReadPiece> pieces) const;
  [[nodiscard]] std::vector<std::size_t> try_read_many(std::initializer_list<ReadPiece> pieces) const {
    return try_read_many(std::span(pieces.begin(), pieces.size()));
  }
  /// Reads a value at each address; throws OsError naming the first that is not readable.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::vector<T> read_values(std::span<const Address> addresses) const {
    static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no bytes of its own: read unsigned char");
    std::vector<T> values(addresses.size());
    read_many(pieces_of(addresses, values));
    return values;
  }
  /// The same, with nothing for an address that is not readable.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::vector<std::optional<T>> try_read_values(std::span<const Address> addresses) const {
    static_assert(!std::is_same_v<T, bool>, "std::vector<bool> has no bytes of its own: read unsigned char");
    std::vector<T> values(addresses.size());
    const std::vector<std::size_t> counts = try_read_many(pieces_of(addresses, values));
    std::vector<std::optional<T>> found(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (counts[i] == sizeof(T)) found[i] = values[i];
    }
    return found;
  }

  /// Writes all bytes, into read-only pages too; throws OsError naming how many were written.
  void write(Address address, ByteView bytes) const;
  /// Writes the characters, without a NUL.
  void write(Address address, std::string_view text) const;
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void write_value(Address address, const T& value) const {
    write(address, std::as_bytes(std::span<const T>(&value, 1)));
  }
  /// Writes a pointer as wide as those of the process; throws UsageError when it does not fit.
  void write_pointer(Address address, Address value) const;

  [[nodiscard]] Bytes read(const Location& location, std::size_t size) const { return read(resolve(location), size); }
  [[nodiscard]] std::string read_string(const Location& location, std::size_t max = 4096) const {
    return read_string(resolve(location), max);
  }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] T read_value(const Location& location) const { return read_value<T>(resolve(location)); }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::vector<T> read_array(const Location& location, std::size_t count) const {
    return read_array<T>(resolve(location), count);
  }
  [[nodiscard]] Address read_pointer(const Location& location) const { return read_pointer(resolve(location)); }
  void write(const Location& location, ByteView bytes) const { write(resolve(location), bytes); }
  void write(const Location& location, std::string_view text) const { write(resolve(location), text); }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void write_value(const Location& location, const T& value) const { write_value(resolve(location), value); }
  void write_pointer(const Location& location, Address value) const { write_pointer(resolve(location), value); }

  /// Addresses of all occurrences, overlapping ones too, in ascending order. What cannot be read is skipped.
  [[nodiscard]] std::vector<Address> find(ByteView pattern, const FindOptions& options = {}) const;
  [[nodiscard]] std::vector<Address> find(std::string_view text, const FindOptions& options = {}) const;
  [[nodiscard]] std::vector<Address> find(const Pattern& pattern, const FindOptions& options = {}) const;
  /// Finds a value by its bytes in memory, e.g. `find_value(std::uint32_t{0xdeadbeef})`.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::vector<Address> find_value(const T& value, const FindOptions& options = {}) const {
    return find(std::as_bytes(std::span<const T>(&value, 1)), options);
  }
  /// The same match by match, with their sizes; nothing is read before somebody asks.
  [[nodiscard]] Search search(const Pattern& pattern, const FindOptions& options = {}) const;

  /// The pointers in `where` that point into `target`, in ascending order, looked for at every `step` bytes from the
  /// beginning of each mapping on; 0 stands for the size of a pointer.
  [[nodiscard]] std::vector<FoundPointer> find_pointers(const Area& where, const Area& target,
                                                        std::size_t step = 0) const;
  /// Where the words from an address on lead; throws OsError when it is unreadable.
  [[nodiscard]] Telescope telescope(Address address, const TelescopeOptions& options = {}) const;
  [[nodiscard]] Telescope telescope(const Location& location, const TelescopeOptions& options = {}) const {
    return telescope(resolve(location), options);
  }

  /// For trapline itself: handles come from Process and Thread.
  explicit Memory(std::shared_ptr<core::Process> process);

 private:
  void read_exactly(Address address, std::span<std::byte> into) const;
  template <class T>
  static std::vector<ReadPiece> pieces_of(std::span<const Address> addresses, std::vector<T>& values) {
    std::vector<ReadPiece> pieces;
    pieces.reserve(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      pieces.emplace_back(addresses[i], std::as_writable_bytes(std::span<T>(&values[i], 1)));
    }
    return pieces;
  }
  [[nodiscard]] Bytes read_items(Address address, std::size_t count, std::size_t size) const;
  [[nodiscard]] Address resolve(const Location& location) const;

  std::shared_ptr<core::Process> process_;
};

}  // namespace trapline
