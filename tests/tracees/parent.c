/* Announces 1; then reaps the child that it may have got by a syscall it did not make, and prints what waitpid said:
 * the raw result's sign and the exit status. */
#include <sys/wait.h>

#include "tracee.h"

volatile int is_child;

int main(void) {
  announce(1);
  int status = -1;
  pid_t child = waitpid(-1, &status, __WALL);
  say(child > 0 ? 1 : raw(child));
  say(status);
  announce(2);
  return 0;
}
