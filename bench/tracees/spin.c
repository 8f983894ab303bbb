// The least that can be executed: no libc, no loader, and a loop without syscalls.
void _start(void);
void _start(void) {
  volatile unsigned long count = 0;
  for (;;) ++count;
}
