#include <memory>
#include <stdexcept>

#include <trapline/trapline.hpp>

#include "floors.hpp"
#include "rows.hpp"

namespace trapline::bench {
namespace {

Sides backtraces(const Effort& effort, bool lines) {
  const std::size_t events = effort.events(10);
  const auto debugger = std::make_shared<Debugger>(DebuggerOptions{.argv = {tracee("deep")}});
  debugger->run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()}});
  debugger->catch_signal("SIGTRAP");
  debugger->cont();
  debugger->wait();
  const auto ours = [events, lines, debugger] {
    return debugger->on_tracer([&] {
      const Thread thread = debugger->main_thread();
      return time_per_event(events, [&] {
        for (std::size_t i = 0; i < events; ++i) {
          if (thread.backtrace({.lines = lines}).size() < 20) throw std::runtime_error("frames are missing");
        }
      });
    });
  };
  return {ours, floors::backtraces(events, lines)};
}

}  // namespace

std::vector<Row> backtrace_rows() {
  return {
      {"backtrace.frames20", [](const Effort& effort) { return backtraces(effort, false); }},
      {"backtrace.frames20_lines", [](const Effort& effort) { return backtraces(effort, true); }},
  };
}

}  // namespace trapline::bench
