// So many tasks (argv[2]) issue getppid for ever: threads or processes, as argv[1] says. With "beside" one child does
// so beside as many threads that only sleep; with "sleepers" there are just those, and the main thread spins after
// crowd_ready(). All begin at once, when all of them are there.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t* all_there;

static void* work(void* unused) {
  (void)unused;
  pthread_barrier_wait(all_there);
  for (;;) syscall(SYS_getppid);
  return NULL;
}

static void* sleeper(void* unused) {
  (void)unused;
  pthread_barrier_wait(all_there);
  for (;;) pause();
  return NULL;
}

__attribute__((noinline)) void crowd_ready(void) { __asm__ volatile(""); }

static void start_process(void) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == -1) exit(1);
  if (child != 0) return;
  // Whoever measures kills the first process only.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  work(NULL);
}

static void start_thread(void* (*function)(void*)) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * 1024);
  pthread_t thread;
  if (pthread_create(&thread, &attributes, function, NULL) != 0) exit(1);
}

static void share_barrier(long tasks) {
  all_there = mmap(NULL, sizeof *all_there, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (all_there == MAP_FAILED) exit(1);
  pthread_barrierattr_t attributes;
  pthread_barrierattr_init(&attributes);
  pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_barrier_init(all_there, &attributes, (unsigned)tasks);
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int beside = strcmp(argv[1], "beside") == 0;
  const int sleepers = beside || strcmp(argv[1], "sleepers") == 0;
  const long count = strtol(argv[2], NULL, 10);
  share_barrier(count + beside + sleepers);
  if (beside) start_process();
  for (long left = sleepers ? count : count - 1; left > 0; --left) {
    if (strcmp(argv[1], "processes") == 0) {
      start_process();
    } else {
      start_thread(sleepers ? sleeper : work);
    }
  }
  if (!sleepers) work(NULL);
  pthread_barrier_wait(all_there);
  crowd_ready();
  while (beside) pause();
  for (volatile unsigned long turn = 0;;) ++turn;
}
