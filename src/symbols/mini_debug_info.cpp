#include "symbols/mini_debug_info.hpp"

#include <lzma.h>

#include <algorithm>

namespace trapline::symbols {

Bytes unpack_xz(ByteView packed) {
  // A few kilobytes can be packed into gigabytes. Those of Fedora's largest programs unpack to some ten megabytes.
  constexpr std::size_t most = std::size_t{256} << 20;
  constexpr std::uint64_t most_memory = std::uint64_t{128} << 20;
  constexpr std::size_t step = std::size_t{1} << 20;
  lzma_stream stream = LZMA_STREAM_INIT;
  if (::lzma_stream_decoder(&stream, most_memory, 0) != LZMA_OK) return {};
  Bytes image;
  stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
  stream.avail_in = packed.size();
  lzma_ret state = LZMA_OK;
  while (state == LZMA_OK && image.size() < most) {
    const std::size_t done = image.size();
    image.resize(done + step);
    stream.next_out = reinterpret_cast<std::uint8_t*>(&image[done]);
    stream.avail_out = step;
    state = ::lzma_code(&stream, LZMA_FINISH);
    image.resize(done + step - stream.avail_out);
  }
  ::lzma_end(&stream);
  return state == LZMA_STREAM_END ? image : Bytes{};
}

}  // namespace trapline::symbols
