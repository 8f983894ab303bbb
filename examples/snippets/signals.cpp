// What docs/signals.md shows.
#include <csignal>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void tell_sender(Thread& t, SignalCatcher&) {
  const siginfo_t info = t.signal_info();
  std::cout << signal_name(t.signal()) << (info.si_pid == t.pid() ? " from itself\n" : " from outside\n");
}

static void ignore(Thread&, SignalCatcher&) {}

static void which_signals(const Debugger& d) {
  d.catch_signal(SIGUSR1, {.callback = ignore});
  d.catch_signal({"SIGUSR2", "SIGRTMIN+3"}, {.callback = ignore});
  d.catch_signal("all", {.callback = ignore});
  d.catch_signal("!SIGCHLD", {.callback = ignore});
}

static void change(const Debugger& d) {
  d.catch_signal("SIGTERM", {.callback = [](Thread& t, SignalCatcher&) { t.set_signal(0); }});
  d.hijack_signal("SIGALRM", "SIGUSR1");
  d.set_signals_to_block({"SIGPIPE", "SIGHUP"});
}

static void send(const Debugger& d) {
  const Thread t = d.main_thread();
  t.set_signal("SIGINT");
  d.send_signal("SIGTERM");
  t.send_signal(SIGTERM);
}

int main() {
  Debugger d({.argv = {"sh", "-c", "kill -USR1 $$"}});
  d.catch_signal("SIGUSR1", {.callback = tell_sender});
  d.run();
  d.cont();
  std::cout << signal_name(d.wait().exit_signal.value()) << '\n';

  d.set_argv({"sh", "-c", "kill -TERM $$; kill -HUP $$; kill -ALRM $$"});
  d.run();
  which_signals(d);
  change(d);
  d.cont();
  std::cout << signal_name(d.wait().exit_signal.value()) << '\n';

  d.run();
  send(d);
  d.cont();
  std::cout << signal_name(d.wait().exit_signal.value()) << '\n';
}
