/* crasher: reads an answer through a null pointer and prints it. */
#include <stdio.h>

int answer = 42;

int main(void) {
  int value;
  __asm__ volatile("xorl %%eax, %%eax\n\tmovl (%%rax), %0" : "=r"(value) : : "rax", "memory");
  printf("the answer is %d\n", value);
  return 0;
}
