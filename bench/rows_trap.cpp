#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <trapline/trapline.hpp>

#include "floors.hpp"
#include "rows.hpp"

namespace trapline::bench {
namespace {

using floors::Means;
using floors::TrapPlace;

// So many that the hand-over to the tracer thread, once a batch, does not count.
constexpr std::size_t full_batch = 1000;
constexpr std::size_t many = 10'000;
/// Between the functions of the tracee's `many`.
constexpr std::size_t distance = 16;

void nothing(Thread&, Breakpoint&) {}

void read_two(Thread& thread, Breakpoint&) {
  const Registers registers = thread.regs();
  if (registers.rsp() <= registers.rdi()) throw std::runtime_error("the registers are wrong");
}

std::shared_ptr<Debugger> started(const std::string& function, std::size_t events) {
  auto debugger =
      std::make_shared<Debugger>(DebuggerOptions{.argv = {tracee("traps"), function, std::to_string(events)}});
  debugger->run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()}});
  return debugger;
}

struct Load {
  std::string function = "push";
  BreakpointOptions options{};
  Means means = Means::instruction;
  bool reads_registers = false;
  /// How many others are placed that are never hit.
  std::size_t others = 0;
};

/// The tracee's calls, batch by batch: it stops at the batch_end that ends one.
class Trapped {
 public:
  Trapped(const Load& load, std::size_t events)
      : events_(events), counts_(!load.options.condition), debugger_(started(load.function, events)) {
    place_others(load.others);
    try {
      trap_ = place(load);
    } catch (const OsError& error) {
      // Debug registers that do not fire.
      throw Skipped(error.what());
    }
    end_ = debugger_->breakpoint("batch_end");
    run();
  }

  double batch() {
    const std::size_t before = trap_->hit_count();
    const double each = time_per_event(events_, [&] { run(); });
    if (trap_->hit_count() - before != (counts_ ? events_ : 0)) throw std::runtime_error("the hits are miscounted");
    return each;
  }

  [[nodiscard]] TrapPlace where(const Load& load) const {
    const Symbols symbols = debugger_->symbols();
    return {.function = load.function,
            .trap = symbols.resolve(symbol(load)),
            .trap_rest = symbols.resolve(load.function == "push" ? "push_slot" : "endbr_rest"),
            .end = symbols.resolve("batch_end"),
            .end_rest = symbols.resolve("batch_end_rest")};
  }

 private:
  [[nodiscard]] static std::string symbol(const Load& load) {
    return load.means == Means::watch ? "watched" : "trapped_" + load.function;
  }
  [[nodiscard]] Breakpoint place(const Load& load) const {
    if (load.means != Means::watch) return debugger_->breakpoint(symbol(load), load.options);
    return debugger_->watchpoint(symbol(load), {.length = sizeof(long), .callback = nothing});
  }
  void place_others(std::size_t count) const {
    debugger_->on_tracer([&] {
      const Address first = debugger_->symbols().resolve("many");
      for (std::size_t i = 0; i < count; ++i) debugger_->breakpoint(first + i * distance, {.callback = nothing});
    });
  }
  void run() const {
    debugger_->cont();
    const Stop stop = debugger_->wait();
    if (stop.kind != StopKind::breakpoint || !end_->hit_on(stop.thread)) {
      throw std::runtime_error("the tracee stopped elsewhere");
    }
  }

  std::size_t events_;
  bool counts_;
  std::shared_ptr<Debugger> debugger_;
  std::optional<Breakpoint> trap_;
  std::optional<Breakpoint> end_;
};

Batch trapped(const Load& load, std::size_t events) {
  return [tracee = std::make_shared<Trapped>(load, events)] { return tracee->batch(); };
}

Row row(std::string name, Load load) {
  return {.name = std::move(name), .prepare = [load = std::move(load)](const Effort& effort) {
            const std::size_t events = effort.events(full_batch);
            const auto tracee = std::make_shared<Trapped>(load, events);
            const auto floor = floors::hits(events, tracee->where(load), load.means, load.reads_registers);
            return Sides{[tracee] { return tracee->batch(); }, floor};
          }};
}

/// Not the kernel's floor but our own: what other traps cost the one that is hit.
Row hit_beside(std::string name, std::size_t others) {
  return {.name = std::move(name), .prepare = [others](const Effort& effort) {
            const std::size_t events = effort.events(full_batch);
            Load load{.options = {.callback = nothing}};
            const Batch alone = trapped(load, events);
            load.others = others;
            return Sides{trapped(load, events), alone};
          }};
}

/// Places so many and takes them out again, which is not measured; beside others that stay.
class Placed {
 public:
  explicit Placed(std::size_t events, std::size_t others = 0) : events_(events), debugger_(started("push", 1)) {
    debugger_->on_tracer([&] {
      const Address start = first();
      for (std::size_t i = 0; i < others; ++i) debugger_->breakpoint(start + i * distance, {.callback = nothing});
      first_ = start + others * distance;
    });
  }

  double batch() {
    return debugger_->on_tracer([&] {
      std::vector<Breakpoint> placed;
      placed.reserve(events_);
      const Address start = first_;
      const double each = time_per_event(events_, [&] {
        for (std::size_t i = 0; i < events_; ++i) {
          placed.push_back(debugger_->breakpoint(start + i * distance, {.callback = nothing}));
        }
      });
      if (!placed.back().armed()) throw std::runtime_error("a breakpoint was not placed");
      for (const Breakpoint& breakpoint : placed) breakpoint.remove();
      return each;
    });
  }
  [[nodiscard]] Address first() const { return debugger_->symbols().resolve("many"); }

 private:
  std::size_t events_;
  std::shared_ptr<Debugger> debugger_;
  Address first_ = 0;
};

Sides placings(const Effort& effort) {
  const std::size_t events = effort.events(many);
  const auto placed = std::make_shared<Placed>(events);
  return {[placed] { return placed->batch(); }, floors::placings(events, placed->first(), distance)};
}

/// Not the kernel's floor but our own: what each of ten thousand costs beside each of a thousand.
Sides placings_beside_fewer(const Effort& effort) {
  const auto all = std::make_shared<Placed>(effort.events(many));
  const auto fewer = std::make_shared<Placed>(effort.events(many / 10));
  return {[all] { return all->batch(); }, [fewer] { return fewer->batch(); }};
}

/// Not the kernel's floor but our own: what each of a hundred more costs with so many there, beside the first hundred.
Sides placings_beside_many(const Effort& effort) {
  const std::size_t more = effort.events(100);
  const auto beside = std::make_shared<Placed>(more, many - 100);
  const auto alone = std::make_shared<Placed>(more);
  return {[beside] { return beside->batch(); }, [alone] { return alone->batch(); }};
}

}  // namespace

std::vector<Row> trap_rows() {
  const auto never = [](Thread&) { return false; };
  constexpr std::size_t share = 10;
  return {
      row("breakpoint.push", {.options = {.callback = nothing}}),
      row("breakpoint.endbr", {.function = "endbr", .options = {.callback = nothing}}),
      row("breakpoint.regs", {.options = {.callback = read_two}, .reads_registers = true}),
      row("breakpoint.conditional", {.options = {.callback = nothing, .condition = never}}),
      row("breakpoint.hardware", {.options = {.hardware = true, .callback = nothing}, .means = Means::debug_register}),
      row("watchpoint.write", {.means = Means::watch}),
      {.name = "breakpoint.place", .prepare = placings, .share = share},
      {.name = "breakpoint.place_beside_1000", .prepare = placings_beside_fewer, .share = share},
      hit_beside("breakpoint.hit_of_10000", many),
  };
}

std::vector<Row> breakpoint_growth_rows() {
  return {
      hit_beside("growth.breakpoints100", many / 100),
      hit_beside("growth.breakpoints10000", many),
      {"growth.one_more_breakpoint", placings_beside_many},
  };
}

}  // namespace trapline::bench
