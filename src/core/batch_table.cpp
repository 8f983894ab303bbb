#include "core/batch_table.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

#include "arch/batch_stub.hpp"
#include "core/argument_copies.hpp"

namespace trapline::core {
namespace {

/// A stop costs as much as some dozens of calls, so that more than this is no gain.
constexpr std::size_t most_calls = 256;
/// What the scratch mapping has anyway.
constexpr std::size_t most_bytes = std::size_t{64} * 1024;

}  // namespace

bool BatchTable::add(std::int64_t number, std::span<const BatchArgument> arguments) {
  static_assert(row_words == arch::batch_row_words);
  const std::size_t row = count();
  std::size_t more = (row_words + 2 * arguments.size()) * options_.word_size;
  for (const BatchArgument& argument : arguments) {
    if (!argument.value().copied()) continue;
    if (overlap(argument.value(), row).partial) return false;
    more += copy_size(argument.value());
  }
  if (row == most_calls || size() + more > most_bytes) return false;
  words_.resize(words_.size() + row_words);
  const std::size_t first = row * row_words;
  words_[first] = static_cast<std::uint64_t>(number);
  for (std::size_t i = 0; i < arguments.size(); ++i) add_argument(arguments[i], row, first + 1 + i);
  return true;
}

void BatchTable::add_argument(const BatchArgument& argument, std::size_t row, std::size_t word) {
  if (const auto& result = argument.result()) {
    const std::size_t before = options_.results.size();
    words_[word] = static_cast<std::uint64_t>(result->plus());
    if (result->call() < before) {
      words_[word] += static_cast<std::uint64_t>(options_.results[result->call()]);
    } else {
      links_.push_back({result->call() - before, word});
    }
    return;
  }
  const InvokeArgument& value = argument.value();
  if (!value.copied()) {
    words_[word] = value.value();
    return;
  }
  const bool output = !value.output().empty();
  if (const auto held_at = overlap(value, row).held_at) {
    references_.push_back({word, true, *held_at});
    return;
  }
  std::size_t& used = output ? output_size_ : input_size_;
  references_.push_back({word, output, used});
  (output ? outputs_ : inputs_).push_back({value, row, used});
  used += copy_size(value);
}

BatchTable::Overlap BatchTable::overlap(const InvokeArgument& argument, std::size_t row) const {
  const auto* const begin = argument.input().data();
  const auto* const end = begin + argument.input().size();
  const std::less<> before;
  for (const Copy& copy : outputs_) {
    const auto* const from = copy.argument.input().data();
    const auto* const to = from + copy.argument.input().size();
    if (copy.row == row || !before(begin, to) || !before(from, end)) continue;
    const bool ends_alike = !argument.terminated() || (end == to && copy.argument.terminated());
    if (before(begin, from) || before(to, end) || !ends_alike) return {.partial = true};
    return {.held_at = copy.offset + static_cast<std::size_t>(begin - from)};
  }
  return {};
}

std::size_t BatchTable::outputs_at() const {
  // An empty list, and one for each link at worst, which ends in 0.
  const std::size_t end = lists_at() + (may_end_early() ? 1 + 2 * links_.size() : 0) * options_.word_size;
  return (end + copy_alignment - 1) / copy_alignment * copy_alignment;
}

void BatchTable::write_word(Bytes& image, std::size_t offset, std::uint64_t value) const {
  // Little-endian: a narrow word is the beginning of a wide one.
  std::memcpy(image.data() + offset, &value, options_.word_size);
}

void BatchTable::write_lists(Bytes& image, Address address) const {
  const std::size_t word_size = options_.word_size;
  const auto list_word = [&](std::size_t row) { return (row * row_words + row_words - 1) * word_size; };
  if (options_.stop_at_error) {
    for (std::size_t row = 0; row < count(); ++row) write_word(image, list_word(row), address + lists_at());
  }
  std::vector<Link> links = links_;
  std::ranges::stable_sort(links, {}, &Link::row);
  std::size_t at = lists_at() + word_size;
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (i == 0 || links[i].row != links[i - 1].row) {
      if (i != 0) at += word_size;
      write_word(image, list_word(links[i].row), address + at);
    }
    write_word(image, at, address + links[i].word * word_size);
    at += word_size;
  }
}

Bytes BatchTable::image(Address address) const {
  Bytes image(size());
  if (options_.word_size == sizeof words_[0]) {
    std::memcpy(image.data(), words_.data(), words_.size() * sizeof words_[0]);
  } else {
    for (std::size_t i = 0; i < words_.size(); ++i) write_word(image, i * options_.word_size, words_[i]);
  }
  write_word(image, words_.size() * options_.word_size, static_cast<std::uint64_t>(arch::no_more_calls));
  write_lists(image, address);
  for (const auto& [word, output, offset] : references_) {
    write_word(image, word * options_.word_size, address + (output ? outputs_at() : inputs_at()) + offset);
  }
  const auto copy_in = [&](const std::vector<Copy>& copies, std::size_t area) {
    for (const auto& [argument, row, offset] : copies) {
      // The NUL of a string is there already.
      std::ranges::copy(argument.input(), image.begin() + static_cast<std::ptrdiff_t>(area + offset));
    }
  };
  copy_in(outputs_, outputs_at());
  copy_in(inputs_, inputs_at());
  return image;
}

std::int64_t BatchTable::result(ByteView image, std::size_t call) const {
  std::uint64_t word = 0;
  std::memcpy(&word, image.data() + call * row_size(), options_.word_size);
  // As the kernel widens those of 32-bit programs: errors are negative, everything else may be an address.
  constexpr std::uint64_t first_error = 0xfffff001;
  constexpr std::uint64_t upper_half = 0xffffffff00000000;
  if (options_.word_size == sizeof(std::uint32_t) && word >= first_error) word |= upper_half;
  return static_cast<std::int64_t>(word);
}

void BatchTable::take_outputs(ByteView image, std::size_t calls) const {
  for (const auto& [argument, row, offset] : outputs_) {
    if (row >= calls) continue;
    const auto bytes = image.subspan(outputs_at() + offset, argument.output().size());
    std::ranges::copy(bytes, argument.output().begin());
  }
}

}  // namespace trapline::core
