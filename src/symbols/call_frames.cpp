#include "symbols/call_frames.hpp"

#include <elfutils/libdw.h>
#include <libelf.h>

#include <array>
#include <cstdlib>

#include <trapline/error.hpp>

#include "symbols/dwarf_expression.hpp"
#include "symbols/file_cache.hpp"

namespace trapline::symbols {
namespace {

struct Free {
  void operator()(Dwarf_Frame* frame) const { std::free(frame); }  // NOLINT: it is malloc'd, as its header says
};
using Frame = std::unique_ptr<Dwarf_Frame, Free>;

Frame find_frame(Dwarf_CFI* frames, Address address) {
  Dwarf_Frame* frame = nullptr;
  if (frames == nullptr || ::dwarf_cfi_addrframe(frames, address, &frame) != 0) return nullptr;
  return Frame(frame);
}

/// The rules of one frame, applied.
class Applied {
 public:
  Applied(Dwarf_Frame* frame, const ExpressionContext& context) : frame_(frame), context_(context) {}

  FrameStep step() {
    FrameStep step;
    const int return_column = ::dwarf_frame_info(frame_, nullptr, nullptr, &step.signal_frame);
    Dwarf_Op* ops = nullptr;
    std::size_t count = 0;
    if (return_column < 0 || ::dwarf_frame_cfa(frame_, &ops, &count) != 0) return step;
    step.cfa = evaluate(context_, {ops, count});
    if (!step.cfa) return step;
    context_.cfa = step.cfa;
    FrameRegisters caller;
    for (std::size_t number = 0; number < context_.abi.registers; ++number) {
      if (const auto value = caller_value(number)) caller.set(number, *value);
    }
    if (!caller.get(context_.abi.sp)) caller.set(context_.abi.sp, *step.cfa);
    // Without a rule there is no caller: this is where a program or thread begins.
    const auto return_address = caller_value(static_cast<std::size_t>(return_column));
    if (!return_address) return step;
    caller.set(context_.abi.pc, *return_address);
    step.caller = caller;
    return step;
  }

 private:
  std::optional<std::uint64_t> caller_value(std::size_t number) {
    std::array<Dwarf_Op, 3> memory{};
    Dwarf_Op* ops = nullptr;
    std::size_t count = 0;
    if (::dwarf_frame_register(frame_, static_cast<int>(number), memory.data(), &ops, &count) != 0) return std::nullopt;
    if (count > 0) return evaluate_place(context_, {ops, count});
    // "The same" and "undefined" are also what libdw answers without any rule, and there it takes rax for rbx (elfutils
    // 0.188, backends/x86_64_cfi.c): so it is the psABI that tells (BacktraceOf.every_instruction_of_many_calls).
    return context_.abi.keeps(number) ? context_.registers.get(number) : std::nullopt;
  }

  Dwarf_Frame* frame_;
  ExpressionContext context_;
};

template <class Source>
std::shared_ptr<const CallFrames> build(Source source) {
  try {
    return std::make_shared<const CallFrames>(ElfFile(std::move(source)).frame_image());
  } catch (const SymbolError&) {
    return nullptr;
  }
}

}  // namespace

void CallFrames::End::operator()(Elf* elf) const { ::elf_end(elf); }
void CallFrames::End::operator()(Dwarf* dwarf) const { ::dwarf_end(dwarf); }
void CallFrames::End::operator()(Dwarf_CFI* frames) const { ::dwarf_cfi_end(frames); }

CallFrames::CallFrames(Bytes image) : image_(std::move(image)) {
  if (image_.empty()) return;
  elf_.reset(::elf_memory(reinterpret_cast<char*>(image_.data()), image_.size()));
  if (!elf_) return;
  exception_frames_.reset(::dwarf_getcfi_elf(elf_.get()));
  // Neither this nor anything else here asks debuginfod: only libdwfl does, which is not used.
  dwarf_.reset(::dwarf_begin_elf(elf_.get(), DWARF_C_READ, nullptr));
  if (dwarf_) debug_frames_ = ::dwarf_getcfi(dwarf_.get());
}

std::optional<FrameStep> CallFrames::step(Address address, Address bias, const FrameAbi& abi,
                                          const FrameRegisters& registers, ReadMemory read) const {
  const std::lock_guard lock(mutex_);
  for (Dwarf_CFI* const frames : {exception_frames_.get(), debug_frames_}) {
    const Frame frame = find_frame(frames, address - bias);
    if (!frame) continue;
    return Applied(frame.get(), {.abi = abi, .registers = registers, .read = read, .bias = bias}).step();
  }
  return std::nullopt;
}

std::shared_ptr<const CallFrames> call_frames_of_file(const std::string& path) {
  // Never destroyed: threads may still ask while the host's statics go.
  static auto* const cache = new FileCache<CallFrames>(build<support::Fd>);
  return cache->get(path);
}

std::shared_ptr<const CallFrames> call_frames_of_image(Bytes image) { return build(std::move(image)); }

}  // namespace trapline::symbols
