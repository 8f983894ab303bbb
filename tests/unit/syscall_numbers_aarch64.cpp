// A compile-time test: a wrong number does not build. AArch64 uses the generic table with these options
// (arch/arm64/include/uapi/asm/unistd.h).
#define __ARCH_WANT_RENAMEAT
#define __ARCH_WANT_NEW_STAT
#define __ARCH_WANT_SET_GET_RLIMIT
#define __ARCH_WANT_SYS_CLONE3
#define __ARCH_WANT_MEMFD_SECRET
#include <asm-generic/unistd.h>

#include "syscall_numbers.hpp"

#include "arch/syscalls_aarch64.def"
