#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <trapline/types.hpp>

namespace trapline::core {

/// The registers of one stopped thread: fetched when first looked at, written back when it goes on, and only if
/// changed. After the thread's death they stay readable as they were last seen.
class RegisterCache {
 public:
  static constexpr std::size_t max_words = 34;

  explicit RegisterCache(pid_t tid) : tid_(tid) {}

  /// A word of the general set (64-bit sets have words of 8 bytes, an i386 tracee's of 4).
  [[nodiscard]] std::uint64_t word(std::size_t index);
  /// The same for one who looks at nothing else: asks the kernel for that word alone, unless somebody looked at others
  /// at the thread's last stop, and so probably will again.
  [[nodiscard]] std::uint64_t glance(std::size_t index);
  void set_word(std::size_t index, std::uint64_t value);
  /// What is known of a word without asking the kernel.
  [[nodiscard]] std::optional<std::uint64_t> known_word(std::size_t index) const;
  /// The same as syscall numbers and results, widened as the kernel does it for 32-bit tracees: -4095 to -1 are errors
  /// (or no syscall at all), everything else may be an address.
  [[nodiscard]] std::int64_t signed_word(std::size_t index) { return widened(word(index)); }
  [[nodiscard]] std::optional<std::int64_t> known_signed_word(std::size_t index) const;
  /// Writes at once, so that what the kernel refuses throws OsError here and changes nothing.
  void write_word_through(std::size_t index, std::uint64_t value);
  [[nodiscard]] bool changed() const { return changed_words_ != 0 || vector_changed_; }

  [[nodiscard]] std::span<std::byte> general();
  void set_general(std::span<const std::byte> bytes);
  void set_general_byte_range(std::size_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] std::span<std::byte> vector();
  void mark_vector_changed() { vector_changed_ = true; }
  void set_vector(std::vector<std::byte> bytes) {
    vector_ = std::move(bytes);
    vector_loaded_ = vector_changed_ = true;
  }

  /// Before the thread goes on.
  void flush();
  /// After it has gone on: what is kept is old, and serves only once it is dead.
  void expire() {
    loaded_ = false;
    expects_all_ = std::exchange(wanted_, false);
    glanced_words_ = 0;
    changed_words_ = 0;
    vector_loaded_ = false;
    vector_changed_ = false;
  }
  /// After an exec, which may have changed the width of the words.
  void forget() {
    expire();
    size_ = 0;
  }
  /// From here on nothing is asked of the kernel.
  void freeze();
  void set_tid(pid_t tid) { tid_ = tid; }

 private:
  void load();
  /// Of the set as it is here.
  [[nodiscard]] std::uint64_t kept_word(std::size_t index) const;
  [[nodiscard]] std::int64_t widened(std::uint64_t value) const;

  pid_t tid_;
  bool frozen_ = false;
  bool loaded_ = false;
  /// Somebody looked at more than single words, now and at the last stop.
  bool wanted_ = false;
  bool expects_all_ = false;
  bool vector_loaded_ = false;
  bool vector_changed_ = false;
  std::uint64_t changed_words_ = 0;
  /// Those that are known although the set is not loaded.
  std::uint64_t glanced_words_ = 0;
  std::size_t size_ = 0;
  alignas(8) std::array<std::byte, max_words * 8> bytes_{};
  std::vector<std::byte> vector_;
};

}  // namespace trapline::core
