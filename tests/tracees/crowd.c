/* crowd N: N more threads, all blocked; announces when they are, says "ready", and exits at the end of its input. */
#include <pthread.h>

#include "tracee.h"

static pthread_barrier_t all_there;

static void* work(void* argument) {
  pthread_barrier_wait(&all_there);
  for (;;) pause();
  return argument;
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  int count = atoi(argv[1]);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  pthread_barrier_init(&all_there, NULL, (unsigned)count + 1);
  for (int i = 0; i < count; ++i) {
    pthread_t thread;
    if (pthread_create(&thread, &attributes, work, NULL) != 0) return 3;
  }
  pthread_barrier_wait(&all_there);
  announce(1);
  if (write(1, "ready\n", 6) != 6) return 99;
  char byte;
  while (read(0, &byte, 1) == 1) continue;
  return 0;
}
