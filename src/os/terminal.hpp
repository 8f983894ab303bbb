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
struct WindowSize {
  unsigned short rows = 0;
  unsigned short columns = 0;
  friend bool operator==(const WindowSize&, const WindowSize&) = default;
};
/// Nothing for what is no terminal.
[[nodiscard]] std::optional<WindowSize> terminal_size(int fd);
/// What a reader of a terminal takes for its end.
struct EndOfFileKey {
  /// Usually Ctrl-D; nothing when it is switched off.
  std::optional<char> character;
  /// The terminal hands out whole lines: then the key in the middle of one only hands out what there is.
  bool by_lines;
};
[[nodiscard]] EndOfFileKey end_of_file_key(int fd);

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
