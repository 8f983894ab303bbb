/* frames WAY: announces 1 deep inside known functions; each WAY is another kind of stack. */
#include "tracee.h"

#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#define FUNCTION __attribute__((noinline, noclone))

/* What is done with it after a call keeps the call from becoming a jump. */
volatile long sink;

FUNCTION void inner(void) {
  announce(1);
  sink = 1;
}

FUNCTION long middle(long value) {
  /* A frame of its own size, so that the stack pointer alone leads nowhere. */
  volatile char room[200];
  room[value & 15] = (char)value;
  inner();
  return room[value & 15];
}

FUNCTION long outer(long value) {
  sink = middle(value) + 1;
  return sink;
}

FUNCTION __attribute__((noreturn)) void never_return(void) {
  inner();
  _exit(0);
}

/* Its call is its last instruction, behind which another function begins. */
FUNCTION void end_in_a_call(void) { never_return(); }
FUNCTION void follow(void) { sink = 6; }

FUNCTION long recurse(long depth) {
  if (depth == 0) {
    inner();
    return 0;
  }
  sink = recurse(depth - 1);
  return sink + 1;
}

FUNCTION int compare(const void* a, const void* b) {
  if (sink == 0) inner();
  return *(const int*)a - *(const int*)b;
}

FUNCTION void sort(void) {
  int numbers[] = {3, 1, 2};
  qsort(numbers, 3, sizeof numbers[0], compare);
  sink = numbers[0];
}

FUNCTION void handler(int number) {
  inner();
  if (number == SIGILL) _exit(0);
  sink = number;
}

/* Its first instruction is its last. */
__attribute__((naked)) void fault_at_once(void) { __asm__("ud2"); }
FUNCTION void call_faulting(void) {
  fault_at_once();
  sink = 7;
}

FUNCTION void interrupted(void) {
  raise(SIGUSR1);
  sink = 2;
}

FUNCTION void handle(int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  if (sigaction(SIGUSR1, &action, NULL) != 0 || sigaction(SIGILL, &action, NULL) != 0) _exit(99);
}

FUNCTION void* in_thread(void* argument) {
  outer(1);
  return argument;
}

FUNCTION void other_thread(void) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, in_thread, NULL) != 0) _exit(99);
  pthread_join(thread, NULL);
}

/* Copies code to where no file tells anything about it. */
FUNCTION void* generate(const unsigned char* code, size_t size) {
  void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) _exit(99);
  memcpy(page, code, size);
  return page;
}

/* push %rbp; mov %rsp,%rbp; sub $32,%rsp; call *%rdi; leave; ret */
const unsigned char framed_code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0xff, 0xd7, 0xc9, 0xc3};
/* mov $121,%eax (getpgid); mov $0x7e570001,%edi; syscall; nop; ret */
const unsigned char leaf_code[] = {0xb8, 121, 0, 0, 0, 0xbf, 1, 0, 0x57, 0x7e, 0x0f, 0x05, 0x90, 0xc3};

FUNCTION void call_framed(void) {
  void (*code)(void (*)(void)) = (void (*)(void (*)(void)))generate(framed_code, sizeof framed_code);
  code(inner);
  sink = 3;
}

FUNCTION void call_leaf(void) {
  void (*code)(void) = (void (*)(void))generate(leaf_code, sizeof leaf_code);
  code();
  sink = 4;
}

void (*volatile bad_pointer)(void);

FUNCTION void call_bad_pointer(void) {
  announce(1);
  bad_pointer();
  sink = 5;
}

FUNCTION void smash(void) {
  /* What an overflow leaves behind: neither a frame pointer nor a return address. */
  void** frame = (void**)__builtin_frame_address(0);
  frame[0] = (void*)0x4141414141414141;
  frame[1] = (void*)0x4242424242424242;
  announce(1);
  _exit(0);
}

FUNCTION void loop_back(void) {
  /* A frame that is its own caller. */
  void** frame = (void**)__builtin_frame_address(0);
  frame[0] = frame;
  announce(1);
  _exit(0);
}

FUNCTION void tell_time(void) {
  struct timespec now;
  announce(1);
  clock_gettime(CLOCK_MONOTONIC, &now);
  sink = now.tv_sec;
  announce(2);
}

/* The way of the test that steps: library calls through their PLT, indirect calls, leaves. */
FUNCTION long leaf(long value) { return value * 3; }
long (*volatile pointer_to_leaf)(long) = leaf;

FUNCTION void many_calls(void) {
  char text[32];
  announce(1);
  sink = leaf(2) + pointer_to_leaf(3);
  snprintf(text, sizeof text, "%ld", sink);
  sink = atoi(text);
  outer(1);
  sort();
  announce(3);
}

int main(int argc, char** argv) {
  const char* way = argc > 1 ? argv[1] : "nested";
  static char stack[65536];
  const stack_t other_stack = {.ss_sp = stack, .ss_size = sizeof stack};
  sink = 0;
  if (strcmp(way, "nested") == 0) outer(1);
  if (strcmp(way, "recursion") == 0) recurse(argc > 2 ? atoi(argv[2]) : 50);
  if (strcmp(way, "last_call") == 0) end_in_a_call(), follow();
  if (strcmp(way, "sort") == 0) sort();
  if (strcmp(way, "signal") == 0) handle(0), interrupted();
  if (strcmp(way, "fault") == 0) handle(0), call_faulting();
  if (strcmp(way, "sigaltstack") == 0) sigaltstack(&other_stack, NULL), handle(SA_ONSTACK), interrupted();
  if (strcmp(way, "thread") == 0) other_thread();
  if (strcmp(way, "framed_code") == 0) call_framed();
  if (strcmp(way, "leaf_code") == 0) call_leaf();
  if (strcmp(way, "bad_pointer") == 0) call_bad_pointer();
  if (strcmp(way, "smash") == 0) smash();
  if (strcmp(way, "loop_back") == 0) loop_back();
  if (strcmp(way, "time") == 0) tell_time();
  if (strcmp(way, "many_calls") == 0) many_calls();
  return 0;
}
