/* storm N ROUNDS: as `threads`, while a timer fires SIGALRM (with SA_RESTART) at the whole process every 200 us. */
#include <pthread.h>
#include <sched.h>
#include <sys/time.h>

#include "tracee.h"

static int rounds;
static volatile sig_atomic_t came;

static void on_alarm(int number) {
  (void)number;
  came = 1;
  syscall(SYS_getuid);
}

static void* work(void* argument) {
  (void)argument;
  long wrong = 0;
  pid_t parent = getppid();
  int ends[2];
  if (pipe(ends) != 0) return (void*)1;
  for (int i = 0; i < rounds; ++i) {
    char byte = (char)i;
    wrong += syscall(SYS_getppid) != parent;
    wrong += write(ends[1], &byte, 1) != 1;
    wrong += read(ends[0], &byte, 1) != 1 || byte != (char)i;
    wrong += syscall(SYS_sched_yield) != 0;
  }
  return (void*)wrong;
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  struct sigaction action = {0};
  action.sa_handler = on_alarm;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, NULL);
  struct itimerval period = {{0, 200}, {0, 200}};
  int count = atoi(argv[1]);
  rounds = atoi(argv[2]);
  pthread_t threads[64];
  setitimer(ITIMER_REAL, &period, NULL);
  for (int i = 0; i < count; ++i) pthread_create(&threads[i], NULL, work, NULL);
  long wrong = 0;
  for (int i = 0; i < count; ++i) {
    void* result;
    pthread_join(threads[i], &result);
    wrong += (long)result;
  }
  return wrong != 0;
}
