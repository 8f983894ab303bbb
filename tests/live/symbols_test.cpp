#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "support.hpp"

namespace trapline::live {
namespace {

constexpr const char* source = R"(
#include <cstdio>
#include <cstdlib>
namespace ns {
struct Counter {
  int value = 0;
  __attribute__((noinline)) int add(int n) { return value += n; }
  __attribute__((noinline)) int add(long n) { return value += (int)n; }
};
template <class T> __attribute__((noinline)) T twice(T x) { return x + x; }
}
static int __attribute__((noinline)) hidden(int x) { return x * 3; }
int main(int argc, char**) {
  ns::Counter counter;
  std::printf("%d\n", counter.add(argc) + counter.add(2L * argc) + ns::twice(argc) + hidden(argc));
  std::puts("end");
}
)";

/// A C++ program, made here: stripped, with its debug information beside it, when that is wanted.
class SymbolsLive : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped()) return;
    scratch_.file("prog.cpp", source);
    made_ = run("g++ -g -O1 -Wl,-z,lazy -o prog prog.cpp");
    if (!made_) GTEST_SKIP() << "no g++ here";
  }

  [[nodiscard]] bool run(const std::string& command) const {
    return std::system(("cd '" + scratch_.path() + "' && { " + command + "; } >/dev/null 2>&1").c_str()) == 0;
  }
  void separate() const {
    ASSERT_TRUE(
        run("objcopy --only-keep-debug prog prog.debug && strip prog && objcopy --add-gnu-debuglink=prog.debug prog"));
  }
  [[nodiscard]] DebuggerOptions options() const { return {.argv = {scratch_ / "prog"}}; }
  /// How often a breakpoint is hit that is placed before the run.
  [[nodiscard]] std::size_t hits(const Location& location, const DebuggerOptions& of) const {
    Debugger d(of);
    const Breakpoint trap = d.breakpoint(location, {.callback = [](Thread&, Breakpoint&) {}});
    d.run(no_stdio());
    EXPECT_EQ(run_out(d).exit_code, 0);
    return trap.hit_count();
  }
  [[nodiscard]] std::size_t hits(const Location& location) const { return hits(location, options()); }

 private:
  ScratchDir scratch_;
  bool made_ = false;
};

TEST_F(SymbolsLive, traps_at_all_kinds_of_names) {
  for (const char* name : {"hidden", "hidden(int)", "ns::Counter::add(int)", "ns::Counter::add( long )", "ns::twice",
                           "ns::twice<int>", "int ns::twice<int>(int)", "_ZN2ns7Counter3addEi", "puts@plt"}) {
    EXPECT_EQ(hits(name), 1U) << name;
  }
  EXPECT_EQ(hits(Location("ns::twice").in("prog")), 1U);
}

TEST_F(SymbolsLive, traps_at_what_only_the_debug_file_knows) {
  separate();
  for (const char* name : {"hidden", "ns::Counter::add(int)", "ns::twice"}) EXPECT_EQ(hits(name), 1U) << name;
  Debugger d(options());
  d.run(no_stdio());
  const Breakpoint trap = d.breakpoint("hidden");
  EXPECT_EQ(next_stop(d).kind, StopKind::breakpoint);
  EXPECT_EQ(d.main_thread().backtrace().front().function, "_ZL6hiddeni");
  EXPECT_EQ(d.symbols().at(*trap.address() + 1)->demangled(), "hidden(int)");
}

TEST_F(SymbolsLive, the_level_says_how_far_to_go) {
  separate();
  DebuggerOptions few = options();
  few.symbols.level = SymbolLevel::dwarf;
  Debugger d(few);
  d.run(no_stdio());
  EXPECT_TRUE(d.symbols().find("hidden").empty());
  const std::string message = message_of<SymbolError>([&] { d.breakpoint("hidden"); });
  EXPECT_NE(message.find("SymbolLevel::separate"), std::string::npos) << message;
  d.set_symbol_options({.level = SymbolLevel::separate});
  EXPECT_EQ(d.symbol_options().level, SymbolLevel::separate);
  EXPECT_EQ(d.symbols().find("hidden").size(), 1U);
  EXPECT_TRUE(d.breakpoint("hidden").armed());
}

TEST_F(SymbolsLive, an_ambiguous_name_is_listed) {
  Debugger d(options());
  d.run(no_stdio());
  const std::string message = message_of<SymbolError>([&] { d.breakpoint("ns::Counter::add"); });
  EXPECT_NE(message.find("ambiguous"), std::string::npos) << message;
  EXPECT_NE(message.find("ns::Counter::add(int) at 0x"), std::string::npos) << message;
  EXPECT_NE(message.find("ns::Counter::add(long) at 0x"), std::string::npos) << message;
  EXPECT_EQ(d.symbols().find("ns::Counter::add").size(), 2U);
}

TEST_F(SymbolsLive, patterns_and_all) {
  Debugger d(options());
  d.run(no_stdio());
  const Symbols symbols = d.symbols();
  EXPECT_EQ(symbols.match("ns::Counter::*").size(), 2U);
  EXPECT_EQ(symbols.match("/ns::/", {.in = "prog"}).size(), 3U);
  EXPECT_EQ(symbols.match("/ns::Counter/", {.in = "libc"}).size(), 0U);
  EXPECT_EQ(symbols.match("*", {.limit = 7}).size(), 7U);
  EXPECT_THROW((void)symbols.match("/(/"), UsageError);
  const auto own = symbols.all({.in = "binary"});
  EXPECT_TRUE(std::ranges::is_sorted(own, {}, &Symbol::address));
  EXPECT_TRUE(std::ranges::any_of(own, [](const Symbol& symbol) { return symbol.name == "puts@plt"; }));
  EXPECT_GT(symbols.all().size(), 1000U);
  EXPECT_TRUE(symbols.all({.in = "no such module"}).empty());
  for (const Symbol& symbol : symbols.match("*@got", {.in = "binary"})) EXPECT_EQ(symbol.size, sizeof(void*));
}

TEST_F(SymbolsLive, a_got_slot_holds_the_address_of_its_function) {
  DebuggerOptions now = options();
  now.env = Environment{{"LD_BIND_NOW", "1"}};
  Debugger d(now);
  d.run(no_stdio());
  const Address slot = d.symbols().resolve("puts@got");
  EXPECT_EQ(d.memory().read_value<Address>(slot), d.symbols().resolve(Location("puts").in("libc")));
}

TEST_F(SymbolsLive, versions_are_accepted) {
  Debugger d(options());
  d.run(no_stdio());
  const auto found = d.symbols().find("memcpy@GLIBC_2.2.5");
  if (found.empty()) GTEST_SKIP() << "this libc has no old memcpy";
  EXPECT_EQ(found.front().version, "GLIBC_2.2.5");
  EXPECT_NE(d.symbols().resolve("memcpy@@GLIBC_2.14"), d.symbols().resolve("memcpy@GLIBC_2.2.5"));
}

TEST_F(SymbolsLive, of_a_file_that_is_deleted_meanwhile) {
  Debugger d(options());
  d.run(no_stdio());
  ASSERT_TRUE(run("rm prog"));
  EXPECT_EQ(d.symbols().find("hidden").size(), 1U);
  EXPECT_EQ(d.symbols().find("puts@plt").size(), 1U);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

}  // namespace
}  // namespace trapline::live
