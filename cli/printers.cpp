#include "printers.hpp"

#include <cstdlib>
#include <string_view>
#include <utility>

namespace cli {
namespace {

using trapline::SignalRecord;
using trapline::SyscallRecord;
using trapline::Thread;

bool wants_colour(const LineWriter& writer) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool refused =
      (no_colour != nullptr && *no_colour != '\0') || (terminal != nullptr && std::string_view(terminal) == "dumb");
  return !refused && writer.on_terminal();
}

}  // namespace

Printers::Printers(std::string path, Files files, const trapline::TraceOptions& options)
    : path_(std::move(path)),
      files_(files),
      options_(options),
      common_(make_output(path_.empty() || files == Files::per_process ? std::make_unique<LineWriter>()
                                                                       : std::make_unique<LineWriter>(path_))) {}

Printers::Output Printers::make_output(std::unique_ptr<LineWriter> writer) const {
  trapline::TraceOptions options = options_;
  options.color = wants_colour(*writer);
  LineWriter& to = *writer;
  return {std::move(writer), TracePrinter(to, options)};
}

TracePrinter& Printers::of(const Thread& thread) {
  if (files_ == Files::one) return common_.printer;
  const pid_t pid = thread.pid();
  auto found = own_.find(pid);
  if (found == own_.end()) {
    found = own_.emplace(pid, make_output(std::make_unique<LineWriter>(path_ + '.' + std::to_string(pid)))).first;
  }
  return found->second.printer;
}

void Printers::died(const Thread& thread, int status) {
  TracePrinter& printer = of(thread);
  printer.died(thread, status);
  if (files_ == Files::one || thread.tid() != thread.pid()) return;
  printer.finish();
  own_.erase(thread.pid());
}

trapline::Observer Printers::observer(const std::optional<trapline::SyscallSet>& syscalls) {
  trapline::Observer observer;
  if (syscalls) {
    observer.syscalls = *syscalls;
    observer.on_syscall_enter = [this](Thread& t, const SyscallRecord& record) { of(t).enter(t, record); };
    observer.on_syscall_exit = [this](Thread& t, const SyscallRecord& record) { of(t).exit(t, record); };
    observer.on_syscall_abandoned = [this](Thread& t, const SyscallRecord& record) { of(t).abandon(t, record); };
  }
  observer.on_signal = [this](Thread& t, const SignalRecord& record) { of(t).signal(t, record); };
  observer.on_thread_died = [this](Thread& t, int status) { died(t, status); };
  return observer;
}

void Printers::note(std::string_view lines) { common_.printer.note(lines); }

void Printers::finish() {
  common_.printer.finish();
  for (auto& [pid, output] : own_) output.printer.finish();
}

}  // namespace cli
