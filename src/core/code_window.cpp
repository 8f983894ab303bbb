#include "core/code_window.hpp"

#include <algorithm>

#include "core/process.hpp"

namespace trapline::core {

bool CodeWindow::read(Process& process, Address address, std::span<std::byte> into) {
  if (process.anyone_running()) return false;
  const Address start = address & ~Address{page_.size() - 1};
  const std::size_t offset = address - start;
  if (offset + into.size() > page_.size()) return false;
  TraceeMemory& memory = process.memory();
  if (!known_ || start != start_ || epoch_ != process.epoch() || writes_ != memory.writes()) {
    start_ = start;
    epoch_ = process.epoch();
    writes_ = memory.writes();
    known_ = memory.read(start, page_) == page_.size();
  }
  if (known_) std::ranges::copy(std::span(page_).subspan(offset, into.size()), into.begin());
  return known_;
}

}  // namespace trapline::core
