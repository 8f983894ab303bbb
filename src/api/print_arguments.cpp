#include "api/print_arguments.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include <trapline/error.hpp>
#include <trapline/syscall_id.hpp>

#include "os/proc.hpp"
#include "support/bytes.hpp"
#include "support/text.hpp"

namespace trapline::print {
namespace {

using Kind = arch::ArgumentKind;

constexpr std::size_t longest_path = 4096;

bool harmless(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

void append_strings(const Context& context, Address address) {
  const std::size_t word = context.abi == Abi::i386 ? 4 : 8;
  std::array<std::byte, 8 * 32> raw;
  const std::size_t wanted = std::min(context.options.element_limit + 1, raw.size() / word) * word;
  const std::size_t count = read(context.memory, address, std::span(raw).first(wanted)) / word;
  if (count == 0) {
    append_pointer(context.out, address);
    return;
  }
  context.out += '[';
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t pointer = 0;
    std::memcpy(&pointer, raw.data() + i * word, word);
    if (pointer == 0) break;
    if (i != 0) context.out += ", ";
    if (i == context.options.element_limit) {
      context.out += "...";
      break;
    }
    append_string(context, pointer, context.options.string_limit);
  }
  context.out += ']';
}

void append_environment(const Context& context, Address address) {
  const std::size_t word = context.abi == Abi::i386 ? 4 : 8;
  append_pointer(context.out, address);
  if (address == 0) return;
  std::size_t variables = 0;
  std::array<std::byte, 1024> raw;
  for (bool ended = false; !ended;) {
    const std::size_t count = read(context.memory, address + variables * word, raw) / word;
    std::size_t i = 0;
    for (; i < count && !ended; ++i) {
      std::uint64_t pointer = 0;
      std::memcpy(&pointer, raw.data() + i * word, word);
      ended = pointer == 0;
      if (!ended) ++variables;
    }
    ended = ended || count < raw.size() / word;
  }
  fmt::format_to(std::back_inserter(context.out), " /* {} vars */", variables);
}

void append_path_result(const Context& context, Address address) {
  if (context.result > 0) {
    append_string(context, address, longest_path);
  } else {
    append_pointer(context.out, address);
  }
}

void append_long_string(const Context& context, Address address, std::size_t limit) {
  try {
    append_quoted(context.out, context.memory.read_string(address, limit + 1), limit);
  } catch (const Error&) {
    append_pointer(context.out, address);
  }
}

void append_fcntl_argument(const Context& context, std::uint64_t value, std::uint64_t command) {
  if (const arch::Vocabulary* vocabulary = arch::fcntl_vocabulary(context.abi, command)) {
    arch::append_constants(context.out, *vocabulary, value);
  } else if (value < 4096) {
    append_unsigned(context.out, value);
  } else {
    append_hexadecimal(context.out, value);
  }
}

std::int64_t as_int(std::uint64_t value) { return static_cast<std::int32_t>(value); }

void append_dirfd(const Context& context, std::uint64_t value) {
  if (as_int(value) != AT_FDCWD) {
    append_fd(context, as_int(value));
    return;
  }
  context.out += "AT_FDCWD";
  if (!context.options.fd_paths) return;
  try {
    context.out += '<' + support::escape(os::working_directory(context.pid), '>') + '>';
  } catch (const Error&) {
    // Gone, or not ours to look at.
  }
}

/// A vocabulary's parameters are ints nearly everywhere: what a program leaves in the upper half means nothing.
std::uint64_t word_of(const arch::ArgumentFormat& format, std::uint64_t value) {
  namespace words = arch::vocabulary;
  const bool wide = format.vocabulary == &words::clone_flags || format.vocabulary == &words::protection ||
                    format.vocabulary == &words::map_flags || format.vocabulary == &words::mount_flags;
  return wide ? value : static_cast<std::uint32_t>(value);
}

}  // namespace

std::size_t read(const Memory& memory, Address address, std::span<std::byte> into) {
  try {
    return memory.read_some(address, into);
  } catch (const Error&) {
    return 0;  // The process is gone; what is printed ends here.
  }
}

void append_decimal(std::string& out, std::int64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

void append_unsigned(std::string& out, std::uint64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

void append_hexadecimal(std::string& out, std::uint64_t value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<char, 18> text;
  std::size_t at = text.size();
  do {
    text[--at] = digits[value & 15];
    value >>= 4;
  } while (value != 0);
  text[--at] = 'x';
  text[--at] = '0';
  out.append(text.data() + at, text.size() - at);
}

void append_pointer(std::string& out, Address address) {
  if (address == 0) {
    out += "NULL";
  } else {
    append_hexadecimal(out, address);
  }
}

void append_fd(const Context& context, std::int64_t fd) {
  append_decimal(context.out, fd);
  if (!context.options.fd_paths || fd < 0) return;
  try {
    if (const auto path = os::descriptor_path(context.pid, static_cast<int>(fd))) {
      context.out += '<' + support::escape(*path, '>') + '>';
    }
  } catch (const Error&) {
    // Gone, or not ours to look at: the number has to do.
  }
}

void append_string(const Context& context, Address address, std::size_t limit) {
  if (address == 0) {
    context.out += "NULL";
    return;
  }
  std::array<std::byte, 256> piece;
  const auto short_piece = std::span(piece).first(std::min(limit + 1, piece.size()));
  const std::size_t count = read(context.memory, address, short_piece);
  if (count == 0) {
    append_pointer(context.out, address);
    return;
  }
  const std::string_view text = support::as_text(short_piece.first(count));
  const std::size_t end = text.find('\0');
  if (end != std::string_view::npos) {
    append_quoted(context.out, text.substr(0, end), limit);
  } else if (count > limit) {
    append_quoted(context.out, text, limit);
  } else if (count < short_piece.size()) {
    // It runs into memory that cannot be read, which the kernel will not like either.
    append_quoted(context.out, text);
    context.out += "...";
  } else {
    append_long_string(context, address, limit);
  }
}

void append_bytes(const Context& context, Address address, std::uint64_t size) {
  const std::size_t wanted = std::min<std::uint64_t>(size, context.options.string_limit);
  std::array<std::byte, 256> small;
  Bytes large(wanted > small.size() ? wanted : 0);
  const std::span<std::byte> into = large.empty() ? std::span(small).first(wanted) : std::span(large);
  if (address == 0 || (wanted != 0 && read(context.memory, address, into) < wanted)) {
    append_pointer(context.out, address);
    return;
  }
  append_quoted(context.out, support::as_text(into));
  if (size > wanted) context.out += "...";
}

void append_argument(const Context& context, std::size_t index, const arch::ArgumentFormat& format) {
  std::string& out = context.out;
  const std::uint64_t value = context.args[index];
  switch (format.kind) {
    case Kind::signed_int: append_decimal(out, as_int(value)); return;
    case Kind::signed_long: append_decimal(out, static_cast<std::int64_t>(value)); return;
    case Kind::unsigned_int: append_unsigned(out, static_cast<std::uint32_t>(value)); return;
    case Kind::unsigned_long: append_unsigned(out, value); return;
    case Kind::hexadecimal:
      if (value == 0) {
        out += '0';
      } else {
        append_hexadecimal(out, value);
      }
      return;
    case Kind::fcntl_argument: append_fcntl_argument(context, value, context.args[format.other]); return;
    case Kind::octal: fmt::format_to(std::back_inserter(out), "{:#03o}", static_cast<std::uint32_t>(value)); return;
    case Kind::constants: arch::append_constants(out, *format.vocabulary, word_of(format, value)); return;
    case Kind::signal:
      out += value != 0 && value <= 64 ? signal_name(static_cast<int>(value)) : std::to_string(as_int(value));
      return;
    case Kind::fd: append_fd(context, as_int(value)); return;
    case Kind::dirfd: append_dirfd(context, value); return;
    case Kind::path: append_string(context, value, longest_path); return;
    case Kind::string: append_string(context, value, context.options.string_limit); return;
    case Kind::bytes: append_bytes(context, value, context.args[format.other]); return;
    case Kind::strings: append_strings(context, value); return;
    case Kind::environment: append_environment(context, value); return;
    case Kind::out_bytes: append_bytes(context, value, static_cast<std::uint64_t>(context.result)); return;
    case Kind::out_path: append_path_result(context, value); return;
    default:
      if (value == 0 || !append_structure(context, index, format)) append_pointer(out, value);
      return;
  }
}

}  // namespace trapline::print

namespace trapline {

void append_quoted(std::string& out, std::string_view bytes, std::size_t limit) {
  const std::string_view shown = bytes.substr(0, limit);
  out += '"';
  if (std::ranges::all_of(shown, print::harmless)) {
    out += shown;
  } else {
    out += support::escape(shown);
  }
  out += '"';
  if (bytes.size() > limit) out += "...";
}

}  // namespace trapline
