/* Calls whose arguments are hard to print: every byte from 1 to 255, a long string, bad pointers, a number that is
 * none. */
#include <fcntl.h>
#include <sys/uio.h>

#include "tracee.h"

int main(void) {
  char bytes[256];
  for (int i = 0; i < 255; ++i) bytes[i] = (char)(i + 1);
  bytes[255] = '\0';
  syscall(SYS_rmdir, bytes);
  syscall(SYS_write, -1, "\0a\"b\\c\033[31m", 11);
  syscall(SYS_write, -1, &bytes['A' - 1], 40);
  syscall(SYS_rmdir, NULL);
  syscall(SYS_rmdir, 16);
  syscall(SYS_openat, AT_FDCWD, "/no/such/file", O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  syscall(SYS_openat, AT_FDCWD, "/no/such/file", O_WRONLY | O_DIRECTORY);
  struct iovec pieces[2] = {{"one", 3}, {"two", 3}};
  syscall(SYS_writev, -1, pieces, 2);
  syscall(1000, 1, 2, 3, 4, 5, 6);
  return 0;
}
