#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include <trapline/types.hpp>

#include "arch/encoding.hpp"
#include "arch/instruction.hpp"
#include "native_run.hpp"

namespace trapline::native {

/// Whether an instruction did the same in all ways that its plan offers.
struct Verdict {
  bool slot = false;
  bool emulated = false;
  /// It ran in its place without a fault.
  bool completed = false;
  /// Why it was not tried.
  std::string skipped;
  /// What differed.
  std::string failure;
};

/// Executes instructions in their place, in slots and by emulate(), from random registers, flags and memory, and
/// compares. Memory operands are led to a buffer, direct branches to traps, indirect ones to a page of them. One for a
/// process, on x86-64; whatever it does is decided by the seeds.
class Laboratory {
 public:
  Laboratory();

  [[nodiscard]] Verdict check(ByteView code, std::uint64_t seed);

 private:
  struct Sample {
    arch::Encoding encoding;
    std::array<std::byte, 16> bytes{};
    arch::TrapPlan plan{};
    State state{};
  };

  [[nodiscard]] Sample prepare(ByteView code, const arch::Encoding& encoding);
  [[nodiscard]] std::uint64_t random_word();
  void randomize_vectors(Vectors& vectors);
  void set_displacement(Sample& sample, std::int64_t value);
  void lead_branch(Sample& sample);
  void lead_memory(Sample& sample);
  void lead_target(Sample& sample);
  void fill_memory(const Sample& sample);
  void reset_memory();
  [[nodiscard]] std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  [[nodiscard]] std::string check_native(const Sample& sample, const Outcome& native);
  [[nodiscard]] std::string check_slot(const Sample& sample, const Outcome& native, Address slot, bool& tried);
  [[nodiscard]] std::string check_emulated(const Sample& sample, const Outcome& native);
  [[nodiscard]] std::string compare(const Outcome& expected, const Outcome& found, bool compare_vectors = true) const;
  void keep_memory();

  arch::Decoder decoder_{Arch::amd64};
  std::mt19937_64 random_;
  std::uint64_t fs_base_ = 0;
  Bytes initial_;
  Bytes after_native_;
};

/// Why an instruction cannot be tried here; empty when it can.
[[nodiscard]] std::string reason_to_skip(const arch::Encoding& encoding, const arch::TrapPlan& plan);

}  // namespace trapline::native
