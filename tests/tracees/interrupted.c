/* interrupted CALL HANDLER: blocks in one syscall and prints its raw result.
 *
 * CALL: read, nanosleep, poll, futex, pause.
 * HANDLER of SIGUSR1: restart or plain (with and without SA_RESTART; it makes a getppid of its own), jump (as restart,
 * but leaves by longjmp; the call is then made a second time), ignored, none. */
#include <linux/futex.h>
#include <poll.h>
#include <setjmp.h>
#include <time.h>

#include "tracee.h"

char buffer[64];
static int word;
static sigjmp_buf way_out;

static void on_signal(int number) {
  (void)number;
  syscall(SYS_getppid);
}

static void on_signal_jump(int number) {
  (void)number;
  syscall(SYS_getppid);
  siglongjmp(way_out, 1);
}

static void install(const char* kind) {
  struct sigaction action = {0};
  if (!strcmp(kind, "none")) return;
  if (!strcmp(kind, "restart") || !strcmp(kind, "jump")) action.sa_flags = SA_RESTART;
  action.sa_handler = !strcmp(kind, "jump") ? on_signal_jump : !strcmp(kind, "ignored") ? SIG_IGN : on_signal;
  sigaction(SIGUSR1, &action, NULL);
}

static long block(const char* call) {
  struct timespec time = {1, 500 * 1000 * 1000};
  struct pollfd input = {0, POLLIN, 0};
  char byte;
  if (!strcmp(call, "read")) return raw(syscall(SYS_read, 0, &byte, 1));
  if (!strcmp(call, "nanosleep")) return raw(syscall(SYS_nanosleep, &time, NULL));
  if (!strcmp(call, "poll")) return raw(syscall(SYS_poll, &input, 1, -1));
  if (!strcmp(call, "futex")) return raw(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &time, NULL, 0));
  if (!strcmp(call, "pause")) return raw(syscall(SYS_pause));
  return -9999;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  install(argv[2]);
  announce(1);
  sigsetjmp(way_out, 1);
  say(block(argv[1]));
  return 0;
}
