#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "measure.hpp"

namespace trapline::bench {

[[nodiscard]] std::vector<Row> syscall_rows();
[[nodiscard]] std::vector<Row> invoke_rows();
[[nodiscard]] std::vector<Row> trap_rows();
[[nodiscard]] std::vector<Row> spawn_rows();
[[nodiscard]] std::vector<Row> attach_rows();
[[nodiscard]] std::vector<Row> step_rows();
[[nodiscard]] std::vector<Row> backtrace_rows();
[[nodiscard]] std::vector<Row> memory_rows();
[[nodiscard]] std::vector<Row> search_rows();
[[nodiscard]] std::vector<Row> symbol_rows();
/// What an event costs beside others; the other side is mostly our own cost without them, not a floor.
[[nodiscard]] std::vector<Row> growth_rows();
[[nodiscard]] std::vector<Row> breakpoint_growth_rows();

/// What is looked up in the tracee `many_symbols`, and searched for in `haystack`.
inline constexpr const char* mangled_symbol =
    "_ZN9benchmark7symbols14Container_typeIiNS_14Allocator_typeIiEENS_13Compare_typesIiSt4lessIiEEEE14method_1178500"
    "ERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEPKcm";
inline constexpr std::string_view needle = "NEEDLE!\x01\x02\x03zq#9";

/// The path of one of the programs in bench/tracees.
[[nodiscard]] inline std::string tracee(const std::string& name) { return BENCH_TRACEE_DIR "/" + name; }

}  // namespace trapline::bench
