#pragma once

#include <csignal>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <trapline/call_argument.hpp>
#include <trapline/symbols.hpp>

#include "arch/calling.hpp"
#include "core/remote.hpp"
#include "core/thread_state.hpp"

namespace trapline::core {

/// Where the functions that we call return to: a trap in a page of our own, or at the program's entry point where none
/// can be mapped. The thread is in the hands of the Remote.
[[nodiscard]] Address return_trap(ThreadState& thread, Remote& remote);

/// A function that a thread executes for us: from the thread's leaving its stop until it is back there. It lives in
/// ThreadState::function_calls, since it may be interrupted and go on when the process does. On the tracer thread.
class FunctionCall {
 public:
  /// Leaves the stop; throws UsageError where the thread can run nothing.
  FunctionCall(ThreadState& thread, std::string name);
  ~FunctionCall();
  FunctionCall(const FunctionCall&) = delete;
  FunctionCall& operator=(const FunctionCall&) = delete;

  /// Has the thread stand before the function's first instruction.
  void enter(Address function, std::span<const CallArgument> arguments);

  enum class State {
    running,
    returned,
    left,      ///< by a jump out of it
    replaced,  ///< by an exec
  };
  [[nodiscard]] State state() const { return state_; }
  /// The thread has come to the return trap, or past this call, with that stack pointer.
  void note(State state) { state_ = state; }
  [[nodiscard]] Address sp_at_return() const { return sp_at_return_; }
  /// A command waits for its end; otherwise the return trap does the rest.
  [[nodiscard]] bool awaited() const { return awaited_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  /// What it returned, when it has.
  [[nodiscard]] CallValue result(CallValueKind kind) const;
  /// Copies back what the function may have written.
  void copy_back(std::span<const CallArgument> arguments) const;

  /// Nobody waits for it any more, for the time being.
  void put_down();
  void take_up();

  // Its ends.
  /// From the return trap: the thread is where it was before, at the same stop.
  void restore();
  /// The same from anywhere in the function. Signals that came are still to come.
  void abandon();
  /// Nothing is left to go back to.
  void forget();

 private:
  [[nodiscard]] Address copies_at(std::size_t size, Address below);
  void write_stack(Address at, ByteView bytes);
  void prepare_vector(const arch::CallPlan& plan);

  ThreadState& thread_;
  const std::string name_;
  std::unique_ptr<Remote> remote_;
  DueAtStop due_;
  std::vector<std::byte> vector_;
  std::uint64_t mask_ = 0;
  Address sp_at_return_ = 0;
  Address copies_ = 0;
  /// Copies that are too large for the stack.
  std::size_t mapped_ = 0;
  State state_ = State::running;
  bool awaited_ = true;
};

/// Thread::call: throws CallInterrupted, TimedOut, ProcessGone, UsageError, SymbolError, and what callbacks throw.
[[nodiscard]] CallValue call_function(ThreadState& thread, const Location& function,
                                      std::span<const CallArgument> arguments, CallValueKind kind,
                                      const CallOptions& options);
/// Goes on with the innermost function that was interrupted.
[[nodiscard]] CallValue finish_function(ThreadState& thread, CallValueKind kind, const CallOptions& options);
/// Takes the thread out of the innermost function that was interrupted.
void abandon_function(ThreadState& thread);
/// Out of all of them, before it is let go.
void abandon_all_functions(ThreadState& thread);
/// They are gone with the image that they were in.
void forget_functions(ThreadState& thread);

}  // namespace trapline::core
