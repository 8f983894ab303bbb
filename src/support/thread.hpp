#pragma once

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

namespace trapline::support {

/// Starts a thread of the library with every signal blocked, so that the host's handlers never run on it.
template <class F>
[[nodiscard]] std::thread start_thread(F&& function) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  struct Restore {
    sigset_t mask;
    ~Restore() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } restore{before};
  return std::thread(std::forward<F>(function));
}

}  // namespace trapline::support
