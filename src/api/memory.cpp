#include <trapline/memory.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/location.hpp"
#include "core/memory_text.hpp"
#include "core/process.hpp"
#include "core/process_maps.hpp"
#include "core/telescope.hpp"
#include "support/bytes.hpp"

namespace trapline {
namespace {

/// What came of a request for memory, in words.
struct Outcome {
  std::string_view did;
  std::size_t done;
  std::size_t size;
  Address address;
};

[[noreturn]] void throw_partial(const core::Process& process, const Outcome& outcome) {
  const Address failed = outcome.address + outcome.done;
  // A mapping without memory behind it: past the end of its file, a device, or shared and read-only when it was
  // written.
  const bool mapped = core::map_at(process, failed).has_value();
  throw OsError(std::error_code(EFAULT, std::generic_category()),
                fmt::format("{} {} of {} bytes at {:#x}: {} ({:#x}) {}", outcome.did, outcome.done, outcome.size,
                            outcome.address, outcome.done == 0 ? "the first page" : "the next page", failed,
                            mapped ? "is mapped, but the kernel refuses access to it" : "is not mapped"));
}

}  // namespace

Memory::Memory(std::shared_ptr<core::Process> process) : process_(std::move(process)) {}

Bytes Memory::read(Address address, std::size_t size) const {
  // A size that some bug made huge must fail at the first unmapped page, not in the allocation of a terabyte.
  constexpr std::size_t trusted = std::size_t{64} * 1024 * 1024;
  Bytes bytes(std::min(size, trusted));
  for (std::size_t done = 0;;) {
    const std::size_t count = read_some(address + done, std::span(bytes).subspan(done));
    done += count;
    if (done < bytes.size()) throw_partial(*process_, {"read", done, size, address});
    if (done == size) return bytes;
    bytes.resize(std::min(size, bytes.size() * 2));
  }
}

std::size_t Memory::read_some(Address address, std::span<std::byte> into) const {
  return process_->memory().read(address, into);
}

void Memory::read_exactly(Address address, std::span<std::byte> into) const {
  const std::size_t count = read_some(address, into);
  if (count < into.size()) throw_partial(*process_, {"read", count, into.size(), address});
}

void Memory::read_many(std::span<const ReadPiece> pieces) const {
  const std::vector<std::size_t> counts = try_read_many(pieces);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const auto& [address, into] = pieces[i];
    if (counts[i] < into.size()) throw_partial(*process_, {"read", counts[i], into.size(), address});
  }
}

std::vector<std::size_t> Memory::try_read_many(std::span<const ReadPiece> pieces) const {
  std::vector<std::size_t> counts(pieces.size());
  process_->memory().read_many(pieces, counts);
  return counts;
}

std::string Memory::read_string(Address address, std::size_t max) const {
  const auto read = [this](Address at, std::span<std::byte> into) { return read_some(at, into); };
  auto text = core::string_at(address, max, read);
  if (!text) throw_partial(*process_, {"read", 0, max, address});
  return *std::move(text);
}

void Memory::write(Address address, ByteView bytes) const {
  const std::size_t count = process_->memory().write(address, bytes);
  if (count < bytes.size()) throw_partial(*process_, {"wrote", count, bytes.size(), address});
}

void Memory::write(Address address, std::string_view text) const { write(address, support::as_bytes(text)); }

std::size_t Memory::pointer_size() const { return arch::info(process_->arch()).word_size; }

Address Memory::read_pointer(Address address) const {
  return pointer_size() == sizeof(std::uint32_t) ? read_value<std::uint32_t>(address) : read_value<Address>(address);
}

void Memory::write_pointer(Address address, Address value) const {
  if (pointer_size() != sizeof(std::uint32_t)) return write_value(address, value);
  const auto narrow = static_cast<std::uint32_t>(value);
  if (narrow != value) throw UsageError(fmt::format("{:#x} is no pointer of a 32-bit program", value));
  write_value(address, narrow);
}

Bytes Memory::read_items(Address address, std::size_t count, std::size_t size) const {
  if (count > SIZE_MAX / size) throw UsageError(fmt::format("{} values of {} bytes fit in no memory", count, size));
  return read(address, count * size);
}

Address Memory::resolve(const Location& location) const { return core::resolve(location, core::modules_of(*process_)); }

Telescope Memory::telescope(Address address, const TelescopeOptions& options) const {
  std::optional<core::Modules> modules;
  const auto read = [&](Address at, std::span<std::byte> into) { return read_some(at, into); };
  const auto map_at = [&](Address at) { return core::map_at(*process_, at); };
  const auto symbol_at = [&](Address at) {
    if (!modules) modules.emplace(core::modules_of(*process_));
    return core::symbol_at(at, *modules);
  };
  Telescope found = core::follow_pointers(
      address, {.read = read, .map_at = map_at, .symbol_at = symbol_at, .pointer_size = pointer_size()}, options);
  if (found.links.empty()) throw_partial(*process_, {"read", 0, pointer_size(), address});
  return found;
}

}  // namespace trapline
