#include <atomic>
#include <functional>

#include "hits.hpp"

namespace trapline::live {
namespace {

using BreakpointLive = Live;

TEST_F(BreakpointLive, nothing_is_left_after_a_detach) {
  HostChild child({tracee("hits"), "input"});
  child.send("a\n");
  EXPECT_EQ(child.read_line(), "-2");
  Debugger d(DebuggerOptions{});
  d.attach(child.pid());
  const auto text = [&] {
    Bytes all;
    for (const MemoryMap& map : d.maps()) {
      if (!map.executable || map.inode == 0) continue;
      const Bytes bytes = d.memory().read(map.start, map.size());
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    return all;
  };
  const std::string maps_before = read_file("/proc/" + std::to_string(child.pid()) + "/maps");
  const Bytes before = text();
  const Breakpoint target = d.breakpoint("target", {.callback = [](Thread&, Breakpoint&) {}});
  const Breakpoint say = d.breakpoint("write");
  d.cont();
  child.send("b\n");
  ASSERT_EQ(d.wait(patience).kind, StopKind::breakpoint);
  EXPECT_EQ(target.hit_count(), 1U);
  EXPECT_TRUE(say.armed());
  EXPECT_NE(read_file("/proc/" + std::to_string(child.pid()) + "/maps"), maps_before) << "slots are mapped";
  d.detach();
  EXPECT_EQ(read_file("/proc/" + std::to_string(child.pid()) + "/maps"), maps_before);
  EXPECT_EQ(child.read_line(), "-5");
  d.attach(child.pid());
  EXPECT_EQ(text(), before);
  d.detach();
  child.send("c\n");
  EXPECT_EQ(child.read_line(), "-14");
  child.close_input();
  EXPECT_EQ(child.exit_status(), 0);
}

TEST_F(BreakpointLive, detached_at_every_kind_of_stop) {
  using Reach = std::function<void(Debugger&)>;
  const auto at_target = [](Debugger& d) {
    d.breakpoint("target");
    EXPECT_EQ(next_stop(d).kind, StopKind::breakpoint);
  };
  const std::vector<std::pair<const char*, Reach>> stops{
      {"entry", [](Debugger&) {}},
      {"breakpoint", at_target},
      {"step", [&](Debugger& d) { at_target(d), d.step(); }},
      {"next", [&](Debugger& d) { at_target(d), d.next(); }},
      {"finish", [&](Debugger& d) { at_target(d), d.finish(); }},
      {"step_until", [&](Debugger& d) { at_target(d), d.step_until("done", 100); }},
      {"enter",
       [](Debugger& d) {
         d.handle_syscall("all");
         EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
       }},
      {"exit",
       [](Debugger& d) {
         d.handle_syscall("all");
         next_stop(d);
         EXPECT_EQ(next_stop(d).kind, StopKind::syscall_exit);
       }},
      {"invoked",
       [&](Debugger& d) {
         at_target(d);
         EXPECT_EQ(d.invoke_syscall("getpid"), d.pid());
       }},
      {"signal",
       [](Debugger& d) {
         d.catch_signal("SIGUSR1");
         EXPECT_EQ(next_stop(d).kind, StopKind::signal);
       }},
      {"interrupted", [](Debugger& d) {
         d.cont();
         d.interrupt();
         d.wait(patience);
       }}};
  for (const auto& [name, reach] : stops) {
    auto d = hits({"timer", "30000000"});
    const Stdio io = d.run(piped());
    reach(d);
    d.detach();
    EXPECT_EQ(rest_of_output(io), std::to_string(expected_sum(30000000)) + "\n") << name;
  }
}

}  // namespace
}  // namespace trapline::live
