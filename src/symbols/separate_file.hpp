#pragma once

#include <optional>
#include <string>

#include "symbols/elf_file.hpp"

namespace trapline::symbols {

/// Where the debug information of a file is that was moved into a file of its own, as `objcopy --only-keep-debug` and
/// the distributions' -dbg packages do: found by its build id or its .gnu_debuglink, and only one that really belongs
/// to it. Nothing without one. `path` is the file's own, which may begin with the /proc/PID/root of a process that has
/// another root. Any thread.
[[nodiscard]] std::optional<std::string> debug_file_of(const ElfFile& elf, const std::string& path);
/// The debug file of that build id, in the view of the file at `path`.
[[nodiscard]] std::optional<std::string> file_by_build_id(const Bytes& build_id, const std::string& path);
/// The file that dwz(1) moved parts of the DWARF of the one at `path` to, and perhaps of others: by the build id and
/// the name that its .gnu_debugaltlink has; only one of that build id.
[[nodiscard]] std::optional<ElfFile> common_parts_of(const Bytes& build_id, const std::string& name,
                                                     const std::string& path);

}  // namespace trapline::symbols
