/* Functions to step through: `steps MODE`. */
#include "tracee.h"

#include <pthread.h>
#include <setjmp.h>

long result;
jmp_buf escape;

__attribute__((noinline, noclone)) long leaf(long x) {
  __asm__ volatile("" ::: "memory");
  return x + 1;
}
__attribute__((noinline, noclone)) long recursive(long n) {
  __asm__ volatile("" ::: "memory");
  if (n == 0) return leaf(0);
  const long below = recursive(n - 1);
  __asm__ volatile("" ::: "memory");
  return below + n;
}
__attribute__((noinline, noclone)) void escapes(long x) {
  __asm__ volatile("" ::: "memory");
  leaf(x);
  longjmp(escape, 1);
}
__attribute__((noinline, noclone)) void jumps_over(void) {
  __asm__ volatile("" ::: "memory");
  escapes(1);
  result = -1;
}
__attribute__((noinline, noclone)) void leaves(void) { _exit(7); }

/* One call of each form, each behind a label; the instruction after it has a label too. */
__asm__(
    ".text\n"
    ".globl call_forms, after_direct, after_register, after_stack, after_memory, after_tracked\n"
    ".type call_forms, @function\n"
    "call_forms:\n"
    "  push %rbx\n"
    "  sub $16, %rsp\n"
    "  xor %edi, %edi\n"
    "  lea leaf(%rip), %r8\n"
    "  mov %r8, 8(%rsp)\n"
    "call_direct: call leaf\n"
    "after_direct: lea leaf(%rip), %r8\n"
    "call_register: call *%r8\n"
    "after_register: nop\n"
    "call_stack: call *8(%rsp)\n"
    "after_stack: nop\n"
    "call_memory: call *leaf_pointer(%rip)\n"
    "after_memory: lea leaf(%rip), %r8\n"
    "call_tracked: notrack call *%r8\n"
    "after_tracked: add $16, %rsp\n"
    "  pop %rbx\n"
    "  ret\n"
    ".globl call_direct, call_register, call_stack, call_memory, call_tracked\n"
    ".data\n"
    "leaf_pointer: .quad leaf\n"
    ".text\n");
extern void call_forms(void);

static int compare(const void* a, const void* b) { return *(const int*)a - *(const int*)b; }
__attribute__((noinline, noclone)) int compared(const void* a, const void* b) {
  __asm__ volatile("" ::: "memory");
  return compare(a, b);
}
static void sort(void) {
  int values[64];
  for (int i = 0; i < 64; ++i) values[i] = (i * 37) % 64;
  qsort(values, 64, sizeof values[0], compared);
  for (int i = 1; i < 64; ++i) result += values[i] > values[i - 1];
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static volatile int other_runs;
long other_count;
static void* other_body(void* unused) {
  (void)unused;
  other_runs = 1;
  for (;;) {
    pthread_mutex_lock(&lock);
    ++other_count;
    pthread_mutex_unlock(&lock);
    leaf(other_count);
  }
  return NULL;
}
__attribute__((noinline, noclone)) void waits_for_other(void) {
  const long seen = __atomic_load_n(&other_count, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&other_count, __ATOMIC_SEQ_CST) < seen + 10) {
  }
}
__attribute__((noinline, noclone)) void with_other(void) {
  __asm__ volatile("" ::: "memory");
  waits_for_other();
  result = other_count > 0;
}

/* The more of the password is right, the more instructions this executes. */
__attribute__((noinline, noclone)) int check_password(const char* given) {
  static const char secret[] = "tr4pl1ne";
  for (size_t i = 0; i < sizeof secret; ++i) {
    if (given[i] != secret[i]) return 0;
  }
  return 1;
}

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "leaf";
  announce(0);
  if (strcmp(mode, "leaf") == 0) result = leaf(41);
  if (strcmp(mode, "recursive") == 0) result = recursive(5);
  if (strcmp(mode, "forms") == 0) call_forms();
  if (strcmp(mode, "longjmp") == 0 && setjmp(escape) == 0) jumps_over();
  if (strcmp(mode, "exit") == 0) leaves();
  if (strcmp(mode, "sort") == 0) sort();
  if (strcmp(mode, "password") == 0) result = check_password(argv[2]);
  if (strcmp(mode, "threads") == 0) {
    pthread_t id;
    pthread_create(&id, NULL, other_body, NULL);
    while (!other_runs) {
    }
    with_other();
  }
  say(result);
  return 0;
}
