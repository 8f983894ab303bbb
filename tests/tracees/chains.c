/* Pointers that lead to text, to code, in a circle and nowhere; announces when all is in place. */
#include "tracee.h"

/* In writable memory, so that nothing executable is near. */
char text[] = "the end of the chain";
char* to_text = text;
char** chain = &to_text;
struct node {
  struct node* next;
  int value;
};
struct node nodes[3] = {{&nodes[1], 1}, {&nodes[2], 2}, {&nodes[1], 3}};
int function(int number) { return number + 1; }
int (*to_function)(int) = function;
uintptr_t nowhere = 4711;
uint16_t numbers[] = {1, 2, 0xfffe};
/* A pointer that is not where pointers are. */
char unaligned[24];
/* Memory of its own, in which words point to `text`. */
char** heap;

int main(void) {
  char* address = text + 4;
  memcpy(unaligned + 3, &address, sizeof address);
  heap = malloc(64 * sizeof *heap);
  for (int i = 0; i < 64; ++i) heap[i] = i % 16 == 5 ? text + i / 16 : NULL;
  announce(1);
  return function((int)nowhere) == 4712 ? 0 : 1;
}
