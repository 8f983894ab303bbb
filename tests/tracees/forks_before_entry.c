// A library that is preloaded: its constructor counts its CPUs and has a child of each kind, before the program's entry
// point, and waits for it. A thread that it starts has one more when a line arrives on stdin; the destructor waits for
// that thread.
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_t late;
static int in_child;
int cpus_before_entry;

static void reap(pid_t child, int expected) {
  int status = 0;
  if (child == -1 || waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != expected) {
    fprintf(stderr, "status %x instead of exit %d\n", status, expected);
    _exit(99);
  }
}

static void* fork_late(void* unused) {
  char line[2];
  if (read(0, line, 1) != 1) _exit(98);
  const pid_t child = fork();
  if (child == 0) _exit(3);
  reap(child, 3);
  return unused;
}

__attribute__((constructor)) static void before_entry(void) {
  unsetenv("LD_PRELOAD");
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) == 0) cpus_before_entry = CPU_COUNT(&cpus);
  const pid_t forked = fork();
  if (forked == 0) {
    // On to the entry point and through main, like its parent.
    in_child = 1;
    return;
  }
  reap(forked, 5);
  const pid_t shared = vfork();
  if (shared == 0) _exit(4);
  reap(shared, 4);
  if (pthread_create(&late, NULL, fork_late, NULL) != 0) _exit(97);
}

__attribute__((destructor)) static void at_exit(void) {
  if (!in_child) pthread_join(late, NULL);
}
