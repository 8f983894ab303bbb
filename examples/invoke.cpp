// Runs syscalls of our own inside the program, which does not notice: it opens and reads a file as that process.
// Run: invoke
#include <fcntl.h>
#include <sys/mman.h>

#include <array>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

int main() {
  Debugger d({.argv = {"sleep", "1000"}});
  d.run();

  // A string is copied into the process for the call; the result is the kernel's, -errno for a failure.
  const auto fd = d.invoke_syscall("openat", AT_FDCWD, "/proc/self/comm", O_RDONLY);

  // An array is copied in and, being writable, back.
  std::array<char, 64> text{};
  const auto size = d.invoke_syscall("read", fd, text, text.size());
  std::cout << "read into our buffer: " << std::string_view(text.data(), static_cast<std::size_t>(size));

  // Memory of the process itself is passed by its address.
  const auto page = static_cast<Address>(
      d.invoke_syscall("mmap", nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  d.invoke_syscall("pread64", fd, page, 4096, 0);
  std::cout << "read into its memory: " << d.memory().read_string(page);

  std::cout << "close twice: " << d.invoke_syscall("close", fd) << ", " << d.invoke_syscall("close", fd) << '\n';
}
