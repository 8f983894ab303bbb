#include <trapline/registers.hpp>

#include <algorithm>
#include <cstring>

#include <trapline/error.hpp>

#include "arch/flags.hpp"
#include "core/register_file.hpp"
#include "support/text.hpp"

namespace trapline {
namespace {

[[noreturn]] void throw_too_wide(const arch::RegisterRow& row, std::size_t size) {
  throw UsageError("register " + std::string(row.name) + " has " + std::to_string(row.size) + " bytes, not " +
                   std::to_string(size));
}

/// The architecture of a thread's registers.
Arch arch_of(const core::RegisterFile& file) { return file.rows().front().arch; }

const arch::Flag& flag_named(Arch arch, std::string_view name) {
  if (const arch::Flag* flag = arch::find_flag(arch, name)) return *flag;
  std::string names;
  for (const arch::Flag& flag : arch::flags(arch)) names += (names.empty() ? "" : ", ") + std::string(flag.name);
  throw UsageError("there is no flag \"" + support::escape(name) + "\", only: " + names);
}

}  // namespace

Registers::Registers(std::shared_ptr<core::RegisterFile> file) : file_(std::move(file)) {}

std::uint64_t Registers::get(std::string_view name) const {
  const arch::RegisterRow& row = file_->row(name);
  std::uint64_t value = 0;
  if (row.size > sizeof value) throw_too_wide(row, sizeof value);
  file_->read(row, std::as_writable_bytes(std::span(&value, 1)).first(row.size));
  return value;
}

void Registers::set(std::string_view name, std::uint64_t value) const {
  const arch::RegisterRow& row = file_->row(name);
  if (row.size > sizeof value) throw_too_wide(row, sizeof value);
  if (row.size < sizeof value && value >> (8 * row.size) != 0) {
    throw UsageError("the value " + std::to_string(value) + " is too wide for register " + std::string(name) + " of " +
                     std::to_string(row.size) + " bytes");
  }
  file_->write(row, std::as_bytes(std::span(&value, 1)).first(row.size));
}

Bytes Registers::get_bytes(std::string_view name) const {
  const arch::RegisterRow& row = file_->row(name);
  Bytes bytes(row.size);
  file_->read(row, bytes);
  return bytes;
}

void Registers::set_bytes(std::string_view name, ByteView bytes) const {
  const arch::RegisterRow& row = file_->row(name);
  if (bytes.size() > row.size) throw_too_wide(row, bytes.size());
  file_->write(row, bytes);
}

void Registers::copy_low(std::string_view name, std::span<std::byte> into) const {
  const arch::RegisterRow& row = file_->row(name);
  if (into.size() > row.size) throw_too_wide(row, into.size());
  file_->read(row, into);
}

std::vector<std::string_view> Registers::names() const {
  std::vector<std::string_view> names;
  for (const auto& row : file_->rows()) {
    if (file_->has(row)) names.push_back(row.name);
  }
  return names;
}

std::vector<std::string_view> Registers::filter(std::uint64_t value) const {
  std::vector<std::string_view> names;
  for (const auto& row : file_->rows()) {
    if (row.kind == arch::RegisterKind::word && get(row.name) == value) names.push_back(row.name);
  }
  return names;
}

std::vector<std::string_view> Registers::flags() const {
  const Arch arch = arch_of(*file_);
  const std::uint64_t value = get(arch::flags_register(arch));
  std::vector<std::string_view> names;
  for (const arch::Flag& flag : arch::flags(arch)) {
    if ((value >> flag.bit & 1U) != 0) names.push_back(flag.name);
  }
  return names;
}

bool Registers::flag(std::string_view name) const {
  const Arch arch = arch_of(*file_);
  return (get(arch::flags_register(arch)) >> flag_named(arch, name).bit & 1U) != 0;
}

void Registers::set_flag(std::string_view name, bool value) const {
  const Arch arch = arch_of(*file_);
  const arch::Flag& flag = flag_named(arch, name);
  if (!flag.writable) throw UsageError("the flag " + std::string(name) + " belongs to the kernel");
  const std::uint64_t bit = std::uint64_t{1} << flag.bit;
  const std::uint64_t before = get(arch::flags_register(arch));
  set(arch::flags_register(arch), value ? before | bit : before & ~bit);
}

#define TRAPLINE_REGISTER(name, arch, set, offset, bytes, kind, accessor) \
  TRAPLINE_ACCESSOR_##accessor(kind, name, bytes)
#define TRAPLINE_ACCESSOR_again(kind, name, bytes)
#define TRAPLINE_ACCESSOR_own(kind, name, bytes) TRAPLINE_ACCESSOR_##kind(name, bytes)
#define TRAPLINE_ACCESSOR_word(name, bytes)                    \
  std::uint64_t Registers::name() const { return get(#name); } \
  void Registers::set_##name(std::uint64_t value) const { set(#name, value); }
#define TRAPLINE_ACCESSOR_part(name, bytes) TRAPLINE_ACCESSOR_word(name, bytes)
#define TRAPLINE_ACCESSOR_zeroing(name, bytes) TRAPLINE_ACCESSOR_word(name, bytes)
#define TRAPLINE_ACCESSOR_vector(name, bytes)                                                                   \
  std::array<std::byte, bytes> Registers::name() const { return read_as<std::array<std::byte, bytes>>(#name); } \
  void Registers::set_##name(const std::array<std::byte, bytes>& value) const { write_as(#name, value); }
#include <trapline/registers.def>

}  // namespace trapline
