#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include <trapline/memory.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class Process;
}

/// What kind of memory Process::allocate makes, and where.
struct AllocateOptions {
  bool readable = true;
  bool writable = true;
  bool executable = false;
  /// Exactly there, at the beginning of a page where nothing is mapped.
  std::optional<Address> at{};
  /// Within 1 GiB of that, so that code there reaches it.
  std::optional<Address> near{};
};

/// Memory that was mapped for us in a process, zeroed and in whole pages; it is given back in the destructor.
/// Move-only.
///
/// All calls work on any thread at any time. When the memory is gone already (the process died, was let go, or executes
/// another program) there is nothing to give back, and reads and writes throw ProcessGone.
class TRAPLINE_API Allocation {
 public:
  Allocation(Allocation&& other) noexcept;
  Allocation& operator=(Allocation&& other) noexcept;
  ~Allocation();

  [[nodiscard]] Address address() const { return address_; }
  /// What was asked for; the pages may be more.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Gives it back now; afterwards it is empty.
  void free() noexcept;
  /// Leaves the memory in the process for good and returns its address; afterwards this is empty.
  Address release() noexcept;
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // Offsets count from its beginning; what is not inside it throws UsageError.

  [[nodiscard]] Bytes read(std::size_t offset, std::size_t size) const;
  [[nodiscard]] Bytes read() const { return read(0, size_); }
  [[nodiscard]] std::string read_string(std::size_t offset = 0) const;
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] T read_value(std::size_t offset = 0) const {
    check(offset, sizeof(T));
    return memory().read_value<T>(address_ + offset);
  }
  void write(ByteView bytes, std::size_t offset = 0) const;
  /// The characters, without a NUL.
  void write(std::string_view text, std::size_t offset = 0) const;
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void write_value(const T& value, std::size_t offset = 0) const {
    write(std::as_bytes(std::span<const T>(&value, 1)), offset);
  }

  /// For trapline itself: Process::allocate makes them.
  Allocation(std::shared_ptr<core::Process> process, Address address, std::size_t size, std::uint64_t image);

 private:
  void check(std::size_t offset, std::size_t size) const;
  [[nodiscard]] Memory memory() const;

  std::shared_ptr<core::Process> process_;
  Address address_ = 0;
  std::size_t size_ = 0;
  /// Which of the process's programs it belongs to.
  std::uint64_t image_ = 0;
};

}  // namespace trapline
