#include "core/register_file.hpp"

#include <array>
#include <cstring>
#include <string>

#include <trapline/error.hpp>

#include "arch/xstate.hpp"
#include "core/process.hpp"
#include "support/text.hpp"

namespace trapline::core {
namespace {

void check_available(std::span<const std::byte> area, const arch::RegisterRow& row) {
  if (!arch::has_vector(area, row, arch::host_xstate_layout())) {
    throw UsageError("this CPU has no register " + std::string(row.name));
  }
}

void write_general(RegisterCache& registers, const arch::RegisterRow& row, ByteView bytes) {
  if (row.kind != arch::RegisterKind::zeroing) {
    if (row.kind == arch::RegisterKind::word && row.size == 8) {
      std::uint64_t value = 0;
      std::memcpy(&value, bytes.data(), bytes.size());
      registers.set_word(row.offset / 8, value);
      return;
    }
    registers.set_general_byte_range(row.offset, bytes);
    return;
  }
  // As the CPU does it: a 32-bit write clears the upper half.
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  registers.set_word(row.offset / 8, value);
}

}  // namespace

const arch::RegisterRow& RegisterFile::row(std::string_view name) const {
  const Arch arch = thread_->process->arch();
  if (const auto* row = arch::find_register(arch, name)) return *row;
  std::vector<std::string_view> candidates;
  for (const auto& row : arch::registers(arch)) candidates.push_back(row.name);
  std::string text = "this process has no register \"" + support::escape(name) + "\"";
  const auto near = support::near_names(name, candidates);
  if (!near.empty()) text += "; did you mean " + support::join(near, ", ") + "?";
  throw UsageError(text);
}

std::span<const arch::RegisterRow> RegisterFile::rows() const { return arch::registers(thread_->process->arch()); }

bool RegisterFile::has(const arch::RegisterRow& row) const {
  if (row.set == arch::RegisterSet::general) return true;
  bool result = false;
  thread_->process->at_rest_or_dead(*thread_, [&] {
    result = arch::has_vector(thread_->registers.vector(), row, arch::host_xstate_layout());
  });
  return result;
}

void RegisterFile::read(const arch::RegisterRow& row, std::span<std::byte> into) const {
  thread_->process->at_rest_or_dead(*thread_, [&] {
    if (row.set == arch::RegisterSet::general) {
      const auto general = thread_->registers.general();
      if (general.size() < row.offset + into.size()) throw ProcessGone("the registers of thread " + std::to_string(thread_->tid) + " were never seen");
      std::memcpy(into.data(), general.data() + row.offset, into.size());
      return;
    }
    const auto area = thread_->registers.vector();
    check_available(area, row);
    arch::read_vector(area, row, arch::host_xstate_layout(), into);
  });
}

void RegisterFile::write(const arch::RegisterRow& row, ByteView bytes) const {
  thread_->process->at_rest(*thread_, [&] {
    if (row.set == arch::RegisterSet::general) {
      write_general(thread_->registers, row, bytes);
      return;
    }
    const auto area = thread_->registers.vector();
    check_available(area, row);
    arch::write_vector(area, row, arch::host_xstate_layout(), bytes);
    thread_->registers.mark_vector_changed();
  });
}

}  // namespace trapline::core
