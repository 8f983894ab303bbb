#include "os/affinity.hpp"

#include <gtest/gtest.h>

#include <thread>

#include <trapline/error.hpp>

namespace trapline::os {
namespace {

using support::CpuSet;

constexpr int no_such_cpu = 8000;

class Affinity : public ::testing::Test {
 protected:
  void SetUp() override {
    if (own_.cpus().size() < 2) GTEST_SKIP() << "this process may use one CPU only";
  }
  void TearDown() override { set_affinity(0, own_); }

  const CpuSet own_ = affinity(0);
};

TEST_F(Affinity, a_claim_binds_the_thread_and_gives_its_cpus_back) {
  {
    const CpuClaim claim(own_);
    EXPECT_EQ(affinity(0), CpuSet{claim.cpu()});
    EXPECT_TRUE(own_.contains(claim.cpu()));
  }
  EXPECT_EQ(affinity(0), own_);
}

TEST_F(Affinity, claims_of_several_threads_avoid_each_other) {
  const CpuClaim claim(own_);
  int other = -1;
  std::thread([&] {
    set_affinity(0, own_);
    other = CpuClaim(own_).cpu();
  }).join();
  EXPECT_NE(other, claim.cpu());
}

TEST_F(Affinity, a_claim_that_nothing_can_satisfy_says_so_and_changes_nothing) {
  try {
    const CpuClaim claim(CpuSet{no_such_cpu});
    FAIL() << claim.cpu();
  } catch (const OsError& error) {
    EXPECT_EQ(error.code(), std::errc::invalid_argument);
    EXPECT_NE(std::string(error.what()).find("8000"), std::string::npos) << error.what();
  }
  EXPECT_EQ(affinity(0), own_);
}

TEST_F(Affinity, a_cpu_that_is_gone_is_passed_over) {
  const int last = own_.cpus().back();
  const CpuClaim claim(CpuSet{last, no_such_cpu});
  EXPECT_EQ(claim.cpu(), last);
}

TEST_F(Affinity, what_somebody_else_has_set_meanwhile_stays) {
  const CpuSet chosen{own_.cpus().back()};
  set_affinity(0, chosen);
  restore_affinity(0, CpuSet{own_.cpus().front()}, own_);
  EXPECT_EQ(affinity(0), chosen);
}

TEST_F(Affinity, a_thread_that_is_gone_is_told_of) {
  EXPECT_THROW(static_cast<void>(affinity(1 << 30)), ProcessGone);
  EXPECT_THROW(set_affinity(1 << 30, own_), ProcessGone);
  EXPECT_THROW(set_affinity(0, CpuSet()), OsError);
  restore_affinity(1 << 30, own_, own_);
}

}  // namespace
}  // namespace trapline::os
