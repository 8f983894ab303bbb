#include "trace_printer.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string>

#include <trapline/process.hpp>

namespace cli {
namespace {

using trapline::SignalRecord;
using trapline::SyscallRecord;
using trapline::Thread;

constexpr std::string_view red = "\033[31m";
constexpr std::string_view yellow = "\033[33m";
constexpr std::string_view faint = "\033[2m";
constexpr std::string_view plain = "\033[0m";

bool failed(const SyscallRecord& record) { return record.result < 0 && record.result >= -4095; }

}  // namespace

void TracePrinter::note(std::string_view lines) {
  interrupt_open_line();
  writer_.text() += lines;
  writer_.commit();
}

void TracePrinter::finish() {
  interrupt_open_line();
  writer_.finish();
}

void TracePrinter::enter(const Thread& thread, const SyscallRecord& record) {
  begin_line(thread);
  trapline::append_syscall_enter(writer_.text(), thread, record, style_.print);
  open_ = thread.tid();
  open_number_ = record.original_number;
  writer_.commit();
}

void TracePrinter::exit(const Thread& thread, const SyscallRecord& record) {
  resume_line(thread, record);
  std::string& text = writer_.text();
  trapline::append_syscall_exit(text, thread, record, style_.print);
  if (style_.colour && failed(record)) {
    const std::size_t result = text.rfind(") = ");
    text.insert(result + 4, red);
    text += plain;
  }
  text += '\n';
  writer_.commit();
}

void TracePrinter::abandon(const Thread& thread, const SyscallRecord& record) {
  resume_line(thread, record);
  trapline::append_syscall_abandoned(writer_.text(), thread, record, style_.print);
  writer_.text() += '\n';
  writer_.commit();
}

void TracePrinter::signal(const Thread& thread, const SignalRecord& record) {
  begin_line(thread);
  paint(yellow);
  writer_.text() += "--- ";
  trapline::append_signal(writer_.text(), record);
  writer_.text() += " ---";
  paint(plain);
  writer_.text() += '\n';
  writer_.commit();
}

void TracePrinter::died(const Thread& thread, int status) {
  begin_line(thread);
  paint(yellow);
  writer_.text() += "+++ ";
  trapline::append_end(writer_.text(), status);
  writer_.text() += " +++";
  paint(plain);
  writer_.text() += '\n';
  writer_.commit();
}

void TracePrinter::interrupt_open_line() {
  if (open_ == 0) return;
  open_ = 0;
  std::string& text = writer_.text();
  text += " <unfinished ...>\n";
}

void TracePrinter::begin_line(const Thread& thread) {
  interrupt_open_line();
  // From the clone on, not from the new thread's first event, which comes some lines of the old one later.
  if (!style_.thread_ids && thread.process().threads().size() > 1) style_.thread_ids = true;
  if (!style_.thread_ids) return;
  paint(faint);
  fmt::format_to(std::back_inserter(writer_.text()), "[{}] ", thread.tid());
  paint(plain);
}

void TracePrinter::resume_line(const Thread& thread, const SyscallRecord& record) {
  if (open_ == thread.tid() && open_number_ == record.original_number) {
    open_ = 0;
    return;
  }
  begin_line(thread);
  const std::int64_t number = record.skipped ? record.original_number : record.number;
  const std::string_view name = trapline::syscall_name(record.abi, number);
  if (name.empty()) {
    fmt::format_to(std::back_inserter(writer_.text()), "<... syscall_{:#x} resumed>", number);
  } else {
    fmt::format_to(std::back_inserter(writer_.text()), "<... {} resumed>", name);
  }
}

void TracePrinter::paint(std::string_view sequence) {
  if (style_.colour) writer_.text() += sequence;
}

}  // namespace cli
