// Library events: what the dynamic loader loads and unloads.
#include "support.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

namespace trapline::live {
namespace {

std::string text_of(const Library& library) {
  return (library.loaded ? "+ " : "- ") + std::filesystem::path(library.path).filename().string();
}

class LibraryEvents : public Live {
 protected:
  /// Notes libraries, and the points that the program announces.
  void note(const Debugger& d) {
    d.on_load([this](Thread&, const Library& library) {
      libraries_.push_back(library);
      transcript_.add(text_of(library));
    });
    d.handle_syscall(announcement, {.on_enter = [this](Thread& t, SyscallHandler&) {
                       transcript_.add(std::to_string(t.syscall_arg(0) - 0x7e570000));
                     }});
  }

  [[nodiscard]] bool told(const std::string& name, bool loaded) const {
    return std::ranges::any_of(libraries_, [&](const Library& library) {
      return library.loaded == loaded && std::filesystem::path(library.path).filename().string().starts_with(name);
    });
  }

  Transcript transcript_;
  std::vector<Library> libraries_;
};

/// Whether a trap is in the code at the address, as the process itself would read it.
bool trap_at(const Process& process, Address address) {
  const int memory = ::open(("/proc/" + std::to_string(process.pid()) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  unsigned char byte = 0;
  EXPECT_EQ(::pread(memory, &byte, 1, static_cast<off_t>(address)), 1);
  ::close(memory);
  return byte == 0xcc;
}

TEST_F(LibraryEvents, come_before_constructors_and_after_destructors) {
  Debugger d(program("libraries"));
  note(d);
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript_.text(), "1|+ plugin_announces.so|100|2|101|- plugin_announces.so|3");
  ASSERT_EQ(libraries_.size(), 2U);
  EXPECT_EQ(libraries_[0].path, libraries_[1].path);
  EXPECT_EQ(libraries_[0].base, libraries_[1].base);
}

TEST_F(LibraryEvents, at_start_up_when_run_from_the_first_instruction) {
  DebuggerOptions options = program("libraries");
  options.continue_to_entry = false;
  Debugger d(options);
  d.on_load([&](Thread& t, const Library& library) {
    libraries_.push_back(library);
    if (!library.loaded) return;
    const MemoryMaps maps = t.process().maps();
    ASSERT_NE(maps.at(library.base), nullptr) << library.path;
    EXPECT_EQ(maps.at(library.base)->path, library.path);
  });
  const Breakpoint main = d.breakpoint("main", {.callback = [&](Thread&, Breakpoint&) {
                                         EXPECT_TRUE(told("libc.so", true));
                                         EXPECT_TRUE(told("ld-", true));
                                       }});
  d.run(no_stdio());
  EXPECT_TRUE(libraries_.empty());
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(main.hit_count(), 1U);
  EXPECT_TRUE(told("plugin_announces", false));
  EXPECT_FALSE(told("libraries", true));
  EXPECT_FALSE(told("[vdso]", true));
}

TEST_F(LibraryEvents, stop_the_process_once_for_all_that_come_together) {
  DebuggerOptions options = program("libraries");
  options.continue_to_entry = false;
  Debugger d(options);
  const Catchpoint catchpoint = d.stop_on_load();
  d.run(no_stdio());
  const Stop start = next_stop(d);
  ASSERT_EQ(start.kind, StopKind::library);
  EXPECT_GE(start.libraries.size(), 2U);
  ASSERT_EQ(start.catchpoints.size(), 1U);
  EXPECT_EQ(start.catchpoints.front(), catchpoint);
  EXPECT_TRUE(catchpoint.hit_on(start.thread));
  EXPECT_EQ(catchpoint.hit_count(), start.libraries.size());
  const Stop loaded = next_stop(d);
  ASSERT_EQ(loaded.kind, StopKind::library);
  ASSERT_EQ(loaded.libraries.size(), 1U);
  EXPECT_EQ(text_of(loaded.libraries.front()), "+ plugin_announces.so");
  EXPECT_TRUE(loaded.breakpoints.empty());
  std::ostringstream line;
  line << loaded;
  EXPECT_NE(line.str().find("library in thread"), std::string::npos) << line.str();
  EXPECT_NE(line.str().find("plugin_announces.so at 0x"), std::string::npos) << line.str();
  const Stop unloaded = next_stop(d);
  ASSERT_EQ(unloaded.kind, StopKind::library);
  EXPECT_EQ(text_of(unloaded.libraries.front()), "- plugin_announces.so");
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(LibraryEvents, of_other_namespaces) {
  Debugger d(program("libraries", {"namespace"}));
  note(d);
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_TRUE(told("plugin_announces", true));
  EXPECT_TRUE(told("plugin_announces", false));
  // The namespace has a libc of its own, and the one loader.
  EXPECT_TRUE(told("libc.so", true));
  EXPECT_TRUE(told("libc.so", false));
  EXPECT_FALSE(told("ld-", true));
}

TEST_F(LibraryEvents, of_the_program_that_is_executed) {
  Debugger d(program("libraries", {"exec"}));
  note(d);
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_TRUE(told("libc.so", true));
  EXPECT_TRUE(transcript_.text().ends_with("1|+ plugin_announces.so|100|2|101|- plugin_announces.so|3"))
      << transcript_.text();
}

TEST_F(LibraryEvents, of_children_that_inherit_traps) {
  DebuggerOptions options = command({"/bin/sh", "-c", R"("$0"; true)", tracee("libraries")});
  options.inherit_traps = true;
  Debugger d(options);
  std::vector<pid_t> pids;
  d.on_load([&](Thread& t, const Library& library) {
    pids.push_back(t.pid());
    libraries_.push_back(library);
  });
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_TRUE(told("libc.so", true));
  EXPECT_TRUE(told("plugin_announces", true));
  EXPECT_TRUE(std::ranges::none_of(pids, [&](pid_t pid) { return pid == d.pid(); }));
}

TEST_F(LibraryEvents, of_a_program_that_is_the_loaders_argument) {
  const std::string loader = ElfFile(std::filesystem::path(tracee("points"))).interpreter();
  DebuggerOptions options = command({loader, tracee("exit_with"), "3"});
  options.continue_to_entry = false;
  Debugger d(options);
  note(d);
  EXPECT_EQ(run_to_exit(d), 3);
  EXPECT_TRUE(told("libc.so", true)) << transcript_.text();
}

TEST_F(LibraryEvents, a_static_program_has_none) {
  DebuggerOptions options = program("points_static");
  options.continue_to_entry = false;
  Debugger d(options);
  const Catchpoint catchpoint = d.stop_on_load();
  d.run(no_stdio());
  run_out(d);
  EXPECT_EQ(catchpoint.hit_count(), 0U);
}

TEST_F(LibraryEvents, none_of_a_library_that_is_not_there) {
  Debugger d(program("libraries", {"missing"}));
  note(d);
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_TRUE(libraries_.empty());
}

TEST_F(LibraryEvents, of_several_threads_in_their_order) {
  Debugger d(program("libraries", {"threads"}));
  note(d);
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(std::ranges::count(libraries_, true, &Library::loaded), 100);
  EXPECT_EQ(std::ranges::count(libraries_, false, &Library::loaded), 100);
}

TEST_F(LibraryEvents, cost_nothing_when_nobody_asks) {
  Debugger d(program("libraries"));
  const Catchpoint catchpoint = d.stop_on_load();
  d.run(no_stdio());
  const Address event = d.symbols().resolve(Location("_dl_debug_state").in("ld-linux"));
  EXPECT_TRUE(trap_at(d, event));
  catchpoint.disable();
  EXPECT_FALSE(trap_at(d, event));
  catchpoint.enable();
  EXPECT_TRUE(trap_at(d, event));
  const Breakpoint waiting = d.breakpoint(Location("plugin_function").in("plugin.so"));
  catchpoint.remove();
  EXPECT_TRUE(trap_at(d, event)) << "the breakpoint waits for its library";
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(LibraryEvents, once_is_for_one_library) {
  Debugger d(program("libraries"));
  const Catchpoint once = d.stop_on_load({.once = true});
  const Catchpoint second = d.on_load([](Thread&, const Library& l) { EXPECT_FALSE(l.loaded); }, {.ignore_count = 1});
  d.run(no_stdio());
  const Address event = d.symbols().resolve(Location("_dl_debug_state").in("ld-linux"));
  EXPECT_EQ(next_stop(d).kind, StopKind::library);
  EXPECT_FALSE(once.enabled());
  second.remove();
  EXPECT_FALSE(trap_at(d, event));
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(once.hit_count(), 1U);
}

TEST_F(LibraryEvents, a_callback_may_take_itself_out_throw_or_let_the_process_go) {
  {
    Debugger d(program("libraries"));
    std::optional<Catchpoint> catchpoint;
    catchpoint = d.on_load([&](Thread&, const Library&) { catchpoint->remove(); });
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(catchpoint->hit_count(), 1U);
  }
  {
    Debugger d(program("libraries"));
    d.on_load([&](Thread&, const Library&) { throw std::runtime_error("from the callback"); }, {.once = true});
    d.run(no_stdio());
    d.cont();
    EXPECT_THROW(d.wait(), std::runtime_error);
    EXPECT_EQ(run_out(d).exit_code, 0);
  }
  Debugger d(program("libraries"));
  const pid_t pid = [&] {
    d.on_load([](Thread& t, const Library&) { t.process().detach(); });
    d.run(no_stdio());
    return d.pid();
  }();
  d.cont();
  EXPECT_THROW(d.wait(), ProcessGone);
  EXPECT_TRUE(eventually([&] { return gone(pid); }));
}

TEST_F(LibraryEvents, after_an_attach_those_to_come) {
  const HostChild child({tracee("libraries"), "wait"});
  ASSERT_EQ(child.read_line(), "ready");
  Debugger d({});
  d.attach(child.pid());
  note(d);
  EXPECT_GE(d.libraries().size(), 2U);
  child.send("x");
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_EQ(transcript_.text(), "1|+ plugin_announces.so|100|2|101|- plugin_announces.so|3");
}

}  // namespace
}  // namespace trapline::live
