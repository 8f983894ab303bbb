/* Runs `round` (sites.S) again and again on changing data and prints a digest of all that it left: `sites COUNT`. */
#include "tracee.h"

extern long round(unsigned char* buffer) __asm__("round");
unsigned char buffer[256];

int main(int argc, char** argv) {
  const long count = argc > 1 ? atol(argv[1]) : 1;
  unsigned long digest = 17;
  for (size_t i = 0; i < sizeof buffer; ++i) buffer[i] = (unsigned char)(i * 7 + 3);
  for (long i = 0; i < count; ++i) {
    digest = digest * 31 + (unsigned long)round(buffer);
    for (size_t k = 0; k < sizeof buffer; ++k) digest = digest * 33 + buffer[k];
  }
  say((long)(digest & 0x7fffffffffff));
  return 0;
}
