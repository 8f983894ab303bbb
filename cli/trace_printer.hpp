#pragma once

#include <string_view>

#include <trapline/trace_text.hpp>

#include "line_writer.hpp"

namespace cli {

/// Writes what happens to a process, a line an event.
class TracePrinter {
 public:
  TracePrinter(LineWriter& writer, const trapline::TraceOptions& options) : writer_(writer), text_(options) {}

  /// Writes whole lines of somebody else's.
  void note(std::string_view lines);
  /// Ends the open line, if any, and writes everything.
  void finish();

  // What an observer is shown (observer.hpp).
  void enter(const trapline::Thread& thread, const trapline::SyscallRecord& record);
  void exit(const trapline::Thread& thread, const trapline::SyscallRecord& record);
  void abandon(const trapline::Thread& thread, const trapline::SyscallRecord& record);
  void signal(const trapline::Thread& thread, const trapline::SignalRecord& record);
  void died(const trapline::Thread& thread, int status);

 private:
  LineWriter& writer_;
  trapline::TraceText text_;
};

}  // namespace cli
