#include "os/helper_task.hpp"

#include <sched.h>
#include <sys/mman.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "os/error.hpp"
#include "os/raw_clone.hpp"
#include "os/wait.hpp"

namespace trapline::os {
namespace {

constexpr std::size_t stack_size = 8192;

}  // namespace

HelperTask::HelperTask(const char* what, void (*entry)(void*), void* argument) {
  void* memory = ::mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw_os_error(errno, std::string("mmap for ") + what, 0);
  stack_ = static_cast<std::byte*>(memory);
  // The descriptor table is shared, not copied: a copy would keep the host's pipes open behind its back.
  const long task = raw_clone(CLONE_VM | CLONE_FS | CLONE_FILES, stack_ + stack_size, entry, argument);
  if (task < 0) {
    ::munmap(stack_, stack_size);
    throw_os_error(static_cast<int>(-task), std::string("clone for ") + what, 0);
  }
  tid_ = static_cast<pid_t>(task);
}

HelperTask::~HelperTask() {
  ::kill(tid_, SIGKILL);
  for (;;) {
    const auto seen = look_one(tid_, Sleep::until_event);
    if (!seen) break;
    take(tid_);
    if (seen->status.dead()) break;
  }
  ::munmap(stack_, stack_size);
}

}  // namespace trapline::os
