// What docs/breakpoints.md shows. Run: snippets_breakpoints targets/gate
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void ignore(Thread&, Breakpoint&) {}

static void each_stop(Debugger& d) {
  const Breakpoint may_pass = d.breakpoint("may_pass");
  d.run();
  for (;;) {
    d.cont();
    const Stop stop = d.wait();
    if (stop.kind == StopKind::exited) break;
    if (may_pass.hit_on(stop.thread)) std::cout << "asked about " << stop.thread.regs().edi() << '\n';
  }
  std::cout << may_pass.hit_count() << " times\n";
  may_pass.remove();
}

static void locations(const Debugger& d, Address address) {
  d.breakpoint("may_pass", {.callback = ignore});
  d.breakpoint("main+4", {.callback = ignore});
  d.breakpoint(address, {.callback = ignore});
  d.breakpoint(Location(0x1040).in("binary"), {.callback = ignore});
  d.breakpoint(Location("malloc").in("libc"), {.callback = ignore});
  d.breakpoint(Location("draw").in("plugin.so"), {.callback = ignore});
  d.breakpoint("draw_fast", {.callback = ignore, .pending = true});
}

static bool is_a_minor(Thread& t) { return t.regs().edi() < 18; }

static Breakpoint chosen(const Debugger& d) {
  return d.breakpoint(
      "may_pass",
      {.callback = ignore, .thread = d.main_thread(), .once = true, .ignore_count = 1, .condition = is_a_minor});
}

static void log_and_stop(const Debugger& d) {
  d.breakpoint("may_pass", {.callback = [](Thread& t, Breakpoint& b) {
                 std::cout << b.hit_count() << ": " << t.regs().edi() << '\n';
               }});
  d.breakpoint("may_pass", {.ignore_count = 1});
}

static void tell_bytes(const Debugger& d, const Breakpoint& may_pass) {
  const Bytes shown = d.memory().read(*may_pass.address(), 1);
  std::cout << (shown.front() == std::byte{0xcc} ? "a trap\n" : "the program's own\n");
}

static void told(const Debugger& d) {
  try {
    d.breakpoint("may_pas");
  } catch (const SymbolError& error) {
    std::cout << error.what() << '\n';
  }
}

int main(int, char** argv) {
  Debugger d({.argv = {argv[1], "12", "16", "21"}});
  each_stop(d);

  d.run();
  locations(d, d.symbols().resolve("main"));
  const Breakpoint second_minor = chosen(d);
  log_and_stop(d);
  d.cont();
  const Stop stop = d.wait();
  std::cout << to_string(stop.kind) << " with " << stop.breakpoints.size() << " of them\n";
  tell_bytes(d, second_minor.address() ? second_minor : stop.breakpoints.front());
  std::cout << second_minor.hit_count() << " chosen hit, " << (second_minor.enabled() ? "enabled\n" : "disabled\n");
  told(d);
}
