/* show WHAT...: prints one line for each fact about its own process. */
#include <dirent.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tracee.h"

static void show_args(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) printf("%s|", argv[i]);
}

static void show_descriptors(void) {
  DIR* directory = opendir("/proc/self/fd");
  int own = dirfd(directory);
  for (struct dirent* entry; (entry = readdir(directory));) {
    if (entry->d_name[0] != '.' && atoi(entry->d_name) != own) printf("%s ", entry->d_name);
  }
  closedir(directory);
}

static void show_signals(void) {
  sigset_t blocked;
  sigprocmask(SIG_SETMASK, NULL, &blocked);
  for (int i = 1; i < 65; ++i) {
    if (sigismember(&blocked, i) == 1) printf("blocked:%d ", i);
    struct sigaction action;
    if (i != SIGKILL && i != SIGSTOP && sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
      printf("ignored:%d ", i);
    }
  }
}

static void show(const char* what, int argc, char** argv) {
  char text[4096] = "";
  struct rlimit limit;
  mode_t mask;
  if (!strcmp(what, "args")) {
    show_args(argc, argv);
  } else if (!strncmp(what, "env:", 4)) {
    const char* value = getenv(what + 4);
    printf("%s", value ? value : "(unset)");
  } else if (!strcmp(what, "cwd")) {
    printf("%s", getcwd(text, sizeof text));
  } else if (!strcmp(what, "ids")) {
    printf("%d %d %d %d groups:%d", (int)getuid(), (int)geteuid(), (int)getgid(), (int)getegid(), getgroups(0, NULL));
  } else if (!strcmp(what, "nofile")) {
    getrlimit(RLIMIT_NOFILE, &limit);
    printf("%ld %ld", (long)limit.rlim_cur, (long)limit.rlim_max);
  } else if (!strcmp(what, "aslr")) {
    printf("%d", (personality(0xffffffff) & ADDR_NO_RANDOMIZE) == 0);
  } else if (!strcmp(what, "umask")) {
    mask = umask(0);
    printf("%03o", (unsigned)mask);
  } else if (!strcmp(what, "descriptors")) {
    show_descriptors();
  } else if (!strcmp(what, "signals")) {
    show_signals();
  } else if (!strcmp(what, "nice")) {
    printf("%d", getpriority(PRIO_PROCESS, 0));
  }
  printf("\n");
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) show(argv[i], argc, argv);
  return 0;
}
