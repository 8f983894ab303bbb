#pragma once

#include "chronicle.hpp"
#include "support.hpp"

namespace trapline::live {

// Births and deaths in numbers, small in the tests and large in the soaks. What is checked is the transcript, see
// Chronicle, and the program's own account.

/// Runs it to its end with everything watched; returns its output.
inline std::string run_chronicled(Debugger& d, Chronicle& chronicle, std::chrono::seconds time) {
  const Stdio io = d.run(piped());
  for (const Process& process : d.processes()) process.cont();
  std::string output = io.recvall({.timeout = time});
  const Stop stop = d.wait(time);
  EXPECT_EQ(stop.exit_code, 0) << stop;
  // Those that outlive the root.
  EXPECT_TRUE(eventually([&] { return d.processes().empty(); }));
  EXPECT_EQ(chronicle.finish(), std::vector<std::string>());
  EXPECT_EQ(chronicle.ended(), chronicle.forks() + 1);
  return output;
}

inline DebuggerOptions inheriting(DebuggerOptions options) {
  options.inherit_traps = true;
  options.continue_to_entry = false;
  return options;
}

inline DebuggerOptions tempest(std::vector<std::string> args) {
  return inheriting(program("tempest", std::move(args)));
}

inline void storm_of_forks(long count, std::chrono::seconds time) {
  Debugger d(tempest({"forks", std::to_string(count)}));
  Chronicle chronicle(d);
  long sum = 0;
  for (long i = 0; i < count; ++i) sum += i % 100;
  EXPECT_EQ(run_chronicled(d, chronicle, time), std::to_string(sum) + "\n");
  EXPECT_EQ(chronicle.forks(), static_cast<std::size_t>(count));
  EXPECT_EQ(chronicle.sum_of_codes(), sum);
}

inline void storm_of_threads(long waves, long count, std::chrono::seconds time) {
  Debugger d(tempest({"threads", std::to_string(waves), std::to_string(count)}));
  Chronicle chronicle(d);
  EXPECT_EQ(run_chronicled(d, chronicle, time), std::to_string(waves * count) + "\n");
  EXPECT_EQ(chronicle.threads(), static_cast<std::size_t>(waves * count));
}

inline void storm_of_execs(long count, std::chrono::seconds time) {
  Debugger d(tempest({"execs", std::to_string(count)}));
  Chronicle chronicle(d);
  EXPECT_EQ(run_chronicled(d, chronicle, time), "0\n");
  EXPECT_EQ(chronicle.execs(), static_cast<std::size_t>(count));
}

inline void storm_of_signals(long ticks, std::chrono::seconds time) {
  Debugger d(tempest({"signals", std::to_string(ticks)}));
  Chronicle chronicle(d);
  const SignalCatcher caught = d.catch_signal(SIGALRM, {.callback = [](Thread&, SignalCatcher&) {}});
  EXPECT_EQ(run_chronicled(d, chronicle, time), "4\n");
  EXPECT_EQ(chronicle.forks(), 4U);
  EXPECT_EQ(chronicle.threads(), 12U);
  EXPECT_GE(caught.hit_count(), static_cast<std::size_t>(4 * ticks));
}

inline void storm_of_kills(long count, std::chrono::seconds time) {
  Debugger d(tempest({"kills", std::to_string(count)}));
  Chronicle chronicle(d);
  EXPECT_EQ(run_chronicled(d, chronicle, time), std::to_string(count) + "\n");
  EXPECT_EQ(chronicle.killed(SIGKILL), static_cast<std::size_t>(count));
  EXPECT_GE(chronicle.forks(), static_cast<std::size_t>(count));
}

inline void storm_of_pipelines(int rounds, std::chrono::seconds time) {
  const std::string script =
      "for ((i = 0; i < " + std::to_string(rounds) +
      "; ++i)); do echo $i | cat | (read x; echo $((x + 1))) | tr 0 o; (exit 3) & wait $!; done; exit 0";
  Debugger plain(command({"/bin/bash", "-c", script}));
  const std::string expected = run_for_output(plain).output;
  Debugger d(inheriting(command({"/bin/bash", "-c", script})));
  Chronicle chronicle(d);
  EXPECT_EQ(run_chronicled(d, chronicle, time), expected);
  EXPECT_EQ(chronicle.exited(3), static_cast<std::size_t>(rounds));
}

/// `make -j8` of so many sources in C, every call of all its processes handled.
inline void storm_of_make(int sources, std::chrono::seconds time) {
  if (::access("/usr/bin/make", X_OK) != 0 || ::access("/usr/bin/gcc", X_OK) != 0) GTEST_SKIP() << "no make or no gcc";
  const ScratchDir scratch;
  std::string makefile = "all: app\n\t@./app\napp:";
  std::string main = "#include <stdio.h>\n";
  std::string sum;
  for (int i = 0; i < sources; ++i) {
    const std::string name = "f" + std::to_string(i);
    scratch.file(name + ".c", "int " + name + "(void) { return " + std::to_string(i) + "; }\n");
    makefile += " " + name + ".o";
    main += "int " + name + "(void);\n";
    sum += (sum.empty() ? "" : " + ") + name + "()";
  }
  scratch.file("main.c", main + "int main(void) { printf(\"%d\\n\", " + sum + "); return 0; }\n");
  scratch.file("Makefile", makefile + " main.o\n\t@gcc -o $@ $^\n%.o: %.c\n\t@gcc -c -o $@ $<\n");
  DebuggerOptions options = inheriting(command({"/usr/bin/make", "-j8"}));
  options.cwd = scratch / "";
  Debugger d(options);
  Chronicle chronicle(d);
  const SyscallHandler all = d.handle_syscall(
      "all", {.on_enter = [](Thread&, SyscallHandler&) {}, .on_exit = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_chronicled(d, chronicle, time), std::to_string(sources * (sources - 1) / 2) + "\n");
  EXPECT_GE(chronicle.forks(), static_cast<std::size_t>(sources));
  EXPECT_EQ(chronicle.exited_in_all(), chronicle.ended());
  EXPECT_GT(all.hit_count(), 0U);
}

}  // namespace trapline::live
