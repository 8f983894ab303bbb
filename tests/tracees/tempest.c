// Births and deaths in numbers: `tempest forks N`, `threads WAVES N`, `execs N`, `signals N`, `kills N`. Prints what it
// counted.
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tracee.h"

/* Eight children at a time, of which each exits with a status of its own; the sum of these. */
static long forks(long count) {
  long sum = 0;
  long alive = 0;
  for (long i = 0; i < count || alive > 0;) {
    if (i < count && alive < 8) {
      const pid_t child = fork();
      if (child < 0) _exit(98);
      if (child == 0) _exit((int)(i % 100));
      ++i;
      ++alive;
      continue;
    }
    int status = 0;
    if (wait(&status) < 0 || !WIFEXITED(status)) _exit(97);
    sum += WEXITSTATUS(status);
    --alive;
  }
  return sum;
}

static pthread_barrier_t all_there;
static void* live_together(void* unused) {
  (void)unused;
  pthread_barrier_wait(&all_there);
  return (void*)1;
}
static long threads(long waves, long count) {
  static pthread_t ids[4096];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 65536);
  long sum = 0;
  for (long wave = 0; wave < waves; ++wave) {
    pthread_barrier_init(&all_there, NULL, (unsigned)count);
    for (long i = 0; i < count; ++i) {
      if (pthread_create(&ids[i], &small, live_together, NULL) != 0) _exit(96);
    }
    for (long i = 0; i < count; ++i) {
      void* one = NULL;
      pthread_join(ids[i], &one);
      sum += (long)one;
    }
    pthread_barrier_destroy(&all_there);
  }
  return sum;
}

/* One of three threads executes this program again, while the others do something else. */
static char* self;
static void* work(void* unused) {
  (void)unused;
  for (;;) getppid();
  return NULL;
}
static void* execute(void* left) {
  char number[24];
  snprintf(number, sizeof number, "%ld", (long)left);
  execl(self, self, "execs", number, (char*)NULL);
  _exit(95);
}
static long execs(long count) {
  if (count == 0) return 0;
  pthread_t id;
  pthread_create(&id, NULL, work, NULL);
  pthread_create(&id, NULL, work, NULL);
  pthread_create(&id, NULL, execute, (void*)(count - 1));
  for (;;) pause();
}

/* Processes with threads, each under a timer of 1 kHz for so many ticks. */
static volatile sig_atomic_t ticks;
static void on_tick(int signal) {
  (void)signal;
  ++ticks;
}
static void* until_over(void* count) {
  while (ticks < (long)count) getppid();
  return NULL;
}
static long signals(long count) {
  for (int i = 0; i < 4; ++i) {
    if (fork() != 0) continue;
    signal(SIGALRM, on_tick);
    const struct itimerval often = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &often, NULL);
    pthread_t ids[3];
    for (int k = 0; k < 3; ++k) pthread_create(&ids[k], NULL, until_over, (void*)count);
    for (int k = 0; k < 3; ++k) pthread_join(ids[k], NULL);
    _exit(0);
  }
  long well = 0;
  for (int i = 0; i < 4; ++i) {
    int status = 1;
    if (wait(&status) < 0) _exit(94);
    well += status == 0;
  }
  return well;
}

/* Children that fork, make threads and calls, and are killed at some moment of that; how many of them were. */
static void* make_calls(void* unused) {
  (void)unused;
  for (int i = 0; i < 200; ++i) getppid();
  return NULL;
}
static void live_busily(void) {
  for (;;) {
    pthread_t id;
    pthread_create(&id, NULL, make_calls, NULL);
    getppid();
    pthread_join(id, NULL);
    const pid_t child = fork();
    if (child == 0) _exit(0);
    waitpid(child, NULL, 0);
  }
}
static long kills(long count) {
  unsigned seed = 12345;
  long killed = 0;
  for (long i = 0; i < count; ++i) {
    const pid_t child = fork();
    if (child == 0) live_busily();
    seed = seed * 1103515245 + 12345;
    for (unsigned k = 0; k < ((seed >> 16) & 63); ++k) sched_yield();
    kill(child, SIGKILL);
    int status = 0;
    if (waitpid(child, &status, 0) != child) _exit(93);
    killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }
  return killed;
}

int main(int argc, char** argv) {
  const char* mode = argc > 2 ? argv[1] : "";
  const long count = argc > 2 ? atol(argv[2]) : 0;
  long result = -1;
  self = argv[0];
  if (strcmp(mode, "forks") == 0) result = forks(count);
  if (strcmp(mode, "threads") == 0) result = threads(count, argc > 3 ? atol(argv[3]) : 16);
  if (strcmp(mode, "execs") == 0) result = execs(count);
  if (strcmp(mode, "signals") == 0) result = signals(count);
  if (strcmp(mode, "kills") == 0) result = kills(count);
  say(result);
  return 0;
}
