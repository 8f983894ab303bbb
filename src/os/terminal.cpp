#include "os/terminal.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "os/error.hpp"

namespace trapline::os {

Terminal open_terminal(unsigned short rows, unsigned short columns) {
  Terminal terminal;
  terminal.master.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.master.valid()) throw_os_error(errno, "posix_openpt", 0);
  std::array<char, 64> name{};
  if (::grantpt(terminal.master.get()) != 0 || ::unlockpt(terminal.master.get()) != 0 ||
      ::ptsname_r(terminal.master.get(), name.data(), name.size()) != 0) {
    throw_os_error(errno, "preparing a pseudo-terminal", 0);
  }
  terminal.slave.reset(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.slave.valid()) throw_os_error(errno, "opening a pseudo-terminal", 0);
  resize_terminal(terminal.master.get(), rows, columns);
  return terminal;
}

void resize_terminal(int fd, unsigned short rows, unsigned short columns) {
  winsize size{};
  size.ws_row = rows;
  size.ws_col = columns;
  if (::ioctl(fd, TIOCSWINSZ, &size) != 0) throw_os_error(errno, "TIOCSWINSZ", 0);
}

std::optional<WindowSize> terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return std::nullopt;
  return WindowSize{size.ws_row, size.ws_col};
}

EndOfFileKey end_of_file_key(int fd) {
  termios settings{};
  constexpr char control_d = 4;
  if (::tcgetattr(fd, &settings) != 0) return {control_d, true};
  const cc_t key = settings.c_cc[VEOF];
  return {key == _POSIX_VDISABLE ? std::nullopt : std::optional(static_cast<char>(key)),
          (settings.c_lflag & ICANON) != 0};
}

RawMode::RawMode(int fd) : fd_(fd) {
  termios settings{};
  if (::tcgetattr(fd, &settings) != 0) return;
  before_ = settings;
  ::cfmakeraw(&settings);
  ::tcsetattr(fd, TCSADRAIN, &settings);
}

RawMode::~RawMode() {
  if (before_) ::tcsetattr(fd_, TCSADRAIN, &*before_);
}

}  // namespace trapline::os
