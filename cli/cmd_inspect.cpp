#include <fmt/format.h>
#include <trapline/trapline.hpp>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>
#include <sstream>

#include "command.hpp"
#include "inspect_json.hpp"
#include "inspect_lookups.hpp"
#include "inspect_view.hpp"
#include "interrupts.hpp"
#include "outcome.hpp"
#include "process_tree.hpp"
#include "standard_output.hpp"

namespace cli {
namespace {

using trapline::Color;
using trapline::Debugger;
using trapline::StopKind;
using trapline::UsageError;

/// Something that was asked for is not there; everything else was shown.
constexpr int not_all_found = 1;

constexpr const char* footer =
    R"(Without options it shows the registers, the code at the pc and the stack of one thread, and the backtraces of all.

The process is at rest only while it is looked at. One that was attached to then goes on as if nothing had happened: one
that was stopped stays stopped, a system call that it is in goes on. One that was launched is killed. With --at and --signal
the process runs until it gets there; Ctrl-C lets it go, and kills a launched one.

LOCATION is an address, a symbol, or a symbol and an offset ("main+0x12"); WHAT is text, or hex:7f454c46, or a number
in so many bits (u8:, u16:, u32:, u64:), in the byte order of memory.

Examples:
  trapline inspect -p 4711                           what is it doing?
  trapline inspect -p 4711 --backtraces --depth 10   where are all its threads?
  trapline inspect -p 4711 --maps --json             its mappings, for a script
  trapline inspect --signal -- ./app input           where does it crash, and with what?
  trapline inspect --at write -- ls                  the first time that it writes something
  trapline inspect -p 4711 --find "BEGIN PRIVATE"    is there a key in its memory?
  trapline inspect -p 4711 --memory environ,64 --word 8
  trapline inspect -p 4711 --function main           a function's code

Exit status:
  0    all of it was shown
  1    something that was asked for is not there: a symbol, bytes, a place that the program never came to
  2    the command line was not understood
  125  trapline itself failed: no permission to attach, the process died meanwhile, the output cannot be written
  126  the program was found but cannot be executed
  127  the program was not found)";

class HelpText : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: trapline inspect [OPTIONS] -p PID\n"
           "       trapline inspect [OPTIONS] [--] COMMAND [ARGUMENT...]\n";
  }
};

struct Arguments {
  Wanted wanted;
  pid_t pid = 0;
  pid_t thread = 0;
  std::string at;
  std::string signal;
  bool json = false;
  std::string color = "auto";
  bool att = false;
};

std::string_view name_of(trapline::Arch arch) {
  switch (arch) {
    case trapline::Arch::amd64: return "amd64";
    case trapline::Arch::i386: return "i386";
    case trapline::Arch::aarch64: return "aarch64";
  }
  return "unknown";
}

/// One look at a process, from the attachment (or launch) to its end.
class Inspection {
 public:
  Inspection(const Arguments& arguments, std::vector<std::string> command)
      : arguments_(arguments),
        attached_(arguments.pid != 0),
        debugger_({.argv = std::move(command), .follow_children = false}) {}

  int run() {
    const auto kind = attached_ ? Interrupts::Tracee::attached : Interrupts::Tracee::launched;
    Interrupts interrupts(kind, [this] { give_up(); });
    if (const int status = begin(interrupts); status != success) return status;
    int status = success;
    try {
      status = get_there() ? look() : not_all_found;
    } catch (const trapline::SymbolError& error) {
      complain(error.what());
      status = not_all_found;
    } catch (const trapline::ProcessGone&) {
      if (const auto asked = interrupts.asked_to_end()) die_of(*asked);
      throw trapline::ProcessGone(fmt::format("process {} died while it was looked at", pid_));
    }
    // It goes on before anything is written: who reads may take his time.
    give_up();
    if (const auto asked = interrupts.asked_to_end()) die_of(*asked);
    write_out(text_);
    if (!complaints_.empty()) fmt::print(stderr, "{}", complaints_);
    return status;
  }

 private:
  int begin(Interrupts& interrupts) {
    if (attached_) {
      debugger_.attach(arguments_.pid);
      pid_ = arguments_.pid;
      if (interrupts.asked_to_end()) give_up();
      return success;
    }
    try {
      using trapline::Stream;
      const StdoutAsStderr aside;
      debugger_.run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()},
                     .inherit_descriptors = true,
                     .inherit_ignored_signals = true});
    } catch (const trapline::OsError& error) {
      fmt::print(stderr, "trapline: {}\n", error.what());
      return launch_status(error);
    }
    pid_ = debugger_.pid();
    interrupts.watch(pid_);
    return success;
  }

  /// Lets it go on to where it is to be looked at; false when it never comes there.
  bool get_there() {
    if (!arguments_.at.empty()) debugger_.breakpoint(arguments_.at);
    if (!arguments_.signal.empty()) debugger_.catch_signal(signals());
    if (arguments_.at.empty() && arguments_.signal.empty()) return true;
    if (attached_) {
      fmt::print(stderr, "trapline: attached to process {}; Ctrl-C lets it go\n", pid_);
    }
    debugger_.cont();
    stop_ = debugger_.wait();
    if (stop_->kind != StopKind::exited) return true;
    std::ostringstream how;
    how << *stop_;
    complaints_ = fmt::format("trapline: it never came there: {}\n", how.str());
    return false;
  }

  [[nodiscard]] trapline::SignalSet signals() const {
    if (arguments_.signal != "fatal") return arguments_.signal;
    // Those that tell of a mistake; nobody sends the others by accident.
    return std::vector<trapline::SignalId>{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP};
  }

  [[nodiscard]] trapline::Thread thread() const {
    if (arguments_.thread != 0) {
      for (const trapline::Thread& thread : debugger_.threads()) {
        if (thread.tid() == arguments_.thread) return thread;
      }
      throw NotThere(fmt::format("process {} has no thread {}", pid_, arguments_.thread));
    }
    if (stop_) return stop_->thread;
    const trapline::Thread main = debugger_.main_thread();
    // A leader may exit before its threads.
    return main.dead() && !debugger_.threads().empty() ? debugger_.threads().front() : main;
  }

  [[nodiscard]] bool shows(const Section& section) const {
    const Wanted& wanted = arguments_.wanted;
    if (section.items != nullptr) return !(wanted.*section.items).empty();
    return std::ranges::find(wanted.sections, section.name) != wanted.sections.end();
  }

  int look() {
    try {
      const View view{debugger_, thread(), stop_, arguments_.wanted, color()};
      return arguments_.json ? look_for_json(view) : look_for_text(view);
    } catch (const NotThere& error) {
      complain(error.what());
      return not_all_found;
    }
  }

  void complain(std::string_view what) {
    for (std::size_t begin = 0; begin <= what.size();) {
      const std::size_t end = std::min(what.find('\n', begin), what.size());
      complaints_ += fmt::format("trapline: {}\n", what.substr(begin, end - begin));
      begin = end + 1;
    }
  }

  int look_for_text(const View& view) {
    std::ostringstream out;
    out << summary(view);
    int status = success;
    for (const Section& section : sections()) {
      if (!shows(section)) continue;
      out << '\n' << headline(view, section) << '\n';
      try {
        section.show(view, out);
      } catch (const NotThere& error) {
        complain(error.what());
        status = not_all_found;
      }
    }
    text_ = std::move(out).str();
    return status;
  }

  int look_for_json(const View& view) {
    Json json{{"process",
               {{"pid", pid_},
                {"command", arguments_of(pid_)},
                {"arch", name_of(debugger_.arch())},
                {"threads", debugger_.threads().size()}}},
              {"thread", view.thread.tid()}};
    if (view.stop) {
      std::ostringstream text;
      text << *view.stop;
      json["stop"] = {{"kind", to_string(view.stop->kind)}, {"text", text.str()}};
    }
    int status = success;
    for (const Section& section : sections()) {
      if (!shows(section)) continue;
      const Json& data = json[section.name] = section.data(view);
      const auto failed = [](const Json& one) { return one.is_object() && one.contains("error"); };
      if (section.items != nullptr && std::ranges::any_of(data, failed)) status = not_all_found;
    }
    // Names are bytes to the kernel, and JSON is Unicode.
    text_ = json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
    return status;
  }

  [[nodiscard]] Color color() const {
    if (arguments_.color == "always") return Color::always;
    if (arguments_.color == "never") return Color::never;
    return trapline::uses_color(std::cout, Color::automatic) ? Color::always : Color::never;
  }

  [[nodiscard]] std::string strong(const View& view, const std::string& text) const {
    return view.color == Color::always ? "\033[1m" + text + "\033[0m" : text;
  }

  [[nodiscard]] std::string summary(const View& view) const {
    const std::size_t threads = debugger_.threads().size();
    std::string text = strong(view, fmt::format("process {}", pid_)) +
                       fmt::format(": {}\n{}, {} thread{}", command_line(pid_), name_of(debugger_.arch()), threads,
                                   threads == 1 ? "" : "s");
    if (view.stop) {
      std::ostringstream why;
      why << *view.stop;
      text += ", " + why.str();
    } else if (!attached_) {
      text += ", at its entry point";
    } else if (const std::string call = call_of(view.thread); !call.empty()) {
      text += fmt::format(", thread {} in {}", view.thread.tid(), call);
    }
    return text + '\n';
  }

  [[nodiscard]] std::string headline(const View& view, const Section& section) const {
    std::string text = section.name;
    const std::string_view name = section.name;
    const bool of_one = name == "registers" || name == "disassembly" || name == "stack";
    if (of_one && debugger_.threads().size() > 1) text += fmt::format(" of thread {}", view.thread.tid());
    return strong(view, "-- " + text);
  }

  /// On any thread: lets go what was attached to and kills what was launched.
  void give_up() noexcept {
    try {
      if (attached_) {
        debugger_.detach();
      } else {
        debugger_.kill();
      }
    } catch (const std::exception&) {
      // It has ended by itself, or was never ours.
    }
  }

  const Arguments& arguments_;
  const bool attached_;
  Debugger debugger_;
  pid_t pid_ = 0;
  std::optional<trapline::Stop> stop_;
  std::string text_;
  std::string complaints_;
};

int inspect(Arguments& arguments, std::vector<std::string> command) {
  if (command.empty() == (arguments.pid == 0)) {
    throw UsageError(command.empty() ? "nothing to inspect: give -p and a process id, or a command"
                                     : "a command and -p exclude each other");
  }
  Wanted& wanted = arguments.wanted;
  check_lookups(wanted);
  if (arguments.att) wanted.syntax = trapline::Syntax::att;
  const bool looks_up = std::ranges::any_of(
      sections(), [&](const Section& s) { return s.items != nullptr && !(wanted.*s.items).empty(); });
  if (wanted.sections.empty() && !looks_up) wanted.sections = {"registers", "disassembly", "stack", "backtraces"};
  return Inspection(arguments, std::move(command)).run();
}

std::string a_number(const std::string& word) {
  const bool digits = !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : fmt::format("\"{}\" is no number", word);
}

void add_sections(CLI::App& app, Wanted& wanted) {
  const auto section = [&](const char* name, const char* option, const char* text) {
    app.add_flag_callback(
        option, [&wanted, name] { wanted.sections.emplace_back(name); }, text);
  };
  section("registers", "-r,--registers", "The registers of one thread, and what they lead to");
  app.add_flag("--vectors", wanted.vectors, "With the vector registers");
  section("disassembly", "-d,--disassembly", "The code around its pc");
  section("stack", "-k,--stack", "The words from its stack pointer on");
  section("backtraces", "-b,--backtraces", "The backtraces of all threads; those that are equal once");
  section("maps", "-m,--maps", "The mappings of the process");
}

void add_lookups(CLI::App& app, Wanted& wanted) {
  const auto list = [&](const char* name, std::vector<std::string>& into, const char* text, const char* value) {
    app.add_option(name, into, text)->allow_extra_args(false)->type_name(value);
  };
  list("--symbol", wanted.symbols, "Where that symbol is, in all modules that have it", "NAME");
  list("--address", wanted.addresses, "What is at that address", "LOCATION");
  list("--function", wanted.functions, "The code of the function around it", "LOCATION");
  list("--memory", wanted.memory, "So many bytes there (64)", "LOCATION[,SIZE]");
  list("--find", wanted.patterns, "Where in its memory that is", "WHAT");
}

void add_amounts(CLI::App& app, Arguments& arguments) {
  Wanted& wanted = arguments.wanted;
  app.add_option("-n", wanted.count, "Show so many instructions and words of the stack")
      ->type_name("N")
      ->check(a_number);
  app.add_option("--depth", wanted.depth, "Show so many frames of each thread (64)")->type_name("N")->check(a_number);
  app.add_option("--limit", wanted.limit, "Show so many finds (20)")->type_name("N")->check(a_number);
  app.add_option("--word", wanted.word_size, "Show --memory as integers of so many bytes")
      ->type_name("1|2|4|8")
      ->check(CLI::IsMember({1, 2, 4, 8}).description(""));
  app.add_flag("--bytes", wanted.bytes, "Show the bytes of instructions");
  app.add_flag("--att", arguments.att, "Spell instructions as AT&T did");
  app.add_flag("--json", arguments.json, "Print all of it as one JSON object");
  app.add_option("--color", arguments.color, "auto (on a terminal, unless NO_COLOR is set), always or never")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""));
}

}  // namespace

Run add_inspect(CLI::App& app) {
  CLI::App* inspect_app =
      app.add_subcommand("inspect", "Shows what a process is doing: registers, code, stack, backtraces, maps, memory.");
  const auto arguments = std::make_shared<Arguments>();
  inspect_app->add_option("-p", arguments->pid, "Attach to this running process")->type_name("PID")->check(a_number);
  inspect_app
      ->add_option("-t", arguments->thread, "Look at this thread instead of the main thread or the one that stopped")
      ->type_name("TID")
      ->check(a_number);
  inspect_app->add_option("--at", arguments->at, "Let it go on to there first")->type_name("LOCATION");
  inspect_app
      ->add_option("--signal", arguments->signal,
                   "Let it go on until it gets this signal; without a name, one that kills by a fault")
      ->type_name("[SIGNAL]")
      ->expected(0, 1);
  add_sections(*inspect_app, arguments->wanted);
  add_lookups(*inspect_app, arguments->wanted);
  add_amounts(*inspect_app, *arguments);
  inspect_app->prefix_command();
  inspect_app->formatter(std::make_shared<HelpText>());
  inspect_app->footer(footer);
  return [=](const std::vector<std::string>& behind_dashes) {
    std::vector<std::string> command = inspect_app->remaining();
    if (!command.empty() && command.front().starts_with('-')) {
      throw UsageError("unknown option " + command.front());
    }
    const auto skipped = command.empty() && !behind_dashes.empty() ? 1 : 0;
    command.insert(command.end(), behind_dashes.begin() + skipped, behind_dashes.end());
    if (inspect_app->count("--signal") != 0 && arguments->signal.empty()) arguments->signal = "fatal";
    return inspect(*arguments, std::move(command));
  };
}

}  // namespace cli
