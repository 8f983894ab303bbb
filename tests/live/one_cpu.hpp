#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

#include "support.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace trapline::live {

/// The CPUs of a thread, as bits; 0 for the calling one.
inline std::uint64_t cpus_of(pid_t tid) {
  std::array<std::uint64_t, 128> bits{};
  return ::syscall(SYS_sched_getaffinity, tid, sizeof bits, bits.data()) < 0 ? 0 : bits[0];
}

inline void set_cpus(pid_t tid, std::uint64_t bits) {
  ASSERT_EQ(::syscall(SYS_sched_setaffinity, tid, sizeof bits, &bits), 0);
}

inline bool one_bit(std::uint64_t bits) { return std::popcount(bits) == 1; }

inline std::string hex(std::uint64_t value) {
  std::ostringstream text;
  text << std::hex << value;
  return text.str();
}

inline DebuggerOptions one_cpu(DebuggerOptions options) {
  options.one_cpu = true;
  options.inherit_traps = true;
  return options;
}

inline std::uint64_t tracer_cpus(Debugger& d) {
  return d.on_tracer([] { return cpus_of(0); });
}

/// What the program answers to that line.
inline std::string ask(const Stdio& io, std::string_view line) {
  io.sendline(line);
  return read_line(io);
}
inline std::string ask(const HostChild& child, const std::string& line) {
  child.send(line + "\n");
  return child.read_line();
}

/// Runs the program `affinity` until it is ready for questions.
inline Stdio begin(Debugger& d) {
  Stdio io = d.run(piped());
  d.cont();
  EXPECT_EQ(read_line(io), "ready");
  return io;
}

inline void end(Debugger& d, const Stdio& io) {
  io.close();
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

class OneCpu : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if ((own_ & 3) != 3) GTEST_SKIP() << "this needs the CPUs 0 and 1";
  }

  const std::uint64_t own_ = cpus_of(0);
};

}  // namespace trapline::live
