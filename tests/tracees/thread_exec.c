/* A thread that is not the leader executes this program again, with an argument; then it announces, writes a
 * variable, and exits with 5. */
#include <pthread.h>

#include "tracee.h"

static char** arguments;
volatile unsigned long executed;

static void* work(void* argument) {
  char* again[] = {arguments[0], "again", NULL};
  execv("/proc/self/exe", again);
  _exit(98);
  return argument;
}

static void* idle(void* argument) {
  for (;;) pause();
  return argument;
}

int main(int argc, char** argv) {
  if (argc > 1) {
    announce(2);
    executed = 5;
    return 5;
  }
  arguments = argv;
  pthread_t threads[3];
  for (int i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, idle, NULL);
  announce(1);
  pthread_create(&threads[2], NULL, work, NULL);
  for (;;) pause();
}
