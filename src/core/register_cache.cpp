#include "core/register_cache.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "os/ptrace.hpp"

namespace trapline::core {
namespace {

// PTRACE_SETREGSET costs as much as three or four single words (measured: 1.15 us against 0.32).
constexpr int few_words = 3;
constexpr std::size_t i386_set_size = 68;
constexpr std::size_t amd64_set_size = 216;
constexpr std::size_t largest_xstate = 64 * 1024;

#if defined(__x86_64__)
constexpr bool single_words_writable = true;
constexpr bool single_words_readable = true;
#else
constexpr bool single_words_writable = false;
constexpr bool single_words_readable = false;
#endif

/// The kernel's size differs between machines, and between tasks (AMX is enabled on demand): only a buffer that is not
/// filled shows it.
std::vector<std::byte> read_xstate(pid_t tid) {
  static std::atomic<std::size_t> usual{4096 - 64};
  std::vector<std::byte> bytes(usual + 64);
  std::size_t size = os::read_registers(tid, os::RegisterSet::xstate, bytes);
  if (size == bytes.size()) {
    bytes.resize(largest_xstate);
    size = os::read_registers(tid, os::RegisterSet::xstate, bytes);
  }
  bytes.resize(size);
  usual = std::min(size, largest_xstate - 64);
  return bytes;
}

}  // namespace

void RegisterCache::load() {
  if (loaded_ || frozen_) return;
  const auto written = bytes_;
  const std::size_t word_size = size_ == i386_set_size ? 4 : 8;
  size_ = os::read_registers(tid_, os::RegisterSet::general, bytes_);
  for (std::uint64_t left = changed_words_; left != 0; left &= left - 1) {
    const auto offset = static_cast<std::size_t>(std::countr_zero(left)) * word_size;
    std::memcpy(bytes_.data() + offset, written.data() + offset, word_size);
  }
  loaded_ = true;
}

std::uint64_t RegisterCache::kept_word(std::size_t index) const {
  std::uint64_t value = 0;
  const std::size_t width = size_ == i386_set_size ? 4 : 8;
  std::memcpy(&value, bytes_.data() + index * width, width);
  return value;
}

std::uint64_t RegisterCache::word(std::size_t index) {
  if (const auto known = known_word(index)) return *known;
  wanted_ = true;
  load();
  return kept_word(index);
}

std::uint64_t RegisterCache::glance(std::size_t index) {
  if (const auto known = known_word(index)) return *known;
  // The width of an i386 tracee's words is known only once the set was loaded.
  if (expects_all_ || size_ != amd64_set_size || !single_words_readable) load();
  if (loaded_ || frozen_) return kept_word(index);
  const std::uint64_t bit = std::uint64_t{1} << index;
  if ((glanced_words_ & bit) == 0) {
    const std::uint64_t value = os::read_register(tid_, index * 8);
    std::memcpy(bytes_.data() + index * 8, &value, 8);
    glanced_words_ |= bit;
  }
  return kept_word(index);
}

std::optional<std::uint64_t> RegisterCache::known_word(std::size_t index) const {
  if ((changed_words_ >> index & 1) == 0) return std::nullopt;
  return kept_word(index);
}

std::int64_t RegisterCache::widened(std::uint64_t value) const {
  constexpr std::uint64_t first_error = 0xfffff001;
  constexpr std::uint64_t upper_half = 0xffffffff00000000;
  if (size_ == i386_set_size && value >= first_error) value |= upper_half;
  return static_cast<std::int64_t>(value);
}

std::optional<std::int64_t> RegisterCache::known_signed_word(std::size_t index) const {
  const auto known = known_word(index);
  if (!known) return std::nullopt;
  return widened(*known);
}

void RegisterCache::set_word(std::size_t index, std::uint64_t value) {
  if (size_ == 0 || size_ == i386_set_size || !single_words_writable) load();
  const std::size_t width = size_ == i386_set_size ? 4 : 8;
  std::memcpy(bytes_.data() + index * width, &value, width);
  changed_words_ |= std::uint64_t{1} << index;
}

void RegisterCache::write_word_through(std::size_t index, std::uint64_t value) {
  if (size_ == 0) load();
  if (single_words_writable && size_ != i386_set_size) {
    os::write_register(tid_, index * 8, value);
    set_word(index, value);
    return;
  }
  load();
  auto with_it = bytes_;
  const std::size_t width = size_ == i386_set_size ? 4 : 8;
  std::memcpy(with_it.data() + index * width, &value, width);
  os::write_registers(tid_, os::RegisterSet::general, std::span(with_it).first(size_));
  bytes_ = with_it;
}

std::span<std::byte> RegisterCache::general() {
  wanted_ = true;
  load();
  return std::span(bytes_).first(size_);
}

void RegisterCache::set_general(std::span<const std::byte> bytes) {
  std::memcpy(bytes_.data(), bytes.data(), bytes.size());
  size_ = bytes.size();
  loaded_ = true;
  changed_words_ = ~std::uint64_t{0};
}

void RegisterCache::set_general_byte_range(std::size_t offset, std::span<const std::byte> bytes) {
  load();
  std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
  const std::size_t width = size_ == i386_set_size ? 4 : 8;
  for (std::size_t i = offset / width; i <= (offset + bytes.size() - 1) / width; ++i) {
    changed_words_ |= std::uint64_t{1} << i;
  }
}

std::span<std::byte> RegisterCache::vector() {
  if (!vector_loaded_ && !frozen_) {
    vector_ = read_xstate(tid_);
    vector_loaded_ = true;
  }
  return vector_;
}

void RegisterCache::flush() {
  if (changed_words_ != 0) {
    if (single_words_writable && size_ != i386_set_size && std::popcount(changed_words_) <= few_words) {
      for (std::uint64_t left = changed_words_; left != 0; left &= left - 1) {
        const auto index = static_cast<std::size_t>(std::countr_zero(left));
        std::uint64_t value = 0;
        std::memcpy(&value, bytes_.data() + index * 8, 8);
        os::write_register(tid_, index * 8, value);
      }
    } else {
      load();
      os::write_registers(tid_, os::RegisterSet::general, std::span(bytes_).first(size_));
    }
    changed_words_ = 0;
  }
  if (vector_changed_) {
    os::write_registers(tid_, os::RegisterSet::xstate, vector_);
    vector_changed_ = false;
  }
}

void RegisterCache::freeze() {
  frozen_ = true;
  changed_words_ = 0;
  vector_changed_ = false;
}

}  // namespace trapline::core
