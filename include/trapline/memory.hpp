#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

namespace core {
class Process;
}

/// Where Memory::find looks.
struct FindOptions {
  /// A mapping as MemoryMaps::filter names it ("libc", "heap", "binary"); empty means all readable memory.
  std::string in{};
  Address start = 0;
  Address end = ~Address{0};
  /// Only hits whose address is a multiple of this.
  std::size_t alignment = 1;
  std::size_t limit = SIZE_MAX;
};

/// The memory of one process; it can be read and written at any time, on any thread, whether the process runs or not.
///
/// A handle. Traps are invisible: reads show the original bytes and writes go underneath.
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

  /// Writes all bytes, into read-only pages too; throws OsError naming how many were written.
  void write(Address address, ByteView bytes) const;
  /// Writes the characters, without a NUL.
  void write(Address address, std::string_view text) const;
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void write_value(Address address, const T& value) const {
    write(address, std::as_bytes(std::span<const T>(&value, 1)));
  }

  /// Addresses of all occurrences, overlapping ones too, in ascending order.
  [[nodiscard]] std::vector<Address> find(ByteView pattern, const FindOptions& options = {}) const;
  [[nodiscard]] std::vector<Address> find(std::string_view text, const FindOptions& options = {}) const;
  /// Finds a value by its bytes in memory, e.g. `find_value(std::uint32_t{0xdeadbeef})`.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::vector<Address> find_value(const T& value, const FindOptions& options = {}) const {
    return find(std::as_bytes(std::span<const T>(&value, 1)), options);
  }

  /// For trapline itself: handles come from Process and Thread.
  explicit Memory(std::shared_ptr<core::Process> process);

 private:
  void read_exactly(Address address, std::span<std::byte> into) const;

  std::shared_ptr<core::Process> process_;
};

}  // namespace trapline
