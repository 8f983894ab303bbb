// Variables of each size, read and written one by one; the values that the tests expect are in the names.
#include "tracee.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

volatile unsigned char one;
volatile unsigned short two;
volatile unsigned int four;
volatile unsigned long eight = 0x1122334455667788;
volatile unsigned long rounds;
volatile unsigned long by_threads;
volatile unsigned long private_copy = 5;
volatile unsigned long untouched;
unsigned long added;
volatile unsigned long from_kernel;

__attribute__((noinline)) void write_each(void) {
  one = 0x11;
  two = 0x2222;
  four = 0x44444444;
  eight = 0x8888888888888888;
}

__attribute__((noinline)) unsigned long read_each(void) { return one + two + four + eight; }

// Parts of `eight`, by their bytes.
__attribute__((noinline)) void write_low_half(void) { *(volatile unsigned int*)&eight = 0; }
__attribute__((noinline)) void write_last_byte(void) { ((volatile unsigned char*)&eight)[7] = 0x99; }

__attribute__((noinline)) void called_often(unsigned long i) { rounds = i; }

// One variable is written plainly: QEMU 7.2 lets atomic accesses pass its debug registers when it emulates several
// processors. The use of the result makes the other one's a `lock xadd`.
static void* thread_writes(void* unused) {
  (void)unused;
  unsigned long seen = 0;
  for (int i = 1; i <= 10; ++i) {
    by_threads = (unsigned long)i;
    seen |= __atomic_fetch_add(&added, 1, __ATOMIC_SEQ_CST);
  }
  return (void*)seen;
}

int main(void) {
  announce(1);
  write_each();
  announce(2);
  (void)read_each();
  announce(3);
  write_low_half();
  write_last_byte();
  announce(4);
  for (unsigned long i = 1; i <= 100; ++i) called_often(i);
  announce(5);
  for (int round = 0; round < 3; ++round) {
    pthread_t threads[4];
    for (int i = 0; i < 4; ++i) pthread_create(&threads[i], 0, thread_writes, 0);
    for (int i = 0; i < 4; ++i) pthread_join(threads[i], 0);
  }
  announce(6);
  const pid_t child = fork();
  if (child == 0) {
    private_copy = 6;
    _exit(private_copy == 6 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  private_copy = 7;
  announce(7);
  syscall(SYS_getrandom, &from_kernel, sizeof from_kernel, 0);
  volatile unsigned long* page = mmap((void*)0x600000000000, 4096, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  page[1] = 42;
  announce(8);
  raise(SIGTRAP);
  return status == 0 ? 0 : 1;
}
