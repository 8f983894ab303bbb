/* events syscall|push|endbr: raises one kind of event for ever. */
#include "tracee.h"

#if defined(__x86_64__)
int trapped_push(int value);
int trapped_endbr(int value);

/* An instruction of one byte, behind which a SIGTRAP that somebody sends looks like a hit, and one of four. */
__asm__(
    ".text\n"
    ".globl trapped_push\n.type trapped_push, @function\n"
    "trapped_push:\n"
    "push %rbp\n"
    "lea 1(%rdi), %eax\n"
    "pop %rbp\n"
    "ret\n"
    ".globl trapped_endbr\n.type trapped_endbr, @function\n"
    "trapped_endbr:\n"
    "endbr64\n"
    "lea 1(%rdi), %eax\n"
    "ret\n");
#else
__attribute__((noinline, noclone)) int trapped_push(int value) { return value + 1; }
__attribute__((noinline, noclone)) int trapped_endbr(int value) { return value + 1; }
#endif

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (strcmp(argv[1], "syscall") == 0) {
    for (;;) syscall(SYS_getppid, 1, 2, 3, 4, 5, 6);
  }
  int (*volatile const trapped)(int) = strcmp(argv[1], "endbr") == 0 ? trapped_endbr : trapped_push;
  for (volatile int value = 0;;) value = trapped(value);
}
