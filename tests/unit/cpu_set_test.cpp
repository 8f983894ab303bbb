#include "support/cpu_set.hpp"

#include <gtest/gtest.h>

namespace trapline::support {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

TEST(CpuSet, is_what_the_kernel_fills_a_buffer_with) {
  const CpuSet set(bytes({0x05, 0x80, 0, 0}));
  EXPECT_EQ(set.cpus(), (std::vector{0, 2, 15}));
  EXPECT_TRUE(set.contains(15));
  EXPECT_FALSE(set.contains(1));
  EXPECT_FALSE(set.contains(16));
  EXPECT_FALSE(set.contains(-1));
  EXPECT_EQ(set.bits().size(), 2U) << "what the kernel need not be told";
}

TEST(CpuSet, does_not_depend_on_the_size_of_that_buffer) {
  EXPECT_EQ(CpuSet(bytes({3})), CpuSet(bytes({3, 0, 0, 0, 0, 0, 0, 0})));
  EXPECT_EQ(CpuSet(bytes({3})), (CpuSet{0, 1}));
  EXPECT_NE((CpuSet{0}), (CpuSet{8}));
  EXPECT_TRUE(CpuSet(bytes({0, 0})).empty());
  EXPECT_TRUE(CpuSet().empty());
}

TEST(CpuSet, fills_a_buffer_of_any_size) {
  EXPECT_EQ((CpuSet{0, 9}).image(8), bytes({1, 2, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ((CpuSet{0, 9}).image(1), bytes({1}));
  EXPECT_EQ(CpuSet().image(4), bytes({0, 0, 0, 0}));
}

TEST(CpuSet, intersects_sets_of_different_lengths) {
  EXPECT_EQ((CpuSet{0, 3, 70} & CpuSet{3, 4}), CpuSet{3});
  EXPECT_EQ((CpuSet{1} & CpuSet{2}), CpuSet());
  EXPECT_EQ((CpuSet{5, 4097} & CpuSet::all()), (CpuSet{5, 4097}));
  EXPECT_EQ((CpuSet::all() & CpuSet{8191}), CpuSet{8191});
}

TEST(CpuSet, is_written_as_taskset_does) {
  EXPECT_EQ((CpuSet{0}).text(), "0");
  EXPECT_EQ((CpuSet{0, 1}).text(), "0-1");
  EXPECT_EQ((CpuSet{0, 1, 2, 3, 7, 9, 10}).text(), "0-3,7,9-10");
  EXPECT_EQ(CpuSet().text(), "none");
  EXPECT_EQ(CpuSet::all().text(), "0-8191");
}

}  // namespace
}  // namespace trapline::support
