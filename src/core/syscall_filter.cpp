#include "core/syscall_filter.hpp"

#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/process.hpp"
#include "core/remote.hpp"
#include "core/thread_calls.hpp"
#include "os/proc.hpp"
#include "os/seccomp.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

constexpr std::array all_abis{Abi::amd64, Abi::i386, Abi::aarch64};
/// Above them are those of x32, and what no kernel knows.
constexpr std::int64_t numbers_end = 0x40000000;

std::size_t slot(Abi abi) { return static_cast<std::size_t>(abi); }

/// What always stops: calls after which threads have filters of the program's own, or children that would live without
/// a tracer. The flags of a clone3 are in memory, where no filter sees them.
std::array<std::int64_t, 2> always_wanted(Abi abi) {
  const arch::FilterCalls calls = arch::filter_calls(abi);
  return {calls.seccomp, calls.clone3};
}

/// The same of calls that are harmless otherwise.
std::vector<os::FilterGuard> guards(Abi abi, const std::vector<std::uint32_t>& numbers) {
  using Test = os::FilterGuard::Test;
  const arch::FilterCalls calls = arch::filter_calls(abi);
  std::vector<os::FilterGuard> result{
      // With PR_SET_SECCOMP.
      {.number = static_cast<std::uint32_t>(calls.prctl), .test = Test::is_one_of_two, .value = PR_GET_SECCOMP},
      {.number = static_cast<std::uint32_t>(calls.clone), .test = Test::has_bits, .value = CLONE_UNTRACED}};
  std::erase_if(result, [&](const auto& guard) { return std::ranges::binary_search(numbers, guard.number); });
  std::ranges::sort(result, {}, &os::FilterGuard::number);
  return result;
}

}  // namespace

void SyscallFilter::begin(bool enabled) {
  *this = {};
  enabled_ = enabled;
  if (enabled) static_cast<void>(::getrandom(&mark_, sizeof mark_, GRND_NONBLOCK));
}

void SyscallFilter::inherit(const SyscallFilter& parent) {
  *this = parent;
  extending_ = false;
  spreading_ = 0;
}

void SyscallFilter::keep_first(unsigned count) {
  if (count >= layers_.size()) return;
  layers_.resize(count);
  installed_ = {};
  for (const Numbers& layer : layers_) add(installed_, layer);
  update_covers();
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
    std::set<std::int64_t> numbers(asked.numbers.begin(), asked.numbers.end());
    for (const std::int64_t number : always_wanted(abi)) numbers.insert(number);
    for (const std::int64_t number : numbers) wanted_[slot(abi)].push_back(static_cast<std::uint32_t>(number));
  }
  update_covers();
}

void SyscallFilter::update_covers() {
  covers_ = !beyond_;
  for (const auto& list : difference()) covers_ = covers_ && list.empty();
}

void SyscallFilter::add(Numbers& to, const Numbers& more) {
  for (const Abi abi : all_abis) {
    std::vector<std::uint32_t> all;
    std::ranges::set_union(to[slot(abi)], more[slot(abi)], std::back_inserter(all));
    to[slot(abi)] = std::move(all);
  }
}

SyscallFilter::Numbers SyscallFilter::difference() const {
  Numbers result;
  for (const Abi abi : all_abis) {
    std::ranges::set_difference(wanted_[slot(abi)], installed_[slot(abi)], std::back_inserter(result[slot(abi)]));
  }
  return result;
}

std::vector<sock_filter> SyscallFilter::missing() {
  if (!can_extend()) return {};
  const Numbers& numbers = offer_ = difference();
  add(offered_, numbers);
  std::vector<os::FilterTable> tables;
  for (const Abi abi : all_abis) {
    os::FilterTable table{arch::audit_arch(abi), numbers[slot(abi)]};
    if (layers_.empty()) table.guards = guards(abi, table.numbers);
    tables.push_back(std::move(table));
  }
  return os::stop_at(tables, mark_);
}

void SyscallFilter::note_installed(When when) {
  extended_ = extended_ || when == When::later;
  layers_.push_back(offer_);
  add(installed_, layers_.back());
  update_covers();
}

bool SyscallFilter::stops_at(Abi abi, std::int64_t number, std::uint16_t data) const {
  if (!enabled_ || data != mark_ || number < 0) return false;
  const arch::FilterCalls calls = arch::filter_calls(abi);
  return number == calls.prctl || number == calls.clone ||
         std::ranges::binary_search(offered_[slot(abi)], static_cast<std::uint32_t>(number));
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
  const SyscallArgs args{SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW, program};
  const std::int64_t result = remote.call(seccomp, args);
  if (result != -EACCES) return result;
  // Who may not administer may filter only a process that can gain no privileges.
  static_cast<void>(remote.call(resolve(remote.abi(), "prctl"), {PR_SET_NO_NEW_PRIVS, 1}));
  return remote.call(seccomp, args);
}

}  // namespace

void extend_filter(ThreadState& thread) {
  Process& process = *thread.process;
  // What the program's filters ask of a tracer they would get from us: the newest one's word for us counts
  // (FilterStorm.what_is_handled_later_does_not_overrule_the_program).
  if (has_own_filters(thread)) process.filter().note_refused();
  const std::vector<sock_filter> program = process.filter().missing();
  if (program.empty()) return;
  const SyscallFilter::Extending extending(process.filter());
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
    // At once, since another thread's exec may end this one anywhere.
    if (result == 0) process.filter().note_installed(SyscallFilter::When::later);
    static_cast<void>(remote.call(resolve(remote.abi(), "munmap"), {at, size}));
  }
  // A thread with filters of its own cannot be given another's: all calls go on stopping.
  if (result != 0) process.filter().note_refused();
  remote.finish();
  support::log(LogCategory::process, [&] {
    return "the syscall filter of process " + std::to_string(process.pid()) +
           (result == 0 ? " is extended" : " cannot be extended: all its syscalls stop");
  });
}

void check_extension(Process& process) {
  for (const auto& thread : process.thread_list()) {
    if (!thread->alive()) continue;
    try {
      const auto filters = os::read_status(thread->tid).seccomp_filters;
      if (filters == process.inherited_filters() + 1) process.filter().note_installed(SyscallFilter::When::later);
      return;
    } catch (const Error&) {
      // It died too.
    }
  }
}

}  // namespace trapline::core
