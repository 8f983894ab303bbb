#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <span>

#include <trapline/print_state.hpp>

#include "api/print_style.hpp"
#include "arch/flags.hpp"

namespace trapline {
namespace {

using print::Painter;
using print::Tone;

/// How small a number must be to be read in decimal.
constexpr std::int64_t readable = 1 << 20;

std::size_t name_width(const RegisterValues& values, bool vector) {
  std::size_t width = 0;
  for (const RegisterValue& value : values.list) {
    const bool shown = value.role == RegisterRole::general || value.role == RegisterRole::flags ||
                       (vector && value.role == RegisterRole::vector);
    if (shown) width = std::max(width, value.name.size());
  }
  return width;
}

/// The value as a number, where that is easier to read than its digits.
std::string in_decimal(const RegisterValue& value) {
  const std::int64_t number =
      value.bytes.size() == 4 ? static_cast<std::int32_t>(value.word()) : static_cast<std::int64_t>(value.word());
  const bool plain = (number >= 0 && number < 10) || number >= readable || number <= -readable;
  return plain ? std::string() : std::to_string(number);
}

std::string flag_names(Arch arch, std::uint64_t value) {
  std::string names;
  for (const arch::Flag& flag : arch::flags(arch)) {
    if ((value >> flag.bit & 1U) != 0) names += (names.empty() ? "" : " ") + std::string(flag.name);
  }
  return '[' + names + ']';
}

/// The highest byte first, in groups of eight bytes; zeros in front are left out.
std::string in_hex(const Bytes& bytes) {
  std::string digits;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    if (digits.empty() && bytes[i] == std::byte{}) continue;
    const auto value = static_cast<unsigned>(bytes[i]);
    digits += digits.empty() ? fmt::format("{:x}", value) : fmt::format("{:02x}", value);
    if (i % 8 == 0 && i != 0) digits += '_';
  }
  return "0x" + (digits.empty() ? "0" : digits);
}

/// One call's output.
class Printer {
 public:
  Printer(const std::ostream& out, const RegisterValues& values, const RegisterStyle& style)
      : paint_(out, style.color), values_(values), marks_(style.before != nullptr) {
    if (marks_) changed_ = values.changed_since(*style.before);
  }

  std::string text() {
    const std::size_t width = name_width(values_, false);
    for (const RegisterValue& value : values_.list) {
      if (value.role == RegisterRole::general) line(value, width, note(value));
      if (value.role == RegisterRole::flags) line(value, width, flag_names(values_.arch, value.word()));
    }
    segments();
    for (const RegisterValue& value : values_.list) {
      if (value.role == RegisterRole::vector) vector(value);
    }
    return std::move(text_);
  }

 private:
  [[nodiscard]] bool changed(const RegisterValue& value) const {
    return std::ranges::find(changed_, value.name) != changed_.end();
  }

  [[nodiscard]] std::string name(const RegisterValue& value) const {
    const bool is_changed = changed(value);
    const std::string mark = is_changed ? "*" : marks_ ? " " : "";
    return mark + paint_(is_changed ? Tone::changed : Tone::strong, value.name);
  }

  [[nodiscard]] std::string note(const RegisterValue& value) const {
    return value.pointee ? print::describe(paint_, value.pointee) : paint_(Tone::faint, in_decimal(value));
  }

  void line(const RegisterValue& value, std::size_t width, const std::string& remark) {
    const std::string digits = fmt::format("{:#x}", value.word());
    text_ += name(value) + print::padding(value.name.size(), width) + "  " + digits;
    // Of an address both the digits and what it is are of one colour, and the latter in one column.
    if (!remark.empty()) text_ += print::padding(digits.size(), 2 + 2 * value.bytes.size()) + "  " + remark;
    text_ += '\n';
  }

  void segments() {
    std::string line;
    for (const RegisterValue& value : values_.list) {
      if (value.role != RegisterRole::segment) continue;
      line += (line.empty() ? "" : "  ") + name(value) + fmt::format(" {:#x}", value.word());
    }
    if (!line.empty()) text_ += line + '\n';
  }

  void vector(const RegisterValue& value) {
    text_ +=
        name(value) + print::padding(value.name.size(), name_width(values_, true)) + "  " + in_hex(value.bytes) + '\n';
  }

  Painter paint_;
  const RegisterValues& values_;
  const bool marks_;
  std::vector<std::string_view> changed_;
  std::string text_;
};

}  // namespace

void print_registers(std::ostream& out, const RegisterValues& values, const RegisterStyle& style) {
  out << Printer(out, values, style).text();
}

}  // namespace trapline
