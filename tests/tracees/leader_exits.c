/* The main thread ends first; the other one announces, and exits with 7 when the leader is a zombie. */
#include <pthread.h>

#include "tracee.h"

static pid_t leader;

static int leader_is_zombie(void) {
  char path[64], text[512] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)leader);
  FILE* file = fopen(path, "r");
  if (!file) return 0;
  size_t size = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  const char* end = size ? strrchr(text, ')') : NULL;
  return end && end[2] == 'Z';
}

static void* work(void* argument) {
  while (!leader_is_zombie()) usleep(1000);
  announce(1);
  announce(2);
  exit(7);
  return argument;
}

int main(void) {
  pthread_t thread;
  leader = getpid();
  pthread_create(&thread, NULL, work, NULL);
  syscall(SYS_exit, 0);
}
