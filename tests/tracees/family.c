// Has children of the kind that is named, one after the other. Each announces 1 with its kind's number and exits with
// 10 plus that number; the parent prints the status that it gets, announces 2, and exits with 5. `-relay`: what comes
// in goes through a child and a grandchild and is printed.
#define _GNU_SOURCE
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tracee.h"

extern char** environ;

__attribute__((noinline)) int child_body(int number) {
  announce(1);
  return 10 + number;
}

__attribute__((noinline)) void reap(pid_t child) {
  int status = 0;
  if (child < 0) {
    say(-errno);
    return;
  }
  if (waitpid(child, &status, __WALL) != child) _exit(99);
  say(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

static int clone_body(void* unused) {
  (void)unused;
  _exit(child_body(2));
}

static void by_clone(int flags) {
  const size_t size = 64 * 1024;
  char* stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) _exit(98);
  reap(clone(clone_body, stack + size, flags, NULL));
}

static void one_child(const char* kind, char** argv) {
  if (strcmp(kind, "fork") == 0) {
    const pid_t child = fork();
    if (child == 0) _exit(child_body(0));
    reap(child);
  } else if (strcmp(kind, "vfork") == 0) {
    const pid_t child = vfork();
    if (child == 0) _exit(child_body(1));
    reap(child);
  } else if (strcmp(kind, "clone") == 0) {
    by_clone(SIGCHLD);
  } else if (strcmp(kind, "clone_silent") == 0) {
    // Without an exit signal it is reported as a clone, like a thread.
    by_clone(0);
  } else if (strcmp(kind, "clone_vm") == 0) {
    by_clone(CLONE_VM | SIGCHLD);
  } else if (strcmp(kind, "clone_files") == 0) {
    by_clone(CLONE_FILES | CLONE_FS | SIGCHLD);
  } else if (strcmp(kind, "clone_pidns") == 0) {
    by_clone(CLONE_NEWUSER | CLONE_NEWPID | SIGCHLD);
  } else if (strcmp(kind, "clone3") == 0) {
    struct clone_args args = {.exit_signal = SIGCHLD};
    const pid_t child = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (child == 0) _exit(child_body(3));
    reap(child);
  } else if (strcmp(kind, "spawn") == 0) {
    pid_t child = -1;
    char* args[] = {argv[0], "-child", "4", NULL};
    if (posix_spawn(&child, "/proc/self/exe", NULL, NULL, args, environ) != 0) _exit(97);
    reap(child);
  } else if (strcmp(kind, "system") == 0) {
    const int status = system("exit 15");
    say(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  } else if (strcmp(kind, "daemon") == 0) {
    // A double fork: the grandchild outlives its parent, in a session of its own, and tells its end through a pipe.
    int ends[2];
    if (pipe(ends) != 0) _exit(96);
    const pid_t child = fork();
    if (child == 0) {
      setsid();
      if (fork() != 0) _exit(child_body(6));
      close(ends[0]);
      _exit(child_body(7));
    }
    reap(child);
    close(ends[1]);
    char unused = 0;
    while (read(ends[0], &unused, 1) > 0) {
    }
    close(ends[0]);
  } else {
    _exit(94);
  }
}

static void pass_on(int from, int to) {
  char byte;
  while (read(from, &byte, 1) == 1) {
    if (write(to, &byte, 1) != 1) _exit(98);
  }
  _exit(0);
}

static int relay(void) {
  int there[2];
  int on[2];
  int back[2];
  if (pipe(there) != 0 || pipe(on) != 0 || pipe(back) != 0) return 98;
  if (fork() == 0) {
    close(there[1]);
    close(back[0]);
    if (fork() == 0) {
      close(there[0]);
      close(on[1]);
      pass_on(on[0], back[1]);
    }
    close(on[0]);
    close(back[1]);
    pass_on(there[0], on[1]);
  }
  close(there[0]);
  close(on[0]);
  close(on[1]);
  close(back[1]);
  char byte = '0';
  do {
    if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1) return 98;
    say(byte - '0');
  } while (read(0, &byte, 1) == 1);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "-child") == 0) return child_body(atoi(argv[2]));
  if (argc == 2 && strcmp(argv[1], "-relay") == 0) return relay();
  for (int i = 1; i < argc; ++i) one_child(argv[i], argv);
  announce(2);
  return 5;
}
