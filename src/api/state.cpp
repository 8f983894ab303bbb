#include <trapline/state.hpp>

#include <algorithm>
#include <cstring>

#include <trapline/process.hpp>
#include <trapline/thread.hpp>

#include "arch/arch.hpp"
#include "arch/flags.hpp"
#include "arch/register_table.hpp"
#include "core/pointee.hpp"
#include "core/process.hpp"
#include "core/register_file.hpp"

namespace trapline {
namespace {

using arch::RegisterKind;
using arch::RegisterRow;
using arch::RegisterSet;

RegisterRole role_of(const RegisterRow& row) {
  if (row.set != RegisterSet::general) return RegisterRole::vector;
  if (row.name == arch::flags_register(row.arch)) return RegisterRole::flags;
  const bool segment = row.arch != Arch::aarch64 && (row.name.ends_with("s") || row.name.ends_with("s_base"));
  return segment ? RegisterRole::segment : RegisterRole::general;
}

/// Which of the names that overlap stands for the others: zmm0 for ymm0 and xmm0, st0 for mm0.
bool stands_for_others(const core::RegisterFile& file, const RegisterRow& row) {
  const auto has = [&](std::string_view name) {
    const RegisterRow* other = arch::find_register(row.arch, name);
    return other != nullptr && file.has(*other);
  };
  if (row.name.starts_with("mm")) return false;
  const std::string number(row.name.substr(std::min<std::size_t>(row.name.size(), 3)));
  if (row.name.starts_with("xmm")) return !has("ymm" + number) && !has("zmm" + number);
  if (row.name.starts_with("ymm")) return !has("zmm" + number);
  return file.has(row);
}

RegisterValue value_of(const core::RegisterFile& file, const RegisterRow& row) {
  RegisterValue value{.name = row.name, .role = role_of(row), .bytes = Bytes(row.size)};
  file.read(row, value.bytes);
  return value;
}

std::vector<MemoryWord> words_at(core::Process& process, Address at, std::size_t count) {
  const std::size_t size = arch::info(process.arch()).word_size;
  core::Places places(process);
  std::vector<MemoryWord> words;
  for (; count != 0; --count, at += size) {
    std::uint64_t value = 0;
    const auto into = std::as_writable_bytes(std::span(&value, 1)).first(size);
    if (process.memory().read(at, into) < size) break;
    words.push_back({places.place(at), value, core::pointee_at(process, places, value)});
  }
  return words;
}

}  // namespace

std::uint64_t RegisterValue::word() const {
  std::uint64_t value = 0;
  if (!bytes.empty()) std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

const RegisterValue* RegisterValues::find(std::string_view name) const {
  const auto found = std::ranges::find(list, name, &RegisterValue::name);
  return found != list.end() ? &*found : nullptr;
}

std::vector<std::string_view> RegisterValues::changed_since(const RegisterValues& before) const {
  std::vector<std::string_view> names;
  for (const RegisterValue& value : list) {
    const RegisterValue* old = before.find(value.name);
    if (old != nullptr && old->bytes != value.bytes) names.push_back(value.name);
  }
  return names;
}

RegisterValues read_registers(const Thread& thread, const ReadRegisters& options) {
  const core::RegisterFile& file = thread.state()->register_file;
  RegisterValues values{.arch = thread.process().arch()};
  for (const RegisterRow& row : file.rows()) {
    const bool general = row.set == RegisterSet::general;
    if (general ? row.kind == RegisterKind::word : options.vector && stands_for_others(file, row)) {
      values.list.push_back(value_of(file, row));
    }
  }
  if (!options.follow || thread.dead()) return values;
  core::Process& process = *thread.state()->process;
  core::Places places(process);
  for (RegisterValue& value : values.list) {
    if (value.role == RegisterRole::general) value.pointee = core::pointee_at(process, places, value.word());
  }
  return values;
}

std::vector<MemoryWord> read_words(const Process& process, const Location& at, std::size_t count) {
  const Address address = process.symbols().resolve(at);
  return words_at(*process.main_thread().state()->process, address, count);
}

std::vector<MemoryWord> read_stack(const Thread& thread, std::size_t count) {
  core::Process& process = *thread.state()->process;
  Address sp = 0;
  process.at_rest(*thread.state(), [&] { sp = thread.state()->registers.word(arch::info(process.arch()).sp); });
  return words_at(process, sp, count);
}

MemoryBlock read_block(const Process& process, const Location& at, std::size_t size) {
  const Address address = process.symbols().resolve(at);
  core::Places places(*process.main_thread().state()->process);
  // A size that some bug made huge must not be allocated.
  constexpr std::size_t step = std::size_t{1} << 20U;
  MemoryBlock block{.start = places.place(address), .wanted = size};
  while (block.bytes.size() < size) {
    const std::size_t done = block.bytes.size();
    block.bytes.resize(done + std::min(step, size - done));
    const std::size_t count = process.memory().read_some(address + done, std::span(block.bytes).subspan(done));
    block.bytes.resize(done + count);
    if (count < std::min(step, size - done)) break;
  }
  block.end = places.place(address + block.bytes.size());
  return block;
}

}  // namespace trapline
