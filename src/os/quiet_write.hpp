#pragma once

#include <sys/types.h>

#include <string_view>

namespace trapline::os {

/// write(2) that raises no SIGPIPE; the number of bytes, or -errno. A SIGPIPE that was pending before stays.
[[nodiscard]] ssize_t write_quietly(int fd, std::string_view data);

}  // namespace trapline::os
