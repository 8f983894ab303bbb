#include "support.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <sstream>
#include <thread>

#include <unistd.h>

namespace trapline::live {
namespace {

using SourceLines = Live;

constexpr std::array builds{"lines", "lines_dwarf4", "lines_no_pie", "lines_compressed"};

/// The line of a tracee's source that is marked so.
unsigned line_of(const std::string& mark, const std::string& source = "lines.cpp") {
  std::ifstream file(std::string(TRACEE_SOURCE_DIR) + "/" + source);
  std::string line;
  for (unsigned number = 1; std::getline(file, line); ++number) {
    if (line.find("here: " + mark) != std::string::npos) return number;
  }
  ADD_FAILURE() << "no mark " << mark << " in " << source;
  return 0;
}

std::string place(const std::string& mark, const std::string& source = "lines.cpp") {
  return source + ":" + std::to_string(line_of(mark, source));
}

std::string shown(const std::vector<Frame>& frames) {
  std::ostringstream out;
  out << frames;
  return out.str();
}

std::string refusal(const Process& d, const std::string& location) {
  return message_of<SymbolError>([&] { static_cast<void>(d.symbols().resolve(location)); });
}

TEST_F(SourceLines, lead_to_addresses_and_back) {
  for (const char* build : builds) {
    Debugger d(program(build));
    d.run(no_stdio());
    const Symbols symbols = d.symbols();
    for (const char* mark : {"once", "call of around", "announcement"}) {
      const Address address = symbols.resolve(place(mark));
      const auto line = symbols.line_at(address);
      ASSERT_TRUE(line) << build << " " << mark;
      EXPECT_TRUE(line->file.ends_with("/tests/tracees/lines.cpp")) << line->file;
      EXPECT_EQ(symbols.addresses_of(line->file, line_of(mark)), std::vector{address});
      EXPECT_EQ(symbols.at(address)->name, "_ZN5space4onceEl") << build << " " << mark;
    }
    EXPECT_EQ(symbols.line_at(symbols.resolve(place("once")))->line, line_of("once")) << build;
    const Address assembly = symbols.resolve(place("assembly", "lines_assembly.S"));
    EXPECT_EQ(symbols.at(assembly)->name, "in_assembly");
    EXPECT_EQ(symbols.line_at(assembly)->line, line_of("assembly", "lines_assembly.S"));
  }
}

TEST_F(SourceLines, without_code_move_on_to_the_next_that_has_some) {
  Debugger d(program("lines"));
  d.run(no_stdio());
  EXPECT_EQ(d.symbols().resolve(place("comment")), d.symbols().resolve(place("once")));
  EXPECT_EQ(d.symbols().line_at(d.symbols().resolve(place("comment")))->line, line_of("once"));
}

TEST_F(SourceLines, are_named_by_as_much_of_the_path_as_one_likes) {
  Debugger d(program("lines"));
  d.run(no_stdio());
  const Address address = d.symbols().resolve(place("once"));
  const SourceLine line = *d.symbols().line_at(address);
  for (const std::string& file : {line.file, std::string("tracees/lines.cpp"), std::string("lines.cpp")}) {
    EXPECT_EQ(d.symbols().resolve(file + ":" + std::to_string(line.line)), address) << file;
  }
  EXPECT_EQ(d.symbols().resolve(Location(place("once")).in("binary")), address);
  for (const std::string file : {"ines.cpp", "acees/lines.cpp", "/lines.cpp", "other/lines.cpp"}) {
    EXPECT_NE(refusal(d, file + ":" + std::to_string(line.line)).find("no such source file"), std::string::npos);
  }
}

TEST_F(SourceLines, of_several_functions_are_ambiguous_and_listed) {
  for (const char* build : builds) {
    Debugger d(program(build));
    d.run(no_stdio());
    const auto addresses = d.symbols().addresses_of("lines.cpp", line_of("doubled"));
    ASSERT_EQ(addresses.size(), 2U) << build;
    const std::string message = refusal(d, place("doubled"));
    EXPECT_NE(message.find("ambiguous"), std::string::npos) << message;
    for (const char* name : {"_ZN5space7doubledIlEET_S1_", "_ZN5space7doubledIdEET_S1_", "give one of the addresses"}) {
      EXPECT_NE(message.find(name), std::string::npos) << message;
    }
    EXPECT_THROW(static_cast<void>(d.step_until(place("doubled"))), SymbolError);
    EXPECT_THROW(static_cast<void>(d.breakpoint(place("doubled"), {.hardware = true})), SymbolError);
  }
}

TEST_F(SourceLines, of_several_functions_are_one_breakpoint) {
  for (const char* build : builds) {
    Debugger d(program(build));
    std::vector<Address> hit;
    const Breakpoint breakpoint =
        d.breakpoint(place("doubled"), {.callback = [&](Thread& thread, Breakpoint&) { hit.push_back(thread.pc()); }});
    for (int run = 0; run < 2; ++run) {
      hit.clear();
      d.run(no_stdio());
      const auto addresses = d.symbols().addresses_of("lines.cpp", line_of("doubled"));
      EXPECT_EQ(breakpoint.address(), addresses.front()) << build;
      run_out(d);
      std::ranges::sort(hit);
      EXPECT_EQ(hit, addresses) << build;
      EXPECT_EQ(breakpoint.hit_count(), 2U) << build;
    }
  }
}

TEST_F(SourceLines, of_several_functions_are_left_as_one) {
  Debugger d(program("lines"));
  const Breakpoint once = d.breakpoint(place("doubled"), {.callback = [](Thread&, Breakpoint&) {}, .once = true});
  d.run(no_stdio());
  EXPECT_EQ(run_out(d).kind, StopKind::exited);
  EXPECT_EQ(once.hit_count(), 1U);
  d.run(no_stdio());
  const Breakpoint removed = d.breakpoint(place("doubled"));
  EXPECT_TRUE(removed.armed());
  removed.remove();
  EXPECT_EQ(run_out(d).kind, StopKind::exited);
  EXPECT_EQ(removed.hit_count(), 0U);
}

TEST_F(SourceLines, that_do_not_exist_are_refused_with_what_to_do) {
  Debugger d(program("lines"));
  d.run(no_stdio());
  const std::string behind = refusal(d, place("nothing follows"));
  EXPECT_NE(behind.find("no code at that line or after it; the last line with code is "), std::string::npos) << behind;
  const std::string near = refusal(d, "linse.cpp:3");
  EXPECT_NE(near.find("near names: lines.cpp"), std::string::npos) << near;
  EXPECT_TRUE(d.symbols().addresses_of("linse.cpp", 3).empty());
  EXPECT_TRUE(d.symbols().addresses_of("", 3).empty());
  EXPECT_FALSE(d.symbols().line_at(0));
  EXPECT_FALSE(d.symbols().line_at(~Address{0}));
  EXPECT_THROW(static_cast<void>(d.breakpoint("linse.cpp:3")), SymbolError);
  EXPECT_THROW(static_cast<void>(d.breakpoint("lines.cpp:99999999999999999999")), SymbolError);

  Debugger stripped(program("frames_stripped"));
  stripped.run(no_stdio());
  const std::string without = refusal(stripped, "frames.c:3");
  EXPECT_NE(without.find("has no line numbers: compile it with -g, or install its debug symbols"), std::string::npos)
      << without;
}

TEST_F(SourceLines, are_places_for_breakpoints_and_steps) {
  for (const char* build : builds) {
    Debugger d(program(build));
    const Breakpoint once = d.breakpoint(place("once"));
    d.run(no_stdio());
    const Stop stop = next_stop(d);
    EXPECT_TRUE(once.hit_on(stop.thread)) << build;
    const Stop stepped = d.step_until(place("call of around"), 1000);
    EXPECT_EQ(stepped.kind, StopKind::stepped) << build;
    EXPECT_EQ(d.main_thread().pc(), d.symbols().resolve(place("call of around"))) << build;
  }
}

TEST_F(SourceLines, of_a_library_are_waited_for) {
  Debugger d(program("hits", {"plugin", "4", tracee("plugin.so")}));
  const Breakpoint breakpoint = d.breakpoint("plugin.c:5", {.callback = [](Thread&, Breakpoint&) {}, .pending = true});
  d.run(no_stdio());
  EXPECT_FALSE(breakpoint.armed());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(breakpoint.hit_count(), 12U);
}

TEST_F(SourceLines, survive_the_deletion_of_the_file) {
  const ScratchDir folder;
  const std::string copy = folder.file("lines", read_file(tracee("lines")), 0755);
  Debugger d(command({copy}));
  d.run(no_stdio());
  ::unlink(copy.c_str());
  static_cast<void>(folder.file("lines", "something else", 0755));
  EXPECT_EQ(d.symbols().line_at(d.symbols().resolve(place("once")))->line, line_of("once"));
}

TEST_F(SourceLines, of_frames_and_of_what_is_inlined_in_them) {
  for (const char* build : builds) {
    Debugger d(program(build));
    d.run(no_stdio());
    const Thread thread = to_announcement(d).thread;
    const auto frames = thread.backtrace({.lines = true});
    const auto once = std::ranges::find(frames, "_ZN5space4onceEl", &Frame::function);
    ASSERT_NE(once, frames.end()) << shown(frames);
    ASSERT_TRUE(once->source) << shown(frames);
    EXPECT_EQ(once->source->line, line_of("announcement")) << build << '\n' << shown(frames);
    ASSERT_EQ(once->inlined.size(), 2U) << build << '\n' << shown(frames);
    EXPECT_NE(once->inlined[0].function.find("innermost"), std::string::npos);
    EXPECT_EQ(once->inlined[0].call.line, line_of("call of innermost"));
    EXPECT_NE(once->inlined[1].function.find("around"), std::string::npos);
    EXPECT_EQ(once->inlined[1].call.line, line_of("call of around"));
    EXPECT_EQ(d.symbols().inlined_at(once->pc - 1), once->inlined);
    const std::string text = shown(frames);
    const std::string outermost = "space::once(long)+";
    EXPECT_LT(text.find("innermost"), text.find("around")) << text;
    EXPECT_LT(text.find("around"), text.find(outermost)) << text;
    EXPECT_NE(text.find(place("call of around"), text.find(outermost)), std::string::npos) << text;

    const auto plain = thread.backtrace();
    ASSERT_EQ(plain.size(), frames.size());
    EXPECT_FALSE(plain.front().source);
    EXPECT_TRUE(std::ranges::all_of(plain, [](const Frame& frame) { return frame.inlined.empty(); }));
  }
}

TEST_F(SourceLines, of_a_program_with_an_exception_in_flight) {
  Debugger d(program("lines", {"throw"}));
  const Breakpoint landing = d.breakpoint(place("landing"));
  for (const char* function : {"__cxa_throw", "_Unwind_RaiseException"}) d.breakpoint(function, {.pending = true});
  d.run(no_stdio());
  for (int stops = 0; stops < 2; ++stops) {
    const auto frames = next_stop(d).thread.backtrace({.lines = true});
    // What throws is apart from what is executed every time.
    const auto throws = [](const Frame& frame) { return frame.function.starts_with("_Z8throwingl"); };
    EXPECT_EQ(std::ranges::count_if(frames, throws), 3) << shown(frames);
    const auto caught = std::ranges::find(frames, "_Z6caughtv", &Frame::function);
    ASSERT_NE(caught, frames.end()) << shown(frames);
    EXPECT_EQ((caught + 1)->function, "main") << shown(frames);
    EXPECT_TRUE(caught->source) << shown(frames);
  }
  const Stop stop = next_stop(d);
  ASSERT_TRUE(landing.hit_on(stop.thread));
  const auto frames = stop.thread.backtrace({.lines = true});
  EXPECT_EQ(frames.front().source->line, line_of("landing")) << shown(frames);
  EXPECT_EQ(frames[1].function, "main") << shown(frames);
}

TEST_F(SourceLines, are_asked_for_by_many_threads_at_once) {
  Debugger d(program("lines"));
  d.run(no_stdio());
  const Address address = d.symbols().resolve(place("announcement"));
  std::vector<std::jthread> threads;
  std::atomic<int> right = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        right += d.symbols().line_at(address)->line == line_of("announcement") ? 1 : 0;
        right += d.symbols().inlined_at(address).size() == 2 ? 1 : 0;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(right, 8 * 20 * 2);
}

}  // namespace
}  // namespace trapline::live
