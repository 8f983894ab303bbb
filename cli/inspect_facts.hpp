#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <trapline/trapline.hpp>

namespace cli {

struct View;

// What the kernel and the files of a process tell of it: --threads, --libraries, --checksec, --descriptors,
// --environment, --auxv and --limits.

void show_threads(const View& view, std::ostream& out);
void show_libraries(const View& view, std::ostream& out);
void show_checksec(const View& view, std::ostream& out);
void show_descriptors(const View& view, std::ostream& out);
void show_environment(const View& view, std::ostream& out);
void show_auxv(const View& view, std::ostream& out);
void show_limits(const View& view, std::ostream& out);

[[nodiscard]] nlohmann::ordered_json threads_data(const View& view);
[[nodiscard]] nlohmann::ordered_json libraries_data(const View& view);
[[nodiscard]] nlohmann::ordered_json checksec_data(const View& view);
[[nodiscard]] nlohmann::ordered_json descriptors_data(const View& view);
[[nodiscard]] nlohmann::ordered_json environment_data(const View& view);
[[nodiscard]] nlohmann::ordered_json auxv_data(const View& view);
[[nodiscard]] nlohmann::ordered_json limits_data(const View& view);

/// What the threads of a process do at this moment; those that can be seen.
[[nodiscard]] std::map<pid_t, trapline::RunState> run_states(pid_t pid);
/// The system call that a thread is blocked in, in the notation of `trapline trace`: `read(0</dev/pts/3>, 0x7ff...,
/// 1)`.
[[nodiscard]] std::string blocked_call(const trapline::Thread& thread, const trapline::ThreadInfo& info);

}  // namespace cli
