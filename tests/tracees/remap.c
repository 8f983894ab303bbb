/* A thread maps, splits and unmaps memory for ever while a text stays where it is; announces when that goes on. */
#include <pthread.h>
#include <sys/mman.h>

#include "tracee.h"

char staying[] = "text that stays where it is";
volatile uint64_t rounds;
/* What a passing mapping holds, never at an end. */
static const char passing[] = "text that comes and goes";

static void* remap(void* argument) {
  unsigned seed = 1;
  for (;; ++rounds) {
    seed = seed * 1103515245 + 12345;
    size_t pages = 3 + (seed >> 16) % 200;
    char* area = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED) continue;
    for (size_t i = 0; i < pages; ++i) memcpy(area + i * 4096 + 100, passing, sizeof passing);
    for (size_t i = 0; i < pages; i += 2) mprotect(area + i * 4096, 4096, PROT_NONE);
    munmap(area + 4096, 4096);
    munmap(area, pages * 4096);
  }
  return argument;
}

int main(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, remap, NULL) != 0) return 1;
  while (rounds < 10) usleep(100);
  announce(1);
  for (;;) pause();
}
