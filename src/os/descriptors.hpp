#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>
#include <vector>

#include <trapline/file_descriptor.hpp>

#include "os/proc_directory.hpp"

namespace trapline::os {

/// All that are open; `pid` is the process's (or thread's) whose folder that is.
[[nodiscard]] std::vector<FileDescriptor> read_descriptors(const ProcDirectory& process, pid_t pid);
/// One of them; nothing when it is not open.
[[nodiscard]] std::optional<FileDescriptor> read_descriptor(const ProcDirectory& process, pid_t pid, int number);

/// What a link of /proc/PID/fd that leads to no file says that it is.
[[nodiscard]] DescriptorKind kind_of_link(std::string_view target);
/// The text of /proc/PID/fdinfo/N: the flags, the offset, and all else as details.
void parse_descriptor_info(std::string_view text, FileDescriptor& into);

}  // namespace trapline::os
