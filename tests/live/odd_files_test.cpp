#include "support.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <sys/prctl.h>
#include <unistd.h>

namespace trapline::live {
namespace {

// Programs whose files are not as usual, seen by everything that looks into them.

using OddFiles = Live;

std::string shown(const std::vector<Frame>& frames) {
  std::ostringstream out;
  out << frames;
  return out.str();
}

bool run_in(const std::string& folder, const std::string& command) {
  return std::system(("cd '" + folder + "' && { " + command + "; } >/dev/null 2>&1").c_str()) == 0;
}

std::string copy_of(const std::string& file, const std::filesystem::path& into) {
  const std::filesystem::path copy = into / std::filesystem::path(file).filename();
  std::filesystem::copy_file(file, copy);
  return copy;
}

/// Stopped in the function of a plugin that `hits` has loaded: all tell the same names, lines and paths.
void look_at_plugin(const Process& d, const std::string& program, const std::string& plugin) {
  const auto frames = d.main_thread().backtrace({.lines = true});
  ASSERT_GE(frames.size(), 3U) << shown(frames);
  EXPECT_EQ(frames[0].function, "plugin_function");
  EXPECT_EQ(frames[0].module, plugin);
  ASSERT_TRUE(frames[0].source) << shown(frames);
  EXPECT_TRUE(frames[0].source->file.ends_with("/plugin.c")) << frames[0].source->file;
  EXPECT_TRUE(std::ranges::any_of(frames, [&](const Frame& frame) {
    return frame.function == "main" && frame.module == program && frame.source;
  })) << shown(frames);

  const Symbols symbols = d.symbols();
  const auto found = symbols.find("plugin_function");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().module, plugin);
  EXPECT_EQ(symbols.resolve(Location("plugin_function").in(plugin)), found.front().address);
  EXPECT_EQ(symbols.resolve(Location("plugin_function").in("plugin.so")), found.front().address);
  const auto last_line = symbols.addresses_of("plugin.c", 6);
  ASSERT_FALSE(last_line.empty());
  EXPECT_EQ(symbols.line_at(last_line.front())->line, 6U);

  const auto code = d.disassemble_function("plugin_function");
  ASSERT_FALSE(code.empty());
  EXPECT_EQ(code.front().address(), found.front().address);
  EXPECT_EQ(d.maps().at(found.front().address)->path, plugin);
  EXPECT_FALSE(d.maps().filter(plugin).empty());
  EXPECT_EQ(d.memory().find("\177ELF", {.in = plugin, .limit = 1}).front(), d.maps().filter(plugin).front().start);
  EXPECT_EQ(d.binary().path(), program);
  const auto libraries = d.libraries();
  const auto library = std::ranges::find(libraries, plugin, &ElfFile::path);
  ASSERT_NE(library, libraries.end());
  EXPECT_EQ(library->base(), d.maps().filter(plugin).front().start);
}

TEST_F(OddFiles, in_folders_of_any_name) {
  const ScratchDir scratch;
  for (const char* name : {"with spaces", "two\nlines", "back\\slash", "break \\012", "so called (deleted)",
                           "'quoted\"", "a;b$c*?[d]", "\xff\xfe no text"}) {
    SCOPED_TRACE(name);
    const std::filesystem::path folder = scratch / name;
    std::filesystem::create_directory(folder);
    const std::string program = copy_of(tracee("hits"), folder);
    const std::string plugin = copy_of(tracee("plugin.so"), folder);
    Debugger d(command({program, "plugin", "4", plugin}));
    const Breakpoint by_name = d.breakpoint("plugin_function", {.pending = true});
    d.run(no_stdio());
    ASSERT_EQ(next_stop(d).kind, StopKind::breakpoint);
    look_at_plugin(d, program, plugin);
    by_name.disable();
    const Breakpoint by_line = d.breakpoint("plugin.c:6");
    const Breakpoint in_module = d.breakpoint(Location("plugin_function").in(plugin),
                                              {.callback = [](Thread&, Breakpoint&) {}, .pending = true});
    EXPECT_EQ(next_stop(d).kind, StopKind::breakpoint);
    by_line.disable();
    EXPECT_EQ(run_out(d).exit_code, 0);
    EXPECT_EQ(in_module.hit_count(), 11U);
  }
}

/// `hits`, `plugin.so` and `points` are in the folder; the first two become the third while they run.
void replace_and_look(const std::string& folder) {
  const std::string program = folder + "/hits";
  const std::string plugin = folder + "/plugin.so";
  Debugger d(command({program, "plugin", "4", plugin}));
  const Breakpoint by_name = d.breakpoint("plugin_function", {.pending = true});
  d.run(no_stdio());
  ASSERT_EQ(next_stop(d).kind, StopKind::breakpoint);
  // As package managers do it; what follows has read none of the old files before but for names.
  for (const std::string& file : {program, plugin}) {
    std::filesystem::copy_file(folder + "/points", file + ".new");
    std::filesystem::rename(file + ".new", file);
  }
  look_at_plugin(d, program, plugin);
  EXPECT_TRUE(d.maps().filter(plugin).front().deleted);
  EXPECT_FALSE(d.binary().needed().empty());
  by_name.disable();
  const Breakpoint by_line = d.breakpoint("plugin.c:6");
  EXPECT_EQ(next_stop(d).kind, StopKind::breakpoint);
  by_line.disable();
  EXPECT_EQ(run_out(d).exit_code, 0);

  Debugger other(command({program}));
  other.run(no_stdio());
  EXPECT_TRUE(other.symbols().find("plugin_function").empty());
  EXPECT_EQ(other.symbols().find("main").size(), 1U);
}

TEST_F(OddFiles, that_are_replaced_while_they_run) {
  const ScratchDir scratch;
  for (const char* file : {"hits", "plugin.so", "points"}) copy_of(tracee(file), scratch.path());
  replace_and_look(scratch.path());
}

TEST_F(OddFiles, that_are_replaced_while_somebody_without_privileges_looks) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "nobody but root can be somebody else; that_are_replaced_while_they_run does it";
  constexpr uid_t nobody = 65534;
  const ScratchDir scratch;
  for (const char* file : {"hits", "plugin.so", "points"}) {
    ASSERT_EQ(::chown(copy_of(tracee(file), scratch.path()).c_str(), nobody, nobody), 0);
  }
  ASSERT_EQ(::chown(scratch.path().c_str(), nobody, nobody), 0);
  const auto look = [&] {
    if (::setresgid(nobody, nobody, nobody) != 0 || ::setresuid(nobody, nobody, nobody) != 0) ::_exit(2);
    ::prctl(PR_SET_DUMPABLE, 1);
    replace_and_look(scratch.path());
    ::_exit(HasFailure() ? 1 : 0);
  };
  EXPECT_EXIT(look(), ::testing::ExitedWithCode(0), "");
}

/// Where the program `lines` announces itself, inside inlined calls.
std::string stack_of_lines(const std::string& path, const std::string& module_of_all) {
  Debugger d(command({path}));
  d.run(no_stdio());
  to_announcement(d);
  auto frames = d.main_thread().backtrace({.lines = true});
  std::ostringstream out;
  for (Frame& frame : frames) {
    if (frame.module != path) continue;
    frame.module = module_of_all;
    frame.pc = 0;
    frame.cfa = 0;
    out << frame << '\n';
    for (const InlinedCall& call : frame.inlined) out << call.function << ' ' << call.call << '\n';
  }
  return out.str();
}

TEST_F(OddFiles, stripped_with_debug_files_beside_them) {
  const ScratchDir scratch;
  const std::string whole = stack_of_lines(tracee("lines"), "prog");
  EXPECT_NE(whole.find("main"), std::string::npos) << whole;
  for (const char* place : {".", ".debug"}) {
    SCOPED_TRACE(place);
    const std::filesystem::path folder = scratch / (std::string(place) == "." ? "beside" : "below");
    std::filesystem::create_directories(folder / place);
    const std::string program = copy_of(tracee("lines"), folder);
    if (!run_in(folder, std::string("objcopy --only-keep-debug lines ") + place + "/lines.debug && strip lines && " +
                            "objcopy --add-gnu-debuglink=" + place + "/lines.debug lines")) {
      GTEST_SKIP() << "binutils are not installed";
    }
    EXPECT_EQ(stack_of_lines(program, "prog"), whole);
    Debugger d(command({program}));
    const Breakpoint by_line =
        d.breakpoint("lines_assembly.S:8", {.callback = [](Thread&, Breakpoint&) {}, .pending = true});
    const Breakpoint by_name = d.breakpoint("space::once", {.callback = [](Thread&, Breakpoint&) {}});
    d.run(no_stdio());
    run_out(d);
    EXPECT_EQ(by_name.hit_count(), 1U);
  }
}

TEST_F(OddFiles, with_a_debug_file_that_only_a_server_has) {
  const ScratchDir scratch;
  const std::string program = copy_of(tracee("lines"), scratch.path());
  const std::string folder = scratch.path() + "/server";
  if (!run_in(scratch.path(),
              "id=$(readelf -n lines | sed -n 's/.*Build ID: //p') && mkdir -p server/buildid/$id && "
              "objcopy --only-keep-debug lines server/buildid/$id/debuginfo && strip lines")) {
    GTEST_SKIP() << "binutils are not installed";
  }
  ::setenv("DEBUGINFOD_URLS", ("file://" + folder).c_str(), 1);
  ::setenv("DEBUGINFOD_CACHE_PATH", (scratch.path() + "/cache").c_str(), 1);
  Debugger d(command({program}));
  d.run(no_stdio());
  EXPECT_TRUE(d.symbols().addresses_of("lines_assembly.S", 8).empty()) << "nobody asked for it";
  d.set_symbol_options({.level = SymbolLevel::debuginfod});
  if (d.symbols().find("main").empty()) GTEST_SKIP() << "libdebuginfod is not installed, or has no file:// URLs";
  EXPECT_FALSE(d.symbols().addresses_of("lines_assembly.S", 8).empty());
}

TEST_F(OddFiles, with_mini_debug_info) {
  const ScratchDir scratch;
  const std::string program = copy_of(tracee("frames"), scratch.path());
  if (!run_in(scratch.path(),
              "objcopy -S --keep-symbol=inner --keep-symbol=middle --keep-symbol=outer frames mini && "
              "xz mini && strip frames && objcopy --add-section .gnu_debugdata=mini.xz frames")) {
    GTEST_SKIP() << "binutils or xz are not installed";
  }
  Debugger d(command({program, "nested"}));
  const Breakpoint trap = d.breakpoint("inner");
  d.run(no_stdio());
  ASSERT_EQ(next_stop(d).kind, StopKind::breakpoint);
  const auto frames = d.main_thread().backtrace({.lines = true});
  ASSERT_GE(frames.size(), 4U);
  EXPECT_EQ(frames[0].function + frames[1].function + frames[2].function, "innermiddleouter") << shown(frames);
  EXPECT_FALSE(frames[0].source);
}

/// Whatever is asked meanwhile is answered with what was so at some time, or refused.
void look_around(const Process& d) {
  const Symbols symbols = d.symbols();
  for (const Symbol& symbol : symbols.find("plugin_function")) {
    EXPECT_TRUE(symbol.module.ends_with("/plugin.so") || symbol.module.ends_with("/plugin_announces.so"))
        << symbol.module;
    EXPECT_LT(symbol.size, 4096U);
    const auto again = symbols.at(symbol.address);
    EXPECT_TRUE(!again || !again->name.empty());
    static_cast<void>(symbols.line_at(symbol.address));
  }
  EXPECT_EQ(symbols.find("main").size(), 1U);
  Address end = 0;
  for (const MemoryMap& map : d.maps()) {
    EXPECT_LE(end, map.start);
    EXPECT_LT(map.start, map.end);
    end = map.end;
  }
  static_cast<void>(d.memory().find("no such text in there", {.permissions = "r-x"}));
  static_cast<void>(d.libraries());
}

void look_at_threads(const Process& d) {
  d.interrupt();
  d.wait();
  for (const Thread& thread : d.threads()) {
    if (thread.dead()) continue;
    const auto frames = thread.backtrace({.lines = true});
    ASSERT_FALSE(frames.empty());
    for (const Frame& frame : frames) {
      EXPECT_TRUE(frame.module.empty() || frame.module.starts_with("/") || frame.module == "[vdso]") << frame.module;
    }
    // A thread's first function and what is above it, but for the moment of its birth and death.
    EXPECT_LT(frames.size(), 60U) << shown(frames);
  }
  d.cont();
}

/// A few seconds of a program's life, again and again when it is short.
void look_during(const DebuggerOptions& options) {
  const auto end = std::chrono::steady_clock::now() + 3s;
  int looks = 0;
  while (std::chrono::steady_clock::now() < end) {
    Debugger d(options);
    d.run(no_stdio());
    d.cont();
    try {
      for (; std::chrono::steady_clock::now() < end; ++looks) {
        look_around(d);
        look_at_threads(d);
      }
    } catch (const ProcessGone&) {
      continue;
    }
    EXPECT_TRUE(d.running());
    d.kill();
  }
  EXPECT_GT(looks, 5);
}

TEST_F(OddFiles, whose_mappings_come_and_go) { look_during(program("remap")); }

TEST_F(OddFiles, that_are_loaded_and_unloaded) { look_during(program("libraries", {"threads"})); }

}  // namespace
}  // namespace trapline::live
