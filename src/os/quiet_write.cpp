#include "os/quiet_write.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace trapline::os {

ssize_t write_quietly(int fd, std::string_view data) {
  sigset_t pipe;
  sigset_t before;
  sigset_t pending;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  sigpending(&pending);
  const ssize_t count = ::write(fd, data.data(), data.size());
  const int error = errno;
  if (count == -1 && error == EPIPE && sigismember(&pending, SIGPIPE) != 1) {
    const timespec at_once{};
    while (sigtimedwait(&pipe, nullptr, &at_once) == -1 && errno == EINTR) continue;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return count == -1 ? -error : count;
}

}  // namespace trapline::os
