#include <sys/uio.h>

#include <cstring>
#include <memory>
#include <string>

#include "floors.hpp"
#include "raw_tracee.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace trapline::bench::floors {
namespace {

constexpr std::size_t piece = std::size_t{256} * 1024;

#if defined(__x86_64__)
__attribute__((target("avx2"))) const char* find(const char* data, std::size_t size, const std::string& needle) {
  const __m256i first = _mm256_set1_epi8(needle.front());
  const __m256i last = _mm256_set1_epi8(needle.back());
  std::size_t at = 0;
  for (; at + 32 + needle.size() <= size; at += 32) {
    const __m256i heads = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + at));
    const __m256i tails = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + at + needle.size() - 1));
    const __m256i both = _mm256_and_si256(_mm256_cmpeq_epi8(first, heads), _mm256_cmpeq_epi8(last, tails));
    for (auto places = static_cast<unsigned>(_mm256_movemask_epi8(both)); places != 0; places &= places - 1) {
      const char* place = data + at + __builtin_ctz(places);
      if (std::memcmp(place, needle.data(), needle.size()) == 0) return place;
    }
  }
  return static_cast<const char*>(::memmem(data + at, size - at, needle.data(), needle.size()));
}
#else
const char* find(const char* data, std::size_t size, const std::string& needle) {
  return static_cast<const char*>(::memmem(data, size, needle.data(), needle.size()));
}
#endif

}  // namespace

Batch searches(pid_t pid, std::uint64_t address, std::size_t size, std::string needle) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") == 0) throw Skipped("the processor has no AVX2");
#endif
  const auto buffer = std::make_shared<std::string>(piece + needle.size(), '\0');
  return [pid, address, size, needle = std::move(needle), buffer] {
    return time_per_event(1, [&] {
      std::size_t found = 0;
      std::size_t kept = 0;
      for (std::size_t done = 0; done < size; done += piece) {
        const iovec local{buffer->data() + kept, piece};
        const iovec remote{reinterpret_cast<void*>(address + done), piece};
        require(::process_vm_readv(pid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(piece), "process_vm_readv");
        const std::size_t known = kept + piece;
        if (find(buffer->data(), known, needle) != nullptr) ++found;
        kept = needle.size() - 1;
        std::memmove(buffer->data(), buffer->data() + known - kept, kept);
      }
      require(found == 1, "the search");
    });
  };
}

}  // namespace trapline::bench::floors
