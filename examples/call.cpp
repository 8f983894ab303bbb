// Calls functions of a running shell: it computes, allocates, and sees what was changed in its environment.
// Run: call
#include <iostream>
#include <string>

#include <trapline/trapline.hpp>

using namespace trapline;

int main() {
  Debugger d({.argv = {"sh", "-c", "echo $GREETING"}});
  const Stdio io = d.run();

  // A string is copied into the process for the call; the result is read as the type that is asked for.
  std::cout << "strlen: " << d.call("strlen", "how long is this?") << '\n';
  std::cout << "atoi: " << d.call<int>("atoi", "-12") << '\n';

  // What a function does stays done: the shell has not looked at its environment yet.
  d.call<int>("setenv", "GREETING", "good morning", 1);
  std::cout << "getenv: " << d.memory().read_string(d.call("getenv", "GREETING")) << '\n';

  // A function that crashes is reported, and the program never knows.
  try {
    d.call("strlen", nullptr);
  } catch (const CallInterrupted& error) {
    std::cout << "strlen(nullptr): signal " << error.stop().signal << " at " << error.stop().address << '\n';
  }

  d.cont();
  std::cout << "the shell says: " << io.recvall();
  std::cout << d.wait().exit_code.value_or(-1) << '\n';
}
