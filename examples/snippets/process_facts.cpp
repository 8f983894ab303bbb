// What docs/process-facts.md shows.
#include <sys/auxv.h>

#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void what_it_has(const Debugger& d) {
  const ProcessInfo info = d.info();
  std::cout << info.command_line().front() << " in " << info.working_directory().path << ", with "
            << info.environment("LC_ALL").value_or("no locale") << '\n';
  const Address entry = info.auxv().find(AT_ENTRY).value();
  std::cout << (d.main_thread().pc() == entry ? "at" : "past") << " its entry point\n";
}

static void who_talks_to_whom(const Process& process) {
  for (const FileDescriptor& fd : process.info().file_descriptors()) {
    std::cout << fd.number << ' ' << to_string(fd.kind) << ' ' << fd.path;
    if (fd.socket) std::cout << ": " << fd.socket->protocol << ' ' << fd.socket->local << " -> " << fd.socket->peer;
    std::cout << (fd.deleted ? " (deleted)\n" : "\n");
  }
}

static void where_its_threads_wait(const Process& process) {
  for (const ThreadInfo& thread : process.info().threads()) {
    std::cout << thread.name << " is " << to_string(thread.state);
    if (thread.syscall) std::cout << " in " << thread.syscall->name;
    std::cout << '\n';
  }
}

int main() {
  Debugger d({.argv = {"sleep", "60"}, .env = Environment{{"LC_ALL", "C"}, {"PATH", "/usr/bin:/bin"}}, .cwd = "/proc"});
  d.run({.stdio = {Stream::null(), Stream::null(), Stream::null()}});
  what_it_has(d);
  who_talks_to_whom(d);
  d.handle_syscall("clock_nanosleep");
  d.cont();
  d.wait();
  d.cont();
  const auto asleep = [&] { return d.info().threads().front().state == RunState::sleeping; };
  while (!asleep()) {
  }
  where_its_threads_wait(d);
  d.kill();
}
