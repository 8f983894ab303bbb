#include "os/signals.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace trapline::os {
namespace {

TEST(Signals, EveryNameLeadsBackToItsNumber) {
  for (int signal = 1; signal <= last_signal; ++signal)
    EXPECT_EQ(signal_number(signal_name(signal)), signal) << signal_name(signal);
}

TEST(Signals, NamesAreThoseThatUsersWrite) {
  EXPECT_EQ(signal_name(SIGUSR1), "SIGUSR1");
  EXPECT_EQ(signal_name(SIGABRT), "SIGABRT");
  EXPECT_EQ(signal_name(SIGIO), "SIGIO");
  EXPECT_EQ(signal_name(34), "SIGRTMIN");
  EXPECT_EQ(signal_name(37), "SIGRTMIN+3");
  EXPECT_EQ(signal_name(64), "SIGRTMAX");
  EXPECT_EQ(signal_name(32), "SIG32");
  EXPECT_EQ(signal_name(99), "signal 99");
}

TEST(Signals, UnderstandsEverySpelling) {
  EXPECT_EQ(signal_number("SIGUSR1"), SIGUSR1);
  EXPECT_EQ(signal_number("USR1"), SIGUSR1);
  EXPECT_EQ(signal_number("sigusr1"), SIGUSR1);
  EXPECT_EQ(signal_number("10"), 10);
  EXPECT_EQ(signal_number("SIGIOT"), SIGABRT);
  EXPECT_EQ(signal_number("SIGCLD"), SIGCHLD);
  EXPECT_EQ(signal_number("SIGRTMIN"), SIGRTMIN);
  EXPECT_EQ(signal_number("SIGRTMIN+3"), SIGRTMIN + 3);
  EXPECT_EQ(signal_number("RTMAX-1"), SIGRTMAX - 1);
}

TEST(Signals, RefusesWhatIsNoSignal) {
  for (const char* name :
       {"", "SIG", "SIGNOPE", "0", "65", "-1", "10x", "SIGRTMIN+31", "SIGRTMAX-31", "SIGRTMIN+", "SIGRTMIN-1"}) {
    EXPECT_EQ(signal_number(name), std::nullopt) << name;
  }
}

TEST(Signals, DefaultActions) {
  EXPECT_EQ(default_action(SIGCHLD), DefaultAction::ignore);
  EXPECT_EQ(default_action(SIGWINCH), DefaultAction::ignore);
  EXPECT_EQ(default_action(SIGTERM), DefaultAction::terminate);
  EXPECT_EQ(default_action(SIGRTMIN + 5), DefaultAction::terminate);
  EXPECT_EQ(default_action(SIGSEGV), DefaultAction::core);
  EXPECT_EQ(default_action(SIGTTIN), DefaultAction::stop);
  EXPECT_EQ(default_action(SIGCONT), DefaultAction::cont);
}

}  // namespace
}  // namespace trapline::os
