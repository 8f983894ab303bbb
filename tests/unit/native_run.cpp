#include "native_run.hpp"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "arch/xstate.hpp"

// Handlers are installed by the bare system call: a sanitizer would put its own before them.
extern "C" void trapline_native_restorer();
asm(".pushsection .text\n"
    ".globl trapline_native_restorer\n"
    "trapline_native_restorer:\n"
    "  mov $15, %eax\n"
    "  syscall\n"
    ".popsection\n");

namespace trapline::native {
namespace {

#define BARE __attribute__((no_sanitize("address", "thread", "undefined")))

constexpr std::uint64_t trap_flag = 1U << 8U, resume_flag = 1U << 16U;
constexpr std::size_t pc = 16, flags = 18;
constexpr std::size_t magic_at = 464, features_at = 472, in_use_at = 512;

/// The words that gregs holds, by its order: r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags.
constexpr std::array<std::size_t, 18> words_of_gregs{9, 8, 7, 6, 3, 2, 1, 0, 14, 13, 4, 5, 12, 10, 11, 19, 16, 18};

struct Area {
  std::uint64_t features = 3;
  arch::XstateLayout layout = arch::host_xstate_layout();
};

struct Run {
  const State* start = nullptr;
  Outcome* outcome = nullptr;
  Address stepped_code = 0;
  std::size_t stepped_size = 0;
  std::array<greg_t, NGREG> host_words{};
  std::array<std::byte, 16384> host_area{};
  std::size_t area_size = 0;
  Area area;
  std::array<Address, most_steps> steps{};
  std::size_t step_count = 0;
};

Run current;

template <class T>
BARE void put(std::byte* to, const T& value) {
  std::memcpy(to, &value, sizeof value);
}
template <class T>
BARE void get(T& value, const std::byte* from) {
  std::memcpy(&value, from, sizeof value);
}

/// Calls f(place in the area, bytes of the Vectors, number of bytes, component).
template <class V, class F>
BARE void each_part(V& vectors, const arch::XstateLayout& layout, F f) {
  f(0, vectors.x87_words.data(), vectors.x87_words.size(), 0);
  f(24, &vectors.mxcsr, 4, 1);
  for (std::size_t i = 0; i < 8; ++i) f(32 + 16 * i, vectors.x87[i].data(), 16, 0);
  for (std::size_t i = 0; i < 16; ++i) {
    f(160 + 16 * i, vectors.zmm[i].data(), 16, 1);
    f(layout.avx.offset + 16 * i, vectors.zmm[i].data() + 16, 16, 2);
    f(layout.zmm_high.offset + 32 * i, vectors.zmm[i].data() + 32, 32, 6);
    f(layout.zmm16.offset + 64 * i, vectors.zmm[16 + i].data(), 64, 7);
  }
  for (std::size_t i = 0; i < 8; ++i) f(layout.opmask.offset + 8 * i, &vectors.mask[i], 8, 5);
}

BARE void measure_area(const std::byte* area) {
  std::uint32_t magic = 0, size = 0;
  get(magic, area + magic_at);
  get(size, area + magic_at + 4);
  const bool extended = magic == 0x46505853;
  current.area_size = extended ? size : 512;
  if (extended) get(current.area.features, area + features_at);
  if (current.area_size > current.host_area.size()) std::abort();
}

BARE void load_vectors(std::byte* area, const Vectors& vectors) {
  const std::uint64_t features = current.area.features;
  each_part(vectors, current.area.layout, [&](std::size_t at, const void* from, std::size_t size, unsigned component) {
    if ((features >> component & 1U) != 0) std::memcpy(area + at, from, size);
  });
  if (current.area_size > 512) put(area + in_use_at, features & 0xe7U);
}

BARE void store_vectors(const std::byte* area, Vectors& vectors) {
  std::uint64_t in_use = 3;
  if (current.area_size > 512) get(in_use, area + in_use_at);
  const std::uint64_t there = in_use & current.area.features;
  each_part(vectors, current.area.layout, [&](std::size_t at, void* to, std::size_t size, unsigned component) {
    if ((there >> component & 1U) != 0 || component == 1 || at == 0)
      std::memcpy(to, area + at, size);
    else
      std::memset(to, 0, size);
  });
}

BARE void on_start(int, siginfo_t*, void* context) {
  auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
  auto* area = reinterpret_cast<std::byte*>(machine.fpregs);
  measure_area(area);
  std::memcpy(current.host_words.data(), machine.gregs, sizeof machine.gregs);
  std::memcpy(current.host_area.data(), area, current.area_size);
  const Words& words = current.start->words;
  for (std::size_t i = 0; i < words_of_gregs.size(); ++i)
    machine.gregs[i] = static_cast<greg_t>(words[words_of_gregs[i]]);
  if (current.stepped_size != 0) machine.gregs[REG_EFL] |= static_cast<greg_t>(trap_flag);
  load_vectors(area, current.start->vectors);
}

BARE void on_event(int signal, siginfo_t* info, void* context) {
  auto& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
  if (current.start == nullptr) _exit(99);
  const auto at = static_cast<Address>(machine.gregs[REG_RIP]);
  const bool step = signal == SIGTRAP && info->si_code == TRAP_TRACE;
  if (step && at - current.stepped_code < current.stepped_size && current.step_count < current.steps.size()) {
    current.steps[current.step_count++] = at;
    return;
  }
  Outcome& outcome = *current.outcome;
  outcome.signal = signal;
  outcome.address = reinterpret_cast<Address>(info->si_addr);
  outcome.state.words = current.start->words;
  for (std::size_t i = 0; i < words_of_gregs.size(); ++i)
    outcome.state.words[words_of_gregs[i]] = static_cast<std::uint64_t>(machine.gregs[i]);
  outcome.state.words[flags] &= ~(trap_flag | resume_flag);
  if (signal == SIGTRAP && !step) --outcome.state.words[pc];
  auto* area = reinterpret_cast<std::byte*>(machine.fpregs);
  store_vectors(area, outcome.state.vectors);
  std::memcpy(machine.gregs, current.host_words.data(), sizeof machine.gregs);
  std::memcpy(area, current.host_area.data(), current.area_size);
  current.start = nullptr;
}

void handle(int signal, void (*handler)(int, siginfo_t*, void*)) {
  struct {
    void (*handler)(int, siginfo_t*, void*);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } action{handler, SA_SIGINFO | SA_ONSTACK | SA_NODEFER | 0x04000000UL, &trapline_native_restorer, 0};
  if (syscall(SYS_rt_sigaction, signal, &action, nullptr, sizeof action.mask) != 0) std::abort();
}

}  // namespace

void prepare_process() {
  static std::array<std::byte, 65536> stack;
  const stack_t alternate{.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  if (syscall(SYS_sigaltstack, &alternate, nullptr) != 0) std::abort();
  handle(SIGUSR1, on_start);
  for (const int signal : {SIGTRAP, SIGSEGV, SIGILL, SIGBUS, SIGFPE}) handle(signal, on_event);
}

void map(Address at, std::size_t size) {
  void* found = mmap(reinterpret_cast<void*>(at), size, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (found != reinterpret_cast<void*>(at)) {
    std::perror("mmap");
    std::abort();
  }
}

Outcome run_in_steps(const State& state, Address code, std::size_t size) {
  Outcome outcome;
  current.start = &state;
  current.outcome = &outcome;
  current.stepped_code = code;
  current.stepped_size = size;
  current.step_count = 0;
  syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
  outcome.steps.assign(current.steps.begin(), current.steps.begin() + static_cast<std::ptrdiff_t>(current.step_count));
  return outcome;
}

Outcome run(const State& state) { return run_in_steps(state, 0, 0); }

}  // namespace trapline::native
