// Traps itself when it has 256 MiB of random bytes, of which the last are what is searched for.

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { mega = 1 << 20, large = 256 * mega };

char* haystack;

int main(void) {
  haystack = mmap(NULL, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (haystack == MAP_FAILED) return 1;
  uint64_t random = 1;
  for (size_t i = 0; i < large; i += sizeof random) {
    random = random * 6364136223846793005 + 1442695040888963407;
    // The low bits of such a number are not random.
    const uint64_t word = random ^ random >> 32;
    memcpy(haystack + i, &word, sizeof word);
  }
  memcpy(haystack + large - 64, "NEEDLE!\x01\x02\x03zq#9", 14);
  // A pointer far from everything that random words may be.
  memcpy(haystack + large - 128, &haystack, sizeof haystack);
  __asm__ volatile("int3");
  return 0;
}
