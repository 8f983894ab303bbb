/* Known data in every kind of memory; announces when all is in place. */
#include <sys/mman.h>

#include "tracee.h"

const char constant[] = "constant text in read-only memory";
/* Keeps the compiler from knowing what it reads there. */
const char* volatile constant_at = constant;
char writable[64] = "writable text";
volatile uint64_t magic = 0x5ca1ab1edeadbeefULL;
char big[64 * 1024];
char* heap;
/* One page, with nothing behind it. */
char* edge;

int check(void);

int main(void) {
  heap = strdup("text on the heap");
  edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(edge + 4096, 4096);
  memset(edge, 'e', 4096);
  for (size_t i = 0; i < sizeof big; ++i) big[i] = (char)(i * 7);
  announce(1);
  return check();
}

/* What the test may have changed: exits with 0 when nothing was. */
int check(void) {
  if (strcmp(constant_at, "constant text in read-only memory") != 0) return 1;
  if (strcmp(writable, "writable text") != 0) return 2;
  return magic == 0x5ca1ab1edeadbeefULL ? 0 : 3;
}
