#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <trapline/types.hpp>

namespace trapline {

namespace core {
class RegisterFile;
}

/// The registers of one thread, fetched when first looked at and written back when it goes on, if changed. A handle.
///
/// Each register of registers.def has a getter and a setter of its name (`rax()`, `set_rax(v)`, `al()`, `xmm0()`). They
/// need the thread at rest; after its death they read what was last there. A register of another architecture, or one
/// that this CPU lacks, throws UsageError, and so does a value too wide for its register.
class TRAPLINE_API Registers {
 public:
#define TRAPLINE_REGISTER(name, arch, set, offset, bytes, kind, accessor) \
  TRAPLINE_ACCESSOR_##accessor(kind, name, bytes)
#define TRAPLINE_ACCESSOR_again(kind, name, bytes)
#define TRAPLINE_ACCESSOR_own(kind, name, bytes) TRAPLINE_ACCESSOR_##kind(name, bytes)
#define TRAPLINE_ACCESSOR_word(name, bytes) \
  [[nodiscard]] std::uint64_t name() const; \
  void set_##name(std::uint64_t value) const;
#define TRAPLINE_ACCESSOR_part(name, bytes) TRAPLINE_ACCESSOR_word(name, bytes)
#define TRAPLINE_ACCESSOR_zeroing(name, bytes) TRAPLINE_ACCESSOR_word(name, bytes)
#define TRAPLINE_ACCESSOR_vector(name, bytes)              \
  [[nodiscard]] std::array<std::byte, bytes> name() const; \
  void set_##name(const std::array<std::byte, bytes>& value) const;
#include <trapline/registers.def>
#undef TRAPLINE_ACCESSOR_again
#undef TRAPLINE_ACCESSOR_own
#undef TRAPLINE_ACCESSOR_word
#undef TRAPLINE_ACCESSOR_part
#undef TRAPLINE_ACCESSOR_zeroing
#undef TRAPLINE_ACCESSOR_vector

  /// By name; of a vector register wider than 8 bytes throws UsageError (use read_as or get_bytes).
  [[nodiscard]] std::uint64_t get(std::string_view name) const;
  void set(std::string_view name, std::uint64_t value) const;
  /// The register's bytes, lowest first.
  [[nodiscard]] Bytes get_bytes(std::string_view name) const;
  /// Writes the low bytes and leaves the others of a vector register.
  void set_bytes(std::string_view name, ByteView bytes) const;
  /// The low bytes as a value, e.g. `read_as<double>("xmm0")`; a T wider than the register throws UsageError.
  template <class T>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] T read_as(std::string_view name) const {
    T value;
    copy_low(name, std::as_writable_bytes(std::span<T>(&value, 1)));
    return value;
  }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void write_as(std::string_view name, const T& value) const {
    set_bytes(name, std::as_bytes(std::span<const T>(&value, 1)));
  }

  /// The names of all registers that this thread has.
  [[nodiscard]] std::vector<std::string_view> names() const;
  /// The names of the full-width general registers that hold a value.
  [[nodiscard]] std::vector<std::string_view> filter(std::uint64_t value) const;

  /// The names of the flags that are set, such as ZF and CF (N and Z on AArch64), in the order of their bits.
  [[nodiscard]] std::vector<std::string_view> flags() const;
  /// One flag of rflags, eflags or pstate by name; an unknown name throws UsageError with the names that there are.
  [[nodiscard]] bool flag(std::string_view name) const;
  /// Writes it; throws UsageError for one that belongs to the kernel (IF, ID).
  void set_flag(std::string_view name, bool value) const;

  /// For trapline itself: handles come from Thread and Process.
  explicit Registers(std::shared_ptr<core::RegisterFile> file);

 private:
  void copy_low(std::string_view name, std::span<std::byte> into) const;

  std::shared_ptr<core::RegisterFile> file_;
};

}  // namespace trapline
