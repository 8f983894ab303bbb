/* calls COUNT NUMBER [ARG...]: makes the syscall COUNT times and prints each raw result. */
#include "tracee.h"

int main(int argc, char** argv) {
  long args[7] = {0};
  for (int i = 2; i < argc && i < 9; ++i) args[i - 2] = (long)strtoull(argv[i], NULL, 0);
  for (int i = 0; i < atoi(argv[1]); ++i) {
    say(raw(syscall(args[0], args[1], args[2], args[3], args[4], args[5], args[6])));
  }
  return 0;
}
