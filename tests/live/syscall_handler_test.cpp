#include "support.hpp"

#include <map>
#include <set>
#include <sstream>

namespace trapline::live {
namespace {

using SyscallHandlers = Live;

constexpr const char* one_announcement = "enter getpgid|exit getpgid";

struct Shape {
  const char* name;
  bool enter;
  bool exit;
  const char* transcript;
};

TEST_F(SyscallHandlers, callbacks_for_enter_exit_or_both) {
  const std::vector<Shape> table = {
      {"enter", true, false, "enter getpgid|enter getpgid"},
      {"exit", false, true, "exit getpgid|exit getpgid"},
      {"both", true, true, "enter getpgid|exit getpgid|enter getpgid|exit getpgid"},
  };
  for (const Shape& shape : table) {
    SCOPED_TRACE(shape.name);
    Debugger d(program("points", {"2"}));
    Transcript transcript;
    SyscallOptions options = transcript.options();
    if (!shape.enter) options.on_enter = nullptr;
    if (!shape.exit) options.on_exit = nullptr;
    const SyscallHandler handler = d.handle_syscall(announcement, options);
    EXPECT_EQ(run_to_exit(d), 0);
    EXPECT_EQ(transcript.text(), shape.transcript);
    EXPECT_EQ(handler.hit_count(), 2U);
    EXPECT_EQ(handler.enter_count(), 2U);
  }
}

TEST_F(SyscallHandlers, without_callbacks_it_stops_at_enter_and_exit) {
  Debugger d(program("points", {"2"}));
  const SyscallHandler handler = d.handle_syscall(announcement);
  const SyscallHandler other = d.handle_syscall("close");
  d.run(no_stdio());
  for (std::size_t i = 1; i <= 2; ++i) {
    Stop stop = next_stop(d);
    EXPECT_EQ(stop.kind, StopKind::syscall_enter);
    EXPECT_TRUE(handler.hit_on(stop.thread) && handler.hit_on_enter(stop.thread));
    EXPECT_FALSE(handler.hit_on_exit(stop.thread));
    EXPECT_FALSE(other.hit_on(stop.thread));
    EXPECT_EQ(handler.enter_count(), i);
    EXPECT_EQ(handler.hit_count(), i - 1);
    EXPECT_TRUE(stop.thread.in_syscall());
    stop = next_stop(d);
    EXPECT_EQ(stop.kind, StopKind::syscall_exit);
    EXPECT_TRUE(handler.hit_on(stop.thread) && handler.hit_on_exit(stop.thread));
    EXPECT_FALSE(handler.hit_on_enter(stop.thread));
    EXPECT_EQ(handler.hit_count(), i);
  }
  const Thread thread = d.main_thread();
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_FALSE(handler.hit_on(thread));
}

/// The syscalls of `variety` that a handler for that set sees.
std::set<std::string> seen_by(const SyscallSet& set) {
  Debugger d(program("variety"));
  std::set<std::string> names;
  d.handle_syscall(set, {.on_enter = [&](Thread& thread, SyscallHandler&) {
                     names.emplace(syscall_name(thread.syscall_abi(), thread.syscall_number()));
                   }});
  EXPECT_EQ(run_to_exit(d), 0);
  return names;
}

using Names = std::set<std::string>;

TEST_F(SyscallHandlers, sets_by_name_number_list_and_expression) {
  EXPECT_EQ(seen_by("getppid"), Names{"getppid"});
  EXPECT_EQ(seen_by(110), Names{"getppid"});
  EXPECT_EQ(seen_by(SyscallId(110)), Names{"getppid"});
  EXPECT_EQ(seen_by({"getppid", "close", 11}), (Names{"getppid", "close", "munmap"}));
  EXPECT_EQ(seen_by(std::vector<SyscallId>{"socket"}), Names{"socket"});
  EXPECT_EQ(seen_by("/^m(un)?map$/"), (Names{"mmap", "munmap"}));
  EXPECT_EQ(seen_by({"/map/", "kill"}), (Names{"mmap", "munmap", "kill"}));
  EXPECT_EQ(seen_by("newuname"), Names{"uname"});
}

TEST_F(SyscallHandlers, all_has_three_names) {
  const Names all = {"getppid", "openat", "close",  "mmap",  "munmap",    "socket",
                     "kill",    "wait4",  "shmget", "uname", "exit_group"};
  for (const char* name : {"all", "ALL", "*"}) EXPECT_EQ(seen_by(name), all) << name;
}

struct Group {
  const char* name;
  Names in;
  Names out;
};

TEST_F(SyscallHandlers, groups) {
  const std::vector<Group> table = {
      {"%file", {"openat"}, {"close", "getppid", "mmap"}},
      {"%network", {"socket"}, {"openat", "kill"}},
      {"%process", {"wait4", "exit_group"}, {"openat", "mmap", "close"}},
      {"%memory", {"mmap", "munmap"}, {"openat", "kill", "close"}},
      {"%signal", {"kill"}, {"mmap", "wait4", "close"}},
      {"%desc", {"close"}, {"getppid", "munmap", "kill"}},
      {"%ipc", {"shmget"}, {"openat", "kill", "close"}},
  };
  for (const Group& group : table) {
    const Names seen = seen_by(group.name);
    for (const std::string& name : group.in) EXPECT_TRUE(seen.contains(name)) << group.name << " lacks " << name;
    for (const std::string& name : group.out) EXPECT_FALSE(seen.contains(name)) << group.name << " has " << name;
  }
}

TEST_F(SyscallHandlers, unknown_names_are_refused_with_near_ones) {
  Debugger d(program("points"));
  const std::map<std::string, std::string> near = {
      {"opnat", "openat"}, {"gettpid", "getppid"}, {"%fil", "%file"}, {"/(/", "/(/"}};
  for (const auto& entry : near) {
    const std::string message = message_of<UsageError>([&] { d.handle_syscall(entry.first); });
    EXPECT_NE(message.find(entry.first), std::string::npos) << message;
    EXPECT_NE(message.find(entry.second), std::string::npos) << message;
  }
  EXPECT_THROW(d.handle_syscall({"read", "raed"}), UsageError);
  d.run(no_stdio());
  EXPECT_THROW(d.invoke_syscall("gettpid"), UsageError);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(SyscallHandlers, specific_ones_run_before_all_each_in_order_of_placing) {
  Debugger d(program("points", {"1"}));
  Transcript transcript;
  const auto named = [&](const std::string& name) {
    SyscallOptions options;
    options.on_enter = transcript.note(name + " enter");
    options.on_exit = transcript.note(name + " exit");
    return options;
  };
  d.handle_syscall("all", named("all1"));
  d.handle_syscall(announcement, named("one1"));
  d.handle_syscall("*", named("all2"));
  d.handle_syscall({announcement, "close"}, named("one2"));
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(),
            "one1 enter getpgid|one2 enter getpgid|all1 enter getpgid|all2 enter getpgid|"
            "one1 exit getpgid|one2 exit getpgid|all1 exit getpgid|all2 exit getpgid|"
            "all1 enter exit_group|all2 enter exit_group");
}

TEST_F(SyscallHandlers, it_stops_when_any_handler_is_synchronous) {
  Debugger d(program("points", {"1"}));
  Transcript transcript;
  const SyscallHandler before = d.handle_syscall(announcement, transcript.options());
  const SyscallHandler stopping = d.handle_syscall(announcement);
  const SyscallHandler after = d.handle_syscall(announcement, transcript.options());
  d.run(no_stdio());
  Stop stop = next_stop(d);
  EXPECT_EQ(stop.kind, StopKind::syscall_enter);
  EXPECT_EQ(stop.handlers, (std::vector<SyscallHandler>{before, stopping, after}));
  EXPECT_EQ(transcript.text(), "enter getpgid|enter getpgid");
  EXPECT_TRUE(before.hit_on(stop.thread) && stopping.hit_on(stop.thread) && after.hit_on(stop.thread));
  stop = next_stop(d);
  EXPECT_EQ(stop.kind, StopKind::syscall_exit);
  EXPECT_EQ(stop.handlers.size(), 3U);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(SyscallHandlers, they_are_active_from_the_entry_point_on) {
  Debugger d(program("points", {"1"}));
  Transcript transcript;
  d.handle_syscall("all", transcript.options());
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), std::string(one_announcement) + "|enter exit_group");
}

TEST_F(SyscallHandlers, or_from_the_first_instruction_on_without_the_spawning_execve) {
  DebuggerOptions options = program("points", {"1"});
  options.continue_to_entry = false;
  Debugger d(options);
  Transcript transcript;
  d.handle_syscall("all", transcript.options());
  EXPECT_EQ(run_to_exit(d), 0);
  const std::string text = transcript.text();
  EXPECT_TRUE(text.starts_with("enter brk|exit brk|")) << text;
  EXPECT_NE(text.find("enter openat"), std::string::npos) << "the loader opens libc";
  EXPECT_EQ(text.find("execve"), std::string::npos);
}

TEST_F(SyscallHandlers, exit_group_has_an_enter_only) {
  Debugger d(program("points", {"1"}));
  Transcript transcript;
  const SyscallHandler both = d.handle_syscall("exit_group", transcript.options());
  const SyscallHandler enter = d.handle_syscall("exit_group", {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "enter exit_group");
  EXPECT_EQ(both.enter_count(), 1U);
  EXPECT_EQ(both.hit_count(), 0U);
  EXPECT_EQ(enter.hit_count(), 1U);
}

TEST_F(SyscallHandlers, synchronous_at_exit_group_stops_once) {
  Debugger d(program("exit_with", {"6"}));
  d.handle_syscall("exit_group");
  d.run(no_stdio());
  const Stop stop = next_stop(d);
  EXPECT_EQ(stop.kind, StopKind::syscall_enter);
  EXPECT_EQ(stop.thread.syscall_arg(0), 6U);
  stop.thread.set_syscall_arg(0, 66);
  EXPECT_EQ(run_out(d).exit_code, 66);
}

TEST_F(SyscallHandlers, execve_exits_in_the_new_program) {
  Debugger d(program("exec_other", {tracee("points"), "1"}));
  Transcript transcript;
  const SyscallHandler exec = d.handle_syscall(
      "execve", {.on_enter = [&](Thread&, SyscallHandler&) { transcript.add("enter execve"); },
                 .on_exit =
                     [&](Thread& thread, SyscallHandler&) {
                       EXPECT_NE(thread.pc(), 0U);
                       std::ostringstream event;
                       event << "exit execve " << thread.syscall_return() << " " << thread.syscall_number()
                             << (d.maps().filter("points").empty() ? " in the old" : " in the new");
                       transcript.add(event.str());
                     }});
  const SyscallHandler points = d.handle_syscall(announcement, {.on_enter = [](Thread&, SyscallHandler&) {}});
  EXPECT_EQ(run_to_exit(d), 0);
  EXPECT_EQ(transcript.text(), "enter execve|exit execve 0 59 in the new");
  EXPECT_EQ(exec.hit_count(), 1U);
  EXPECT_EQ(points.hit_count(), 2U) << "handlers live on in the new program";
}

TEST_F(SyscallHandlers, execve_that_fails_exits_in_the_old_program) {
  Debugger d(program("exec_other", {"/no/such/program"}));
  std::vector<std::int64_t> results;
  d.handle_syscall("execve",
                   {.on_exit = [&](Thread& thread, SyscallHandler&) { results.push_back(thread.syscall_return()); }});
  EXPECT_EQ(run_to_exit(d), 98);
  EXPECT_EQ(results, std::vector<std::int64_t>{-ENOENT});
}

TEST_F(SyscallHandlers, execve_stops_synchronously_at_both_sides) {
  Debugger d(program("exec_other", {tracee("points"), "1"}));
  const SyscallHandler exec = d.handle_syscall("execve");
  d.run(no_stdio());
  EXPECT_EQ(next_stop(d).kind, StopKind::syscall_enter);
  const Stop stop = next_stop(d);
  EXPECT_EQ(stop.kind, StopKind::syscall_exit);
  EXPECT_EQ(stop.thread.syscall_return(), 0);
  EXPECT_NE(d.symbols().resolve("buffer"), 0U);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

}  // namespace
}  // namespace trapline::live
