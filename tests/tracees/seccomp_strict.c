/* Allows itself only write, read, exit_group and rt_sigreturn, on pain of death; then tries getppid, write and read and
 * prints the raw results. Without a tracer that changes getppid it dies of SIGSYS. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

#include "tracee.h"

#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void lock(void) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      ALLOW(SYS_write),
      ALLOW(SYS_read),
      ALLOW(SYS_exit_group),
      ALLOW(SYS_rt_sigreturn),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    _exit(98);
}

int main(int argc, char** argv) {
  char byte = 'x';
  lock();
  if (argc < 2 || strcmp(argv[1], "allowed") != 0) say(raw(syscall(SYS_getppid)));
  say(raw(write(-1, &byte, 1)));
  say(raw(read(-1, &byte, 1)));
  _exit(7);
}
