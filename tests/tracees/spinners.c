/* spinners N: N threads count without a syscall in `turns`; the main thread announces again and again once
 * they all do. */
#include <pthread.h>

#include "tracee.h"

volatile unsigned long turns[8];

static void* spin(void* argument) {
  volatile unsigned long* mine = argument;
  for (;;) ++*mine;
  return NULL;
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  int count = atoi(argv[1]);
  pthread_t thread;
  for (int i = 0; i < count; ++i) {
    if (pthread_create(&thread, NULL, spin, (void*)&turns[i]) != 0) return 3;
  }
  for (int i = 0; i < count; ++i) {
    while (turns[i] == 0) usleep(100);
  }
  for (long point = 1;; ++point) announce(point);
}
