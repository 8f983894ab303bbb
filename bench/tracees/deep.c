// Traps itself 16 calls below main, which are 20 frames with those around it.
__attribute__((noinline)) static long deep(long depth) {
  if (depth == 0) {
    __asm__ volatile("int3");
    return 1;
  }
  return deep(depth - 1) * 3;
}

int main(void) { return (int)deep(15); }
