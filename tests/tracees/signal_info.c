/* Announces 1, then waits until its handler of SIGUSR1 has run, announces 2 and prints the siginfo's code and value. */
#include "tracee.h"

static volatile sig_atomic_t code, value, came;

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)number;
  (void)context;
  code = info->si_code;
  value = info->si_value.sival_int;
  came = came + 1;
}

int main(void) {
  struct sigaction action = {0};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGUSR1, &action, NULL);
  sigset_t blocked, none;
  sigemptyset(&none);
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  sigprocmask(SIG_SETMASK, &none, NULL);
  announce(1);
  while (!came) sigsuspend(&blocked);
  announce(2);
  say(code);
  say(value);
  say(came);
  return 0;
}
