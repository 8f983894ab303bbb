/* die N: dies of signal N. */
#include "tracee.h"

int main(int argc, char** argv) {
  (void)argc;
  int number = atoi(argv[1]);
  signal(number, SIG_DFL);
  kill(getpid(), number);
  for (;;) pause();
}
