/* Reports what happens on its controlling terminal, on stdout: first its size, then each size it gets, SIGINT, lines
   and its end, after which it exits with 7. */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "tracee.h"

static int terminal;

/* By one write and without a lock: signal handlers say it too. */
static void tell(const char* format, int a, int b) {
  char line[64];
  int length = snprintf(line, sizeof line, format, a, b);
  if (write(1, line, (size_t)length) != length) _exit(99);
}

static void report_size(int signal) {
  (void)signal;
  struct winsize size;
  ioctl(terminal, TIOCGWINSZ, &size);
  tell("size %d %d\n", size.ws_row, size.ws_col);
}

static void report_interrupt(int signal) {
  (void)signal;
  tell("SIGINT\n", 0, 0);
}

int main(void) {
  struct sigaction resized = {.sa_handler = report_size, .sa_flags = SA_RESTART};
  struct sigaction interrupted = {.sa_handler = report_interrupt, .sa_flags = SA_RESTART};
  terminal = open("/dev/tty", O_RDWR);
  if (terminal < 0 || tcgetpgrp(terminal) != getpgrp() || getsid(0) != getpid()) {
    tell("no controlling terminal\n", 0, 0);
    return 1;
  }
  sigaction(SIGINT, &interrupted, NULL);
  sigaction(SIGWINCH, &resized, NULL);
  report_size(0);
  char answer[5 + 4096] = "read ";
  for (char line[4096];;) {
    ssize_t length = read(0, line, sizeof line);
    if (length <= 0) break;
    memcpy(answer + 5, line, (size_t)length);
    if (write(1, answer, (size_t)length + 5) != length + 5) _exit(99);
  }
  tell("end\n", 0, 0);
  return 7;
}
