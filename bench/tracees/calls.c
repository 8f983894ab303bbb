// Issues getppid for ever, on as many threads as argv[1] says; every argv[2]-th call is a getpgrp instead, which ends a
// batch.
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_ulong calls;
static unsigned long batch;
volatile long last_result;
char memory[2 << 20];

static void* work(void* unused) {
  (void)unused;
  for (;;) {
    if (atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) % batch == batch - 1) {
      syscall(SYS_getpgrp);
    } else {
      last_result = syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);
    }
  }
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  batch = strtoul(argv[2], NULL, 10);
  memset(memory, 0x5a, sizeof memory);
  for (long left = strtol(argv[1], NULL, 10); left > 1; --left) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL) != 0) return 1;
  }
  work(NULL);
}
