#include <fcntl.h>
#include <sys/stat.h>

#include <memory>

#include <trapline/trapline.hpp>

#include "floors.hpp"
#include "raw_tracee.hpp"
#include "rows.hpp"

namespace trapline::bench {
namespace {

constexpr const char* as_written = "benchmark::symbols::Container_type::method_1178500";

/// Makes it another file to whoever remembers files.
void touch(const std::string& path) { require(::utimensat(AT_FDCWD, path.c_str(), nullptr, 0) == 0, "utimensat"); }

Row lookup_row(std::string name, const char* wanted, floors::Lookup lookup, std::size_t full_batch, std::size_t share) {
  const auto prepare = [wanted, lookup, full_batch](const Effort& effort) {
    const std::string path = tracee("many_symbols");
    const auto debugger = std::make_shared<Debugger>(DebuggerOptions{.argv = {path}});
    debugger->run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()}});
    const Symbols symbols = debugger->symbols();
    const std::size_t events = effort.events(full_batch);
    const bool first = lookup == floors::Lookup::first;
    // By then all is there that makes the next ones quick.
    constexpr int lookups = 10;
    for (int i = 0; i < lookups && !first; ++i) (void)symbols.resolve(wanted);
    const auto ours = [events, first, wanted, debugger, symbols, path] {
      if (first) touch(path);
      return time_per_event(events, [&] {
        for (std::size_t i = 0; i < events; ++i) (void)symbols.resolve(wanted);
      });
    };
    return Sides{ours, floors::symbols(events, debugger->pid(), path, mangled_symbol, lookup)};
  };
  return {.name = std::move(name), .prepare = prepare, .share = share};
}

}  // namespace

std::vector<Row> symbol_rows() {
  constexpr std::size_t share = 15;
  return {
      lookup_row("symbols.first", mangled_symbol, floors::Lookup::first, 1, share),
      lookup_row("symbols.first_cxx", as_written, floors::Lookup::first, 1, share),
      lookup_row("symbols.next", mangled_symbol, floors::Lookup::next, 50, 1),
  };
}

}  // namespace trapline::bench
