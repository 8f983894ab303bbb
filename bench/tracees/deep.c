// Traps itself 16 calls below main, which are 20 frames with those around it.

// Keeps the recursion from becoming a loop.
static volatile long sink;

__attribute__((noinline)) static long deep(long depth) {
  if (depth == 0) {
    __asm__ volatile("int3");
    return 1;
  }
  sink = deep(depth - 1);
  return sink * 3;
}

int main(void) { return (int)deep(15); }
