/* One call of each kind, each harmless: getppid, openat, close, mmap, munmap, socket, kill, wait4, shmget, uname. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "tracee.h"

int main(void) {
  struct utsname name;
  syscall(SYS_getppid);
  syscall(SYS_openat, AT_FDCWD, "/no/such/file", O_RDONLY);
  syscall(SYS_close, -1);
  long page = syscall(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  syscall(SYS_munmap, page, 4096);
  syscall(SYS_socket, -1, 0, 0);
  syscall(SYS_kill, 0x7fffffff, 0);
  syscall(SYS_wait4, -1, 0, 0, 0);
  syscall(SYS_shmget, -1, 0, 0);
  syscall(SYS_uname, &name);
  return 0;
}
