/* short_threads N: N threads one after the other, four alive at a time; each makes a getppid and ends. */
#include <pthread.h>

#include "tracee.h"

static void* work(void* argument) {
  syscall(SYS_getppid);
  return argument;
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  pthread_t threads[4];
  int count = atoi(argv[1]);
  for (int i = 0; i < count; ++i) {
    if (i >= 4) pthread_join(threads[i % 4], NULL);
    if (pthread_create(&threads[i % 4], NULL, work, NULL) != 0) return 3;
  }
  for (int i = 0; i < 4 && i < count; ++i) pthread_join(threads[i], NULL);
  return 0;
}
