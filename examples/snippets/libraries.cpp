// What docs/libraries.md shows.
#include <algorithm>
#include <filesystem>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static std::string file_name(const Library& library) { return std::filesystem::path(library.path).filename(); }

static void tell_what_is_loaded(const Debugger& d) {
  d.on_load([](Thread&, const Library& library) {
    std::cout << (library.loaded ? "loaded " : "unloaded ") << file_name(library) << '\n';
  });
}

static void stop_before_a_constructor(Debugger& d) {
  const Catchpoint loads = d.stop_on_load();
  d.run({.stdio = {Stream::null(), Stream::null(), Stream::null()}});
  d.cont();
  const Stop stop = d.wait();
  for (const Library& library : stop.libraries) {
    std::cout << to_string(stop.kind) << ": " << file_name(library) << '\n';
    const Symbols symbols = d.symbols();
    if (!symbols.find("gconv_init").empty()) std::cout << "its functions are there, and none has run\n";
  }
  loads.remove();
  d.cont();
  d.wait();
}

int main() {
  const std::vector<std::string> command = {"iconv", "-f", "UTF-16", "-t", "UTF-8", "/dev/null"};
  {
    Debugger d({.argv = command, .continue_to_entry = false});
    tell_what_is_loaded(d);
    d.run({.stdio = {Stream::null(), Stream::null(), Stream::null()}});
    d.cont();
    d.wait();
  }
  Debugger d({.argv = command});
  stop_before_a_constructor(d);
}
