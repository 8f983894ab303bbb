/* Asks for the time as programs do: by the C library, which asks the vDSO if it knows of one. */
#include <fcntl.h>
#include <sys/time.h>
#include <time.h>

#include "tracee.h"

int main(void) {
  struct timespec now;
  struct timeval day;
  announce(0);
  if (clock_gettime(CLOCK_REALTIME, &now) != 0 || gettimeofday(&day, NULL) != 0) return 1;
  struct timespec wait = {0, 1000};
  if (nanosleep(&wait, NULL) != 0) return 2;
  close(open("/dev/null", O_RDONLY));
  announce(1);
  return day.tv_sec < now.tv_sec;
}
