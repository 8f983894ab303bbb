#include <trapline/search.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include <trapline/error.hpp>
#include <trapline/memory.hpp>
#include <trapline/pattern.hpp>

#include "arch/arch.hpp"
#include "core/byte_pattern.hpp"
#include "core/memory_search.hpp"
#include "core/pointer_search.hpp"
#include "core/process.hpp"
#include "core/process_maps.hpp"
#include "core/regex_pattern.hpp"
#include "support/bytes.hpp"

namespace trapline {
namespace {

auto reader_of(core::Process& process) {
  return [&process](Address at, std::span<std::byte> into) { return process.memory().read(at, into); };
}

/// Where to look for what is not nothing but zeros.
std::vector<core::Range> touched_only(const core::Process& process, const std::vector<core::Range>& ranges,
                                      const MemoryMaps& maps, std::size_t reach) {
  return core::without_untouched(ranges, maps, reach,
                                 [&](const core::Range& range) { return core::touched_ranges(process, range); });
}

}  // namespace

Pattern Pattern::bytes(ByteView bytes) { return Pattern(std::make_shared<core::BytePattern>(bytes)); }

Pattern Pattern::text(std::string_view text) { return bytes(support::as_bytes(text)); }

Pattern Pattern::integer_of(std::uint64_t value, bool negative, std::size_t width, std::endian order) {
  if (width == 0 || width > sizeof value) {
    throw UsageError(fmt::format("find: a number has 1 to {} bytes, not {}", sizeof value, width));
  }
  const std::size_t rest = 8 * (sizeof value - width);
  // What does not fit is nothing but copies of a negative number's sign.
  const bool fits = negative ? static_cast<std::int64_t>(value << rest) >> rest == static_cast<std::int64_t>(value)
                             : value << rest >> rest == value;
  if (!fits) throw UsageError(fmt::format("find: {:#x} does not fit into {} bytes", value, width));
  std::array<std::byte, sizeof value> in_memory{};
  for (std::size_t i = 0; i < width; ++i) {
    in_memory[order == std::endian::little ? i : width - 1 - i] = static_cast<std::byte>(value >> (8 * i));
  }
  return bytes(std::span(in_memory).first(width));
}

Pattern Pattern::hex(std::string_view text) { return Pattern(core::parse_hex_pattern(text)); }

Pattern Pattern::masked(ByteView bytes, ByteView mask) {
  return Pattern(std::make_shared<core::BytePattern>(bytes, mask));
}

Pattern Pattern::regex(std::string_view expression, const RegexOptions& options) {
  return Pattern(std::make_shared<core::RegexPattern>(expression, options));
}

Search::Search(std::shared_ptr<core::Process> process, std::unique_ptr<core::MemorySearch> search)
    : process_(std::move(process)), search_(std::move(search)) {}
Search::~Search() = default;
Search::Search(Search&&) noexcept = default;
Search& Search::operator=(Search&&) noexcept = default;

std::optional<Match> Search::next() { return search_->next(reader_of(*process_)); }

Search Memory::search(const Pattern& pattern, const FindOptions& options) const {
  const MemoryMaps maps = core::memory_maps(*process_);
  auto ranges = core::search_ranges(maps, options);
  const core::Matcher& matcher = *pattern.matcher();
  if (!matcher.matches_zeros()) ranges = touched_only(*process_, ranges, maps, matcher.reach());
  return {process_, std::make_unique<core::MemorySearch>(std::move(ranges), pattern.matcher(), options)};
}

std::vector<Address> Memory::find(const Pattern& pattern, const FindOptions& options) const {
  std::vector<Address> addresses;
  for (const Match& match : search(pattern, options)) addresses.push_back(match.address);
  return addresses;
}

std::vector<Address> Memory::find(ByteView pattern, const FindOptions& options) const {
  return find(Pattern::bytes(pattern), options);
}

std::vector<Address> Memory::find(std::string_view text, const FindOptions& options) const {
  return find(Pattern::text(text), options);
}

std::vector<FoundPointer> Memory::find_pointers(const Area& where, const Area& target, std::size_t step) const {
  const MemoryMaps maps = core::memory_maps(*process_);
  FindOptions readable{.in = where.name(), .start = where.start(), .end = where.end()};
  const core::PointerLayout layout{.size = pointer_size(), .step = step != 0 ? step : pointer_size()};
  auto ranges = core::search_ranges(maps, readable);
  const auto targets = core::area_ranges(maps, target);
  // The steps are counted from the beginning of a mapping; where all pages begin alike, some may be left out.
  const bool pages_are_alike = std::has_single_bit(layout.step) && layout.step <= 4096;
  const bool zero_is_none = targets.empty() || targets.front().start > 0;
  if (pages_are_alike && zero_is_none) ranges = touched_only(*process_, ranges, maps, layout.size);
  return core::find_pointers(reader_of(*process_), std::move(ranges), targets, layout);
}

}  // namespace trapline
