#include "symbols/unwind.hpp"

#include <algorithm>
#include <utility>

#include "symbols/frame_guess.hpp"

namespace trapline::symbols {
namespace {

class Unwinder {
 public:
  Unwinder(const UnwindSource& source, std::size_t max) : source_(source), max_(max) {}

  std::vector<UnwoundFrame> run(FrameRegisters registers) {
    bool behind_call = false;
    while (frames_.size() < max_) {
      const auto pc = registers.get(source_.abi.pc);
      if (!pc || (*pc == 0 && !frames_.empty())) break;
      frames_.push_back({.pc = *pc, .pc_is_return_address = behind_call, .registers = registers});
      UnwoundFrame& frame = frames_.back();
      const FrameStep step = unwind_one(frame);
      frame.signal_frame = step.signal_frame;
      frame.cfa = step.cfa.value_or(0);
      if (!step.caller || !leads_outwards(frame, *step.caller)) break;
      registers = *step.caller;
      behind_call = !step.signal_frame;
    }
    return std::move(frames_);
  }

 private:
  [[nodiscard]] FrameStep unwind_one(const UnwoundFrame& frame) const {
    // A call may be the last instruction of its function, so that what is behind it belongs to another one.
    const Address asked = frame.pc - (frame.pc_is_return_address ? 1 : 0);
    if (const auto loaded = source_.frames_at(asked)) {
      const auto step = loaded->frames->step(asked, loaded->bias, source_.abi, frame.registers, source_.read);
      if (step) return *step;
    }
    return guess_frame(source_, frame.registers, !frame.pc_is_return_address);
  }

  /// Callers are further up the stack. Only a signal may have come on another stack; where that leads back to a place
  /// seen before, the stack is damaged.
  bool leads_outwards(const UnwoundFrame& frame, const FrameRegisters& caller) {
    const auto sp = frame.registers.get(source_.abi.sp);
    if (!frame.signal_frame) return sp && frame.cfa > *sp;
    const std::pair interrupted(caller.get(source_.abi.pc), caller.get(source_.abi.sp));
    if (std::ranges::find(interrupted_, interrupted) != interrupted_.end()) return false;
    interrupted_.push_back(interrupted);
    return true;
  }

  const UnwindSource& source_;
  const std::size_t max_;
  std::vector<UnwoundFrame> frames_;
  std::vector<std::pair<std::optional<Address>, std::optional<Address>>> interrupted_;
};

}  // namespace

std::vector<UnwoundFrame> unwind(const UnwindSource& source, const FrameRegisters& registers, std::size_t max) {
  return Unwinder(source, max).run(registers);
}

}  // namespace trapline::symbols
