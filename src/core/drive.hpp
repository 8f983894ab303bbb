#pragma once

#include <optional>

#include <trapline/stop.hpp>
#include <trapline/thread.hpp>

#include "core/process.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

/// Lets one thread go on bit by bit, for a command that waits for it; what it reports on the way is handled as the
/// tracer's loop would. The thread is claimed as long as this lives. On the tracer thread.
class Drive {
 public:
  Drive(ThreadState& thread, Others others, Deadline deadline = {});
  /// Brings the others back to rest.
  ~Drive();
  Drive(const Drive&) = delete;
  Drive& operator=(const Drive&) = delete;

  /// Executes one instruction; nothing when that is all that happened, otherwise the Stop that ended it early.
  [[nodiscard]] std::optional<Stop> step();
  /// Goes on until `reached` at one of its stops, which a trap of the caller's makes, or the time runs out; a Stop when
  /// something else ended it.
  [[nodiscard]] std::optional<Stop> run_until(support::FunctionRef<bool()> reached);
  /// The time ran out: the thread was interrupted wherever it was.
  [[nodiscard]] bool timed_out() const { return timed_out_; }
  /// The Stop of a command that came to its end.
  [[nodiscard]] Stop done() const;

 private:
  enum class Went { on, nowhere };
  /// What a stop means: nothing to go on with, the end of the step, or a Stop for the user.
  struct Outcome {
    bool executed = false;
    std::optional<Stop> stop{};
  };

  [[nodiscard]] bool on_syscall_instruction();
  [[nodiscard]] bool inside_call() const;
  [[nodiscard]] std::optional<Stop> handle_kept();
  /// Lets it go on and waits for its next stop; `nowhere` when the instruction under a trap was executed instead.
  [[nodiscard]] Went go(os::Resume how);
  void wait();
  /// Its event is for later, or for a detach.
  void put_off();
  [[nodiscard]] Outcome handle_stop(bool stepping);
  [[nodiscard]] std::optional<Stop> stop_of(Verdict verdict);
  /// The Stop of an interrupt() by somebody else.
  [[nodiscard]] std::optional<Stop> interrupted() const;
  [[nodiscard]] Stop death();

  ThreadState& thread_;
  Process& process_;
  Process::Busy busy_;
  bool others_run_ = false;
  Deadline deadline_;
  bool timed_out_ = false;
  Claim claim_;
  /// Whom a command further out moves.
  ThreadState* outer_;
  /// Another thread's trap has stopped the process.
  std::optional<Stop> early_;
};

}  // namespace trapline::core
