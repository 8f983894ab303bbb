#include "support.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include <dlfcn.h>

namespace trapline::live {
namespace {

using Backtrace = Live;

std::string name_of(const Frame& frame) {
  if (frame.signal_frame) return "<signal>";
  return frame.function.empty() ? "??" : frame.function;
}

/// The functions from the given one on to main, such as "inner middle outer main".
std::string functions(const std::vector<Frame>& frames, const std::string& from) {
  std::string text;
  for (const Frame& frame : frames) {
    const std::string name = name_of(frame);
    if (text.empty() && name != from) continue;
    text += (text.empty() ? "" : " ") + name;
    if (name == "main") break;
  }
  return text;
}

std::string shown(const std::vector<Frame>& frames) {
  std::ostringstream out;
  out << frames;
  return out.str();
}

/// A way of the tracee `frames` in one of its builds, at its first announcement.
class At {
 public:
  At(const std::string& build, std::vector<std::string> way) : debugger_(program(build, std::move(way))) {
    debugger_.run(no_stdio());
    thread_ = to_announcement(debugger_).thread;
  }
  Debugger* operator->() { return &debugger_; }
  [[nodiscard]] const Thread& thread() const { return *thread_; }
  [[nodiscard]] std::vector<Frame> backtrace() const { return thread_->backtrace(); }

 private:
  Debugger debugger_;
  std::optional<Thread> thread_;
};

void check_order(const std::vector<Frame>& frames) {
  for (std::size_t i = 1; i < frames.size(); ++i) {
    if (frames[i].cfa == 0 || frames[i - 1].signal_frame || frames[i].signal_frame) continue;
    EXPECT_GT(frames[i].cfa, frames[i - 1].cfa) << shown(frames);
  }
}

TEST_F(Backtrace, of_a_stripped_program) {
  const At d("frames_stripped", {"nested"});
  const auto frames = d.backtrace();
  ASSERT_GE(frames.size(), 7U) << shown(frames);
  EXPECT_EQ(frames[0].function, "syscall");
  for (std::size_t i = 1; i <= 4; ++i) {
    EXPECT_EQ(frames[i].function, "");
    EXPECT_EQ(frames[i].module, tracee("frames_stripped"));
    const Address base = d.thread().process().maps().filter("binary").front().start;
    EXPECT_EQ(frames[i].offset, frames[i].pc - base);
  }
  EXPECT_EQ(frames[5].module.find("/libc.so") != std::string::npos, true) << shown(frames);
}

TEST_F(Backtrace, begins_and_ends_where_it_is_told) {
  const At d("frames", {"recursion", "1000"});
  const auto frames = d.thread().backtrace(10);
  EXPECT_EQ(frames.size(), 10U);
  EXPECT_EQ(frames.front().pc, d.thread().pc());
  EXPECT_EQ(d.thread().backtrace(0).size(), 0U);
  EXPECT_EQ(d.backtrace().size(), 256U);
  const auto all = d.thread().backtrace(SIZE_MAX);
  EXPECT_EQ(functions({all.end() - 4, all.end()}, "main"), "main") << shown({all.end() - 4, all.end()});
  EXPECT_EQ(all.back().function, "_start");
  EXPECT_EQ(std::ranges::count(all, "recurse", &Frame::function), 1001);
  EXPECT_EQ(d.thread().saved_ip(), frames[1].pc);
}

TEST_F(Backtrace, at_the_entry_there_is_no_caller) {
  Debugger d(program("frames"));
  d.run(no_stdio());
  const Thread thread = d.main_thread();
  const auto frames = thread.backtrace();
  ASSERT_EQ(frames.size(), 1U) << shown(frames);
  EXPECT_EQ(frames.front().function, "_start");
  const std::string message = message_of<UsageError>([&] { static_cast<void>(thread.saved_ip()); });
  EXPECT_NE(message.find("returns to"), std::string::npos) << message;
}

TEST_F(Backtrace, of_a_smashed_stack_ends_at_the_damage) {
  const At d("frames", {"smash"});
  const auto frames = d.backtrace();
  ASSERT_EQ(functions({frames.begin(), frames.begin() + 2}, "syscall"), "syscall smash") << shown(frames);
  ASSERT_EQ(frames.size(), 3U) << "the last one is where it would return to";
  EXPECT_EQ(frames.back().pc, 0x4242424242424242U);
  EXPECT_EQ(frames.back().cfa, 0U);
  EXPECT_EQ(frames.back().function, "");
}

TEST_F(Backtrace, of_a_stack_that_leads_back_to_itself_ends) {
  for (const char* build : {"frames_unoptimised", "frames_untold"}) {
    const At d(build, {"loop_back"});
    const auto frames = d.thread().backtrace(SIZE_MAX);
    EXPECT_LE(frames.size(), 5U) << shown(frames);
    EXPECT_EQ(functions(frames, "loop_back"), "loop_back main") << shown(frames);
  }
}

TEST_F(Backtrace, of_registers_that_make_no_sense) {
  const At d("frames", {"nested"});
  for (const Address value : {Address{0}, Address{1}, Address{0x4141414141414141}, Address{0x7fffffffffffffff},
                              ~Address{0}, Address{0xffff800000000000}}) {
    d.thread().regs().set_rsp(value);
    d.thread().regs().set_rbp(value);
    EXPECT_EQ(d.backtrace().size(), 1U) << shown(d.backtrace());
    const Address pc = d.thread().pc();
    d.thread().set_pc(value);
    EXPECT_EQ(d.backtrace().size(), 1U) << shown(d.backtrace());
    d.thread().set_pc(pc);
  }
}

TEST_F(Backtrace, inside_the_vdso) {
  const At d("frames", {"time"});
  const MemoryMap vdso = d.thread().process().maps().filter("vdso").front();
  int inside = 0;
  for (int i = 0; i < 5000 && (inside == 0 || vdso.contains(d.thread().pc())); ++i) {
    d.thread().step();
    if (!vdso.contains(d.thread().pc())) continue;
    // At some of its instructions: each backtrace of a thread that has moved looks at the process anew.
    if (++inside % 4 != 1) continue;
    const auto frames = d.backtrace();
    EXPECT_EQ(frames.front().module, "[vdso]");
    ASSERT_TRUE(functions(frames, "clock_gettime").ends_with(" tell_time main")) << shown(frames);
  }
  EXPECT_GT(inside, 10);
}

TEST_F(Backtrace, in_a_callback_of_a_thread_among_others) {
  Debugger d(program("frames", {"thread"}));
  d.run(no_stdio());
  std::string seen;
  std::string main_thread;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& thread, SyscallHandler&) {
                     seen = functions(thread.backtrace(), "inner");
                     main_thread = functions(thread.process().main_thread().backtrace(), "other_thread");
                   }});
  run_out(d);
  EXPECT_TRUE(seen.starts_with("inner middle outer in_thread")) << seen;
  EXPECT_EQ(main_thread, "other_thread main");
}

TEST_F(Backtrace, after_the_death_throws) {
  At d("frames", {"nested"});
  d->kill();
  EXPECT_THROW(static_cast<void>(d.backtrace()), ProcessGone);
}

TEST_F(Backtrace, asks_no_debuginfo_server) {
  ::setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9/", 1);
  const At d("frames_stripped", {"nested"});
  EXPECT_GE(d.backtrace().size(), 7U);
  EXPECT_EQ(::dlopen("libdebuginfod.so.1", RTLD_LAZY | RTLD_NOLOAD), nullptr) << "its client was loaded";
  ::unsetenv("DEBUGINFOD_URLS");
}

TEST_F(Backtrace, prints_a_numbered_list) {
  const std::vector<Frame> frames{{.pc = 0x401136, .cfa = 1, .function = "main", .offset = 0x12, .module = "/bin/prog"},
                                  {.pc = 0x401000, .offset = 0x1000, .module = "/bin/prog"},
                                  {.pc = 0x10, .function = "f", .offset = 1, .module = "/lib/l", .signal_frame = true},
                                  {.pc = 0x20}};
  EXPECT_EQ(shown(frames),
            "#0 0x401136 main+0x12 in /bin/prog\n#1 0x401000 ?? +0x1000 in /bin/prog\n"
            "#2 0x10 f+0x1 in /lib/l <signal handler called>\n#3 0x20 ??\n");
}

/// What call frame information a build of `frames` has.
class BacktraceOf : public Live, public ::testing::WithParamInterface<const char*> {
 protected:
  /// As a user sees it, from one function on to main.
  static std::string of(std::vector<std::string> way, const std::string& from = "inner") {
    const At d(GetParam(), std::move(way));
    const auto frames = d.backtrace();
    check_order(frames);
    const std::string text = functions(frames, from);
    if (!text.ends_with("main")) ADD_FAILURE() << shown(frames);
    return text;
  }
};

TEST_P(BacktraceOf, nested_functions) { EXPECT_EQ(of({"nested"}), "inner middle outer main"); }

TEST_P(BacktraceOf, recursion) {
  std::string expected = "inner";
  for (int i = 0; i <= 50; ++i) expected += " recurse";
  EXPECT_EQ(of({"recursion", "50"}), expected + " main");
}

TEST_P(BacktraceOf, a_call_that_is_the_last_instruction) {
  EXPECT_EQ(of({"last_call"}), "inner never_return end_in_a_call main");
}

TEST_P(BacktraceOf, a_callback_of_a_library) {
  const std::string text = of({"sort"});
  EXPECT_TRUE(text.starts_with("inner compare ")) << text;
  EXPECT_TRUE(text.ends_with(" sort main")) << text;
}

TEST_P(BacktraceOf, a_signal_handler) {
  const std::string text = of({"signal"});
  EXPECT_TRUE(text.starts_with("inner handler <signal> ")) << text;
  EXPECT_TRUE(text.ends_with(" raise interrupted main")) << text;
}

TEST_P(BacktraceOf, a_signal_handler_on_another_stack) {
  const std::string text = of({"sigaltstack"});
  EXPECT_TRUE(text.starts_with("inner handler <signal> ")) << text;
  EXPECT_TRUE(text.ends_with(" raise interrupted main")) << text;
}

TEST_P(BacktraceOf, a_signal_at_the_first_instruction_of_a_function) {
  EXPECT_EQ(of({"fault"}), "inner handler <signal> fault_at_once call_faulting main");
}

TEST_P(BacktraceOf, another_thread) {
  const At d(GetParam(), {"thread"});
  const auto frames = d.backtrace();
  EXPECT_TRUE(functions(frames, "inner").starts_with("inner middle outer in_thread ")) << shown(frames);
  EXPECT_LE(frames.size(), 9U) << "it ends where the thread begins: " << shown(frames);
}

TEST_P(BacktraceOf, generated_code_with_a_frame_pointer) {
  EXPECT_EQ(of({"framed_code"}), "inner ?? call_framed main");
}

TEST_P(BacktraceOf, generated_code_without_any_frame) { EXPECT_EQ(of({"leaf_code"}, "??"), "?? call_leaf main"); }

TEST_P(BacktraceOf, a_call_of_a_bad_pointer) {
  At d(GetParam(), {"bad_pointer"});
  for (int i = 0; i < 200 && d.thread().pc() != 0; ++i) d.thread().step();
  ASSERT_EQ(d.thread().pc(), 0U);
  const auto frames = d.backtrace();
  EXPECT_EQ(functions(frames, "??"), "?? call_bad_pointer main") << shown(frames);
}

/// Follows a thread's calls and returns as it steps, by its instructions: what a backtrace must agree with.
class ShadowStack {
 public:
  explicit ShadowStack(const Thread& thread) : thread_(thread) {
    const auto frames = thread.backtrace();
    for (std::size_t i = frames.size() - 1; i > 0; --i) returns_.push_back(frames[i].pc);
    look();
  }

  void step() {
    std::array<unsigned char, 2> code{};
    const bool readable = thread_.memory().read_some(pc_, std::as_writable_bytes(std::span(code))) == code.size();
    const Address pc = pc_;
    const Address sp = sp_;
    thread_.step();
    look();
    const bool is_return = readable && (code[0] == 0xc3 || code[0] == 0xc2 || (code[0] == 0xf3 && code[1] == 0xc3));
    if (is_return) {
      returns_.pop_back();
    } else if (sp_ == sp - 8) {
      const auto pushed = thread_.memory().read_value<Address>(sp_);
      if (pushed > pc && pushed <= pc + 7 && pc_ != pushed) returns_.push_back(pushed);
    }
  }

  [[nodiscard]] std::vector<Address> addresses() const {
    std::vector<Address> all(returns_.rbegin(), returns_.rend());
    all.insert(all.begin(), pc_);
    return all;
  }

 private:
  void look() {
    pc_ = thread_.pc();
    sp_ = thread_.regs().rsp();
  }

  Thread thread_;
  std::vector<Address> returns_;
  Address pc_ = 0;
  Address sp_ = 0;
};

TEST_P(BacktraceOf, every_instruction_of_many_calls) {
  const At d(GetParam(), {"many_calls"});
  ShadowStack shadow(d.thread());
  bool reached = false;
  // The first call of a library function goes through the dynamic linker's search.
  constexpr int most_steps = 20000;
  int steps = 0;
  for (; steps < most_steps && !reached; ++steps) {
    shadow.step();
    const auto frames = d.backtrace();
    std::vector<Address> addresses;
    for (const Frame& frame : frames) addresses.push_back(frame.pc);
    ASSERT_EQ(addresses, shadow.addresses()) << "after " << steps << " steps\n" << shown(frames);
    ASSERT_EQ(d.thread().saved_ip(), frames[1].pc);
    constexpr Address last_announcement = 0x7e570003;
    reached = frames.front().function == "syscall" && d.thread().regs().rsi() == last_announcement;
  }
  EXPECT_TRUE(reached);
  EXPECT_GT(steps, 500);
}

INSTANTIATE_TEST_SUITE_P(Builds, BacktraceOf,
                         ::testing::Values("frames", "frames_optimised", "frames_unoptimised", "frames_static",
                                           "frames_debug_frame", "frames_untold"),
                         [](const auto& build) { return std::string(build.param); });

}  // namespace
}  // namespace trapline::live
