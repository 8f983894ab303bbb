// What docs/symbols.md shows.
#include <iostream>
#include <stop_token>

#include <trapline/trapline.hpp>

using namespace trapline;
using namespace std::chrono_literals;

namespace ns {
// Two functions of one name, for this program to look at in itself.
__attribute__((noinline, used)) int f(int x) { return x + 1; }
__attribute__((noinline, used)) int f(char x) { return x + 2; }
}  // namespace ns

static void look_up(const Debugger& d) {
  const Symbols symbols = d.symbols();
  for (const Symbol& symbol : symbols.find("may_pass")) std::cout << symbol.name << ", " << symbol.size << " bytes\n";
  const Address place = symbols.resolve("may_pass+2");
  if (const auto around = symbols.at(place)) {
    std::cout << around->name << "+" << place - around->address << '\n';
  }
}

static void match(const Debugger& d) {
  const Symbols symbols = d.symbols();
  for (const Symbol& symbol : symbols.match("may_*", {.in = "binary"})) std::cout << symbol.name << '\n';
  for (const Symbol& symbol : symbols.match("/^str(n?)cpy$/", {.in = "libc"})) std::cout << symbol.name << '\n';
  std::cout << symbols.match("*@plt", {.in = "binary", .limit = 2}).size() << " PLT entries\n";
}

static void look_at_ambiguity(const Debugger& d) {
  try {
    d.breakpoint("ns::f");
  } catch (const SymbolError& error) {
    std::cout << error.what() << '\n';
  }
}

static void go_far(Debugger& d, std::stop_source& stop) {
  d.set_symbol_options({.level = SymbolLevel::debuginfod, .download_timeout = 3s, .cancel = stop.get_token()});
}

int main(int argc, char** argv) {
  if (argc < 2) return 1;
  Debugger d({.argv = {argv[1], "16"}});
  d.run();
  look_up(d);
  match(d);
  std::stop_source stop;
  go_far(d, stop);

  Debugger self({.argv = {argv[0]}});
  self.run();
  look_at_ambiguity(self);
}
