/* signal_script ACTION...: does one action after the other; its handlers print "got NUMBER CODE[ VALUE]".
 *
 * N is a signal's number. handle:N, restart:N (SA_RESTART), alt:N (on a stack of its own), ignore:N, default:N,
 * block:N, unblock:N; raise:N, kill:N (to the process), queue:N:VALUE; wait:N (sigwaitinfo), fd:N (signalfd);
 * announce:POINT; fault (reads at 0x10, left by the handler of SIGSEGV), load (the same; prints what it got), int3;
 * child (one that exits), read (of its input), suspend:N (sigsuspend with that one allowed only),
 * timer:COUNT (so many SIGALRM at 1 kHz), ring:THREADS:ROUNDS (real-time signals to the next thread). */
#include "tracee.h"

#include <pthread.h>
#include <setjmp.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/wait.h>

int fine = 42;
static sigjmp_buf way_out;
static volatile sig_atomic_t alarms, on_other_stack;
static char other_stack[65536];

static void print(const char* word, const siginfo_t* info) {
  char line[80];
  int length = snprintf(line, sizeof line, "%s %d %d", word, info->si_signo, info->si_code);
  if (info->si_code == SI_QUEUE) {
    length += snprintf(line + length, sizeof line - (size_t)length, " %d", info->si_value.sival_int);
  } else if (info->si_code > 0 && info->si_signo == SIGSEGV) {
    length += snprintf(line + length, sizeof line - (size_t)length, " %p", info->si_addr);
  }
  line[length++] = '\n';
  if (write(1, line, (size_t)length) != length) _exit(99);
}

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  if (number != info->si_signo) _exit(98);
  char here;
  on_other_stack = &here >= other_stack && &here < other_stack + sizeof other_stack;
  print(on_other_stack ? "alt" : "got", info);
  if (number == SIGSEGV && info->si_code > 0) siglongjmp(way_out, 1);
}

static void on_alarm(int number) {
  (void)number;
  alarms = alarms + 1;
}

static void handle(int number, int flags) {
  struct sigaction action = {0};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(number, &action, NULL);
}

static sigset_t set_of(int number) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  return set;
}

static void wait_by_fd(int number) {
  sigset_t set = set_of(number);
  struct signalfd_siginfo info;
  int fd = signalfd(-1, &set, 0);
  if (read(fd, &info, sizeof info) != sizeof info) _exit(97);
  char line[80];
  int length = snprintf(line, sizeof line, "fd %u %d\n", info.ssi_signo, info.ssi_code);
  if (write(1, line, (size_t)length) != length) _exit(99);
  close(fd);
}

static int load(void) {
  int value = 0;
  __asm__ volatile("movq $0x10, %%rax\n\tmovl (%%rax), %0" : "=r"(value) : : "rax", "memory");
  return value;
}

static void child(void) {
  pid_t pid = fork();
  if (pid == 0) _exit(3);
  int status = 0;
  waitpid(pid, &status, 0);
}

static void timer(int count) {
  struct sigaction action = {0};
  action.sa_handler = on_alarm;
  sigaction(SIGALRM, &action, NULL);
  struct itimerval period = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &period, NULL);
  while (alarms < count) pause();
  struct itimerval off = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &off, NULL);
  say(alarms >= count);
}

static pthread_t threads[64];
static int thread_count, rounds;
static pthread_barrier_t begin;
static _Atomic int received[64], wrong;

static void on_ring(int number, siginfo_t* info, void* context) {
  (void)number;
  (void)context;
  int to = info->si_value.sival_int >> 16, round = info->si_value.sival_int & 0xffff;
  if (info->si_code != SI_QUEUE || !pthread_equal(pthread_self(), threads[to]) || received[to] != round) wrong = 1;
  received[to] = received[to] + 1;
}

static void* ring_work(void* argument) {
  int self = (int)(intptr_t)argument, to = (self + 1) % thread_count;
  pthread_barrier_wait(&begin);
  for (int i = 0; i < rounds; ++i) {
    union sigval value = {.sival_int = to << 16 | i};
    while (pthread_sigqueue(threads[to], SIGRTMIN, value) == EAGAIN) sched_yield();
  }
  while (received[self] < rounds) sched_yield();
  pthread_barrier_wait(&begin);
  return NULL;
}

static void ring(int count, int each) {
  struct sigaction action = {0};
  action.sa_sigaction = on_ring;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGRTMIN, &action, NULL);
  thread_count = count;
  rounds = each;
  pthread_barrier_init(&begin, NULL, (unsigned)count + 1);
  for (intptr_t i = 0; i < count; ++i) pthread_create(&threads[i], NULL, ring_work, (void*)i);
  pthread_barrier_wait(&begin);
  pthread_barrier_wait(&begin);
  for (int i = 0; i < count; ++i) pthread_join(threads[i], NULL);
  say(wrong);
}

static void act(const char* action) {
  char verb[16] = "";
  int n = 0, value = 0;
  sscanf(action, "%15[^:]:%d:%d", verb, &n, &value);
#define IS(name) (!strcmp(verb, name))
  sigset_t set = set_of(n > 0 && n < 65 ? n : 1);
  siginfo_t info;
  char byte;
  if (IS("handle")) handle(n, 0);
  if (IS("restart")) handle(n, SA_RESTART);
  if (IS("alt")) handle(n, SA_ONSTACK);
  if (IS("ignore")) signal(n, SIG_IGN);
  if (IS("default")) signal(n, SIG_DFL);
  if (IS("block")) sigprocmask(SIG_BLOCK, &set, NULL);
  if (IS("unblock")) sigprocmask(SIG_UNBLOCK, &set, NULL);
  if (IS("raise")) raise(n);
  if (IS("kill")) kill(getpid(), n);
  if (IS("queue")) sigqueue(getpid(), n, (union sigval){.sival_int = value});
  if (IS("wait") && sigwaitinfo(&set, &info) == n) print("waited", &info);
  if (IS("fd")) wait_by_fd(n);
  if (IS("announce")) announce(n);
  if (IS("fault") && sigsetjmp(way_out, 1) == 0) say(*(volatile int*)0x10);
  if (IS("load")) say(load());
  if (IS("int3")) __asm__ volatile("int3");
  if (IS("child")) child();
  if (IS("read")) say(raw(read(0, &byte, 1)));
  if (IS("suspend")) {
    sigfillset(&set);
    sigdelset(&set, n);
    sigsuspend(&set);
  }
  if (IS("timer")) timer(n);
  if (IS("ring")) ring(n, value);
#undef IS
}

int main(int argc, char** argv) {
  stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
  sigaltstack(&stack, NULL);
  for (int i = 1; i < argc; ++i) act(argv[i]);
  return 0;
}
