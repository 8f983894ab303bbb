#pragma once

#include <sys/types.h>

#include <string_view>

#include <trapline/observer.hpp>
#include <trapline/print.hpp>

#include "line_writer.hpp"

namespace cli {

/// Prints what happens to a process, a line an event.
///
/// The line of a call that blocks stays open, so that it is seen where the program hangs; when another thread reports
/// meanwhile, it is ended by `<unfinished ...>` and taken up again at the call's exit.
class TracePrinter {
 public:
  struct Style {
    trapline::PrintOptions print{};
    /// Each line begins with the thread's id; otherwise from the second thread on.
    bool thread_ids = false;
    bool colour = false;
  };

  TracePrinter(LineWriter& writer, Style style) : writer_(writer), style_(style) {}

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
  void interrupt_open_line();
  void begin_line(const trapline::Thread& thread);
  void resume_line(const trapline::Thread& thread, const trapline::SyscallRecord& record);
  void paint(std::string_view sequence);

  LineWriter& writer_;
  Style style_;
  /// The thread and call whose line is open; 0 for none.
  pid_t open_ = 0;
  std::int64_t open_number_ = 0;
};

}  // namespace cli
