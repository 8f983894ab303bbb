#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include <trapline/error.hpp>

namespace trapline::os {

/// The text of an errno value, e.g. "No such file or directory".
[[nodiscard]] std::string error_text(int error);

/// Throws ProcessGone for ESRCH about a thread, otherwise OsError "REQUEST of thread TID: ERROR (REMEDY)"; `tid` 0
/// means that no thread is concerned. Takes the errno value, so that nothing between can change it.
[[noreturn]] void throw_os_error(int error, std::string_view request, pid_t tid, std::string_view remedy = {});

/// Throws OsError with a text that already says everything.
[[noreturn]] void throw_explained(int error, const std::string& text);

}  // namespace trapline::os
