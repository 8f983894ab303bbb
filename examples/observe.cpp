// A small strace: an observer is shown every syscall after all handlers, and changes nothing.
// Run: observe echo hello
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static std::ostream& operator<<(std::ostream& out, const SyscallRecord& call) {
  out << syscall_name(call.abi, call.number) << std::hex;
  for (char separator = '('; const auto argument : call.args) out << std::exchange(separator, ',') << "0x" << argument;
  return out << std::dec << ')';
}

int main(int argc, char** argv) {
  Debugger d({.argv = {argv + 1, argv + argc}});
  const Observation trace = d.observe({
      .on_syscall_exit = [](Thread&, const SyscallRecord& call) { std::cerr << call << " = " << call.result << '\n'; },
      .on_signal = [](Thread&, const SignalRecord& signal) { std::cerr << signal_name(signal.signal) << '\n'; },
      .on_syscall_abandoned = [](Thread&, const SyscallRecord& call) { std::cerr << call << " = ?\n"; },
  });
  d.run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()}});
  d.cont();
  std::cerr << d.wait() << '\n';
  return d.exit_code().value_or(1);
}
