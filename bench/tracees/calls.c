// Issues getppid for ever, on as many threads as argv[1] says; every argv[2]-th call is a getpgrp instead, which ends a
// batch. With "once" it ends after the second batch and prints how many nanoseconds a call of that one took, and the
// last result, for tracers that are not to be asked.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
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

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int work_once(void) {
  double begin = now();
  for (unsigned long call = 1; call <= 2 * batch; ++call) {
    if (call % batch != 0) {
      last_result = syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);
    } else if (call == batch) {
      begin = now();
    }
  }
  printf("%.1f %ld\n", (now() - begin) / (double)batch, last_result);
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  batch = strtoul(argv[2], NULL, 10);
  memset(memory, 0x5a, sizeof memory);
  if (argc == 4) return work_once();
  for (long left = strtol(argv[1], NULL, 10); left > 1; --left) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, work, NULL) != 0) return 1;
  }
  work(NULL);
}
