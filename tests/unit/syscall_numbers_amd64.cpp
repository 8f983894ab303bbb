// A compile-time test: a wrong number does not build.
#include <asm/unistd_64.h>

#include "syscall_numbers.hpp"

#include "arch/syscalls_amd64.def"
