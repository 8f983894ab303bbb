#include "standard_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "line_writer.hpp"

namespace cli {

void write_out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) throw OutputFailed(errno, std::generic_category(), "cannot write the output");
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

StdoutAsStderr::StdoutAsStderr() : saved_(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) {
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
}

StdoutAsStderr::~StdoutAsStderr() {
  if (saved_ == -1) {
    ::close(STDOUT_FILENO);
    return;
  }
  ::dup2(saved_, STDOUT_FILENO);
  ::close(saved_);
}

}  // namespace cli
