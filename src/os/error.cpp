#include "os/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace trapline {

OsError::OsError(std::error_code code, const std::string& what) : Error(what), code_(code) {}

}  // namespace trapline

namespace trapline::os {

std::string error_text(int error) { return std::generic_category().message(error); }

void throw_os_error(int error, std::string_view request, pid_t tid, std::string_view remedy) {
  if (error == ESRCH && tid != 0) {
    throw ProcessGone(fmt::format("{}: thread {} is gone, or was not at rest", request, tid));
  }
  std::string text(request);
  if (tid != 0) text += fmt::format(" of thread {}", tid);
  text += ": " + error_text(error);
  if (!remedy.empty()) text += fmt::format(" ({})", remedy);
  throw_explained(error, text);
}

void throw_explained(int error, const std::string& text) {
  throw OsError(std::error_code(error, std::generic_category()), text);
}

}  // namespace trapline::os
