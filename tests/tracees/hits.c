/* Calls `target` as often as it is told, in the way that it is told: `hits MODE COUNT`. Prints the sum of the results.
 */
#include "tracee.h"

#include <dlfcn.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

extern char** environ;
long calls;
long watched;

__attribute__((noinline, noclone)) long target(long x) {
  __asm__ volatile("" ::: "memory");
  return 3 * x + 1;
}
__attribute__((noinline, noclone)) void done(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline, noclone)) void never(void) { __asm__ volatile("" ::: "memory"); }

static long call_often(long count) {
  long sum = 0;
  for (long i = 0; i < count; ++i) {
    sum += target(i);
    ++calls;
  }
  return sum;
}

static void* thread_body(void* count) { return (void*)call_often((long)count); }

static long in_threads(long threads, long count) {
  pthread_t ids[64];
  long sum = 0;
  for (long i = 0; i < threads; ++i) pthread_create(&ids[i], NULL, thread_body, (void*)count);
  for (long i = 0; i < threads; ++i) {
    void* result = NULL;
    pthread_join(ids[i], &result);
    sum += (long)result;
  }
  return sum;
}

static long status_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) == -1 && errno == EINTR) {
  }
  return status;
}

static long in_fork(long count) {
  const pid_t child = fork();
  if (child == 0) _exit((int)(call_often(count) & 0x7f));
  return status_of(child);
}

/* The child of a vfork shares our memory, and runs into what is there. */
static long in_vfork(long count) {
  volatile long sum = 0;
  const pid_t child = vfork();
  if (child == 0) {
    for (long i = 0; i < count; ++i) sum += target(i);
    _exit(0);
  }
  return status_of(child) + sum;
}

static long in_spawn(void) {
  char* argv[] = {(char*)"true", NULL};
  pid_t child = 0;
  if (posix_spawnp(&child, "true", NULL, NULL, argv, environ) != 0) return -1;
  return status_of(child);
}

static long in_plugin(const char* path, long count) {
  long sum = 0;
  for (int round = 0; round < 3; ++round) {
    void* plugin = dlopen(path, RTLD_NOW);
    if (plugin == NULL) return -1;
    long (*function)(long) = (long (*)(long))dlsym(plugin, "plugin_function");
    for (long i = 0; i < count; ++i) sum += function(i);
    dlclose(plugin);
  }
  return sum;
}

static volatile sig_atomic_t ticks;
static void on_tick(int signal) {
  (void)signal;
  ++ticks;
}

static long under_timer(long count) {
  struct sigaction action = {.sa_handler = on_tick};
  sigaction(SIGUSR1, &action, NULL);
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  const struct itimerspec often = {{0, 300000}, {0, 300000}};
  timer_settime(timer, 0, &often, NULL);
  const long sum = call_often(count);
  timer_delete(timer);
  return sum;
}

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "loop";
  const long count = argc > 2 ? atol(argv[2]) : 10;
  long result = -1;
  if (strcmp(mode, "loop") == 0) result = call_often(count);
  if (strcmp(mode, "threads") == 0) result = in_threads(argc > 3 ? atol(argv[3]) : 4, count);
  if (strcmp(mode, "fork") == 0) result = in_fork(count);
  if (strcmp(mode, "vfork") == 0) result = in_vfork(count);
  if (strcmp(mode, "spawn") == 0) result = in_spawn();
  if (strcmp(mode, "system") == 0) result = system("true && true");
  if (strcmp(mode, "plugin") == 0) result = in_plugin(argv[3], count);
  if (strcmp(mode, "timer") == 0) result = under_timer(count);
  if (strcmp(mode, "exec") == 0) {
    target(1);
    execl("/proc/self/exe", "hits", "loop", argv[2], (char*)NULL);
  }
  if (strcmp(mode, "announced") == 0) {
    for (long i = 0; i < count; ++i) {
      announce(i);
      result += target(i);
    }
  }
  if (strcmp(mode, "input") == 0) {
    char line[16];
    while (read(0, line, sizeof line) > 0) {
      result = target(result);
      say(result);
    }
  }
  done();
  say(result);
  return 0;
}
