/* Announces itself, then waits for signals for ever. */
#include "tracee.h"

int main(void) {
  announce(1);
  for (;;) pause();
}
