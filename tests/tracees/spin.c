/* Announces itself, then computes for ever without a syscall; `turns` shows that it runs. */
#include "tracee.h"

volatile unsigned long turns;

int main(void) {
  announce(1);
  for (;;) ++turns;
}
