#include "core/vdso.hpp"

#include <elf.h>

#include <array>
#include <cstring>
#include <optional>

#include "arch/arch.hpp"
#include "core/process.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

/// The words of a new program's stack, one after the other.
class Words {
 public:
  Words(TraceeMemory& memory, Address at, std::size_t width) : memory_(memory), at_(at), width_(width) {}

  [[nodiscard]] Address place() const { return at_; }
  std::optional<std::uint64_t> next() {
    if (used_ == filled_) {
      filled_ = memory_.read(at_, bytes_) / width_ * width_;
      used_ = 0;
      if (filled_ == 0) return std::nullopt;
    }
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_.data() + used_, width_);
    used_ += width_;
    at_ += width_;
    return word;
  }

 private:
  TraceeMemory& memory_;
  Address at_;
  std::size_t width_;
  std::array<std::byte, 4096> bytes_{};
  std::size_t used_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace

void hide_vdso(ThreadState& thread) {
  Process& process = *thread.process;
  const arch::ArchInfo& about = arch::info(process.arch());
  // argc, the arguments, 0, the environment, 0, and the auxiliary vector (psABI, "Initial Process Stack").
  Words words(process.memory(), thread.registers.word(about.sp), about.word_size);
  const auto count = words.next();
  if (!count) return;
  for (std::uint64_t i = 0; i <= *count; ++i) {
    if (!words.next()) return;
  }
  for (auto entry = words.next(); entry != 0; entry = words.next()) {
    if (!entry) return;
  }
  constexpr std::uint64_t ignore = AT_IGNORE;
  const auto nothing = std::as_bytes(std::span(&ignore, 1)).first(about.word_size);
  for (;;) {
    const Address place = words.place();
    const auto type = words.next();
    if (!type || *type == AT_NULL || !words.next()) break;
    // AT_SYSINFO is what an i386 C library calls instead of `int 0x80`.
    if (*type != AT_SYSINFO_EHDR && *type != AT_SYSINFO) continue;
    static_cast<void>(process.memory().write(place, nothing));
  }
  support::log(LogCategory::process, [&] { return "hid the vDSO from process " + std::to_string(process.pid()); });
}

}  // namespace trapline::core
