#include <sys/syscall.h>

#include <memory>
#include <stdexcept>

#include <trapline/trapline.hpp>

#include "floors.hpp"
#include "rows.hpp"

namespace trapline::bench {
namespace {

constexpr std::int64_t forged_result = 42;
constexpr std::size_t full_batch = 250;

/// The callbacks of one row: how the library's side handles getppid.
using Handle = std::function<SyscallHandler(const Process&)>;

struct Load {
  Handle handle;
  std::size_t threads = 1;
  /// What the tracee has to see as getppid's result; nothing when it is the true one.
  std::optional<std::int64_t> result{};
  bool filter = false;
  /// Where the tracer thread and the tracee run.
  enum class Where { pinned, unpinned, one_cpu } where = Where::pinned;
};

/// The tracee's calls, batch by batch: it stops at the getpgrp that ends one.
class Handled {
 public:
  Handled(const Load& load, std::size_t events)
      : events_(events),
        result_(load.result),
        unpinned_(load.where != Load::Where::pinned),
        own_cpus_(unpinned_ ? std::make_unique<Unpinned>() : nullptr),
        debugger_({.argv = {tracee("calls"), std::to_string(load.threads), std::to_string(events)},
                   .syscall_filter = load.filter,
                   .one_cpu = load.where == Load::Where::one_cpu}) {
    debugger_.run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()}});
    debugger_.handle_syscall("getpgrp",
                             {.on_enter = [](Thread& thread, SyscallHandler&) { thread.process().interrupt(); }});
    run();
    if (load.handle) handler_ = load.handle(debugger_);
    own_cpus_.reset();
  }

  double batch() {
    const std::unique_ptr<Unpinned> own_cpus = unpinned_ ? std::make_unique<Unpinned>() : nullptr;
    const std::size_t before = handler_ ? handler_->enter_count() : 0;
    const double all = time_per_event(1, [&] { run(); });
    // Of several threads one can be late with the call that ends a batch: what was handled counts.
    const std::size_t calls = handler_ ? handler_->enter_count() - before : events_;
    check(calls);
    return all / static_cast<double>(calls);
  }

 private:
  void run() {
    debugger_.cont();
    if (debugger_.wait().kind != StopKind::syscall_enter) throw std::runtime_error("the tracee stopped elsewhere");
  }
  /// A handler that is not called is the fastest one.
  void check(std::size_t calls) const {
    if (calls < events_ / 2) throw std::runtime_error("the handler was not called");
    const auto seen = debugger_.memory().read_value<std::int64_t>(debugger_.symbols().resolve("last_result"));
    if (result_ && seen != *result_) throw std::runtime_error("the tracee did not see the result given");
  }

  std::size_t events_;
  std::optional<std::int64_t> result_;
  bool unpinned_;
  /// While the tracer thread is made and the tracee begins.
  std::unique_ptr<Unpinned> own_cpus_;
  Debugger debugger_;
  std::optional<SyscallHandler> handler_;
};

Batch handled(const Load& load, std::size_t events) {
  return [tracee = std::make_shared<Handled>(load, events)] { return tracee->batch(); };
}

Handle with(SyscallOptions options) {
  return [options = std::move(options)](const Process& process) { return process.handle_syscall("getppid", options); };
}

void nothing(Thread&, SyscallHandler&) {}

void read_six(Thread& thread, SyscallHandler&) {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < 6; ++i) sum += thread.syscall_arg(i);
  if (sum != 1 + 2 + 3 + 4 + 5 + 6) throw std::runtime_error("the arguments are wrong");
}

Row row(std::string name, Load load, floors::Deed deed = floors::Deed::none) {
  return {std::move(name), [load = std::move(load), deed](const Effort& effort) {
            const std::size_t events = effort.events(full_batch * (load.threads > 1 ? 4 : 1));
            return Sides{handled(load, events), floors::syscalls(load.threads, events, deed)};
          }};
}

/// By a seccomp filter.
Row filter_row(std::string name, Load load, floors::FilterStops stops, floors::Deed deed = floors::Deed::none) {
  load.filter = true;
  return {std::move(name), [load = std::move(load), stops, deed](const Effort& effort) {
            // Without stops a call is so quick that the end of a batch counts.
            const std::size_t events = effort.events(full_batch * (stops == floors::FilterStops::none ? 400 : 1));
            return Sides{handled(load, events), floors::filtered_syscalls(events, stops, deed)};
          }};
}

/// Beside the pinned floor, at the median: without a CPU that they share, every wake-up has its luck.
Row free_row(std::string name, Load::Where where, std::size_t threads) {
  Row result = row(std::move(name),
                   {.handle = with({.on_enter = nothing, .on_exit = nothing}), .threads = threads, .where = where});
  result.quantile = 0.5;
  return result;
}

/// Not the kernel's floor but our own: what the threads cost beside a single one.
Row threads_beside_one(std::string name, std::size_t threads) {
  return {std::move(name), [threads](const Effort& effort) {
            const Handle handle = with({.on_enter = nothing, .on_exit = nothing});
            const std::size_t events = effort.events(full_batch * 4);
            return Sides{handled({.handle = handle, .threads = threads}, events), handled({.handle = handle}, events)};
          }};
}

}  // namespace

std::vector<Row> syscall_rows() {
  const Handle both = with({.on_enter = nothing, .on_exit = nothing});
  const auto change = [](Thread& thread, SyscallHandler&) { thread.set_syscall_return(forged_result); };
  const auto skip = [](Thread& thread, SyscallHandler&) { thread.skip_syscall(forged_result); };
  constexpr std::size_t many = 8;
  using floors::FilterStops;
  return {
      row("syscall.enter_exit", {.handle = both}),
      row("syscall.enter", {.handle = with({.on_enter = nothing})}),
      row("syscall.unhandled", {}),
      row("syscall.six_args", {.handle = with({.on_enter = read_six})}),
      row("syscall.result_changed", {.handle = with({.on_exit = change}), .result = forged_result},
          floors::Deed::change_result),
      row("syscall.skip", {.handle = with({.on_enter = skip}), .result = forged_result}, floors::Deed::skip),
      row("syscall.threads8", {.handle = both, .threads = many}),
      threads_beside_one("syscall.threads8_beside_one", many),
      filter_row("filter.enter", {.handle = with({.on_enter = nothing})}, FilterStops::enter),
      filter_row("filter.enter_exit", {.handle = both}, FilterStops::enter_exit),
      filter_row("filter.unhandled", {}, FilterStops::none),
      filter_row("filter.skip", {.handle = with({.on_enter = skip}), .result = forged_result}, FilterStops::enter,
                 floors::Deed::skip),
      filter_row("filter.result_changed", {.handle = with({.on_exit = change}), .result = forged_result},
                 FilterStops::enter_exit, floors::Deed::change_result),
      free_row("one_cpu.enter_exit", Load::Where::one_cpu, 1),
      free_row("one_cpu.threads8", Load::Where::one_cpu, many),
      free_row("unpinned.enter_exit", Load::Where::unpinned, 1),
      free_row("unpinned.threads8", Load::Where::unpinned, many),
  };
}

}  // namespace trapline::bench
