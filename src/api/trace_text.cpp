#include <trapline/trace_text.hpp>

#include <fmt/format.h>

#include <iterator>
#include <memory>
#include <ostream>

#include <trapline/process.hpp>

namespace trapline {
namespace {

constexpr std::string_view red = "\033[31m";
constexpr std::string_view yellow = "\033[33m";
constexpr std::string_view faint = "\033[2m";
constexpr std::string_view plain = "\033[0m";

bool failed(const SyscallRecord& record) { return record.result < 0 && record.result >= -4095; }

/// What an observation and its functions share.
struct StreamTrace {
  std::ostream& stream;
  TraceText text;
  std::string buffer{};

  void write() {
    stream << buffer << std::flush;
    buffer.clear();
  }
};

}  // namespace

TraceText::TraceText(const TraceOptions& options)
    : print_{.string_limit = options.string_limit, .fd_paths = options.fd_paths, .color = options.color},
      thread_ids_(options.thread_ids),
      color_(options.color) {}

void TraceText::enter(std::string& out, const Thread& thread, const SyscallRecord& record) {
  begin_line(out, thread);
  append_syscall_enter(out, thread, record, print_);
  open_ = thread.tid();
  open_number_ = record.original_number;
}

void TraceText::exit(std::string& out, const Thread& thread, const SyscallRecord& record) {
  resume_line(out, thread, record);
  append_syscall_exit(out, thread, record, print_);
  if (color_ && failed(record)) {
    const std::size_t result = out.rfind(") = ");
    out.insert(result + 4, red);
    out += plain;
  }
  out += '\n';
}

void TraceText::abandon(std::string& out, const Thread& thread, const SyscallRecord& record) {
  resume_line(out, thread, record);
  append_syscall_abandoned(out, thread, record, print_);
  out += '\n';
}

void TraceText::signal(std::string& out, const Thread& thread, const SignalRecord& record) {
  begin_line(out, thread);
  paint(out, yellow);
  out += "--- ";
  append_signal(out, record);
  out += " ---";
  paint(out, plain);
  out += '\n';
}

void TraceText::died(std::string& out, const Thread& thread, int status) {
  begin_line(out, thread);
  paint(out, yellow);
  out += "+++ ";
  append_end(out, status);
  out += " +++";
  paint(out, plain);
  out += '\n';
}

void TraceText::end_line(std::string& out) {
  if (open_ == 0) return;
  open_ = 0;
  out += " <unfinished ...>\n";
}

void TraceText::begin_line(std::string& out, const Thread& thread) {
  end_line(out);
  // From the clone on, not from the new thread's first event, which comes some lines of the old one later.
  if (!thread_ids_ && thread.process().threads().size() > 1) thread_ids_ = true;
  if (!thread_ids_) return;
  paint(out, faint);
  fmt::format_to(std::back_inserter(out), "[{}] ", thread.tid());
  paint(out, plain);
}

void TraceText::resume_line(std::string& out, const Thread& thread, const SyscallRecord& record) {
  if (open_ == thread.tid() && open_number_ == record.original_number) {
    open_ = 0;
    return;
  }
  begin_line(out, thread);
  const std::int64_t number = record.skipped ? record.original_number : record.number;
  const std::string_view name = syscall_name(record.abi, number);
  if (name.empty()) {
    fmt::format_to(std::back_inserter(out), "<... syscall_{:#x} resumed>", number);
  } else {
    fmt::format_to(std::back_inserter(out), "<... {} resumed>", name);
  }
}

void TraceText::paint(std::string& out, std::string_view sequence) const {
  if (color_) out += sequence;
}

Observer trace_to(std::ostream& out, const TraceOptions& options, SyscallSet syscalls) {
  const auto trace = std::make_shared<StreamTrace>(StreamTrace{out, TraceText(options)});
  Observer observer{.syscalls = std::move(syscalls)};
  observer.on_syscall_enter = [trace](Thread& t, const SyscallRecord& record) {
    trace->text.enter(trace->buffer, t, record);
    trace->write();
  };
  observer.on_syscall_exit = [trace](Thread& t, const SyscallRecord& record) {
    trace->text.exit(trace->buffer, t, record);
    trace->write();
  };
  observer.on_syscall_abandoned = [trace](Thread& t, const SyscallRecord& record) {
    trace->text.abandon(trace->buffer, t, record);
    trace->write();
  };
  observer.on_signal = [trace](Thread& t, const SignalRecord& record) {
    trace->text.signal(trace->buffer, t, record);
    trace->write();
  };
  observer.on_thread_died = [trace](Thread& t, int status) {
    trace->text.died(trace->buffer, t, status);
    trace->write();
  };
  return observer;
}

}  // namespace trapline
