/* Says "ready", sleeps 400 ms by one nanosleep, and exits with 0 if that slept its full time and was not interrupted.
 */
#include <time.h>

#include "tracee.h"

static long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int main(void) {
  struct timespec time = {0, 400 * 1000 * 1000};
  if (write(1, "ready\n", 6) != 6) return 99;
  long start = now();
  if (syscall(SYS_nanosleep, &time, NULL) != 0) return 1;
  return now() - start < 400 ? 2 : 0;
}
