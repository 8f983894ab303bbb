/* Reports what happens on its controlling terminal, on stdout: first its size, then each size it gets, SIGINT, lines
   and its end, after which it exits with 7. */
#include <fcntl.h>
#include <sys/ioctl.h>

#include "tracee.h"

static int terminal;

static void report_size(int signal) {
  (void)signal;
  struct winsize size;
  ioctl(terminal, TIOCGWINSZ, &size);
  dprintf(1, "size %d %d\n", size.ws_row, size.ws_col);
}

static void report_interrupt(int signal) {
  (void)signal;
  dprintf(1, "SIGINT\n");
}

int main(void) {
  struct sigaction resized = {.sa_handler = report_size, .sa_flags = SA_RESTART};
  struct sigaction interrupted = {.sa_handler = report_interrupt, .sa_flags = SA_RESTART};
  terminal = open("/dev/tty", O_RDWR);
  if (terminal < 0 || tcgetpgrp(terminal) != getpgrp() || getsid(0) != getpid()) {
    dprintf(1, "no controlling terminal\n");
    return 1;
  }
  sigaction(SIGINT, &interrupted, NULL);
  sigaction(SIGWINCH, &resized, NULL);
  report_size(0);
  for (char line[4096];;) {
    ssize_t length = read(0, line, sizeof line);
    if (length <= 0) break;
    dprintf(1, "read %.*s", (int)length, line);
  }
  dprintf(1, "end\n");
  return 7;
}
