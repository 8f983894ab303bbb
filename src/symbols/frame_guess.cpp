#include "symbols/frame_guess.hpp"

#include <algorithm>
#include <array>

namespace trapline::symbols {
namespace {

constexpr std::byte operator""_b(unsigned long long value) { return static_cast<std::byte>(value); }

/// A few bytes of code, as many as are readable.
class Code {
 public:
  Code(ReadMemory read, Address address) {
    for (std::size_t size = bytes_.size(); size > 0 && size_ == 0; --size) {
      if (read(address, std::span(bytes_).first(size))) size_ = size;
    }
  }

  template <class... Values>
  [[nodiscard]] bool is(std::size_t offset, Values... values) const {
    const std::array expected{static_cast<std::byte>(values)...};
    return offset + expected.size() <= size_ &&
           std::ranges::equal(expected, std::span(bytes_).subspan(offset, expected.size()));
  }

 private:
  std::array<std::byte, 16> bytes_{};
  std::size_t size_ = 0;
};

class Guess {
 public:
  Guess(const UnwindSource& source, const FrameRegisters& registers)
      : source_(source),
        abi_(source.abi),
        pc_(*registers.get(abi_.pc)),
        sp_(registers.get(abi_.sp)),
        fp_(registers.get(abi_.fp)) {}

  [[nodiscard]] FrameStep innermost() const {
    // The call of a bad pointer: nothing ran since, so that the return address is on top of the stack.
    if (!source_.executable(pc_)) return frameless(Trust::behind_call);
    if (const auto step = by_code_at_pc()) return *step;
    if (is_signal_trampoline(pc_)) return signal_frame();
    const bool known_frameless = function_has_no_frame();
    if (known_frameless || aligned_as_at_entry()) {
      if (const FrameStep step = frameless(Trust::behind_call); step.caller) return step;
    }
    if (const FrameStep step = framed(); step.caller) return step;
    return frameless(Trust::behind_call);
  }

  [[nodiscard]] FrameStep outer() const { return is_signal_trampoline(pc_) ? signal_frame() : framed(); }

 private:
  enum class Trust { executable, behind_call };

  /// With the stack pointer at the return address.
  [[nodiscard]] FrameStep frameless(Trust trust) const {
    return sp_ ? at_return_address(*sp_, fp_, trust) : FrameStep();
  }

  /// With the caller's frame pointer saved where this one points to, and the return address above it.
  [[nodiscard]] FrameStep framed() const {
    if (!sp_ || !fp_ || *fp_ < *sp_ || *fp_ % abi_.word_size != 0) return {};
    const auto saved = read_word(abi_, source_.read, *fp_);
    return saved ? at_return_address(*fp_ + abi_.word_size, saved, Trust::behind_call) : FrameStep();
  }

  [[nodiscard]] FrameStep at_return_address(Address place, std::optional<std::uint64_t> fp, Trust trust) const {
    const auto target = read_word(abi_, source_.read, place);
    if (!target || !source_.executable(*target)) return {};
    if (trust == Trust::behind_call && !is_behind_call(*target) && !is_signal_trampoline(*target)) return {};
    FrameRegisters caller;
    // Whether other registers were saved somewhere nobody knows.
    if (fp) caller.set(abi_.fp, *fp);
    caller.set(abi_.pc, *target);
    caller.set(abi_.sp, place + abi_.word_size);
    return {.cfa = place + abi_.word_size, .caller = caller};
  }

  [[nodiscard]] bool is_behind_call(Address address) const {
    // `call rel32`, or `call r/m` (ff /2) with its operand in 1 to 6 bytes (Intel SDM vol. 2, 2.1).
    if (Code(source_.read, address - 5).is(0, 0xe8_b)) return true;
    for (const Address size : {2U, 3U, 4U, 6U, 7U}) {
      std::array<std::byte, 2> bytes{};
      if (!source_.read(address - size, bytes) || bytes[0] != 0xff_b) continue;
      if ((bytes[1] >> 3U & 7_b) == 2_b) return true;
    }
    return false;
  }

  /// How many bytes of it are `mov %rsp,%rbp`, in either of its encodings, and 0 without.
  [[nodiscard]] bool sets_frame_pointer(const Code& code, std::size_t offset) const {
    if (abi_.word_size == 4) return code.is(offset, 0x89_b, 0xe5_b) || code.is(offset, 0x8b_b, 0xec_b);
    return code.is(offset, 0x48_b, 0x89_b, 0xe5_b) || code.is(offset, 0x48_b, 0x8b_b, 0xec_b);
  }

  [[nodiscard]] static std::size_t size_of_endbr(const Code& code) {
    return code.is(0, 0xf3_b, 0x0f_b, 0x1e_b, 0xfa_b) || code.is(0, 0xf3_b, 0x0f_b, 0x1e_b, 0xfb_b) ? 4 : 0;
  }

  /// In the prologue or at the return the frame pointer is the caller's.
  [[nodiscard]] std::optional<FrameStep> by_code_at_pc() const {
    constexpr std::byte push_fp = 0x55_b;
    const Code code(source_.read, pc_);
    const std::size_t endbr = size_of_endbr(code);
    if (endbr > 0 || (code.is(0, push_fp) && sets_frame_pointer(code, 1))) return frameless(Trust::executable);
    if (code.is(0, 0xc3_b) || code.is(0, 0xc2_b) || code.is(0, 0xf3_b, 0xc3_b) || code.is(0, 0xf2_b, 0xc3_b)) {
      return frameless(Trust::executable);
    }
    if (sp_ && sets_frame_pointer(code, 0) && Code(source_.read, pc_ - 1).is(0, push_fp)) {
      return at_return_address(*sp_ + abi_.word_size, read_word(abi_, source_.read, *sp_), Trust::executable);
    }
    return std::nullopt;
  }

  [[nodiscard]] bool function_has_no_frame() const {
    const auto start = source_.function_at(pc_);
    if (!start) return false;
    const Code code(source_.read, *start);
    return !code.is(size_of_endbr(code), 0x55_b);
  }

  /// On amd64 the return address is at an odd multiple of 8, and code that made itself a frame aligns the stack.
  [[nodiscard]] bool aligned_as_at_entry() const { return abi_.word_size == 8 && sp_ && *sp_ % 16 == 8; }

  /// `mov $15,%rax; syscall`, by which a C library returns from a signal handler; that of musl and Go tells nothing
  /// else.
  [[nodiscard]] bool is_signal_trampoline(Address address) const {
    if (abi_.word_size != 8) return false;
    const Code code(source_.read, address);
    return code.is(0, 0x48_b, 0xc7_b, 0xc0_b, 0x0f_b, 0_b, 0_b, 0_b, 0x0f_b, 0x05_b) ||
           code.is(0, 0xb8_b, 0x0f_b, 0_b, 0_b, 0_b, 0x0f_b, 0x05_b);
  }

  /// What the kernel saved: struct sigcontext in the struct ucontext that the stack pointer points to.
  [[nodiscard]] FrameStep signal_frame() const {
    FrameStep step{.signal_frame = true};
    // r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip (arch/x86/include/uapi/asm/sigcontext.h).
    constexpr std::array<std::size_t, 17> order{8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};
    constexpr Address context = 40;
    std::array<std::uint64_t, order.size()> words{};
    if (!sp_ || !source_.read(*sp_ + context, std::as_writable_bytes(std::span(words)))) return step;
    FrameRegisters caller;
    for (std::size_t i = 0; i < order.size(); ++i) caller.set(order[i], words[i]);
    step.cfa = caller.get(abi_.sp);
    step.caller = caller;
    return step;
  }

  const UnwindSource& source_;
  const FrameAbi& abi_;
  const Address pc_;
  const std::optional<std::uint64_t> sp_;
  const std::optional<std::uint64_t> fp_;
};

}  // namespace

FrameStep guess_frame(const UnwindSource& source, const FrameRegisters& registers, bool innermost) {
  const Guess guess(source, registers);
  return innermost ? guess.innermost() : guess.outer();
}

}  // namespace trapline::symbols
