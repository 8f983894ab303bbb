// A compile-time test: a wrong number does not build.
#include <asm/unistd_32.h>

#include "syscall_numbers.hpp"

#include "arch/syscalls_i386.def"
