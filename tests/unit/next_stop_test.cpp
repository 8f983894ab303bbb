// How the tracer thread chooses whom to look for.
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "core/quick_look.hpp"
#include "core/turns.hpp"

namespace trapline::core {
namespace {

using namespace std::chrono_literals;

/// How many of so many times are worth a look, when each comes to that.
std::size_t looks(QuickLook& quick, std::size_t times, bool found, std::chrono::nanoseconds took) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < times; ++i) {
    if (!quick.worth_it()) continue;
    ++count;
    quick.note(found, took);
  }
  return count;
}

TEST(QuickLook, GoesOnWhileItFindsSomethingAtOnce) {
  QuickLook quick;
  EXPECT_EQ(looks(quick, 1000, true, 5us), 1000U);
}

TEST(QuickLook, IsRareWhereItFindsNothing) {
  QuickLook quick;
  EXPECT_LT(looks(quick, 1000, false, 1us), 10U);
  EXPECT_LE(looks(quick, 100'000, false, 1us), 100U) << "and no more than one in a thousand in the end";
  EXPECT_GE(looks(quick, 100'000, false, 1us), 50U) << "but is never given up";
}

TEST(QuickLook, IsRareWhereSomebodyElseHadTheCpu) {
  QuickLook quick;
  EXPECT_LT(looks(quick, 1000, true, 3ms), 10U);
}

TEST(QuickLook, RecoversByOneSuccess) {
  QuickLook quick;
  static_cast<void>(looks(quick, 10'000, false, 1us));
  while (!quick.worth_it()) {
  }
  quick.note(true, 5us);
  EXPECT_EQ(looks(quick, 1000, true, 5us), 1000U);
}

TEST(QuickLook, LeavesACrowdAlone) {
  QuickLook quick;
  quick.set_crowded(true);
  EXPECT_EQ(looks(quick, 1000, true, 5us), 0U);
  quick.set_crowded(false);
  EXPECT_EQ(looks(quick, 1000, true, 5us), 1000U);
}

TEST(Turns, ComeRoundAfterSomeEventsForEachThread) {
  Turns turns;
  EXPECT_FALSE(turns.due(64));
  std::size_t events = 0;
  for (; !turns.due(64); ++events) turns.count_event();
  EXPECT_GE(events, 64U);
  EXPECT_LE(events, 64U * 8);
  EXPECT_FALSE(turns.due(64)) << "the next round begins anew";
}

TEST(Turns, AreNoneForOneThread) {
  Turns turns;
  for (int i = 0; i < 10'000; ++i) turns.count_event();
  EXPECT_FALSE(turns.due(1));
}

TEST(Turns, EachIsAskedForOnce) {
  Turns turns;
  for (pid_t tid = 1; tid <= 10; ++tid) turns.add(tid);
  std::set<pid_t> asked;
  while (const auto tid = turns.next()) EXPECT_TRUE(asked.insert(*tid).second);
  EXPECT_EQ(asked.size(), 10U);
}

TEST(Turns, NoRoundBeginsInTheMiddleOfOne) {
  Turns turns;
  turns.add(1);
  for (int i = 0; i < 10'000; ++i) turns.count_event();
  EXPECT_FALSE(turns.due(2));
  EXPECT_EQ(turns.next(), 1);
  EXPECT_TRUE(turns.due(2));
}

}  // namespace
}  // namespace trapline::core
