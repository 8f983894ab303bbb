#pragma once

#include <cstddef>
#include <vector>

#include <trapline/disassembly.hpp>

namespace trapline::core {

class Process;

// Any thread. They end where the memory does.

/// So many instructions from an address on, and in front of them those that the options ask for.
[[nodiscard]] std::vector<Instruction> disassemble(Process& process, Address at, std::size_t count,
                                                   const DisassemblyOptions& options);
/// Those that begin in [from, to).
[[nodiscard]] std::vector<Instruction> disassemble_range(Process& process, Address from, Address to,
                                                         const DisassemblyOptions& options);
/// Those of the function around an address; throws SymbolError when no symbol covers it.
[[nodiscard]] std::vector<Instruction> disassemble_function(Process& process, Address inside,
                                                            const DisassemblyOptions& options);

}  // namespace trapline::core
