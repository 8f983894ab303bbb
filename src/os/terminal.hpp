#pragma once

#include <termios.h>

#include <optional>

#include "support/fd.hpp"

namespace trapline::os {

struct Terminal {
  support::Fd master;
  support::Fd slave;
};

/// A new pseudo-terminal of that size; throws OsError.
[[nodiscard]] Terminal open_terminal(unsigned short rows, unsigned short columns);
void resize_terminal(int fd, unsigned short rows, unsigned short columns);
/// The character that means end of file to the terminal's reader, usually Ctrl-D.
[[nodiscard]] char end_of_file_character(int fd);

/// Makes a terminal pass every key on as it is, until the scope ends; does nothing to what is no terminal.
class RawMode {
 public:
  explicit RawMode(int fd);
  ~RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  int fd_;
  std::optional<termios> before_;
};

}  // namespace trapline::os
