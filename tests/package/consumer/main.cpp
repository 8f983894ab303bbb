// Debugs a real program with the library as its users get it.
#include <cstdio>
#include <cstring>
#include <system_error>

#include <trapline/trapline.hpp>

int main() {
  if (std::strcmp(TRAPLINE_VERSION, EXPECTED_VERSION) != 0) {
    std::printf("the headers are of version %s, not %s\n", TRAPLINE_VERSION, EXPECTED_VERSION);
    return 1;
  }
  try {
    trapline::Debugger debugger({.argv = {"true"}});
    const auto exits = debugger.handle_syscall(
        "exit_group",
        {.on_enter = [](trapline::Thread& thread, trapline::SyscallHandler&) { thread.set_syscall_arg(0, 42); }});
    debugger.run();
    debugger.cont();
    const trapline::Stop stop = debugger.wait();
    std::printf("%zu exit_group, exit code %d\n", exits.enter_count(), stop.exit_code.value_or(-1));
    return exits.enter_count() == 1 && stop.exit_code == 42 ? 0 : 1;
  } catch (const trapline::OsError& error) {
    if (error.code() != std::errc::operation_not_permitted) throw;
    std::printf("[  SKIPPED ] %s\n", error.what());
    return 77;
  }
}
