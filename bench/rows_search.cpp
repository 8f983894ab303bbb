#include <sys/mman.h>

#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>

#include <trapline/trapline.hpp>

#include "floors.hpp"
#include "rows.hpp"

namespace trapline::bench {
namespace {

constexpr std::size_t mega = std::size_t{1} << 20;
constexpr std::size_t large = 256 * mega;
constexpr std::string_view needle = "NEEDLE!\x01\x02\x03zq#9";

/// A program at rest with a large mapping of random bytes, of which the last are what is searched for.
struct Haystack {
  Haystack() : debugger({.argv = {tracee("spin")}}) {
    debugger.run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()}});
    start = static_cast<Address>(
        debugger.invoke_syscall("mmap", 0, large, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    Bytes block(mega);
    std::mt19937_64 random(1);
    for (std::size_t done = 0; done < large; done += mega) {
      for (std::size_t i = 0; i < mega; i += sizeof(std::uint64_t)) {
        const std::uint64_t word = random();
        std::memcpy(block.data() + i, &word, sizeof word);
      }
      debugger.memory().write(start + done, block);
    }
    debugger.memory().write(start + large - 64, needle);
    // A pointer far from everything that random words may be.
    debugger.memory().write_value(start + large - 128, start);
  }

  [[nodiscard]] FindOptions all() const { return {.start = start, .end = start + large}; }

  Debugger debugger;
  Address start = 0;
};

/// One search after another of all of it, which finds one place.
template <class Search>
Row search_row(std::string name, Search search) {
  return {
      .name = std::move(name),
      .prepare =
          [search](const Effort&) {
            const auto haystack = std::make_shared<Haystack>();
            const auto ours = [haystack, search] {
              return time_per_event(1, [&] {
                if (search(*haystack) != 1) throw std::runtime_error("the search found something else");
              });
            };
            return Sides{ours, floors::searches(haystack->debugger.pid(), haystack->start, large, std::string(needle))};
          },
      .share = 15};
}

}  // namespace

std::vector<Row> search_rows() {
  return {
      search_row("memory.search256m", [](Haystack& h) { return h.debugger.memory().find(needle, h.all()).size(); }),
      search_row("memory.search256m_mask",
                 [](Haystack& h) {
                   return h.debugger.memory().find(Pattern::hex("4e 45 ?? 44 4c 4? 21 01"), h.all()).size();
                 }),
      search_row("memory.search256m_number",
                 [](Haystack& h) {
                   FindOptions options = h.all();
                   options.alignment = sizeof(Address);
                   return h.debugger.memory().find_value(h.start, options).size();
                 }),
      search_row(
          "memory.search256m_regex",
          [](Haystack& h) { return h.debugger.memory().find(Pattern::regex("NEEDLE!.{3}zq#[0-9]"), h.all()).size(); }),
      search_row("memory.pointers256m",
                 [](Haystack& h) {
                   const Area all(h.start, h.start + large);
                   return h.debugger.memory().find_pointers(all, all).size();
                 }),
  };
}

}  // namespace trapline::bench
