// Damages files at random and loads them, for so many seconds: what fuzzing there can be with every compiler.
//
//   trapline_fuzz_mutate SECONDS LAST_INPUT FILE...
//
// Each file is loaded as it is first. What is being loaded is in LAST_INPUT all the time, so that it is there after a
// crash; a hang or a growth without end is a crash too.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>

#include "loaders.hpp"

// A sanitizer takes terabytes of address space for itself.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED
#endif
#endif

namespace trapline::fuzz {
namespace {

using Clock = std::chrono::steady_clock;

Bytes content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  void damage(Bytes& file) {
    for (std::size_t count = 1 + below(8); count > 0 && !file.empty(); --count) change(file);
  }
  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }

 private:
  void change(Bytes& file) {
    const std::size_t at = below(file.size());
    switch (below(6)) {
      case 0: file[at] ^= std::byte{1} << below(8); break;
      case 1: file[at] = static_cast<std::byte>(below(256)); break;
      case 2: write(file, at, interesting_[below(interesting_.size())], std::size_t{1} << below(4)); break;
      case 3: write(file, at, below(file.size()), std::size_t{1} << below(4)); break;
      case 4: copy(file, below(file.size()), at, below(64) + 1); break;
      default:
        if (below(16) == 0) file.resize(at);
    }
  }

  static void write(Bytes& file, std::size_t at, std::uint64_t value, std::size_t size) {
    std::memcpy(&file[at], &value, std::min(size, file.size() - at));
  }
  static void copy(Bytes& file, std::size_t from, std::size_t to, std::size_t size) {
    size = std::min({size, file.size() - from, file.size() - to});
    std::memmove(&file[to], &file[from], size);
  }

  static constexpr std::array<std::uint64_t, 10> interesting_{
      0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0x7fffffffffffffff, ~std::uint64_t{0}};
  std::mt19937 random_;
};

/// A file that shows at any moment what is being loaded.
class LastInput {
 public:
  explicit LastInput(const char* path) : file_(::open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)) {
    if (file_ == -1) std::abort();
  }
  void show(ByteView input) const {
    if (::ftruncate(file_, static_cast<off_t>(input.size())) != 0 ||
        ::pwrite(file_, input.data(), input.size(), 0) != static_cast<ssize_t>(input.size())) {
      std::abort();
    }
  }

 private:
  int file_;
};

void limit_memory() {
#ifndef SANITIZED
  constexpr rlim_t most = rlim_t{1} << 30;
  const rlimit limit{.rlim_cur = most, .rlim_max = most};
  ::setrlimit(RLIMIT_AS, &limit);
#endif
}

int run(std::chrono::seconds duration, const LastInput& last, std::span<char*> paths) {
  constexpr unsigned longest_load = 20;
  std::vector<Bytes> files;
  for (const char* path : paths) files.push_back(content_of(path));
  std::size_t loaded = 0;
  const auto load = [&](const Bytes& file) {
    last.show(file);
    ::alarm(longest_load);
    load_everything(file);
    ++loaded;
  };
  for (const Bytes& file : files) load(file);
  Mutator mutator(std::random_device{}());
  for (const auto end = Clock::now() + duration; Clock::now() < end;) {
    Bytes file = files[mutator.below(files.size())];
    mutator.damage(file);
    load(file);
  }
  std::cout << loaded << " files loaded\n";
  return 0;
}

}  // namespace
}  // namespace trapline::fuzz

int main(int count, char** arguments) {
  if (count < 4) {
    std::cerr << "usage: trapline_fuzz_mutate SECONDS LAST_INPUT FILE...\n";
    return 2;
  }
  trapline::fuzz::limit_memory();
  const std::span all(arguments, static_cast<std::size_t>(count));
  return trapline::fuzz::run(std::chrono::seconds(std::atoi(all[1])), trapline::fuzz::LastInput(all[2]),
                             all.subspan(3));
}
