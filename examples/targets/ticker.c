/* ticker: writes "tick 1", "tick 2", ... to /dev/null, one every 10 ms, until its input ends. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
  /* Yama's ptrace_scope 1 lets only ancestors attach to a process that does not ask for more. */
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  const int fd = open("/dev/null", O_WRONLY);
  struct pollfd input = {.fd = 0, .events = POLLIN};
  for (int i = 1; poll(&input, 1, 10) == 0; ++i) dprintf(fd, "tick %d", i);
}
