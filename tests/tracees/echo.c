/* Says "ready", then answers each byte of its input with itself plus one; ends at the end of its input. */
#include "tracee.h"

int main(void) {
  if (write(1, "ready\n", 6) != 6) return 99;
  for (unsigned char byte; read(0, &byte, 1) == 1;) {
    ++byte;
    if (write(1, &byte, 1) != 1) return 99;
  }
  return 0;
}
