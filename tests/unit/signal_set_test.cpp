#include <gtest/gtest.h>

#include <csignal>

#include <trapline/error.hpp>

#include "core/signal_catchers.hpp"

namespace trapline::core {
namespace {

constexpr SignalMask everything = ~SignalMask{0};

TEST(SignalSets, NumbersNamesAndLists) {
  EXPECT_EQ(resolve_signals(SIGUSR1).mask, mask_of(SIGUSR1));
  EXPECT_EQ(resolve_signals("SIGUSR1").mask, mask_of(SIGUSR1));
  EXPECT_EQ(resolve_signals("usr1").mask, mask_of(SIGUSR1));
  EXPECT_EQ(resolve_signals("SIGRTMIN+3").mask, mask_of(37));
  EXPECT_EQ(resolve_signals("64").mask, mask_of(64));
  EXPECT_EQ(resolve_signals({SIGINT, "SIGTERM", "SIGINT"}).mask, mask_of(SIGINT) | mask_of(SIGTERM));
  EXPECT_EQ(resolve_signals({}).mask, 0U);
}

TEST(SignalSets, AllIsAllButSigkill) {
  for (const char* name : {"all", "ALL", "*"}) {
    EXPECT_EQ(resolve_signals(name).mask, everything & ~mask_of(SIGKILL));
    EXPECT_TRUE(resolve_signals(name).all);
  }
}

TEST(SignalSets, ExclusionsAreTakenOut) {
  EXPECT_EQ(resolve_signals("!SIGCHLD").mask, everything & ~mask_of(SIGKILL) & ~mask_of(SIGCHLD));
  EXPECT_FALSE(resolve_signals("!SIGCHLD").all);
  EXPECT_EQ(resolve_signals({"all", "!SIGCHLD", "!SIGKILL"}).mask, resolve_signals("!SIGCHLD").mask);
  EXPECT_EQ(resolve_signals({SIGINT, SIGCHLD, "!SIGCHLD"}).mask, mask_of(SIGINT));
}

TEST(SignalSets, WhatIsNoSignalThrows) {
  for (const SignalSet& set : {SignalSet("SIGNOPE"), SignalSet(0), SignalSet(65), SignalSet(-1), SignalSet(""),
                               SignalSet("!"), SignalSet("SIGKILL"), SignalSet(SIGKILL), SignalSet({"all", "9"})}) {
    EXPECT_THROW(static_cast<void>(resolve_signals(set)), UsageError) << set.items().front().text();
  }
}

TEST(SignalCatcherIndex, ThoseForOneComeBeforeThoseForAll) {
  SignalCatchers catchers;
  const auto all = make_catcher("all", {});
  const auto one = make_catcher("SIGUSR1", {});
  const auto two = make_catcher({"SIGUSR1", "SIGUSR2"}, {});
  for (const auto& trap : {all, one, two}) catchers.add(trap);
  EXPECT_EQ(catchers.find(SIGUSR1), (SignalCatchers::List{one, two, all}));
  EXPECT_EQ(catchers.find(SIGUSR2), (SignalCatchers::List{two, all}));
  EXPECT_EQ(catchers.find(SIGTERM), (SignalCatchers::List{all}));
  EXPECT_TRUE(catchers.find(SIGKILL).empty());
  const auto index = catchers.index();
  catchers.remove(*two);
  EXPECT_EQ(catchers.find(SIGUSR2), (SignalCatchers::List{all}));
  EXPECT_EQ(index->by_number[SIGUSR2].size(), 2U) << "a dispatch under way keeps its list";
}

TEST(SignalHijacks, LeaveOutWhatTheyBecome) {
  const auto hijack = make_signal_hijack("all", "SIGUSR2", {});
  EXPECT_FALSE(contains(hijack->wanted.mask, SIGUSR2));
  EXPECT_TRUE(contains(hijack->wanted.mask, SIGUSR1));
  EXPECT_FALSE(hijack->synchronous());
}

TEST(ExpectedSignals, AreRecognisedByTheirSiginfoOnce) {
  SignalCatchers catchers;
  siginfo_t info{};
  info.si_signo = SIGUSR1;
  info.si_code = SI_QUEUE;
  info.si_value.sival_int = 7;
  catchers.expect({.info = info, .shown = true});
  siginfo_t other = info;
  other.si_value.sival_int = 8;
  EXPECT_FALSE(catchers.take_expected(other));
  EXPECT_TRUE(catchers.take_expected(info)->shown);
  EXPECT_FALSE(catchers.take_expected(info));
}

}  // namespace
}  // namespace trapline::core
