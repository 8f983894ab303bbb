#pragma once

#include <sys/types.h>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

#include <trapline/observer.hpp>
#include <trapline/print.hpp>

namespace trapline {

struct TraceOptions {
  /// Each line begins with the thread's id; otherwise from the second thread on.
  bool thread_ids = false;
  /// Failures, signals and ends in colour, and what handlers replaced struck through.
  bool color = false;
  std::size_t string_limit = 32;
  bool fd_paths = false;
};

/// The text of a live trace, a line an event, appended to what the caller gives.
///
/// The line of a call that blocks stays open, so that it is seen where the program hangs; when another thread reports
/// meanwhile, it is ended by `<unfinished ...>` and taken up again at the call's exit. For one thread at a time.
class TRAPLINE_API TraceText {
 public:
  explicit TraceText(const TraceOptions& options = {});

  // What an observer is shown (observer.hpp).
  void enter(std::string& out, const Thread& thread, const SyscallRecord& record);
  void exit(std::string& out, const Thread& thread, const SyscallRecord& record);
  void abandon(std::string& out, const Thread& thread, const SyscallRecord& record);
  void signal(std::string& out, const Thread& thread, const SignalRecord& record);
  void died(std::string& out, const Thread& thread, int status);
  /// Ends the open line, if any.
  void end_line(std::string& out);

 private:
  void begin_line(std::string& out, const Thread& thread);
  void resume_line(std::string& out, const Thread& thread, const SyscallRecord& record);
  void paint(std::string& out, std::string_view sequence) const;

  PrintOptions print_;
  bool thread_ids_;
  bool color_;
  /// The thread and call whose line is open; 0 for none.
  pid_t open_ = 0;
  std::int64_t open_number_ = 0;
};

/// Prints a trace to a stream, each event at once: `d.observe(trace_to(std::cerr))`. The stream must live as long as
/// the observation; what it throws is thrown like a callback's.
[[nodiscard]] TRAPLINE_API Observer trace_to(std::ostream& out, const TraceOptions& options = {},
                                             SyscallSet syscalls = "all");

}  // namespace trapline
