/* threads N ROUNDS: N threads make ROUNDS times getppid, write to /dev/null, read of nothing, sched_yield; then it
 * exits with 0 if all results were right. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

#include "tracee.h"

static int rounds;
static int null_fd;

static void* work(void* argument) {
  (void)argument;
  char byte = 'x';
  long wrong = 0;
  pid_t parent = getppid();
  for (int i = 0; i < rounds; ++i) {
    wrong += syscall(SYS_getppid) != parent;
    wrong += syscall(SYS_write, null_fd, &byte, 1) != 1;
    wrong += syscall(SYS_read, -1, &byte, 1) != -1 || errno != EBADF;
    wrong += syscall(SYS_sched_yield) != 0;
  }
  return (void*)wrong;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  int count = atoi(argv[1]);
  rounds = atoi(argv[2]);
  null_fd = open("/dev/null", O_WRONLY);
  pthread_t threads[64];
  for (int i = 0; i < count; ++i) {
    if (pthread_create(&threads[i], NULL, work, NULL) != 0) return 3;
  }
  long wrong = 0;
  for (int i = 0; i < count; ++i) {
    void* result;
    pthread_join(threads[i], &result);
    wrong += (long)result;
  }
  return wrong != 0;
}
