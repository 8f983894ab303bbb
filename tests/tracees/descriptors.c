/* Opens one descriptor of each kind, at numbers from 20 on, and announces. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include "tracee.h"

static void at(int number, int fd) {
  if (fd == -1 || dup3(fd, number, O_CLOEXEC) == -1) _exit(number);
  close(fd);
}

static int open_and_remove(const char* directory, const char* name, int keep) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  int fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
  if (fd == -1 || write(fd, "twelve bytes", 12) != 12) _exit(80);
  if (!keep) unlink(path);
  return fd;
}

static int bound(int family, int type, int port_of) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  int fd = socket(family, type, 0);
  if (fd == -1) return -1;
  int failed =
      family == AF_INET ? bind(fd, (struct sockaddr*)&in, sizeof in) : bind(fd, (struct sockaddr*)&in6, sizeof in6);
  if (failed) return -1;
  if (port_of) listen(fd, 1);
  return fd;
}

static void* wait_for_ever(void* unused) {
  (void)unused;
  prctl(PR_SET_NAME, ") R (odd\nname");
  announce(2);
  char byte;
  while (read(20, &byte, 1) == -1) {
  }
  return NULL;
}

int main(int argc, char** argv) {
  if (argc < 2) return 81;
  int ends[2];
  if (pipe(ends) != 0) return 82;
  at(20, ends[0]);
  at(21, ends[1]);
  at(22, open_and_remove(argv[1], "kept (deleted)", 1));
  at(23, open_and_remove(argv[1], "gone with\na break", 0));
  at(24, memfd_create("a memory file", 0));
  at(25, eventfd(7, 0));
  at(26, timerfd_create(CLOCK_MONOTONIC, 0));
  at(27, inotify_init());
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  at(28, signalfd(-1, &set, 0));
  at(29, epoll_create1(0));
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(29, EPOLL_CTL_ADD, 25, &event);
  at(30, open("/dev/null", O_WRONLY));
  at(31, open(argv[1], O_RDONLY | O_DIRECTORY));
  at(32, open("/proc/self/ns/mnt", O_RDONLY));
  at(33, bound(AF_INET, SOCK_STREAM, 1));
  struct sockaddr_in server;
  socklen_t size = sizeof server;
  getsockname(33, (struct sockaddr*)&server, &size);
  at(34, socket(AF_INET, SOCK_STREAM, 0));
  /* Where the loopback is down it does not. */
  if (connect(34, (struct sockaddr*)&server, sizeof server) == 0) at(35, accept(33, NULL, NULL));
  at(36, bound(AF_INET, SOCK_DGRAM, 0));
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) return 84;
  at(37, pair[0]);
  at(38, pair[1]);
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  int length = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "trapline test %d", getpid());
  at(39, socket(AF_UNIX, SOCK_STREAM, 0));
  bind(39, (struct sockaddr*)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length));
  listen(39, 1);
  int six = bound(AF_INET6, SOCK_STREAM, 1);
  if (six != -1) at(40, six);
  pthread_t thread;
  pthread_create(&thread, NULL, wait_for_ever, NULL);
  announce(1);
  if (argc > 2 && strcmp(argv[2], "leave") == 0) pthread_exit(NULL);
  pthread_join(thread, NULL);
  return 0;
}
