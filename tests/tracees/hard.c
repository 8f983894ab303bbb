/* What is hard about traps in code, one thing a mode: `hard MODE [COUNT]`. Prints what it saw. */
#include "tracee.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

typedef long (*Function)(long);

/* mov $1,%eax; ret, in a page of its own. */
unsigned char* code;

__attribute__((noinline, noclone)) long target(long x) {
  __asm__ volatile("" ::: "memory");
  return 3 * x + 1;
}
__attribute__((noinline, noclone)) void done(void) { __asm__ volatile("" ::: "memory"); }

/* One instruction that faults each: its site, and the one after it. */
__asm__(
    ".text\n"
    ".globl load_fault, after_load, divide_fault, after_divide, illegal, after_illegal\n"
    ".globl copy_site, block_site, after_block, own_trap, after_own_trap\n"
    "fault_load:\n"
    "load_fault: mov (%rdi), %rax\n"
    "after_load: ret\n"
    "fault_divide: xor %edx, %edx\n  mov $1, %eax\n"
    "divide_fault: div %rdi\n"
    "after_divide: ret\n"
    ".globl push_fault, after_push\n"
    "fault_push: mov %rsp, %rdx\n  mov %rdi, %rsp\n"
    "push_fault: push %rax\n"
    "after_push: mov %rdx, %rsp\n  ret\n"
    "fault_illegal:\n"
    "illegal: ud2\n"
    "after_illegal: ret\n"
    "copy: mov %rdx, %rcx\n"
    "copy_site: rep movsb\n"
    "  ret\n"
    "block_in: mov %rdi, %rax\n  mov %rsi, %rdi\n  mov %rdx, %rsi\n  mov %rcx, %rdx\n"
    "block_site: syscall\n"
    "after_block: ret\n"
    "traps_itself:\n"
    "own_trap: int3\n"
    "after_own_trap: ret\n");
extern long fault_load(void* address) __asm__("fault_load");
extern long fault_divide(long by) __asm__("fault_divide");
extern void fault_push(void* stack) __asm__("fault_push");
extern char push_fault[], after_push[];
extern void fault_illegal(void) __asm__("fault_illegal");
extern void copy(void* to, const void* from, long count) __asm__("copy");
extern long block_in(long number, long first, long second, long third) __asm__("block_in");
extern void traps_itself(void) __asm__("traps_itself");
extern char load_fault[], after_load[], divide_fault[], after_divide[], illegal[], after_illegal[], after_own_trap[];

static volatile int faults_right;
static volatile int faults;
static char* expected_pc;
static char* expected_address;
static char* continue_at;
static void on_fault(int signal, siginfo_t* info, void* context) {
  greg_t* registers = ((ucontext_t*)context)->uc_mcontext.gregs;
  (void)signal;
  ++faults;
  faults_right += (char*)registers[REG_RIP] == expected_pc && (char*)info->si_addr == expected_address;
  registers[REG_RIP] = (greg_t)(uintptr_t)continue_at;
}

static void handle(int signal, void (*handler)(int, siginfo_t*, void*), int flags) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
  sigaction(signal, &action, NULL);
}

static long faulting(long count) {
  handle(SIGSEGV, on_fault, 0);
  handle(SIGFPE, on_fault, 0);
  handle(SIGILL, on_fault, 0);
  handle(SIGTRAP, on_fault, 0);
  for (long i = 0; i < count; ++i) {
    expected_pc = load_fault, expected_address = (char*)8, continue_at = after_load;
    fault_load((void*)8);
    expected_pc = expected_address = divide_fault, continue_at = after_divide;
    fault_divide(0);
    expected_pc = expected_address = illegal, continue_at = after_illegal;
    fault_illegal();
    expected_pc = continue_at = after_own_trap, expected_address = NULL;
    traps_itself();
  }
  return faults * 1000 + faults_right;
}

/* Onto a stack that may only be read. */
static long faulting_push(long count) {
  static char other_stack[65536];
  const stack_t alternate = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
  sigaltstack(&alternate, NULL);
  handle(SIGSEGV, on_fault, SA_ONSTACK);
  char* page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (long i = 0; i < count; ++i) {
    expected_pc = push_fault, expected_address = page + 56, continue_at = after_push;
    fault_push(page + 64);
  }
  return faults * 1000 + faults_right;
}

static volatile sig_atomic_t ticks;
static void on_tick(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)info, (void)context;
  ++ticks;
}
static void tick(long microseconds) {
  const struct itimerval often = {{0, microseconds}, {0, microseconds}};
  setitimer(ITIMER_REAL, &often, NULL);
}

/* Blocked reads under a timer, of which each is woken by a byte of another thread. */
static int ends[2];
static void* feed(void* count) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  for (long i = 0; i < (long)count; ++i) {
    const sig_atomic_t before = ticks;
    while (ticks < before + 3) usleep(500);
    if (write(ends[1], "x", 1) != 1) abort();
  }
  return NULL;
}
static long restarting(long count, int flags) {
  handle(SIGALRM, on_tick, flags);
  if (pipe(ends) != 0) return -1;
  pthread_t feeder;
  tick(2000);
  pthread_create(&feeder, NULL, feed, (void*)count);
  long got = 0;
  long interrupted = 0;
  while (got < count) {
    char byte;
    const long result = block_in(SYS_read, ends[0], (long)&byte, 1);
    if (result == 1) ++got;
    if (result == -EINTR) ++interrupted;
    if (result != 1 && result != -EINTR) return -1000 + result;
  }
  tick(0);
  pthread_join(feeder, NULL);
  return flags == 0 ? (interrupted > 0 ? got : -3) : (interrupted == 0 ? got : -4);
}
static long sleeping(long count) {
  handle(SIGALRM, on_tick, SA_RESTART);
  tick(2000);
  long wrong = 0;
  for (long i = 0; i < count; ++i) {
    struct timespec time = {0, 5000000};
    long result;
    while ((result = block_in(SYS_nanosleep, (long)&time, (long)&time, 0)) == -EINTR) {
    }
    wrong += result != 0;
  }
  tick(0);
  return wrong == 0 ? count : -wrong;
}

static long copying(long count, long size) {
  unsigned char* from = malloc((size_t)size);
  unsigned char* to = malloc((size_t)size);
  for (long i = 0; i < size; ++i) from[i] = (unsigned char)(i * 131 >> 3);
  handle(SIGALRM, on_tick, SA_RESTART);
  tick(300);
  for (long i = 0; i < count; ++i) {
    memset(to, 0, (size_t)size);
    copy(to, from, size);
    if (memcmp(to, from, (size_t)size) != 0) return -1;
  }
  tick(0);
  return count;
}

/* Copies again and again, in threads, until told otherwise by a byte of input. */
static volatile int stop_all;
static void* copy_often(void* size) {
  unsigned char* from = malloc((size_t)size);
  unsigned char* to = malloc((size_t)size);
  for (long i = 0; i < (long)size; ++i) from[i] = (unsigned char)(i * 131 >> 3);
  long wrong = 0;
  do {
    memset(to, 0, (size_t)size);
    copy(to, from, (long)size);
    wrong += memcmp(to, from, (size_t)size) != 0;
  } while (!stop_all);
  return (void*)wrong;
}
static long copying_often(long threads, long size) {
  pthread_t ids[16];
  for (long i = 0; i < threads; ++i) pthread_create(&ids[i], NULL, copy_often, (void*)size);
  char byte;
  say(threads);
  while (read(0, &byte, 1) == -1 && errno == EINTR) {
  }
  stop_all = 1;
  long wrong = 0;
  for (long i = 0; i < threads; ++i) {
    void* result = NULL;
    pthread_join(ids[i], &result);
    wrong += (long)result;
  }
  return wrong;
}

static void put_code(long value) {
  code[0] = 0xb8;
  memcpy(code + 1, &value, 4);
  code[5] = 0xc3;
}
static void map_code(void) {
  code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  put_code(1);
}
static long generating(long count) {
  long sum = 0;
  map_code();
  announce(1);
  for (long i = 0; i < count; ++i) {
    /* Only what the instruction is told, not its first byte. */
    const int value = (int)i;
    memcpy(code + 1, &value, 4);
    sum += ((Function)code)(0);
  }
  announce(2);
  put_code(5);
  sum += ((Function)code)(0);
  announce(3);
  munmap(code, 4096);
  code = mmap(code, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  put_code(7);
  sum += ((Function)code)(0);
  return sum;
}
/* The last bytes of a page, with nothing behind it. */
static long at_the_edge(long count) {
  unsigned char* pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 4096, 4096);
  code = pages + 4096 - 5;
  memcpy(code, "\x48\x8d\x47\x01\xc3", 5); /* lea 1(%rdi),%rax; ret */
  announce(1);
  long sum = 0;
  for (long i = 0; i < count; ++i) sum += ((Function)code)(i);
  return sum;
}

/* A child that shares our memory, but is no thread of ours, and outlives our image. */
static pid_t parent;
static volatile int child_runs;
static int child_body(void* count) {
  long left = (long)count;
  long wrong = 0;
  while (left > 0) {
    wrong += target(left) != 3 * left + 1;
    child_runs = 1;
    if (getppid() != parent) --left;
  }
  say(wrong);
  return 0;
}
static char child_stack[256 * 1024];
static long outlived(long count, int executes) {
  parent = getpid();
  clone(child_body, child_stack + sizeof child_stack, CLONE_VM | SIGCHLD, (void*)count);
  for (int i = 0; i < 50; ++i) target(i);
  while (!child_runs) sched_yield();
  if (executes) {
    /* Becomes nobody's parent: the child sees another one only when we are gone. */
    execlp("true", "true", (char*)NULL);
  }
  _exit(0);
}
static long vforking(long count) {
  volatile long sum = 0;
  for (volatile long i = 0; i < count; ++i) {
    const pid_t child = vfork();
    if (child == 0) {
      target(i);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    sum += target(i) + status;
  }
  return sum;
}
/* A child that shares the memory for as long as nothing comes in. */
static long waiting_in_vfork(void) {
  const pid_t child = vfork();
  if (child == 0) {
    char byte;
    announce(1);
    while (read(0, &byte, 1) == -1 && errno == EINTR) {
    }
    _exit(7);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}
static void* vfork_often(void* count) { return (void*)vforking((long)count); }
static long vforking_threads(long count) {
  pthread_t ids[4];
  long sum = 0;
  for (int i = 0; i < 4; ++i) pthread_create(&ids[i], NULL, vfork_often, (void*)count);
  for (int i = 0; i < 4; ++i) {
    void* result = NULL;
    pthread_join(ids[i], &result);
    sum += (long)result;
  }
  return sum;
}

/* Threads that hammer `target`, until told otherwise by a byte of input. */
static volatile long sums[64];
static void* hammer(void* index) {
  long i = 0;
  while (!stop_all) {
    if (target(i) != 3 * i + 1) sums[(long)index] = -1;
    ++i;
  }
  return NULL;
}
static long hammering(long threads) {
  pthread_t ids[64];
  for (long i = 0; i < threads; ++i) pthread_create(&ids[i], NULL, hammer, (void*)i);
  char byte;
  say(threads);
  while (read(0, &byte, 1) == -1 && errno == EINTR) {
  }
  stop_all = 1;
  long wrong = 0;
  for (long i = 0; i < threads; ++i) pthread_join(ids[i], NULL), wrong += sums[i];
  return wrong;
}

/* Of threads that hammer `target` the first one ends the process after so many calls. */
static void* hammer_and_exit(void* count) {
  for (long i = 0; i < (long)count; ++i) target(i);
  _exit(5);
}
static long exiting(long count, long threads) {
  pthread_t id;
  for (long i = 1; i < threads; ++i) pthread_create(&id, NULL, hammer, (void*)i);
  pthread_create(&id, NULL, hammer_and_exit, (void*)count);
  pthread_join(id, NULL);
  return -1;
}

/* Calls `target` some times for each line of input. */
static long answering(long count) {
  char byte;
  say(0);
  while (read(0, &byte, 1) == 1) {
    long wrong = 0;
    for (long i = 0; i < count; ++i) wrong += target(i) != 3 * i + 1;
    say(wrong);
  }
  return 0;
}

/* Threads that count what they do, under signals, while others are born and die. */
static void* call_often(void* count) {
  long sum = 0;
  for (long i = 0; i < (long)count; ++i) sum += target(i);
  return (void*)sum;
}
static void* short_lived(void* count) {
  for (long i = 0; i < (long)count; ++i) {
    pthread_t id;
    void* result = NULL;
    pthread_create(&id, NULL, call_often, (void*)2L);
    pthread_join(id, &result);
    if ((long)result != 5) abort();
  }
  return NULL;
}
static long crowded(long count, long threads) {
  pthread_t ids[65];
  handle(SIGALRM, on_tick, SA_RESTART);
  tick(1000);
  long sum = 0;
  pthread_create(&ids[threads], NULL, short_lived, (void*)(count / 10));
  for (long i = 0; i < threads; ++i) pthread_create(&ids[i], NULL, call_often, (void*)count);
  for (long i = 0; i <= threads; ++i) {
    void* result = NULL;
    pthread_join(ids[i], &result);
    sum += (long)result;
  }
  tick(0);
  return sum;
}

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "";
  const long count = argc > 2 ? atol(argv[2]) : 10;
  long result = -1;
  if (strcmp(mode, "faults") == 0) result = faulting(count);
  if (strcmp(mode, "push_fault") == 0) result = faulting_push(count);
  if (strcmp(mode, "read") == 0) result = restarting(count, 0);
  if (strcmp(mode, "read_restart") == 0) result = restarting(count, SA_RESTART);
  if (strcmp(mode, "nanosleep") == 0) result = sleeping(count);
  if (strcmp(mode, "copy") == 0) result = copying(count, argc > 3 ? atol(argv[3]) : 1 << 20);
  if (strcmp(mode, "copies") == 0) result = copying_often(count, argc > 3 ? atol(argv[3]) : 1 << 20);
  if (strcmp(mode, "answer") == 0) result = answering(count);
  if (strcmp(mode, "exit") == 0) result = exiting(count, argc > 3 ? atol(argv[3]) : 6);
  if (strcmp(mode, "code") == 0) result = generating(count);
  if (strcmp(mode, "edge") == 0) result = at_the_edge(count);
  if (strcmp(mode, "outlived") == 0) result = outlived(count, 0);
  if (strcmp(mode, "outlived_exec") == 0) result = outlived(count, 1);
  if (strcmp(mode, "vfork") == 0) result = vforking(count);
  if (strcmp(mode, "vfork_threads") == 0) result = vforking_threads(count);
  if (strcmp(mode, "vfork_wait") == 0) result = waiting_in_vfork();
  if (strcmp(mode, "hammer") == 0) result = hammering(count);
  if (strcmp(mode, "crowd") == 0) result = crowded(count, argc > 3 ? atol(argv[3]) : 16);
  done();
  say(result);
  return 0;
}
