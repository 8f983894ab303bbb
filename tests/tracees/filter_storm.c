/* filter_storm MODE [ARG]: makes calls in ways that are hard on a seccomp filter that somebody else has put in. */
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "tracee.h"

static atomic_long ready, done;
static volatile sig_atomic_t ticks;

/* One more filter: this call gets that answer, all others pass. */
static void filter(unsigned number, unsigned answer, unsigned flags) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, answer),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof code / sizeof code[0], code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(98);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0) _exit(98);
}

/* Calls for a tracer, with this data: nobody knows of one. */
static void ask_for_tracer(long data) {
  filter(SYS_getgid, SECCOMP_RET_TRACE | (unsigned)data, 0);
  announce(1);
  say(raw(syscall(SYS_getgid)));
}

static void* until_refused(void* calls) {
  ready = 1;
  for (long refused = 0; refused < 100; ++*(long*)calls) refused += raw(syscall(SYS_getppid)) == -EXDEV;
  return NULL;
}

/* Another thread is given a filter while it runs. */
static void filter_all_threads(void) {
  long calls = 0;
  pthread_t thread;
  pthread_create(&thread, NULL, until_refused, &calls);
  while (!ready) sched_yield();
  filter(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC);
  pthread_join(thread, NULL);
  say(calls);
}

static void* until_done(void* unused) {
  for (ready = 1; !done;) syscall(SYS_getppid);
  return unused;
}

/* The same until somebody says that it is enough. */
static void filtered_until_told(void) {
  char byte;
  pthread_t thread;
  pthread_create(&thread, NULL, until_done, NULL);
  while (!ready) sched_yield();
  filter(SYS_getppid, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC);
  say(1);
  if (read(0, &byte, 1) != 1) _exit(97);
  done = 1;
  pthread_join(thread, NULL);
}

static void* call_often(void* count) {
  for (long i = 0; i < (long)count; ++i) syscall(SYS_getppid);
  ++done;
  return NULL;
}

/* Threads that make so many calls each. */
static void crowd(long threads, long calls) {
  pthread_t ids[64];
  for (long i = 0; i < threads; ++i) pthread_create(&ids[i], NULL, call_often, (void*)calls);
  for (long i = 0; i < threads; ++i) pthread_join(ids[i], NULL);
  announce(1);
  say(threads * calls);
}

/* The first thread announces as long as the other one makes calls. */
static void pair(long calls) {
  pthread_t thread;
  pthread_create(&thread, NULL, call_often, (void*)calls);
  for (long i = 1; !done; ++i) announce(i);
  pthread_join(thread, NULL);
  say(calls);
}

/* The first thread makes calls as long as the other one announces. */
static void* announce_often(void* count) {
  for (long i = 0; i < (long)count; ++i) announce(i);
  ++done;
  return NULL;
}
static void reversed_pair(long announcements) {
  pthread_t thread;
  long calls = 0;
  pthread_create(&thread, NULL, announce_often, (void*)announcements);
  for (; !done; ++calls) syscall(SYS_getppid);
  pthread_join(thread, NULL);
  say(calls);
}

/* Children that a tracer is not to be told of; each exits with 0 if its call was not refused. */
static void untraced(int new_call) {
  struct clone_args args = {.flags = CLONE_UNTRACED, .exit_signal = SIGCHLD};
  const pid_t child = (pid_t)(new_call ? syscall(SYS_clone3, &args, sizeof args)
                                       : syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0));
  if (child == 0) _exit(raw(syscall(SYS_getppid)) > 0 ? 0 : 1);
  int status = -1;
  if (waitpid(child, &status, __WALL) != child) _exit(97);
  say(status);
  say((long)args.flags);
}

static void* birth_storm(void* count) {
  for (long i = 0; i < (long)count; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      syscall(SYS_getsid, 0);
      for (long number = 400; number < 424; ++number) syscall(number, -1, -1, -1, -1, -1, -1);
      _exit(0);
    }
    int status = -1;
    if (waitpid(child, &status, 0) != child || status != 0) _exit(97);
  }
  ++done;
  return NULL;
}

/* One thread forks, another one makes calls. */
static void births(long count) {
  pthread_t thread;
  pthread_create(&thread, NULL, birth_storm, (void*)count);
  for (long i = 0; !done || i < 2000; ++i) syscall(SYS_getppid);
  pthread_join(thread, NULL);
  say(count);
}

static void on_alarm(int signal) {
  (void)signal;
  syscall(SYS_getuid);
  ++ticks;
}

/* Calls under a clock, with filters of its own or without. It is wound up again only between calls: a clock that ticks
 * by itself leaves a slow machine no time for them. */
static void alarmed(long calls, int filters) {
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  if (filters) filter(SYS_getgid, SECCOMP_RET_ERRNO | EXDEV, 0);
  struct itimerval once = {{0, 0}, {0, 200}}, never = {{0, 0}, {0, 0}};
  long wound_up_at = -1;
  for (long i = 0; i < calls; ++i) {
    if (wound_up_at != ticks) {
      wound_up_at = ticks;
      setitimer(ITIMER_REAL, &once, NULL);
    }
    syscall(SYS_getppid);
  }
  setitimer(ITIMER_REAL, &never, NULL);
  say(ticks);
}

#ifdef __x86_64__
/* The page of system calls that the kernel only pretends to make. */
static void vsyscalls(long count) {
  long (*const clock)(long*) = (long (*)(long*))0xffffffffff600400;
  long good = 0;
  for (long i = 0; i < count; ++i) good += clock(NULL) > 0;
  say(good);
}
#endif

/* Two threads wait for each other's bytes by turns, so many times each. */
static int there[2], back[2];
static void* answer(void* count) {
  char byte;
  for (long i = 0; i < (long)count; ++i) {
    if (syscall(SYS_read, there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1) _exit(97);
  }
  return NULL;
}
static void converse(long count) {
  char byte = 'x';
  pthread_t thread;
  if (pipe(there) != 0 || pipe(back) != 0) _exit(98);
  pthread_create(&thread, NULL, answer, (void*)count);
  for (long i = 0; i < count; ++i) {
    if (write(there[1], &byte, 1) != 1 || syscall(SYS_read, back[0], &byte, 1) != 1) _exit(97);
  }
  pthread_join(thread, NULL);
  say(2 * count);
}

/* As many filters as there may be. */
static void many_filters(void) {
  long count = 0;
  struct sock_filter code[4096];
  for (int i = 0; i < 4096; ++i) code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {4096, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  while (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0) ++count;
  say(count);
  say(raw(syscall(SYS_getppid)) > 0);
}

/* What a program can find out about filters that somebody else put in. */
static void probe(void) {
  say(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
  for (int i = 0; i < 500; ++i) prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
  say(raw(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0)));
  for (long number = -3; number < 0; ++number) say(raw(syscall(number)));
  say(raw(syscall(0x7fffffff)));
  say(raw(syscall(100000)));
}

int main(int argc, char** argv) {
  const char* const mode = argc > 1 ? argv[1] : "";
  const long number = argc > 2 ? atol(argv[2]) : 0;
  if (!strcmp(mode, "trace")) ask_for_tracer(number);
  if (!strcmp(mode, "sync")) filter_all_threads();
  if (!strcmp(mode, "late")) filtered_until_told();
  if (!strcmp(mode, "crowd")) crowd(number, argc > 3 ? atol(argv[3]) : 0);
  if (!strcmp(mode, "pair")) pair(number);
  if (!strcmp(mode, "reversed")) reversed_pair(number);
  if (!strcmp(mode, "untraced")) untraced(0);
  if (!strcmp(mode, "untraced3")) untraced(1);
  if (!strcmp(mode, "births")) births(number);
  if (!strcmp(mode, "alarmed")) alarmed(number, 0);
  if (!strcmp(mode, "alarmed_filtered")) alarmed(number, 1);
  if (!strcmp(mode, "converse")) converse(number);
  if (!strcmp(mode, "many_filters")) many_filters();
  if (!strcmp(mode, "probe")) probe();
#ifdef __x86_64__
  if (!strcmp(mode, "vsyscall")) vsyscalls(number);
#endif
  return 0;
}
