// The target for libFuzzer, see docs/developing.md.

#include <cstddef>
#include <cstdint>
#include <span>

#include "loaders.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  trapline::fuzz::load_everything(std::as_bytes(std::span(data, size)));
  return 0;
}
