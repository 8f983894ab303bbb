// What docs/calling.md shows.
#include <iostream>
#include <string>

#include <trapline/trapline.hpp>

using namespace trapline;

static void numbers(const Debugger& d) {
  std::cout << d.call<int>("abs", -7) << '\n';
  // An indirect function of the C library (IFUNC) is found like any other.
  std::cout << d.call("strlen", "seven..") << '\n';
  const Address memory = d.call("malloc", 32);
  d.call<void>("free", memory);
}

static void buffers(const Debugger& d) {
  std::string text(32, '\0');
  d.call<int>("snprintf", text, text.size(), "%d and %.1f", 42, 2.5);
  std::cout << text.c_str() << '\n';
}

static void with_time(const Debugger& d) {
  using namespace std::chrono_literals;
  try {
    d.call<int>({.timeout = 20ms}, "pause");
  } catch (const TimedOut&) {
    std::cout << "it does not return\n";
  }
}

static void interrupted(const Debugger& d) {
  const Breakpoint breakpoint = d.breakpoint("strdup");
  try {
    d.call("strdup", "text");
  } catch (const CallInterrupted& error) {
    const Thread& t = error.stop().thread;
    std::cout << "stopped at " << breakpoint.location().text() << '\n';
    // ... look around; then let it return, or take the thread back with abandon_call().
    std::cout << d.memory().read_string(t.finish_call()) << '\n';
  }
  breakpoint.remove();
}

static void memory(const Debugger& d) {
  {
    const Allocation buffer = d.allocate(4096);
    d.call("memset", buffer.address(), 'x', 10);
    std::cout << buffer.read_string() << '\n';
  }
  // It is given back; this is lea eax, [rdi + 1] and ret.
  const Allocation code = d.allocate("\x8d\x47\x01\xc3", {.executable = true});
  std::cout << d.call<int>(code.address(), 41) << '\n';
}

static void without_vdso() {
  Debugger d({.argv = {"date", "+"}, .vdso = false});
  std::size_t asked = 0;
  d.handle_syscall("clock_gettime", {.on_enter = [&](Thread&, SyscallHandler&) { ++asked; }});
  d.run();
  d.cont();
  d.wait();
  std::cout << (asked > 0 ? "it asks for the time" : "it has a clock of its own") << '\n';
}

static void hints() {
  set_log_sink([](LogCategory, std::string_view line) { std::cout << line << '\n'; }, {LogCategory::hint});
  Debugger d({.argv = {"cat", "/dev/null"}});
  d.handle_syscall("open", {.on_enter = [](Thread&, SyscallHandler&) {}});
  d.run();
  d.cont();
  d.wait();
  set_log_sink({});
}

int main() {
  Debugger d({.argv = {"sleep", "1000"}});
  d.run();
  numbers(d);
  buffers(d);
  with_time(d);
  interrupted(d);
  memory(d);
  without_vdso();
  hints();
}
