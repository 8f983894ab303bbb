#pragma once

#include <string>
#include <vector>

#include "measure.hpp"

namespace trapline::bench {

[[nodiscard]] std::vector<Row> syscall_rows();
[[nodiscard]] std::vector<Row> invoke_rows();
[[nodiscard]] std::vector<Row> trap_rows();
[[nodiscard]] std::vector<Row> spawn_rows();
[[nodiscard]] std::vector<Row> step_rows();
[[nodiscard]] std::vector<Row> backtrace_rows();
[[nodiscard]] std::vector<Row> memory_rows();
[[nodiscard]] std::vector<Row> search_rows();
[[nodiscard]] std::vector<Row> symbol_rows();

/// The path of one of the programs in bench/tracees.
[[nodiscard]] inline std::string tracee(const std::string& name) { return BENCH_TRACEE_DIR "/" + name; }

}  // namespace trapline::bench
