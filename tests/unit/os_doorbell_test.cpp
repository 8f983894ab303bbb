#include "os/doorbell.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace trapline::os {
namespace {

TEST(Doorbell, RungAtItsBirthDiesWithItsHost) {
  for (int round = 0; round < 100; ++round) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t host = ::fork();
    if (host == 0) {
      ::close(ends[0]);
      Doorbell bell;
      bell.ring();
      ::kill(::getpid(), SIGKILL);
    }
    ::close(ends[1]);
    // The end of the pipe, which the task has open with its host.
    pollfd end{.fd = ends[0], .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&end, 1, 20'000), 1) << "the task outlives its host, in round " << round;
    ::close(ends[0]);
    ASSERT_EQ(::waitpid(host, nullptr, 0), host);
  }
}

}  // namespace
}  // namespace trapline::os
