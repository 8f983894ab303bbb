#include "trace_printer.hpp"

namespace cli {

using trapline::SignalRecord;
using trapline::SyscallRecord;
using trapline::Thread;

void TracePrinter::note(std::string_view lines) {
  text_.end_line(writer_.text());
  writer_.text() += lines;
  writer_.commit();
}

void TracePrinter::finish() {
  text_.end_line(writer_.text());
  writer_.finish();
}

void TracePrinter::enter(const Thread& thread, const SyscallRecord& record) {
  text_.enter(writer_.text(), thread, record);
  writer_.commit();
}

void TracePrinter::exit(const Thread& thread, const SyscallRecord& record) {
  text_.exit(writer_.text(), thread, record);
  writer_.commit();
}

void TracePrinter::abandon(const Thread& thread, const SyscallRecord& record) {
  text_.abandon(writer_.text(), thread, record);
  writer_.commit();
}

void TracePrinter::signal(const Thread& thread, const SignalRecord& record) {
  text_.signal(writer_.text(), thread, record);
  writer_.commit();
}

void TracePrinter::died(const Thread& thread, int status) {
  text_.died(writer_.text(), thread, status);
  writer_.commit();
}

}  // namespace cli
