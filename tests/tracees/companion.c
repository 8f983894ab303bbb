/* A second thread counts `turns` for ever while the main thread announces 1 and 2 and exits with 0. */
#include <pthread.h>

#include "tracee.h"

volatile unsigned long turns;

static void* count(void* argument) {
  for (;;) ++turns;
  return argument;
}

int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, count, NULL);
  while (turns == 0) continue;
  announce(1);
  announce(2);
  _exit(0);
}
