// What docs/source-lines.md shows. It debugs itself.
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

#include <trapline/trapline.hpp>

using namespace trapline;

[[gnu::always_inline]] static inline int half_of(int number) {
  if (number % 2 != 0) std::abort();
  return number / 2;
}

[[gnu::noinline]] static int work(int number) {
  const int half = half_of(number);
  std::cout << "half of it is " << half << '\n';
  return half;
}

static std::string name_of(const SourceLine& line) {
  return line.file.substr(line.file.rfind('/') + 1) + ":" + std::to_string(line.line);
}

static void stop_at_a_line(const std::string& self) {
  Debugger d({.argv = {self, "8"}});
  const Stdio io = d.run();
  const Breakpoint breakpoint = d.breakpoint("source_lines.cpp:18");
  d.cont();
  const Stop stop = d.wait();
  const Symbols symbols = d.symbols();
  std::cout << "stopped at " << name_of(*symbols.line_at(stop.thread.pc())) << '\n';

  const std::vector<Address> places = symbols.addresses_of("snippets/source_lines.cpp", 13);
  std::cout << "line 13 begins at " << places.size() << " place\n";
  for (const InlinedCall& call : symbols.inlined_at(places.front())) {
    std::cout << call.function << " is inlined at " << name_of(call.call) << '\n';
  }
}

static void tell_where_it_aborted(const std::string& self) {
  Debugger d({.argv = {self, "7"}});
  const Stdio io = d.run();
  d.catch_signal("SIGABRT");
  d.cont();
  const Stop stop = d.wait();
  for (const Frame& frame : stop.thread.backtrace({.lines = true})) {
    if (!frame.source || frame.module != self) continue;
    std::cout << name_of(*frame.source);
    for (const InlinedCall& call : frame.inlined) std::cout << " called at " << name_of(call.call);
    std::cout << '\n';
  }
}

int main(int count, char** arguments) {
  if (count > 1) return work(std::atoi(arguments[1]));
  const std::string self = arguments[0];
  stop_at_a_line(self);
  tell_where_it_aborted(self);
}
