#include "support/fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace trapline::support {
namespace {

bool open_now(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

TEST(Fd, ClosesOnceAndKeepsErrno) {
  const int number = ::open("/dev/null", O_RDONLY);
  {
    const Fd fd(number);
    EXPECT_TRUE(fd.valid());
    errno = 4711;
  }
  EXPECT_EQ(errno, 4711);
  EXPECT_FALSE(open_now(number));
}

TEST(Fd, MovesAndReleases) {
  Fd first(::open("/dev/null", O_RDONLY));
  const int number = first.get();
  Fd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  Fd& same = second;
  second = std::move(same);
  EXPECT_TRUE(open_now(number));
  EXPECT_EQ(second.release(), number);
  EXPECT_FALSE(second.valid());
  EXPECT_TRUE(open_now(number));
  ::close(number);
}

TEST(MakePipe, CarriesBytesAndIsClosedAtExec) {
  Pipe pipe = make_pipe();
  EXPECT_EQ(::fcntl(pipe.read_end.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(pipe.write_end.get(), F_GETFD), FD_CLOEXEC);
  char received = 0;
  EXPECT_EQ(::write(pipe.write_end.get(), "x", 1), 1);
  EXPECT_EQ(::read(pipe.read_end.get(), &received, 1), 1);
  EXPECT_EQ(received, 'x');
}

}  // namespace
}  // namespace trapline::support
