#include "core/loan.hpp"

#include <sys/mman.h>

#include <algorithm>

#include <trapline/error.hpp>

#include "core/process.hpp"

namespace trapline::core {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t smallest_scratch = 16 * page;
constexpr std::size_t alignment = 64;

std::size_t rounded(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

}  // namespace

Loan::Loan(ThreadState& thread, Remote& remote, std::size_t size)
    : process_(*thread.process), size_(rounded(size, alignment)) {
  if (size_ == 0) return;
  if (remote.has_own_filters()) {
    borrow_stack(thread, remote);
  } else {
    borrow_scratch(remote);
  }
}

Loan::~Loan() {
  try {
    if (!covered_.empty()) static_cast<void>(process_.memory().write(address_, covered_));
  } catch (const Error&) {
    // The process is gone, and its stack with it.
  }
  // Not after an exec, which has taken it.
  RemoteMemory& memory = process_.remote_memory();
  if (from_scratch_ && memory.scratch_used >= size_) memory.scratch_used -= size_;
}

void Loan::borrow_stack(ThreadState& thread, Remote& remote) {
  const auto& words = arch::syscall_regs(process_.arch(), remote.abi());
  const Address sp = thread.registers.word(words.sp);
  address_ = (sp - arch::info(process_.arch()).red_zone - size_) / alignment * alignment;
  covered_.resize(size_);
  if (process_.memory().read(address_, covered_) != size_) {
    throw UsageError("the thread's stack has no room for " + std::to_string(size_) +
                     " bytes of arguments, and its seccomp filters keep us from mapping some");
  }
}

void Loan::borrow_scratch(Remote& remote) {
  RemoteMemory& memory = process_.remote_memory();
  if (memory.scratch_size < memory.scratch_used + size_) grow(remote);
  address_ = memory.scratch + memory.scratch_used;
  memory.scratch_used += size_;
  from_scratch_ = true;
}

void Loan::grow(Remote& remote) {
  RemoteMemory& memory = process_.remote_memory();
  if (memory.scratch_used == 0) unmap_scratch(remote);
  const std::size_t size = std::max(rounded(memory.scratch_used + size_, page), smallest_scratch);
  const std::int64_t result = map_unshared(remote, {.size = size, .protection = PROT_READ | PROT_WRITE});
  if (failed(result)) {
    throw OsError(std::error_code(static_cast<int>(-result), std::generic_category()),
                  "mapping memory for the arguments in the tracee");
  }
  // Invocations under way still use the old one.
  if (memory.scratch != 0) memory.outgrown.push_back({memory.scratch, memory.scratch_size});
  memory.scratch = static_cast<Address>(result);
  memory.scratch_size = size;
}

}  // namespace trapline::core
