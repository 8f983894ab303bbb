#include "core/syscall_site.hpp"

#include <algorithm>
#include <vector>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/process.hpp"
#include "core/process_maps.hpp"

namespace trapline::core {
namespace {

std::optional<Address> find_in(Process& process, const MemoryMap& mapping, std::span<const std::byte> instruction) {
  std::vector<std::byte> text(64 * 1024);
  for (Address at = mapping.start; at < mapping.end;) {
    const auto want = std::min<std::uint64_t>(text.size(), mapping.end - at);
    const std::size_t got = process.memory().read(at, std::span(text).first(want));
    const auto bytes = std::span(text).first(got);
    for (auto from = bytes.begin();;) {
      const auto found = std::search(from, bytes.end(), instruction.begin(), instruction.end());
      if (found == bytes.end()) break;
      const Address address = at + static_cast<Address>(found - bytes.begin());
      // Not one that carries a trap of ours.
      if (!process.memory().planted(address)) return address;
      from = found + 1;
    }
    if (got < instruction.size() || got < want) return std::nullopt;
    // An instruction may lie across two pieces.
    at += at + got < mapping.end ? got - (instruction.size() - 1) : got;
  }
  return std::nullopt;
}

}  // namespace

Address find_syscall_site(Process& process) {
  const auto instruction = arch::info(process.arch()).syscall_instruction;
  const MemoryMaps all = memory_maps(process);
  std::vector<MemoryMap> maps(all.begin(), all.end());
  std::stable_partition(maps.begin(), maps.end(), [](const MemoryMap& map) { return map.path == "[vdso]"; });
  for (const MemoryMap& mapping : maps) {
    // The vsyscall page is no memory: the kernel emulates what jumps there.
    if (!mapping.executable || mapping.path == "[vsyscall]") continue;
    if (const auto found = find_in(process, mapping, instruction)) return *found;
  }
  throw UsageError("process " + std::to_string(process.pid()) +
                   " has no syscall instruction in its memory: there is nothing to invoke a syscall with");
}

}  // namespace trapline::core
