/* busy threads|processes N: starts N that issue syscalls without end, one after the other, and exits once each of them
 * has made 100. */
#include "tracee.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { enough = 100, most = 64 };

static volatile long* counts;

static void* work(void* count) {
  for (;;) {
    syscall(SYS_getppid);
    ++*(volatile long*)count;
  }
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int others = atoi(argv[2]);
  if (others > most) return 2;
  counts = mmap(NULL, most * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t children[most] = {0};
  const int processes = strcmp(argv[1], "processes") == 0;
  for (int i = 0; i < others; ++i) {
    void* count = (void*)&counts[i];
    pthread_t thread;
    if (processes) {
      children[i] = fork();
      if (children[i] == 0) work(count);
    } else if (pthread_create(&thread, NULL, work, count) != 0) {
      return 3;
    }
  }
  for (int i = 0; i < others; ++i) {
    while (counts[i] < enough) syscall(SYS_getppid);
  }
  for (int i = 0; i < others; ++i) {
    if (processes) {
      kill(children[i], SIGKILL);
      waitpid(children[i], NULL, 0);
    }
  }
  return 0;
}
