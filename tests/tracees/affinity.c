// Tells what it knows of its CPUs, by lines of stdin: WHO VERB [VALUE], where WHO is self, me (its own id), thread and
// child (which idle), or an id. It answers each with a line; values are hexadecimal.
//   get, set    WHO's affinity
//   here, fork  what a new thread, or child, of its own sees
//   lib         how many CPUs the libc says it has
//   size, bad   what the kernel does with a buffer of that size, and with bad pointers
//   spawn       lets nproc(1) tell
//   watch       makes a thread ask again and again; seen tells how often it did, and how often the answer was another
//   exec, leave executes itself, by this or by another thread
#include "tracee.h"

#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/wait.h>

static pid_t idler;
static pid_t child;
static int wake[2];

static long get(pid_t who, size_t size, unsigned long* mask) {
  return raw(syscall(SYS_sched_getaffinity, who, size, mask));
}

static unsigned long mask_of(pid_t who) {
  unsigned long mask[16] = {0};
  long size = get(who, sizeof mask, mask);
  return size < 0 ? (unsigned long)size : mask[0];
}

static void* idle(void* unused) {
  __atomic_store_n(&idler, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
  for (;;) pause();
  return unused;
}

static void* look(void* result) {
  *(unsigned long*)result = mask_of(0);
  return NULL;
}

static unsigned long of_new_thread(void) {
  unsigned long mask = 0;
  pthread_t thread;
  if (pthread_create(&thread, NULL, look, &mask) != 0) _exit(98);
  pthread_join(thread, NULL);
  return mask;
}

static unsigned long of_new_child(void) {
  int pipes[2];
  unsigned long mask = 0;
  if (pipe(pipes) != 0) _exit(97);
  pid_t born = fork();
  if (born == 0) {
    mask = mask_of(0);
    _exit(write(pipes[1], &mask, sizeof mask) != sizeof mask);
  }
  if (read(pipes[0], &mask, sizeof mask) != sizeof mask) _exit(96);
  waitpid(born, NULL, 0);
  close(pipes[0]);
  close(pipes[1]);
  return mask;
}

static atomic_ulong looks;
static atomic_ulong others;

static void* watch(void* unused) {
  for (const unsigned long own = mask_of(0);; ++looks) others += mask_of(0) != own;
  return unused;
}

static void spawn(void) {
  char* words[] = {"nproc", NULL};
  pid_t born = 0;
  if (posix_spawnp(&born, words[0], NULL, NULL, words, environ) != 0) say(-1);
  waitpid(born, NULL, 0);
}

static pid_t who_is(const char* name) {
  if (strcmp(name, "self") == 0) return 0;
  if (strcmp(name, "me") == 0) return (pid_t)syscall(SYS_gettid);
  if (strcmp(name, "thread") == 0) return idler;
  if (strcmp(name, "child") == 0) return child;
  return atoi(name);
}

static void by_libc(void) {
  cpu_set_t one;
  cpu_set_t other;
  int failed = sched_getaffinity(0, sizeof one, &one) | pthread_getaffinity_np(pthread_self(), sizeof other, &other);
  say(failed == 0 && CPU_EQUAL(&one, &other) ? CPU_COUNT(&one) : -1);
}

/* What a call with a buffer of that size returns, and how many of its bytes the kernel has written. */
static void by_size(size_t size) {
  unsigned char buffer[256];
  memset(buffer, 0xa5, sizeof buffer);
  long result = get(0, size, (unsigned long*)buffer);
  size_t written = sizeof buffer;
  while (written > 0 && buffer[written - 1] == 0xa5) --written;
  printf("%ld %zu\n", result, written);
}

static void* execute(void* unused) {
  execl("/proc/self/exe", "affinity", NULL);
  printf("%d\n", -errno);
  return unused;
}

static void execute_there(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, execute, NULL) != 0) say(-1);
  for (;;) pause();
}

static void obey(const char* who, const char* verb, unsigned long value) {
  if (strcmp(verb, "get") == 0) {
    printf("%lx\n", mask_of(who_is(who)));
  } else if (strcmp(verb, "set") == 0) {
    printf("%ld\n", raw(syscall(SYS_sched_setaffinity, who_is(who), sizeof value, &value)));
  } else if (strcmp(verb, "here") == 0) {
    printf("%lx\n", of_new_thread());
  } else if (strcmp(verb, "fork") == 0) {
    printf("%lx\n", of_new_child());
  } else if (strcmp(verb, "lib") == 0) {
    by_libc();
  } else if (strcmp(verb, "size") == 0) {
    by_size(value);
  } else if (strcmp(verb, "bad") == 0) {
    printf("%ld %ld\n", get(0, 128, (unsigned long*)8), raw(syscall(SYS_sched_setaffinity, 0, 8, 8)));
  } else if (strcmp(verb, "spawn") == 0) {
    spawn();
  } else if (strcmp(verb, "watch") == 0) {
    pthread_t thread;
    say(pthread_create(&thread, NULL, watch, NULL));
  } else if (strcmp(verb, "seen") == 0) {
    printf("%lu %lu\n", looks, others);
  } else if (strcmp(verb, "exec") == 0) {
    execute(NULL);
  } else if (strcmp(verb, "leave") == 0) {
    execute_there();
  } else {
    printf("?\n");
  }
  fflush(stdout);
}

int main(void) {
  pthread_t thread;
  setvbuf(stdin, NULL, _IONBF, 0);
  if (pthread_create(&thread, NULL, idle, NULL) != 0 || pipe(wake) != 0) return 1;
  child = fork();
  if (child == 0) {
    char end;
    close(wake[1]);
    _exit(read(wake[0], &end, 1) != 0);
  }
  while (__atomic_load_n(&idler, __ATOMIC_ACQUIRE) == 0) sched_yield();
  puts("ready");
  fflush(stdout);
  char who[32];
  char verb[32];
  unsigned long value;
  char line[128];
  while (fgets(line, sizeof line, stdin) != NULL) {
    value = 0;
    if (sscanf(line, "%31s %31s %lx", who, verb, &value) >= 2) obey(who, verb, value);
  }
  close(wake[1]);
  waitpid(child, NULL, 0);
  return 0;
}
