#include <memory>
#include <stdexcept>

#include <trapline/trapline.hpp>

#include "floors.hpp"
#include "rows.hpp"

namespace trapline::bench {
namespace {

constexpr std::size_t large = std::size_t{256} << 20;

/// A program at rest with a large mapping of random bytes, of which the last are what is searched for.
struct Haystack {
  Haystack() : debugger({.argv = {tracee("haystack")}}) {
    debugger.run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()}});
    debugger.catch_signal("SIGTRAP");
    debugger.cont();
    debugger.wait();
    start = debugger.memory().read_value<Address>(debugger.symbols().resolve("haystack"));
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
