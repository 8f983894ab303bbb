/* catch_interrupts N: says "ready" and, at each SIGINT, "caught"; exits with 5 at the N-th one. */
#include "tracee.h"

static volatile int left;

static void on_interrupt(int number) {
  (void)number;
  if (write(1, "caught\n", 7) != 7) _exit(99);
  if (--left == 0) _exit(5);
}

int main(int argc, char** argv) {
  left = argc > 1 ? atoi(argv[1]) : 1;
  signal(SIGINT, on_interrupt);
  if (write(1, "ready\n", 6) != 6) return 99;
  for (;;) pause();
}
