#pragma once

#include <string_view>

namespace cli {

/// Writes all of it to stdout; throws OutputFailed. A reader that has gone ends us by SIGPIPE.
void write_out(std::string_view text);

/// While it lives our stdout is stderr: what a program prints that is launched meanwhile must not get into what we
/// print.
class StdoutAsStderr {
 public:
  StdoutAsStderr();
  ~StdoutAsStderr();
  StdoutAsStderr(const StdoutAsStderr&) = delete;
  StdoutAsStderr& operator=(const StdoutAsStderr&) = delete;

 private:
  /// -1 when there is no stdout.
  int saved_;
};

}  // namespace cli
