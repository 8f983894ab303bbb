#include <fmt/format.h>

#include <iterator>

#include <trapline/print.hpp>

#include "api/print_arguments.hpp"
#include "arch/argument_format.hpp"
#include "arch/errno_names.hpp"

namespace trapline {
namespace {

/// Where the enter's part of a call ends.
std::size_t known_at_enter(const arch::SyscallFormat& format, const std::array<std::uint64_t, 6>& args) {
  std::size_t index = 0;
  while (index < format.used(args) && !arch::known_at_exit(format.arguments[index].kind)) ++index;
  return index;
}

/// A call that no table has: all that the registers hold.
const arch::SyscallFormat unknown{.name = {}, .arguments = {}, .count = 6, .result = arch::ResultKind::decimal};

const arch::SyscallFormat& format_of(Abi abi, std::int64_t number) {
  const arch::SyscallFormat* format = arch::syscall_format(abi, number);
  return format != nullptr ? *format : unknown;
}

void append_name(std::string& out, const arch::SyscallFormat& format, std::int64_t number) {
  if (format.name.empty()) {
    fmt::format_to(std::back_inserter(out), "syscall_{:#x}", number);
  } else {
    out += format.name;
  }
}

struct Range {
  std::size_t from;
  std::size_t to;
};

void append_arguments(const print::Context& context, const arch::SyscallFormat& format, Range range, bool run) {
  for (std::size_t i = range.from; i < range.to; ++i) {
    if (i != range.from) context.out += ", ";
    const arch::ArgumentFormat& argument = format.arguments[i];
    const bool nothing_there = arch::known_at_exit(argument.kind) && (!run || context.result < 0);
    if (nothing_there) {
      print::append_pointer(context.out, context.args[i]);
    } else {
      print::append_argument(context, i, argument);
    }
  }
}

bool changed(const SyscallRecord& record) {
  return record.number != record.original_number || record.args != record.original_args;
}

/// The call as the kernel is to see it: that of the program when it was skipped.
const std::array<std::uint64_t, 6>& shown_args(const SyscallRecord& record) {
  return record.skipped ? record.original_args : record.args;
}

const arch::SyscallFormat& shown_format(const SyscallRecord& record) {
  return format_of(record.abi, record.skipped ? record.original_number : record.number);
}

/// What a handler has replaced, from here to the end of the text.
class Struck {
 public:
  Struck(std::string& out, const PrintOptions& options) : out_(out), on_(options.color) {
    if (on_) out_ += "\033[9m";
  }
  ~Struck() {
    if (on_) out_ += "\033[29m";
  }
  Struck(const Struck&) = delete;
  Struck& operator=(const Struck&) = delete;

 private:
  std::string& out_;
  const bool on_;
};

void append_remark(std::string& out, const SyscallRecord& record) {
  if (record.skipped) {
    out += " (skipped)";
  } else if (record.number != record.original_number) {
    out += " (hijacked)";
  } else if (record.args != record.original_args) {
    out += " (changed)";
  }
}

void append_fcntl_result(const print::Context& context, std::uint64_t value) {
  print::append_unsigned(context.out, value);
  constexpr std::uint64_t getfd = 1, getfl = 3;
  const std::uint64_t command = context.args[1];
  if (command != getfl && (command != getfd || value == 0)) return;
  context.out += " (";
  arch::append_constants(context.out, *arch::fcntl_vocabulary(context.abi, command), value);
  context.out += ')';
}

void append_result_as(const print::Context& context, arch::ResultKind kind, std::int64_t result) {
  if (result < 0 && result >= -4095) {
    append_result(context.out, result);
    return;
  }
  const auto value = static_cast<std::uint64_t>(result);
  switch (kind) {
    case arch::ResultKind::hexadecimal: print::append_hexadecimal(context.out, value); return;
    case arch::ResultKind::octal: fmt::format_to(std::back_inserter(context.out), "{:#03o}", result); return;
    case arch::ResultKind::fd: print::append_fd(context, result); return;
    case arch::ResultKind::fcntl: append_fcntl_result(context, value); return;
    case arch::ResultKind::decimal: print::append_decimal(context.out, result); return;
  }
}

}  // namespace

void append_syscall_enter(std::string& out, const Thread& thread, const SyscallRecord& record,
                          const PrintOptions& options) {
  const Memory memory = thread.memory();
  if (changed(record) && !record.skipped) {
    const print::Context original{out, memory, thread.pid(), options, record.abi, 0, record.original_args};
    const arch::SyscallFormat& format = format_of(record.abi, record.original_number);
    {
      const Struck struck(out, options);
      append_name(out, format, record.original_number);
      out += '(';
      append_arguments(original, format, {0, format.used(record.original_args)}, false);
      out += ')';
    }
    out += " -> ";
  }
  const print::Context context{out, memory, thread.pid(), options, record.abi, 0, shown_args(record)};
  const arch::SyscallFormat& format = shown_format(record);
  append_name(out, format, record.skipped ? record.original_number : record.number);
  out += '(';
  const std::size_t known = known_at_enter(format, context.args);
  append_arguments(context, format, {0, known}, false);
  if (known > 0 && known < format.used(context.args)) out += ", ";
}

void append_syscall_exit(std::string& out, const Thread& thread, const SyscallRecord& record,
                         const PrintOptions& options) {
  const Memory memory = thread.memory();
  const print::Context context{
      out, memory, thread.pid(), options, record.abi, record.kernel_result, shown_args(record)};
  const arch::SyscallFormat& format = shown_format(record);
  append_arguments(context, format, {known_at_enter(format, context.args), format.used(context.args)}, !record.skipped);
  out += ") = ";
  append_result_as(context, format.result, record.result);
  if (record.result != record.kernel_result) {
    out += " (was ";
    {
      const Struck struck(out, options);
      append_result_as(context, format.result, record.kernel_result);
    }
    out += ')';
  }
  append_remark(out, record);
}

void append_syscall_abandoned(std::string& out, const Thread& thread, const SyscallRecord& record,
                              const PrintOptions& options) {
  const Memory memory = thread.memory();
  const print::Context context{out, memory, thread.pid(), options, record.abi, 0, shown_args(record)};
  const arch::SyscallFormat& format = shown_format(record);
  append_arguments(context, format, {known_at_enter(format, context.args), format.used(context.args)}, false);
  out += ") = ?";
  append_remark(out, record);
}

void append_result(std::string& out, std::int64_t result) {
  if (result >= 0 || result < -4095) {
    print::append_decimal(out, result);
    return;
  }
  const int error = static_cast<int>(-result);
  const std::string_view name = arch::errno_name(error);
  if (name.empty()) {
    fmt::format_to(std::back_inserter(out), "-1 (errno {})", error);
  } else {
    fmt::format_to(std::back_inserter(out), "-1 {} ({})", name, arch::errno_text(error));
  }
}

}  // namespace trapline
