#include "core/register_file.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "arch/xstate.hpp"
#include "core/process.hpp"
#include "core/thread_state.hpp"
#include "support/text.hpp"

namespace trapline::core {
namespace {

[[noreturn]] void throw_never_seen(const ThreadState& thread) {
  throw ProcessGone("thread " + std::to_string(thread.tid) + " died before its registers were seen");
}

void check_available(std::span<const std::byte> area, const arch::RegisterRow& row) {
  if (!arch::has_vector(area, row, arch::host_xstate_layout())) {
    throw UsageError("this CPU has no register " + std::string(row.name));
  }
}

/// Selectors and bases, of which the kernel takes some values only.
bool may_be_refused(const arch::RegisterRow& row) {
  constexpr std::array<std::string_view, 8> names{"cs", "ss", "ds", "es", "fs", "gs", "fs_base", "gs_base"};
  return row.arch != Arch::aarch64 && std::ranges::find(names, row.name) != names.end();
}

[[noreturn]] void throw_refused(const arch::RegisterRow& row, std::uint64_t value) {
  throw UsageError("the kernel does not take the value " + std::to_string(value) + " for register " +
                   std::string(row.name));
}

void write_general(RegisterCache& registers, const arch::RegisterRow& row, ByteView bytes) {
  if (row.kind == arch::RegisterKind::part) {
    registers.set_general_byte_range(row.offset, bytes);
    return;
  }
  // Also of a 32-bit part: as the CPU does it, its write clears the upper half.
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  const std::size_t index = row.offset / arch::info(row.arch).word_size;
  if (!may_be_refused(row)) {
    registers.set_word(index, value);
    return;
  }
  try {
    registers.write_word_through(index, value);
  } catch (const OsError&) {
    throw_refused(row, value);
  }
}

void check_mxcsr(std::span<const std::byte> area, const arch::RegisterRow& row, ByteView bytes) {
  if (row.name != "mxcsr") return;
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  if ((value & ~arch::mxcsr_mask(area)) != 0) throw_refused(row, value);
}

}  // namespace

const arch::RegisterRow& RegisterFile::row(std::string_view name) const {
  const Arch arch = thread_.process->arch();
  if (const auto* row = arch::find_register(arch, name)) return *row;
  std::vector<std::string_view> candidates;
  for (const auto& row : arch::registers(arch)) candidates.push_back(row.name);
  std::string text = "this process has no register \"" + support::escape(name) + "\"";
  const auto near = support::near_names(name, candidates);
  if (!near.empty()) text += "; did you mean " + support::join(near, ", ") + "?";
  throw UsageError(text);
}

std::span<const arch::RegisterRow> RegisterFile::rows() const { return arch::registers(thread_.process->arch()); }

bool RegisterFile::has(const arch::RegisterRow& row) const {
  if (row.set == arch::RegisterSet::general) return true;
  bool result = false;
  thread_.process->at_rest_or_dead(
      thread_, [&] { result = arch::has_vector(thread_.registers.vector(), row, arch::host_xstate_layout()); });
  return result;
}

void RegisterFile::read(const arch::RegisterRow& row, std::span<std::byte> into) const {
  thread_.process->at_rest_or_dead(thread_, [&] {
    if (row.set == arch::RegisterSet::general) {
      const auto general = thread_.registers.general();
      if (general.size() < row.offset + into.size()) throw_never_seen(thread_);
      std::memcpy(into.data(), general.data() + row.offset, into.size());
      return;
    }
    const auto area = thread_.registers.vector();
    if (area.empty()) throw_never_seen(thread_);
    check_available(area, row);
    arch::read_vector(area, row, arch::host_xstate_layout(), into);
  });
}

void RegisterFile::write(const arch::RegisterRow& row, ByteView bytes) const {
  thread_.process->at_rest(thread_, [&] {
    if (row.set == arch::RegisterSet::general) {
      write_general(thread_.registers, row, bytes);
      return;
    }
    const auto area = thread_.registers.vector();
    check_available(area, row);
    check_mxcsr(area, row, bytes);
    arch::write_vector(area, row, arch::host_xstate_layout(), bytes);
    thread_.registers.mark_vector_changed();
  });
}

}  // namespace trapline::core
