#pragma once

#include <sys/syscall.h>

/// Code that runs in a task sharing our memory but not our thread-local storage: it may call no libc (errno!) and must
/// not be instrumented.
#if defined(__clang__)
#define TRAPLINE_RAW_CODE __attribute__((no_sanitize("address", "undefined", "thread"), no_stack_protector))
#else
#define TRAPLINE_RAW_CODE __attribute__((no_sanitize("address", "undefined", "thread"), optimize("no-stack-protector")))
#endif

namespace trapline::os {

#if defined(__x86_64__)

/// A system call that touches no errno; -errno for a failure.
TRAPLINE_RAW_CODE inline long raw_syscall(long number, long a, long b, long c, long d, long e) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  long result = number;
  asm volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return result;
}

/// clone(2) on a stack of its own; `entry` must not return. The new task's id, or -errno.
TRAPLINE_RAW_CODE inline long raw_clone(unsigned long flags, void* stack_top, void (*entry)(void*), void* argument) {
  register long r10 asm("r10") = 0;
  register long r8 asm("r8") = 0;
  register void (*function)(void*) asm("r12") = entry;
  register void* parameter asm("r13") = argument;
  long result = SYS_clone;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "hlt\n"
      "1:"
      : "+a"(result)
      : "D"(flags), "S"(stack_top), "d"(0L), "r"(r10), "r"(r8), "r"(function), "r"(parameter)
      : "rcx", "r11", "memory");
  return result;
}

#endif

}  // namespace trapline::os
