#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "gdb.hpp"
#include "rows.hpp"

namespace trapline::bench {
namespace {

/// What gdb does in place of a row's floor.
struct Counterpart {
  /// In gdb_rows.py, and behind `gdb.` in the list.
  std::string name;
  Row ours;
  std::string program;
  std::string wanted{};
  std::size_t full_batch = 1;
};

Row beside_gdb(const Counterpart& counterpart) {
  const auto prepare = [counterpart](const Effort& effort) {
    // A floor that ends waits for all children of this thread, so that gdb comes after it.
    const Batch ours = counterpart.ours.prepare(effort).ours;
    const auto gdb = std::make_shared<Gdb>(counterpart.name, tracee(counterpart.program), counterpart.wanted);
    const std::size_t events = effort.events(counterpart.full_batch);
    return Sides{ours, [gdb, events] { return gdb->measure(events); }};
  };
  // gdb's events take so long that few of them have to do.
  return {.name = "gdb." + counterpart.name, .prepare = prepare, .share = 30};
}

Row row_named(std::vector<Row> rows, std::string_view name) { return *std::ranges::find(rows, name, &Row::name); }

std::string hexadecimal(std::string_view bytes) {
  std::string digits;
  for (const char byte : bytes) digits += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return digits;
}

}  // namespace

std::vector<Row> gdb_rows() {
  return {
      beside_gdb({.name = "symbol_first",
                  .ours = row_named(symbol_rows(), "symbols.first"),
                  .program = "many_symbols",
                  .wanted = mangled_symbol}),
      beside_gdb({.name = "symbol_next",
                  .ours = row_named(symbol_rows(), "symbols.next"),
                  .program = "many_symbols",
                  .wanted = mangled_symbol,
                  .full_batch = 50}),
      beside_gdb({.name = "backtrace",
                  .ours = row_named(backtrace_rows(), "backtrace.frames20_lines"),
                  .program = "deep",
                  .full_batch = 10}),
      beside_gdb({.name = "search",
                  .ours = row_named(search_rows(), "memory.search256m"),
                  .program = "haystack",
                  .wanted = hexadecimal(needle)}),
  };
}

}  // namespace trapline::bench
