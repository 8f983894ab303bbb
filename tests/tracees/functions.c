// Functions to be called from outside. `functions` announces itself twice with getpgid, and exits with 0 if nothing of
// its own was disturbed meanwhile; `functions wait` reads a byte between them; `functions threads` has a second thread
// that holds a lock and lets go of it when a byte comes.
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracee.h"

volatile int counter;
volatile int handled_signals;
int depth;

int add(int a, int b) { return a + b; }
int nothing(void) { return 0; }
void increment(void) { ++counter; }
long long eight(int a, long long b, short c, unsigned d, long e, int f, long long g, signed char h) {
  return a + 10LL * b + 100LL * c + 1000LL * d + 10000LL * e + 100000LL * f + 1000000LL * g + 10000000LL * h;
}
double mixed(int a, double b, float c, long d, double e, int f) {
  return a + b * 10 + (double)c * 100 + d * 1000 + e * 10000 + f * 100000.0;
}
double ten_doubles(double a, double b, double c, double d, double e, double f, double g, double h, double i, double j) {
  return a + b * 2 + c * 3 + d * 4 + e * 5 + f * 6 + g * 7 + h * 8 + i * 9 + j * 10;
}
float half(float a) { return a / 2; }
long double third(long double a, int b, long double c) { return a / 3 + b + c; }
bool is_even(int a) { return a % 2 == 0; }
signed char minus(signed char a) { return -a; }
int64_t wide_minus(int64_t a) { return -a; }
void* identity(void* a) { return a; }
// How far the stack is from its alignment when a function begins.
__attribute__((naked)) unsigned long alignment(void) {
#ifdef __x86_64__
  __asm__("lea 8(%rsp), %rax; and $15, %rax; ret");
#else
  __asm__("lea 4(%esp), %eax; and $15, %eax; ret");
#endif
}
int sum_of(int count, ...) {
  va_list list;
  va_start(list, count);
  double sum = 0;
  for (int i = 0; i < count; ++i) sum += i % 2 == 0 ? va_arg(list, int) : va_arg(list, double);
  va_end(list);
  return (int)sum;
}
size_t length(const char* text) { return strlen(text); }
void upper(char* text) {
  for (; *text != 0; ++text) *text = (char)(*text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text);
}
struct point {
  int32_t x, y;
  double weight;
};
void mirror(struct point* point) {
  const int32_t x = point->x;
  point->x = point->y;
  point->y = x;
  point->weight = -point->weight;
}
int checksum(const unsigned char* bytes, size_t size) {
  int sum = 0;
  for (size_t i = 0; i < size; ++i) sum += bytes[i];
  return sum;
}
int spoil_registers(void) {
#ifdef __x86_64__
  __asm__ volatile(
      "pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm1; movdqa %%xmm0, %%xmm8; movdqa %%xmm0, %%xmm15; fld1; fldpi"
      :
      :
      : "xmm0", "xmm1", "xmm8", "xmm15", "st", "st(1)");
#endif
  errno = 77;
  return 1;
}
int block_signals(void) {
  sigset_t all;
  sigfillset(&all);
  return sigprocmask(SIG_BLOCK, &all, NULL);
}
int crash(int how) {
  if (how == 0) return *(volatile int*)8;
  if (how == 1) abort();
  if (how == 2) raise(SIGUSR2);
  if (how == 3) __builtin_trap();
  return 0;
}
int two_points(void) {
  increment();
  announce(1);
  increment();
  return 12;
}
int signal_itself(void) {
  raise(SIGUSR1);
  return handled_signals;
}
int recurse(int levels) {
  depth = levels;
  return levels == 0 ? 0 : 1 + recurse(levels - 1);
}
void forever(void) {
  for (;;) ++counter;
}
int sleeps(void) {
  sleep(1000);
  return 3;
}
void ask_forever(void) {
  for (;;) getppid();
}
void end_thread(void) { pthread_exit(NULL); }
void end_process(int status) { exit(status); }
int another_program(const char* path) { return execl(path, path, (char*)NULL); }
int fork_and_wait(void) {
  const pid_t child = fork();
  if (child == 0) _exit(5);
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}
int fork_and_return(void) { return fork(); }
int run_command(const char* command) { return WEXITSTATUS(system(command)); }

static jmp_buf target;
static volatile int jumped;
int jump_out(void) {
  jumped = 1;
  longjmp(target, 1);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void* holder(void* unused) {
  (void)unused;
  pthread_mutex_lock(&lock);
  announce(2);
  char byte;
  while (read(0, &byte, 1) == -1) {
  }
  pthread_mutex_unlock(&lock);
  for (;;) pause();
  return NULL;
}
int take_lock(void) {
  pthread_mutex_lock(&lock);
  pthread_mutex_unlock(&lock);
  return 7;
}

__attribute__((noinline)) void setjmp_is_behind(void) { __asm__ volatile(""); }

static void on_signal(int signal) {
  (void)signal;
  ++handled_signals;
}

int main(int argc, char** argv) {
  signal(SIGUSR1, on_signal);
  errno = 0;
  if (setjmp(target) != 0) return 9;
  if (argc > 1 && strcmp(argv[1], "threads") == 0) {
    pthread_t thread;
    pthread_create(&thread, NULL, holder, NULL);
    while (pthread_mutex_trylock(&lock) == 0) pthread_mutex_unlock(&lock);
  }
  announce(0);
  if (argc > 1 && strcmp(argv[1], "wait") == 0) {
    char byte = 0;
    if (read(0, &byte, 1) != 1 || byte != 'x') return 4;
  }
  setjmp_is_behind();
  volatile double value = 2.5;
  const double doubled = value * 2;
  announce(0);
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  if (sigismember(&blocked, SIGUSR2)) return 5;
  return doubled == 5.0 ? 0 : 6;
}
