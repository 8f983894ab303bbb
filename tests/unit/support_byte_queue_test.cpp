#include "support/byte_queue.hpp"

#include <gtest/gtest.h>

namespace trapline::support {
namespace {

TEST(ByteQueue, GivesBytesInTheirOrder) {
  ByteQueue queue;
  std::string put;
  std::string taken;
  for (std::size_t i = 0; i < 1000; ++i) {
    const std::string piece(i % 37, static_cast<char>('a' + i % 26));
    queue.append(piece);
    put += piece;
    taken += queue.take(i % 29);
  }
  taken += queue.take(put.size());
  EXPECT_EQ(taken, put);
  EXPECT_TRUE(queue.empty());
}

TEST(ByteQueue, TakesAtMostWhatIsThere) {
  ByteQueue queue;
  queue.append("abc");
  EXPECT_EQ(queue.take(10), "abc");
  EXPECT_EQ(queue.take(10), "");
}

TEST(ByteQueue, PutsBackInFront) {
  ByteQueue queue;
  queue.append("abcdef");
  EXPECT_EQ(queue.take(2), "ab");
  queue.put_back("b");
  EXPECT_EQ(queue.view(), "bcdef");
  queue.append("g");
  EXPECT_EQ(queue.take(10), "bcdefg");
}

TEST(ByteQueue, SmallTakingsOfMuchAreCheap) {
  ByteQueue queue;
  // Moving the rest each time would move terabytes here.
  queue.append(std::string(32 << 20, 'x'));
  std::size_t count = 0;
  while (!queue.empty()) count += queue.take(10).size();
  EXPECT_EQ(count, std::size_t{32} << 20);
}

}  // namespace
}  // namespace trapline::support
