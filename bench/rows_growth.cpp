#include <sys/syscall.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <memory>
#include <semaphore>
#include <stdexcept>

#include <trapline/trapline.hpp>

#include "floors.hpp"
#include "rows.hpp"

namespace trapline::bench {
namespace {

/// Lets the tracees run for one batch at a time. In between the tracer thread stays in the callback that ended one, so
/// that each of them stands at its next stop and costs nothing while the other side is measured.
class Gate {
 public:
  void let_batch_run() {
    next_.release();
    await_end();
  }
  void await_end() {
    using namespace std::chrono_literals;
    if (!ended_.try_acquire_for(30s)) throw std::runtime_error("the batch does not end");
  }
  /// On the tracer thread. Does nothing before it is closed.
  void end_batch() {
    if (!closed_) return;
    ended_.release();
    next_.acquire();
  }
  void close() { closed_ = true; }
  /// For good.
  void open() {
    closed_ = false;
    next_.release();
  }

 private:
  std::atomic<bool> closed_ = false;
  std::counting_semaphore<> ended_{0};
  std::counting_semaphore<> next_{0};
};

struct Load {
  /// As the tracee `crowd` knows them.
  std::string kind = "threads";
  std::size_t count = 1;
  /// Of other system calls, or of the same one.
  std::size_t other_handlers = 0;
  std::size_t more_handlers = 0;
};

void nothing(Thread&, SyscallHandler&) {}

/// The tracees' calls, with an empty callback at the enter and one at the exit of each.
class Crowd {
 public:
  Crowd(const Load& load, std::size_t events)
      : events_(events),
        debugger_({.argv = {tracee("crowd"), load.kind, std::to_string(load.count)}, .inherit_traps = true}) {
    debugger_.run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()}});
    handle(load);
    const Breakpoint ready = debugger_.breakpoint("crowd_ready");
    if (load.kind != "beside") gate_.close();
    debugger_.cont();
    if (load.kind == "beside") {
      // With its stop all who sleep come to rest; the child runs on.
      if (debugger_.wait().kind != StopKind::breakpoint) throw std::runtime_error("the tracee stopped elsewhere");
      gate_.close();
    }
    gate_.await_end();
  }

  double batch() {
    return time_per_event(events_, [&] { gate_.let_batch_run(); });
  }

 private:
  void handle(const Load& load) {
    const auto on_enter = [this](Thread&, SyscallHandler&) {
      if (++calls_ % events_ == 0) gate_.end_batch();
    };
    debugger_.handle_syscall("getppid", {.on_enter = on_enter, .on_exit = nothing});
    for (std::size_t i = 0; i < load.more_handlers; ++i) {
      debugger_.handle_syscall("getppid", {.on_enter = nothing, .on_exit = nothing});
    }
    int number = 0;
    for (std::size_t placed = 0; placed < load.other_handlers; ++number) {
      if (number == SYS_getppid || number == SYS_getpgrp) continue;
      debugger_.handle_syscall(number, {.on_enter = nothing, .on_exit = nothing});
      ++placed;
    }
  }

  struct Opener {
    Gate& gate;
    ~Opener() { gate.open(); }
  };

  std::size_t events_;
  std::size_t calls_ = 0;
  Gate gate_;
  Debugger debugger_;
  // Before the debugger ends, which needs its tracer thread.
  Opener opener_{gate_};
};

Batch crowd(const Load& load, std::size_t events) {
  return [tracee = std::make_shared<Crowd>(load, events)] { return tracee->batch(); };
}

// So many that each of a large crowd comes several times.
constexpr std::size_t full_batch = 1000;
constexpr std::size_t share = 3;

/// Beside the same without the others.
Row growth(std::string name, Load load) {
  return {.name = "growth." + std::move(name),
          .prepare =
              [load = std::move(load)](const Effort& effort) {
                const std::size_t events = effort.events(full_batch);
                return Sides{crowd(load, events), crowd({}, events)};
              },
          .share = share};
}

/// Beside the raw requests in the same crowd.
Row beside_floor(std::string name, Load load) {
  return {.name = "growth." + std::move(name) + "_floor",
          .prepare =
              [load = std::move(load)](const Effort& effort) {
                const std::size_t events = effort.events(full_batch);
                return Sides{crowd(load, events), floors::crowd(load.kind, load.count, events)};
              },
          .share = share};
}

Batch steps_beside(std::size_t sleepers, std::size_t events) {
  const auto debugger =
      std::make_shared<Debugger>(DebuggerOptions{.argv = {tracee("crowd"), "sleepers", std::to_string(sleepers)}});
  debugger->run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()}});
  const Breakpoint ready = debugger->breakpoint("crowd_ready");
  debugger->cont();
  if (debugger->wait().kind != StopKind::breakpoint) throw std::runtime_error("the tracee stopped elsewhere");
  ready.remove();
  if (debugger->threads().size() != sleepers + 1) throw std::runtime_error("threads are missing");
  return [debugger, events] {
    return debugger->on_tracer([&] {
      const Thread thread = debugger->main_thread();
      return time_per_event(events, [&] {
        for (std::size_t i = 0; i < events; ++i) {
          if (thread.step().kind != StopKind::stepped) throw std::runtime_error("a step ended elsewhere");
        }
      });
    });
  };
}

Row step_growth(std::string name, std::size_t sleepers) {
  return {"growth." + std::move(name), [sleepers](const Effort& effort) {
            const std::size_t events = effort.events(50);
            return Sides{steps_beside(sleepers, events), steps_beside(0, events)};
          }};
}

}  // namespace

std::vector<Row> growth_rows() {
  std::vector<Row> rows{
      growth("threads8", {.count = 8}),
      growth("threads64", {.count = 64}),
      beside_floor("threads64", {.count = 64}),
      growth("processes16", {.kind = "processes", .count = 16}),
      growth("processes256", {.kind = "processes", .count = 256}),
      beside_floor("processes256", {.kind = "processes", .count = 256}),
      growth("handlers30", {.other_handlers = 30}),
      growth("handlers300", {.other_handlers = 300}),
      growth("handlers300_of_one", {.more_handlers = 299}),
      growth("stopped64", {.kind = "beside", .count = 64}),
      growth("stopped512", {.kind = "beside", .count = 512}),
      beside_floor("stopped512", {.kind = "beside", .count = 512}),
      step_growth("steps_stopped64", 64),
      step_growth("steps_stopped512", 512),
  };
  std::ranges::move(breakpoint_growth_rows(), std::back_inserter(rows));
  return rows;
}

}  // namespace trapline::bench
