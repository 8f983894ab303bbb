// A host program whose tracer thread is watched: host_counting PATH. It handles one kind of event for ever, prints the
// id of its tracer thread, and once it reads a line, marks the beginning and the end of `counted_events` of them by
// getpgrp. Then it prints the allocations and the locks that its tracer thread took between the two.
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "counting.hpp"
#include "support.hpp"

namespace trapline::live {
namespace {

/// Called at every event, on the tracer thread.
class Counter {
 public:
  /// The tracer thread's id, after the first events, which find what the later ones need. Told by a callback: a command
  /// would ring the doorbell, and the answer to that be counted.
  [[nodiscard]] long tracer() {
    if (!warm_.wait()) std::exit(5);
    return tracer_;
  }
  void start() { state_ = State::due; }
  void event() {
    if (state_ == State::idle) return;
    if (state_ == State::warming) {
      if (++seen_ < 10) return;
      seen_ = 0;
      tracer_ = ::syscall(SYS_gettid);
      state_ = State::idle;
      warm_.happen();
      return;
    }
    if (state_ == State::due) {
      before_ = taken_here();
      state_ = State::counting;
      ::syscall(SYS_getpgrp);
      return;
    }
    if (state_ != State::counting || ++seen_ < counted_events) return;
    ::syscall(SYS_getpgrp);
    const Taken now = taken_here();
    taken_ = {.allocations = now.allocations - before_.allocations, .locks = now.locks - before_.locks};
    state_ = State::idle;
    done_.happen();
  }
  void print() {
    if (!done_.wait()) std::exit(3);
    std::printf("%zu allocations, %zu locks\n", taken_.allocations, taken_.locks);
    std::fflush(stdout);
  }

 private:
  enum class State { warming, idle, due, counting };
  std::atomic<State> state_{State::warming};
  std::size_t seen_ = 0;
  long tracer_ = 0;
  Taken before_;
  Taken taken_;
  Event warm_;
  Event done_;
};

Counter counter;

void count(Thread&, SyscallHandler&) { counter.event(); }
void count_hit(Thread&, Breakpoint&) { counter.event(); }

void handle(const Debugger& d, SyscallOptions options) { d.handle_syscall("getppid", std::move(options)); }
void trap(const Debugger& d, const char* symbol, BreakpointOptions options) {
  d.breakpoint(symbol, std::move(options));
}

struct Path {
  const char* program;
  bool filter;
  std::function<void(Debugger&)> place;
};

const std::map<std::string, Path> paths{
    {"enter", {"syscall", false, [](Debugger& d) { handle(d, {.on_enter = count}); }}},
    {"enter_exit",
     {"syscall", false,
      [](Debugger& d) { handle(d, {.on_enter = count, .on_exit = [](Thread&, SyscallHandler&) {}}); }}},
    {"arguments_and_result",
     {"syscall", false,
      [](Debugger& d) {
        handle(d, {.on_enter =
                       [](Thread& t, SyscallHandler&) {
                         for (unsigned i = 0; i < 6; ++i) static_cast<void>(t.syscall_arg(i));
                         counter.event();
                       },
                   .on_exit = [](Thread& t, SyscallHandler&) { static_cast<void>(t.syscall_return()); }});
      }}},
    {"unhandled",
     {"syscall", false,
      [](Debugger& d) {
        d.handle_syscall("getpid", {.on_enter = count});
        // What is handled comes by the condition of a handler that wants nothing.
        handle(d, {.on_enter = count, .condition = [](const Thread&) {
                     counter.event();
                     return false;
                   }});
      }}},
    {"skip",
     {"syscall", false,
      [](Debugger& d) {
        handle(d, {.on_enter = [](Thread& t, SyscallHandler&) {
                 t.skip_syscall(1);
                 counter.event();
               }});
      }}},
    {"result",
     {"syscall", false,
      [](Debugger& d) {
        handle(d, {.on_exit = [](Thread& t, SyscallHandler&) {
                 t.set_syscall_return(1);
                 counter.event();
               }});
      }}},
    {"filter_enter", {"syscall", true, [](Debugger& d) { handle(d, {.on_enter = count}); }}},
    {"filter_exit", {"syscall", true, [](Debugger& d) { handle(d, {.on_exit = count}); }}},
    {"filter_skip",
     {"syscall", true,
      [](Debugger& d) {
        handle(d, {.on_enter = [](Thread& t, SyscallHandler&) {
                 t.skip_syscall(1);
                 counter.event();
               }});
      }}},
    {"breakpoint", {"endbr", false, [](Debugger& d) { trap(d, "trapped_endbr", {.callback = count_hit}); }}},
    {"breakpoint_of_one_byte", {"push", false, [](Debugger& d) { trap(d, "trapped_push", {.callback = count_hit}); }}},
    {"condition",
     {"endbr", false,
      [](Debugger& d) {
        trap(d, "trapped_endbr", {.callback = count_hit, .condition = [](const Thread&) {
                                    counter.event();
                                    return false;
                                  }});
      }}},
    {"registers",
     {"endbr", false,
      [](Debugger& d) {
        trap(d, "trapped_endbr", {.callback = [](Thread& t, Breakpoint&) {
               static_cast<void>(t.regs().get("rdi"));
               counter.event();
             }});
      }}},
};

int serve(const Path& path) {
  DebuggerOptions options = program("events", {path.program});
  options.syscall_filter = path.filter;
  Debugger d(options);
  // Before run(), so that the filter knows it from the start.
  path.place(d);
  d.run(no_stdio());
  d.cont();
  std::printf("%ld\n", counter.tracer());
  std::fflush(stdout);
  if (std::getchar() == EOF) return 4;
  counter.start();
  counter.print();
  return 0;
}

}  // namespace
}  // namespace trapline::live

int main(int argc, char** argv) {
  const auto found = argc == 2 ? trapline::live::paths.find(argv[1]) : trapline::live::paths.end();
  return found == trapline::live::paths.end() ? 2 : trapline::live::serve(found->second);
}
