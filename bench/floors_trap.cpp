#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <vector>

#include "floors.hpp"
#include "raw_tracee.hpp"
#include "rows.hpp"

namespace trapline::bench::floors {
namespace {

constexpr std::byte trap_instruction{0xcc};

class MemoryFile {
 public:
  explicit MemoryFile(pid_t pid)
      : file_(::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDWR | O_CLOEXEC)) {
    require(file_ != -1, "memory of a tracee");
  }
  ~MemoryFile() { ::close(file_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  template <class T = std::byte>
  [[nodiscard]] T read(std::uint64_t address) const {
    T value{};
    require(::pread(file_, &value, sizeof value, static_cast<off_t>(address)) == sizeof value, "pread");
    return value;
  }
  void write(std::uint64_t address, std::byte byte) const {
    require(::pwrite(file_, &byte, 1, static_cast<off_t>(address)) == 1, "pwrite");
  }

 private:
  int file_ = -1;
};

void set_pc(pid_t pid, std::uint64_t pc) { request(PTRACE_POKEUSER, pid, offsetof(user_regs_struct, rip), pc); }

class Hits {
 public:
  Hits(std::size_t events, const TrapPlace& place, Means means, bool registers)
      : events_(events),
        place_(place),
        means_(means),
        registers_(registers),
        tracee_({tracee("traps"), place.function, std::to_string(events)}),
        memory_(tracee_.pid()) {
    memory_.write(place.end, trap_instruction);
    if (means == Means::instruction) {
      memory_.write(place.trap, trap_instruction);
    } else {
      set_debug_register();
    }
    if (run_to_first_end() == 0) throw Skipped("this machine accepts debug registers, but they never fire");
  }

  double batch() {
    set_pc(tracee_.pid(), place_.end_rest);
    return time_per_event(events_, [&] {
      for (std::size_t i = 0; i < events_; ++i) {
        tracee_.go(PTRACE_CONT);
        leave();
      }
      tracee_.go(PTRACE_CONT);
    });
  }

 private:
  void set_debug_register() const {
    constexpr std::uintptr_t enable = 1;
    constexpr std::uintptr_t write_8_bytes = 0b1001 << 16;
    const std::uintptr_t control = enable | (means_ == Means::watch ? write_8_bytes : 0);
    request(PTRACE_POKEUSER, tracee_.pid(), offsetof(user, u_debugreg), place_.trap);
    request(PTRACE_POKEUSER, tracee_.pid(), offsetof(user, u_debugreg) + 7 * sizeof(std::uintptr_t), control);
  }
  /// How many hits come before it: any other number than a batch's shows that the trap does not work.
  [[nodiscard]] std::size_t run_to_first_end() {
    for (std::size_t hits = 0;; ++hits) {
      tracee_.go(PTRACE_CONT);
      const long pc = request(PTRACE_PEEKUSER, tracee_.pid(), offsetof(user_regs_struct, rip));
      if (static_cast<std::uint64_t>(pc) == place_.end + 1) return hits;
      leave();
    }
  }
  void leave() {
    if (registers_) request(PTRACE_GETREGS, tracee_.pid(), std::uintptr_t{0}, &seen_);
    // After a debug register's hit the kernel lets the instruction pass by itself.
    if (means_ == Means::instruction) set_pc(tracee_.pid(), place_.trap_rest);
    // What a hit of a watchpoint is to tell.
    if (means_ == Means::watch) value_ = memory_.read<std::uint64_t>(place_.trap);
  }

  std::size_t events_;
  TrapPlace place_;
  Means means_;
  bool registers_;
  RawTracee tracee_;
  MemoryFile memory_;
  user_regs_struct seen_{};
  std::uint64_t value_ = 0;
};

class FunctionCalls {
 public:
  FunctionCalls(std::size_t events, std::uint64_t function, std::uint64_t return_to)
      : events_(events), function_(function), return_to_(return_to), tracee_({tracee("traps"), "endbr", "1"}) {
    MemoryFile(tracee_.pid()).write(return_to, trap_instruction);
    tracee_.go(PTRACE_CONT);
  }

  double batch() {
    return time_per_event(events_, [&] {
      for (std::size_t i = 0; i < events_; ++i) call(i);
    });
  }

 private:
  void call(std::uint64_t argument) {
    constexpr std::uint64_t red_zone = 128;
    user_regs_struct saved{};
    request(PTRACE_GETREGS, tracee_.pid(), std::uintptr_t{0}, &saved);
    iovec vectors{vectors_.data(), vectors_.size()};
    request(PTRACE_GETREGSET, tracee_.pid(), xstate, &vectors);
    user_regs_struct registers = saved;
    registers.orig_rax = ~0ULL;
    registers.rip = function_;
    registers.rdi = argument;
    registers.rsp = (saved.rsp - red_zone) / 16 * 16 - 8;
    request(PTRACE_POKEDATA, tracee_.pid(), registers.rsp, return_to_);
    request(PTRACE_SETREGS, tracee_.pid(), std::uintptr_t{0}, &registers);
    tracee_.go(PTRACE_CONT);
    request(PTRACE_GETREGS, tracee_.pid(), std::uintptr_t{0}, &registers);
    require(registers.rax == argument + 1, "a function in a tracee");
    request(PTRACE_SETREGS, tracee_.pid(), std::uintptr_t{0}, &saved);
    request(PTRACE_SETREGSET, tracee_.pid(), xstate, &vectors);
  }

  static constexpr std::uintptr_t xstate = 0x202;  // NT_X86_XSTATE (elf.h)
  std::size_t events_;
  std::uint64_t function_;
  std::uint64_t return_to_;
  RawTracee tracee_;
  std::vector<std::byte> vectors_ = std::vector<std::byte>(64 * 1024);
};

class Placings {
 public:
  Placings(std::size_t events, std::uint64_t first, std::size_t distance)
      : events_(events),
        first_(first),
        distance_(distance),
        originals_(events),
        tracee_({tracee("traps"), "push", "1"}),
        memory_(tracee_.pid()) {}

  double batch() {
    const double each = time_per_event(events_, [&] {
      for (std::size_t i = 0; i < events_; ++i) {
        originals_[i] = memory_.read(address(i));
        memory_.write(address(i), trap_instruction);
      }
    });
    for (std::size_t i = 0; i < events_; ++i) memory_.write(address(i), originals_[i]);
    return each;
  }

 private:
  [[nodiscard]] std::uint64_t address(std::size_t i) const { return first_ + i * distance_; }

  std::size_t events_;
  std::uint64_t first_;
  std::size_t distance_;
  std::vector<std::byte> originals_;
  RawTracee tracee_;
  MemoryFile memory_;
};

}  // namespace

Batch hits(std::size_t events, const TrapPlace& place, Means means, bool registers) {
  return [loop = std::make_shared<Hits>(events, place, means, registers)] { return loop->batch(); };
}

Batch function_calls(std::size_t events, std::uint64_t function, std::uint64_t return_to) {
  return [loop = std::make_shared<FunctionCalls>(events, function, return_to)] { return loop->batch(); };
}

Batch placings(std::size_t events, std::uint64_t first, std::size_t distance) {
  return [loop = std::make_shared<Placings>(events, first, distance)] { return loop->batch(); };
}

}  // namespace trapline::bench::floors
