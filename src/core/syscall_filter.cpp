#include "core/syscall_filter.hpp"

#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/process.hpp"
#include "core/remote.hpp"
#include "os/seccomp.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

constexpr std::array all_abis{Abi::amd64, Abi::i386, Abi::aarch64};
/// Above them are those of x32, and what no kernel knows.
constexpr std::int64_t numbers_end = 0x40000000;

std::size_t slot(Abi abi) { return static_cast<std::size_t>(abi); }

}  // namespace

void SyscallFilter::begin(bool enabled) {
  *this = {};
  enabled_ = enabled;
}

void SyscallFilter::want(const std::array<SyscallTrap::Wanted, 3>& wanted) {
  if (!enabled_) return;
  wanted_ = {};
  beyond_ = false;
  idle_ = std::ranges::all_of(wanted, [](const auto& asked) { return !asked.all && asked.numbers.empty(); });
  for (const Abi abi : all_abis) {
    const auto fits = [](std::int64_t number) { return number >= 0 && number < numbers_end; };
    const SyscallTrap::Wanted& asked = wanted[slot(abi)];
    beyond_ = beyond_ || asked.all || !std::ranges::all_of(asked.numbers, fits);
    // With what tells that the program has filters of its own by now.
    std::set<std::int64_t> numbers(asked.numbers.begin(), asked.numbers.end());
    for (const std::int64_t number : arch::filter_installing_calls(abi)) numbers.insert(number);
    for (const std::int64_t number : numbers) wanted_[slot(abi)].push_back(static_cast<std::uint32_t>(number));
  }
  covers_ = !beyond_;
  for (const auto& list : difference()) covers_ = covers_ && list.empty();
}

SyscallFilter::Numbers SyscallFilter::difference() const {
  Numbers result;
  for (const Abi abi : all_abis) {
    std::ranges::set_difference(wanted_[slot(abi)], installed_[slot(abi)], std::back_inserter(result[slot(abi)]));
  }
  return result;
}

std::vector<sock_filter> SyscallFilter::missing() const {
  if (!can_extend()) return {};
  const Numbers numbers = difference();
  std::vector<os::FilterTable> tables;
  for (const Abi abi : all_abis) tables.push_back({arch::audit_arch(abi), numbers[slot(abi)]});
  return os::stop_at(tables);
}

void SyscallFilter::note_installed() {
  for (const Abi abi : all_abis) {
    std::vector<std::uint32_t> all;
    std::ranges::set_union(installed_[slot(abi)], wanted_[slot(abi)], std::back_inserter(all));
    installed_[slot(abi)] = std::move(all);
  }
  ++count_;
  covers_ = !beyond_;
}

namespace {

/// struct sock_fprog, and the program behind it, as they have to be in the tracee.
Bytes image_of(const std::vector<sock_filter>& program, Address at, std::size_t word_size) {
  const auto instructions = std::as_bytes(std::span(program));
  Bytes image(2 * word_size + instructions.size());
  const auto count = static_cast<std::uint16_t>(program.size());
  const Address start = at + 2 * word_size;
  std::ranges::copy(std::as_bytes(std::span(&count, 1)), image.begin());
  // Little-endian: a narrow pointer is the beginning of a wide one.
  std::ranges::copy(std::as_bytes(std::span(&start, 1)).first(word_size),
                    image.begin() + static_cast<std::ptrdiff_t>(word_size));
  std::ranges::copy(instructions, image.begin() + static_cast<std::ptrdiff_t>(2 * word_size));
  return image;
}

std::int64_t install(Remote& remote, Address program) {
  const std::int64_t seccomp = resolve(remote.abi(), "seccomp");
  const SyscallArgs args{SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program};
  const std::int64_t result = remote.call(seccomp, args);
  if (result != -EACCES) return result;
  // Who may not administer may filter only a process that can gain no privileges.
  static_cast<void>(remote.call(resolve(remote.abi(), "prctl"), {PR_SET_NO_NEW_PRIVS, 1}));
  return remote.call(seccomp, args);
}

}  // namespace

void extend_filter(ThreadState& thread) {
  Process& process = *thread.process;
  const std::vector<sock_filter> program = process.filter().missing();
  if (program.empty()) return;
  const std::size_t word_size = arch::info(process.arch()).word_size;
  const std::size_t size = 2 * word_size + program.size() * sizeof(sock_filter);
  Remote remote(thread);
  const std::int64_t mapped =
      remote.call(resolve(remote.abi(), remote.abi() == Abi::i386 ? "mmap2" : "mmap"),
                  {0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, ~std::uint64_t{0}, 0});
  std::int64_t result = mapped;
  if (mapped >= 0 || mapped < -4095) {
    const auto at = static_cast<Address>(mapped);
    const Bytes image = image_of(program, at, word_size);
    const bool written = process.memory().write(at, image) == image.size();
    result = written ? install(remote, at) : -EFAULT;
    static_cast<void>(remote.call(resolve(remote.abi(), "munmap"), {at, size}));
  }
  if (result == 0) {
    process.filter().note_installed();
  } else {
    // A thread with filters of its own cannot be given another's: all calls go on stopping.
    process.filter().note_refused();
  }
  remote.finish();
  support::log(LogCategory::process, [&] {
    return "the syscall filter of process " + std::to_string(process.pid()) +
           (result == 0 ? " is extended" : " cannot be extended: all its syscalls stop");
  });
}

}  // namespace trapline::core
