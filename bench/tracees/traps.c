// Calls trapped_push or trapped_endbr for ever, as argv[1] says; after every argv[2] calls comes a call of batch_end.
#include <stdlib.h>
#include <string.h>

int trapped_push(int value);
int trapped_endbr(int value);
void batch_end(void);

// `push_slot` does what the trapped instruction does, away from it.
__asm__(
    ".text\n"
    ".macro function name\n"
    ".globl \\name\n.type \\name, @function\n"
    "\\name:\n"
    ".endm\n"
    ".p2align 6\n"
    "function trapped_push\n"
    "push %rbp\n"
    "push_rest: mov %rsp, %rbp\n"
    "lea 1(%rdi), %eax\n"
    "pop %rbp\n"
    "ret\n"
    ".p2align 6\n"
    "function push_slot\n"
    "push %rbp\n"
    "jmp push_rest\n"
    ".p2align 6\n"
    "function trapped_endbr\n"
    "endbr64\n"
    "function endbr_rest\n"
    "push %rbp\n"
    "mov %rsp, %rbp\n"
    "lea 1(%rdi), %eax\n"
    "pop %rbp\n"
    "ret\n"
    ".p2align 6\n"
    "function batch_end\n"
    "endbr64\n"
    "function batch_end_rest\n"
    "ret\n"
    // Ten thousand functions to place traps on, 16 bytes each.
    ".p2align 6\n"
    "function many\n"
    ".rept 10000\n"
    ".p2align 4\n"
    "push %rbp\n"
    "mov %rsp, %rbp\n"
    "lea 1(%rdi), %eax\n"
    "pop %rbp\n"
    "ret\n"
    ".endr\n");

volatile long watched;

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  int (*volatile const trapped)(int) = strcmp(argv[1], "endbr") == 0 ? trapped_endbr : trapped_push;
  const long batch = strtol(argv[2], NULL, 10);
  for (volatile int value = 0;;) {
    for (long left = batch; left > 0; --left) {
      value = trapped(value);
      watched = left;
    }
    batch_end();
  }
}
