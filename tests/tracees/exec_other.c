/* exec_other PROGRAM [ARG...]: executes another program. */
#include "tracee.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  announce(1);
  execv(argv[1], argv + 1);
  say(-errno);
  return 98;
}
