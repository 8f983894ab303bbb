/* Filters some of its own calls in all the ways that seccomp(2) has, and prints what became of each: an error, a SIGSYS
 * for its handler, a call for a tracer that is not there, an answer of a supervising thread. Last it makes a call that
 * kills it. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "tracee.h"

#define WHEN(number, answer) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, answer)

static void on_sigsys(int signal, siginfo_t* info, void* context) {
  (void)signal;
  (void)context;
  say(info->si_syscall);
}

static void* supervise(void* listener) {
  struct seccomp_notif asked;
  memset(&asked, 0, sizeof asked);
  if (ioctl((int)(long)listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) _exit(97);
  struct seccomp_notif_resp answer = {.id = asked.id, .val = 77};
  if (ioctl((int)(long)listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0) _exit(96);
  return NULL;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &action, NULL);
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      WHEN(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV),
      WHEN(SYS_getuid, SECCOMP_RET_TRAP),
      WHEN(SYS_getgid, SECCOMP_RET_TRACE | 5),
      WHEN(SYS_geteuid, SECCOMP_RET_USER_NOTIF),
      WHEN(SYS_getegid, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(98);
  const long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (listener < 0) _exit(98);
  pthread_t thread;
  pthread_create(&thread, NULL, supervise, (void*)listener);
  say(raw(syscall(SYS_getppid)));
  syscall(SYS_getuid);
  say(raw(syscall(SYS_getgid)));
  say(raw(syscall(SYS_geteuid)));
  pthread_join(thread, NULL);
  syscall(SYS_getegid);
  return 0;
}
