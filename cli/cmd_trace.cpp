#include <fmt/format.h>
#include <trapline/trapline.hpp>

#include <csignal>
#include <memory>
#include <mutex>

#include "changes.hpp"
#include "command.hpp"
#include "interrupts.hpp"
#include "line_writer.hpp"
#include "outcome.hpp"
#include "printers.hpp"
#include "process_tree.hpp"
#include "syscall_sets.hpp"

namespace cli {
namespace {

using trapline::Debugger;
using trapline::Stop;
using trapline::StopKind;
using trapline::UsageError;

constexpr const char* footer =
    R"(SET is a list of names, or a group (%file, %desc, %network, %process, %memory, %signal, %ipc, ...),
/a regular expression/, all or none; a ! before it means all others. strace's trace=SET is understood.
NAME and OLD may be a set too.

Examples:
  trapline trace ls /tmp                       every system call of ls
  trapline trace -e %file -o calls.txt make    those that name files, into a file
  trapline trace -e openat,close -y cat a.txt  two calls, with the files behind the descriptors
  trapline trace -ff -o calls make             each process into a file of its own, calls.PID
  trapline trace -e none --tree make           who ran what, and how it ended
  trapline trace -p 4711                       a running process; Ctrl-C lets it go
  trapline trace --fail openat=ENOSPC -- ./app what does app do when the disk is full?
  trapline trace --skip unlink=0 -- rm a.txt   rm believes that it removed the file
  trapline trace --hijack unlink=access,arg1=0 -- rm a.txt

A call that blocks is shown at once and completed when it ends. Threads are followed from their birth, and each line then
begins with the thread's id. With -f child processes are followed too, and changed like the program itself; the tracing
ends with the last of them. With -f -p those that live already are attached to as well.

Ctrl-C reaches the program as from any terminal; a second one kills it, and with -f its children.
What was attached to is let go instead.

Exit status: that of the program, and when a signal killed it, the same death. Otherwise
  2    the command line was not understood
  125  trapline itself failed: no permission to attach, the output cannot be written
  126  the program was found but cannot be executed
  127  the program was not found)";

class HelpText : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: trapline trace [OPTIONS] [--] COMMAND [ARGUMENT...]\n"
           "       trapline trace [OPTIONS] -p PID\n";
  }
};

struct Arguments {
  std::vector<std::string> sets;
  int follow = 0;
  bool tree = false;
  bool fd_paths = false;
  bool no_filter = false;
  bool no_vdso = false;
  bool one_cpu = false;
  bool quiet = false;
  std::size_t string_limit = 32;
  std::string output;
  pid_t pid = 0;
  Changes changes;
};

bool follows(const Arguments& arguments) { return arguments.follow > 0 || arguments.tree; }

void go_on(const trapline::Process& process) {
  try {
    process.cont();
  } catch (const trapline::ProcessGone&) {
    // Killed where it stood; its Stop tells.
  }
}

/// What the library has to say at the end, of what never came.
class Hints {
 public:
  Hints() {
    trapline::set_log_sink(
        [this](trapline::LogCategory, std::string_view line) {
          const std::lock_guard lock(mutex_);
          lines_.emplace_back(line);
        },
        {trapline::LogCategory::hint});
  }
  ~Hints() { trapline::set_log_sink({}); }
  Hints(const Hints&) = delete;
  Hints& operator=(const Hints&) = delete;

  void print() {
    const std::lock_guard lock(mutex_);
    for (const std::string& line : lines_) fmt::print(stderr, "trapline: hint: {}\n", line);
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// One tracing, from the start of a program (or the attachment to one) to its end.
class Session {
 public:
  Session(const Arguments& arguments, std::vector<std::string> command)
      : arguments_(arguments),
        attached_(arguments.pid != 0),
        debugger_({.argv = std::move(command),
                   .continue_to_entry = false,
                   .follow_children = follows(arguments),
                   .inherit_traps = follows(arguments),
                   .syscall_filter = !arguments.no_filter,
                   .one_cpu = arguments.one_cpu,
                   .vdso = !arguments.no_vdso}),
        syscalls_(parse_sets(arguments.sets)) {
    place_changes(debugger_, arguments.changes);
    // Before the output file is made: a mistyped name must not empty an old one.
    if (syscalls_) static_cast<void>(debugger_.observe({.syscalls = *syscalls_}));
    printers_ = std::make_unique<Printers>(
        arguments.output, arguments.follow > 1 ? Printers::Files::per_process : Printers::Files::one,
        trapline::TraceOptions{.thread_ids = follows(arguments) && arguments.follow < 2,
                               .string_limit = arguments.string_limit,
                               .fd_paths = arguments.fd_paths});
    if (arguments.tree) tree_.watch(debugger_);
  }

  int run() {
    const auto kind = attached_ ? Interrupts::Tracee::attached : Interrupts::Tracee::launched;
    Interrupts interrupts(kind, [this] { give_up(); });
    const trapline::Observation observation = debugger_.observe(printers_->observer(syscalls_));
    if (const int status = begin(interrupts); status != success) return status;
    std::optional<Stop> stop;
    try {
      stop = wait_for_end();
      show_tree();
      printers_->finish();
      if (!arguments_.quiet) hints_.print();
    } catch (const OutputFailed& error) {
      give_up();
      // Like any program whose reader has gone.
      if (error.code() == std::errc::broken_pipe) die_of(SIGPIPE);
      throw;
    }
    const std::optional<int> asked = interrupts.asked_to_end();
    if (asked && !attached_) die_of(*asked);
    return stop ? end_like(*stop) : success;
  }

 private:
  /// Starts it; another status than success when that is impossible.
  int begin(Interrupts& interrupts) {
    if (attached_) {
      debugger_.attach(arguments_.pid, {.tree = follows(arguments_)});
      fmt::print(stderr, "trapline: attached to process {}; Ctrl-C lets it go\n", arguments_.pid);
      if (interrupts.asked_to_end()) give_up();
      return success;
    }
    try {
      using trapline::Stream;
      // As a shell would start it.
      debugger_.run({.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()},
                     .inherit_descriptors = true,
                     .inherit_ignored_signals = true});
    } catch (const trapline::OsError& error) {
      fmt::print(stderr, "trapline: {}\n", error.what());
      return launch_status(error);
    }
    interrupts.watch(debugger_.pid());
    return success;
  }

  void show_tree() {
    if (!arguments_.tree) return;
    std::string lines;
    tree_.append(lines);
    printers_->note(lines);
  }

  /// How the program ended, when all of its processes have; nothing when it was let go.
  std::optional<Stop> wait_for_end() {
    try {
      tree_.begin(debugger_);
      for (const trapline::Process& process : debugger_.processes()) go_on(process);
      for (;;) {
        const Stop stop = debugger_.wait_any();
        if (stop.kind != StopKind::exited) go_on(stop.thread.process());
      }
    } catch (const trapline::ProcessGone&) {
      if (!debugger_.dead()) return std::nullopt;
      return debugger_.wait();
    }
  }

  /// On any thread: lets go what was attached to and kills what was launched.
  void give_up() noexcept {
    try {
      if (attached_) {
        debugger_.detach_tree();
      } else {
        debugger_.kill_tree();
      }
    } catch (const std::exception&) {
      // It has ended by itself, or was never ours.
    }
  }

  const Arguments& arguments_;
  const bool attached_;
  /// Before the Debugger, whose processes it outlives.
  Hints hints_;
  Debugger debugger_;
  std::optional<trapline::SyscallSet> syscalls_;
  std::unique_ptr<Printers> printers_;
  ProcessTree tree_;
};

int trace(const Arguments& arguments, std::vector<std::string> command) {
  if (command.empty() == (arguments.pid == 0)) {
    throw UsageError(command.empty() ? "nothing to trace: give a command, or -p and a process id"
                                     : "a command and -p exclude each other");
  }
  if (arguments.follow > 1 && arguments.output.empty()) {
    throw UsageError("-ff needs the -o FILE that the names of the files begin with");
  }
  // A reader that has gone is an error of write(2) here. Not ignored: that the program would inherit.
  struct sigaction pipe {};
  ::sigaction(SIGPIPE, nullptr, &pipe);
  if (pipe.sa_handler != SIG_IGN) std::signal(SIGPIPE, [](int) {});
  return Session(arguments, std::move(command)).run();
}

std::string a_number(const std::string& word) {
  const bool digits = !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : fmt::format("\"{}\" is no number", word);
}

}  // namespace

Run add_trace(CLI::App& app) {
  CLI::App* trace_app =
      app.add_subcommand("trace", "Prints the system calls of a program, one a line, and changes them if told to.");
  const auto arguments = std::make_shared<Arguments>();
  const auto list = [&](const char* name, std::vector<std::string>& into, const char* text, const char* value) {
    trace_app->add_option(name, into, text)->allow_extra_args(false)->type_name(value);
  };
  list("-e", arguments->sets, "Only these system calls; may be given several times", "SET");
  trace_app->add_flag("-f", arguments->follow,
                      "Follow child processes; each line begins with the thread's id (threads are always followed). "
                      "-ff: each process into a file of its own");
  trace_app->add_flag("--tree", arguments->tree, "Follow child processes, and print who was whose child at the end");
  trace_app->add_option("-o", arguments->output, "Write to this file instead of stderr; with -ff to FILE.PID")
      ->type_name("FILE");
  trace_app->add_option("-p", arguments->pid, "Attach to this running process")->type_name("PID")->check(a_number);
  trace_app->add_option("-s", arguments->string_limit, "Show so many bytes of a string (32)")
      ->type_name("N")
      ->check(a_number);
  trace_app->add_flag("-y", arguments->fd_paths, "Show what file descriptors refer to");
  trace_app->add_flag("--no-filter", arguments->no_filter,
                      "Stop the program at all of its system calls, also those that are neither shown nor changed; "
                      "otherwise with -f these run freely, by a seccomp filter");
  trace_app->add_flag("--no-vdso", arguments->no_vdso,
                      "Make clock_gettime, gettimeofday, time and getcpu system calls that are seen");
  trace_app->add_flag("--one-cpu", arguments->one_cpu,
                      "Keep the program and trapline on one CPU, which the program does not notice: each stop is "
                      "cheaper, but its threads run one at a time");
  trace_app->add_flag("-q", arguments->quiet, "No hints at the end about calls that never came");
  list("--hijack", arguments->changes.hijacks, "Make NEW out of each call of OLD, with these arguments replaced",
       "OLD=NEW[,argN=V]");
  list("--skip", arguments->changes.skips, "Do not run it; the program sees VALUE as its result", "NAME=VALUE");
  list("--fail", arguments->changes.failures, "Do not run it; the program sees this error (ENOENT)", "NAME=ERRNO");
  trace_app->prefix_command();
  trace_app->formatter(std::make_shared<HelpText>());
  trace_app->footer(footer);
  return [=](const std::vector<std::string>& behind_dashes) {
    std::vector<std::string> command = trace_app->remaining();
    if (!command.empty() && command.front().starts_with('-')) {
      throw UsageError("unknown option " + command.front());
    }
    // Behind a command's name the dashes are its own.
    const auto skipped = command.empty() && !behind_dashes.empty() ? 1 : 0;
    command.insert(command.end(), behind_dashes.begin() + skipped, behind_dashes.end());
    return trace(*arguments, std::move(command));
  };
}

}  // namespace cli
