#include "core/stepping.hpp"

#include <array>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/backtrace.hpp"
#include "core/breakpoints.hpp"
#include "core/drive.hpp"
#include "core/location.hpp"

namespace trapline::core {
namespace {

/// How far a longjmp may be from its first instruction to the jump; glibc's is some thirty instructions and a syscall.
constexpr int longest_longjmp = 2000;

std::uint64_t pc_of(ThreadState& thread) { return thread.registers.glance(arch::info(thread.process->arch()).pc); }
std::uint64_t sp_of(ThreadState& thread) { return thread.registers.glance(arch::info(thread.process->arch()).sp); }

std::optional<arch::Instruction> instruction_at(ThreadState& thread, Address address) {
  std::array<std::byte, 16> bytes{};
  const std::size_t count = thread.process->memory().read(address, bytes);
  return thread.process->breakpoints().decoder().decode(std::span(bytes).first(count), address);
}

/// A trap of ours that a thread reaches in a frame at least as far out as `sp`: not in a recursion below it.
class Landing {
 public:
  Landing(ThreadState& thread, Address address, Address sp, bool& reached) {
    trap_ = thread.process->breakpoints().add_internal(address, [&thread, sp, &reached](ThreadState& hit) {
      if (&hit == &thread && sp_of(hit) >= sp) reached = true;
      return Verdict::go_on;
    });
  }
  ~Landing() {
    trap_->removed = true;
    if (const auto process = trap_->process.lock()) process->breakpoints().update(*trap_);
  }
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;

 private:
  std::shared_ptr<BreakpointTrap> trap_;
};

/// Notices that a thread is about to jump out of the functions that it is in.
class Longjmps {
 public:
  Longjmps(ThreadState& thread, bool& reached) {
    for (const char* name : {"_longjmp", "longjmp", "siglongjmp", "__longjmp_chk", "__libc_siglongjmp"}) {
      for (const Symbol& symbol : find_symbols(name, thread.process->breakpoints().modules())) {
        landings_.push_back(std::make_unique<Landing>(thread, symbol.address, 0, reached));
      }
    }
  }

 private:
  std::vector<std::unique_ptr<Landing>> landings_;
};

/// Steps through a longjmp until it has landed.
std::optional<Stop> follow_longjmp(ThreadState& thread, Drive& drive) {
  const std::uint64_t sp = sp_of(thread);
  for (int i = 0; i < longest_longjmp; ++i) {
    const auto instruction = instruction_at(thread, pc_of(thread));
    const bool jumps = instruction && instruction->flow == arch::Flow::jump && !instruction->target;
    if (auto stop = drive.step()) return stop;
    // Its last instruction; the stack pointer is past its own return address by then: it does not return.
    if (jumps && sp_of(thread) > sp + arch::info(thread.process->arch()).word_size) return std::nullopt;
  }
  return std::nullopt;
}

/// Over the call at the pc, whatever is called.
std::optional<Stop> step_over_call(ThreadState& thread, Drive& drive, Address after) {
  const std::uint64_t sp = sp_of(thread);
  bool returned = false;
  bool jumping = false;
  const Landing landing(thread, after, sp, returned);
  const Longjmps longjmps(thread, jumping);
  while (!returned) {
    if (auto stop = drive.run_until([&] { return returned || jumping; })) return stop;
    if (!std::exchange(jumping, false) || returned) continue;
    if (auto stop = follow_longjmp(thread, drive)) return stop;
    if (sp_of(thread) > sp) return std::nullopt;
  }
  return std::nullopt;
}

/// One instruction, or a whole call.
std::optional<Stop> next_one(ThreadState& thread, Drive& drive) {
  const Address pc = pc_of(thread);
  const auto instruction = instruction_at(thread, pc);
  if (!instruction || instruction->flow != arch::Flow::call) return drive.step();
  return step_over_call(thread, drive, pc + instruction->length);
}

std::optional<Stop> finish_by_stepping(ThreadState& thread, Drive& drive) {
  const std::uint64_t sp = sp_of(thread);
  for (;;) {
    const auto instruction = instruction_at(thread, pc_of(thread));
    const bool returns = instruction && instruction->flow == arch::Flow::ret;
    if (auto stop = next_one(thread, drive)) return stop;
    if (returns && sp_of(thread) > sp) return std::nullopt;
  }
}

std::optional<Stop> finish_by_unwinding(ThreadState& thread, Drive& drive, const std::vector<UnwoundFrame>& frames) {
  bool returned = false;
  const Landing landing(thread, frames[1].pc, frames[0].cfa, returned);
  return drive.run_until([&] { return returned; });
}

}  // namespace

Stop step(ThreadState& thread, Others others) {
  Drive drive(thread, others);
  if (auto stop = drive.step()) return *stop;
  return drive.done();
}

Stop step_until(ThreadState& thread, const Location& location, std::size_t max, Others others) {
  const Address target = resolve(location, thread.process->breakpoints().modules());
  Drive drive(thread, others);
  for (std::size_t i = 0; i < max; ++i) {
    if (auto stop = drive.step()) return *stop;
    if (pc_of(thread) == target) break;
  }
  return drive.done();
}

Stop next(ThreadState& thread, Others others) {
  Drive drive(thread, others);
  if (auto stop = next_one(thread, drive)) return *stop;
  return drive.done();
}

Stop finish(ThreadState& thread, FinishBy by, Others others) {
  std::vector<UnwoundFrame> frames;
  if (by == FinishBy::unwinding) {
    frames = unwind(thread, 2);
    if (frames.size() < 2) {
      throw UsageError(
          "finish(): nothing tells where the function at this pc returns to; finish(FinishBy::stepping) "
          "steps until it does");
    }
  }
  Drive drive(thread, others);
  auto stop =
      by == FinishBy::unwinding ? finish_by_unwinding(thread, drive, frames) : finish_by_stepping(thread, drive);
  if (stop) return *stop;
  return drive.done();
}

}  // namespace trapline::core
