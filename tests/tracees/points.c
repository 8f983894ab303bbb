/* points [COUNT]: announces the points 1 to COUNT (3) and exits with 0. */
#include "tracee.h"

char text[64] = "tracee text";
char buffer[256];
volatile long number = 42;

int main(int argc, char** argv) {
  int count = argc > 1 ? atoi(argv[1]) : 3;
  for (int i = 1; i <= count; ++i) announce(i);
  return 0;
}
