#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>

#include <trapline/trapline.hpp>

#include "floors.hpp"
#include "rows.hpp"

namespace trapline::bench {
namespace {

RunOptions no_streams() {
  return {.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()}};
}

std::shared_ptr<Debugger> running(std::vector<std::string> argv) {
  auto debugger = std::make_shared<Debugger>(DebuggerOptions{.argv = std::move(argv)});
  debugger->run(no_streams());
  return debugger;
}

Sides invocations(const Effort& effort) {
  const std::size_t events = effort.events(250);
  const auto ours = [events, debugger = running({tracee("calls"), "1", "1"})] {
    return debugger->on_tracer([&] {
      const Thread thread = debugger->main_thread();
      return time_per_event(events, [&] {
        for (std::size_t i = 0; i < events; ++i) {
          if (thread.invoke_syscall("getppid") <= 0) throw std::runtime_error("the invoked getppid failed");
        }
      });
    });
  };
  return {ours, floors::invocations(events)};
}

Sides batched_invocations(const Effort& effort) {
  constexpr std::size_t calls = 64;
  const std::size_t stops = effort.events(50);
  const auto ours = [stops, debugger = running({tracee("calls"), "1", "1"})] {
    return debugger->on_tracer([&] {
      const Thread thread = debugger->main_thread();
      const std::vector<BatchCall> batch(calls, BatchCall("getppid"));
      return time_per_event(stops * calls, [&] {
        for (std::size_t i = 0; i < stops; ++i) {
          if (thread.invoke_batch(batch).back() <= 0) throw std::runtime_error("the invoked getppid failed");
        }
      });
    });
  };
  return {ours, floors::batched_invocations(stops * calls, calls)};
}

Sides calls(const Effort& effort) {
  const std::size_t events = effort.events(100);
  const auto debugger = running({tracee("traps"), "endbr", "1"});
  const Symbols symbols = debugger->symbols();
  const Address function = symbols.resolve("trapped_endbr");
  const auto ours = [events, debugger, function] {
    return debugger->on_tracer([&] {
      const Thread thread = debugger->main_thread();
      return time_per_event(events, [&] {
        for (std::size_t i = 0; i < events; ++i) {
          const int value = static_cast<int>(i);
          if (thread.call<int>(function, value) != value + 1) throw std::runtime_error("the called function failed");
        }
      });
    });
  };
  return {ours, floors::function_calls(events, function, symbols.resolve("batch_end"))};
}

/// Memory that this program really has.
class Resident {
 public:
  explicit Resident(std::size_t size) : size_(size) {
    if (size == 0) return;
    memory_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
    // Small pages: what makes a fork of such a host slow is their number.
    ::madvise(memory_, size, MADV_NOHUGEPAGE);
    std::memset(memory_, 1, size);
  }
  ~Resident() {
    if (size_ != 0) ::munmap(memory_, size_);
  }
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;

 private:
  std::size_t size_;
  void* memory_ = nullptr;
};

Row spawn_row(std::string name, std::size_t resident, floors::Until until) {
  return {std::move(name), [resident, until](const Effort& effort) {
            const bool to_entry = until == floors::Until::entry;
            const std::size_t events = effort.events(to_entry ? 2 : 10);
            const auto debugger = std::make_shared<Debugger>(
                DebuggerOptions{.argv = {tracee("calls")}, .env = Environment{}, .continue_to_entry = to_entry});
            const auto ours = [events, debugger, memory = std::make_shared<Resident>(resident)] {
              // On the tracer thread, like every row that measures the kernel's work; `command` is the hand-over.
              return debugger->on_tracer([&] {
                return time_per_event(events, [&] {
                  for (std::size_t i = 0; i < events; ++i) {
                    debugger->run(no_streams());
                    debugger->kill();
                  }
                });
              });
            };
            return Sides{ours, floors::spawns(events, until)};
          }};
}

double step_all(const Debugger& debugger, std::size_t events) {
  const Thread thread = debugger.main_thread();
  return time_per_event(events, [&] {
    for (std::size_t i = 0; i < events; ++i) {
      if (thread.step().kind != StopKind::stepped) throw std::runtime_error("a step ended elsewhere");
    }
  });
}

Sides steps_of_user(const Effort& effort) {
  const std::size_t events = effort.events(50);
  const auto ours = [events, debugger = running({tracee("spin")})] { return step_all(*debugger, events); };
  return {ours, floors::steps_by_hand_over(events)};
}

Sides steps_of_tracer(const Effort& effort) {
  const std::size_t events = effort.events(50);
  const auto ours = [events, debugger = running({tracee("spin")})] {
    return debugger->on_tracer([&] { return step_all(*debugger, events); });
  };
  return {ours, floors::steps(events)};
}

/// Until it is at its first instruction again, where it never comes.
Sides steps_until(const Effort& effort) {
  const std::size_t events = effort.events(10'000);
  const auto ours = [events, debugger = running({tracee("spin")})] {
    const Thread thread = debugger->main_thread();
    return time_per_event(events, [&] {
      if (thread.step_until("_start", events).kind != StopKind::stepped) {
        throw std::runtime_error("the steps ended elsewhere");
      }
    });
  };
  return {ours, floors::steps_until(events)};
}

/// Reading the pc once more: it is known already, so that only the way to the tracer thread and back costs.
Sides commands(const Effort& effort) {
  const std::size_t events = effort.events(500);
  const auto ours = [events, debugger = running({tracee("spin")})] {
    const Thread thread = debugger->main_thread();
    return time_per_event(events, [&] {
      for (std::size_t i = 0; i < events; ++i) {
        if (thread.pc() == 0) throw std::runtime_error("the pc is wrong");
      }
    });
  };
  return {ours, floors::hand_overs(events)};
}

/// At its first getpgrp; its main() fills the memory before it calls anything that is handled.
std::shared_ptr<Debugger> with_filled_memory() {
  auto debugger = running({tracee("calls"), "1", "1"});
  debugger->handle_syscall("getpgrp", {});
  debugger->cont();
  debugger->wait();
  return debugger;
}

/// Words on pages of their own, such as pointers lead to.
Sides scattered_reads(const Effort& effort) {
  constexpr std::size_t pieces = 64;
  constexpr std::size_t distance = 4096 + 64;
  const auto debugger = with_filled_memory();
  const Address start = debugger->symbols().resolve("memory") + 4096;
  std::vector<Address> addresses;
  for (std::size_t i = 0; i < pieces; ++i) addresses.push_back(start + i * distance);
  const std::size_t requests = effort.events(100);
  const auto ours = [requests, addresses, memory = debugger->memory(), debugger] {
    return time_per_event(requests * pieces, [&] {
      for (std::size_t i = 0; i < requests; ++i) {
        if (memory.read_values<std::uint64_t>(addresses).size() != pieces) throw std::runtime_error("a read was short");
      }
    });
  };
  return {ours, floors::scattered_reads(requests * pieces, debugger->pid(), start, pieces, distance)};
}

Row read_row(std::string name, std::size_t size, std::size_t full_batch) {
  return {std::move(name), [size, full_batch](const Effort& effort) {
            const auto debugger = with_filled_memory();
            const Address address = debugger->symbols().resolve("memory") + 4096;
            const std::size_t events = effort.events(full_batch);
            const auto ours = [events, debugger, memory = debugger->memory(), address,
                               buffer = std::make_shared<Bytes>(size)] {
              return time_per_event(events, [&] {
                for (std::size_t i = 0; i < events; ++i) {
                  if (memory.read_some(address, *buffer) != buffer->size())
                    throw std::runtime_error("a read was short");
                }
              });
            };
            return Sides{ours, floors::reads(events, debugger->pid(), address, size)};
          }};
}

}  // namespace

std::vector<Row> invoke_rows() {
  return {{"invoke.single", invocations}, {"invoke.batch64", batched_invocations}, {"call.function", calls}};
}

std::vector<Row> spawn_rows() {
  constexpr std::size_t large = std::size_t{1} << 30;
  return {
      spawn_row("spawn.small_host", 0, floors::Until::exec),
      spawn_row("spawn.large_host", large, floors::Until::exec),
      spawn_row("spawn.entry", 0, floors::Until::entry),
  };
}

std::vector<Row> step_rows() {
  return {
      {"step.user_thread", steps_of_user},
      {"step.tracer_thread", steps_of_tracer},
      {.name = "step.until", .prepare = steps_until, .share = 15},
      {"command.user_thread", commands},
  };
}

std::vector<Row> memory_rows() {
  constexpr std::size_t kilo = 1024;
  return {
      read_row("memory.read8", 8, 2000),          read_row("memory.read4k", 4 * kilo, 2000),
      read_row("memory.read64k", 64 * kilo, 300), read_row("memory.read1m", kilo * kilo, 16),
      {"memory.read_many64", scattered_reads},
  };
}

}  // namespace trapline::bench
