/* gate AGE...: tells for each age whether it may pass. */
#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) int may_pass(int age) {
  __asm__ volatile("" ::: "memory");
  return age >= 18;
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) printf("%s: %s\n", argv[i], may_pass(atoi(argv[i])) ? "come in" : "too young");
  return 0;
}
