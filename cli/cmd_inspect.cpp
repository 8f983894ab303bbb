#include <fmt/format.h>
#include <trapline/trapline.hpp>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <memory>
#include <sstream>

#include "command.hpp"
#include "inspect_facts.hpp"
#include "inspect_files.hpp"
#include "inspect_json.hpp"
#include "inspect_lookups.hpp"
#include "inspect_options.hpp"
#include "inspect_search.hpp"
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

std::string_view name_of(trapline::Arch arch) {
  switch (arch) {
    case trapline::Arch::amd64: return "amd64";
    case trapline::Arch::i386: return "i386";
    case trapline::Arch::aarch64: return "aarch64";
  }
  return "unknown";
}

Color color_of(const InspectArguments& arguments) {
  if (arguments.color == "always") return Color::always;
  if (arguments.color == "never") return Color::never;
  return trapline::uses_color(std::cout, Color::automatic) ? Color::always : Color::never;
}

/// For stderr, each line with the program's name.
std::string complaint(std::string_view what) {
  std::string text;
  for (std::size_t begin = 0; begin <= what.size();) {
    const std::size_t end = std::min(what.find('\n', begin), what.size());
    text += fmt::format("trapline: {}\n", what.substr(begin, end - begin));
    begin = end + 1;
  }
  return text;
}

/// At the delivery of a signal, what tells of it: `SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x0}`.
std::string signal_text(const View& view) {
  if (!view.stop || view.stop->kind != StopKind::signal) return {};
  const siginfo_t info = view.stop->thread.signal_info();
  trapline::SignalRecord record{.signal = info.si_signo, .code = info.si_code};
  // Who sent it and where it happened share a place.
  if (info.si_code <= 0) {
    record.sender = info.si_pid;
  } else {
    record.address = reinterpret_cast<trapline::Address>(info.si_addr);
  }
  std::string text;
  trapline::append_signal(text, record);
  return text;
}

/// One look at a process, from the attachment (or launch) to its end.
class Inspection {
 public:
  Inspection(const InspectArguments& arguments, std::vector<std::string> command)
      : arguments_(arguments),
        attached_(arguments.pid != 0),
        debugger_({.argv = std::move(command),
                   .follow_children = false,
                   .symbols = {.level = arguments.debuginfod ? trapline::SymbolLevel::debuginfod
                                                             : trapline::SymbolLevel::separate}}) {}

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
      // Afterwards they all are at rest.
      states_ = run_states(arguments_.pid);
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
    if (section.asked != nullptr) return section.asked(wanted);
    return std::ranges::find(wanted.sections, section.name) != wanted.sections.end();
  }

  int look() {
    try {
      const View view{debugger_, thread(), stop_, states_, arguments_.wanted, color_of(arguments_)};
      return arguments_.json ? look_for_json(view) : look_for_text(view);
    } catch (const NotThere& error) {
      complain(error.what());
      return not_all_found;
    }
  }

  void complain(std::string_view what) { complaints_ += complaint(what); }

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
      } catch (const trapline::SymbolError& error) {
        complain(error.what());
        status = not_all_found;
      } catch (const trapline::OsError& error) {
        // What the kernel keeps from us does not hide the rest.
        complain(error.what());
        status = not_all_found;
      }
    }
    text_ = std::move(out).str();
    return status;
  }

  static Json data_of(const Section& section, const View& view) {
    try {
      return section.data(view);
    } catch (const trapline::SymbolError& error) {
      return {{"error", error.what()}};
    } catch (const trapline::OsError& error) {
      return {{"error", error.what()}};
    }
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
      if (const std::string signal = signal_text(view); !signal.empty()) json["stop"]["signal"] = signal;
    }
    int status = success;
    for (const Section& section : sections()) {
      if (!shows(section)) continue;
      const Json& data = json[section.name] = data_of(section, view);
      const auto failed = [](const Json& one) { return one.is_object() && one.contains("error"); };
      if (failed(data) || std::ranges::any_of(data, failed)) status = not_all_found;
    }
    // Names are bytes to the kernel, and JSON is Unicode.
    text_ = json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
    return status;
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
      if (const std::string signal = signal_text(view); !signal.empty()) text += '\n' + signal;
    } else if (!attached_) {
      text += ", at its entry point";
    } else if (const std::string call = blocked_call(view.thread, view.thread.info()); !call.empty()) {
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

  const InspectArguments& arguments_;
  const bool attached_;
  Debugger debugger_;
  pid_t pid_ = 0;
  std::optional<trapline::Stop> stop_;
  std::map<pid_t, trapline::RunState> states_;
  std::string text_;
  std::string complaints_;
};

/// Of files that nobody executes there is what they are protected by.
int inspect_files(const InspectArguments& arguments, const std::vector<std::string>& command) {
  const Wanted& wanted = arguments.wanted;
  if (arguments.pid != 0 || !command.empty()) throw UsageError("--file excludes -p and a command");
  const auto asks_a_process = [&](const Section& section) {
    return section.asked != nullptr && std::string_view(section.name) != "checksec" && section.asked(wanted);
  };
  if (!wanted.sections.empty() || std::ranges::any_of(sections(), asks_a_process)) {
    throw UsageError("of a --file there is only --checksec; the rest needs a process: give -p or a command");
  }
  const FileReport report = check_files(arguments.files, arguments.json, color_of(arguments));
  write_out(report.text);
  if (!report.complaints.empty()) fmt::print(stderr, "{}", complaint(report.complaints));
  return report.complaints.empty() ? success : not_all_found;
}

int inspect(InspectArguments& arguments, std::vector<std::string> command) {
  if (!arguments.files.empty()) return inspect_files(arguments, command);
  if (command.empty() == (arguments.pid == 0)) {
    throw UsageError(command.empty() ? "nothing to inspect: give -p and a process id, a command, or --file"
                                     : "a command and -p exclude each other");
  }
  Wanted& wanted = arguments.wanted;
  check_lookups(wanted);
  check_patterns(wanted);
  if (arguments.att) wanted.syntax = trapline::Syntax::att;
  if (arguments.all) {
    for (const Section& section : sections()) {
      if (section.asked == nullptr) wanted.sections.emplace_back(section.name);
    }
    if (wanted.checksec.empty()) wanted.checksec = "program";
  }
  const auto asked = [&](const Section& section) { return section.asked != nullptr && section.asked(wanted); };
  if (wanted.sections.empty() && std::ranges::none_of(sections(), asked)) {
    wanted.sections = {"registers", "disassembly", "stack", "backtraces"};
  }
  return Inspection(arguments, std::move(command)).run();
}

}  // namespace

Run add_inspect(CLI::App& app) {
  CLI::App* inspect_app = app.add_subcommand(
      "inspect", "Shows what a process is doing, and what it consists of: backtraces, memory, symbols, files.");
  const auto arguments = std::make_shared<InspectArguments>();
  add_inspect_options(*inspect_app, *arguments);
  inspect_app->prefix_command();
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
