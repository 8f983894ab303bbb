#pragma once

#include <csignal>

#include <sys/syscall.h>

#include "pairing.hpp"
#include "support.hpp"

namespace trapline::live {

/// A read that restarts is interrupted so often by us, and half as often by a signal too, with a call invoked each
/// time: to the handlers it stays one call.
inline void expect_one_call_after(int interrupts) {
  Pairing pairing(3);
  Debugger d(program("interrupted", {"read", "restart"}));
  d.handle_syscall("all", pairing.options());
  const Stdio io = d.run(piped());
  d.cont();
  // Not before its handler is there.
  ASSERT_TRUE(eventually([&] { return blocked_in(d.pid(), SYS_read); }));
  for (int i = 0; i < interrupts; ++i) {
    if (i % 2 == 0) ::kill(d.pid(), SIGUSR1);
    d.interrupt();
    ASSERT_EQ(d.wait(patience).kind, StopKind::interrupted) << i;
    ASSERT_EQ(d.invoke_syscall("getpid"), d.pid());
    d.cont();
  }
  io.send("x");
  EXPECT_EQ(rest_of_output(io), "1\n");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
  EXPECT_EQ(pairing.wrong(), 0U) << ::testing::PrintToString(pairing.first_wrong());
  EXPECT_EQ(pairing.pairs(SYS_read), 1U);
}

}  // namespace trapline::live
