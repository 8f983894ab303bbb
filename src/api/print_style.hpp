#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>

#include <trapline/print_state.hpp>

namespace trapline::print {

/// What a piece of text is, from which its colour follows.
enum class Tone { plain, faint, strong, code, stack, heap, data, symbol, text, changed, flow, good, bad };

/// Text for a stream, in colour or not.
class Painter {
 public:
  Painter(const std::ostream& out, Color color) : on_(uses_color(out, color)) {}

  [[nodiscard]] std::string operator()(Tone tone, std::string_view text) const;

 private:
  bool on_;
};

/// By what a debugger's user looks for first: code, stack, heap, other data that can be written.
[[nodiscard]] Tone tone_of(std::string_view map, bool writable, bool executable);
/// A symbol's name as it was written in C++, escaped.
[[nodiscard]] std::string readable_name(std::string_view name);
/// `main+0x12` likewise; empty without a symbol.
[[nodiscard]] std::string readable_place(const Place& place);
/// The last part of a path, escaped; `anonymous` for memory without a name.
[[nodiscard]] std::string short_name(std::string_view path);
/// ` -> "text"`, `main+0x12 in prog`, `[stack] -> 0x1`; empty for nothing.
[[nodiscard]] std::string describe(const Painter& paint, const std::optional<Pointee>& pointee);
/// ` <main+0x12>`; empty without a symbol.
[[nodiscard]] std::string in_brackets(const Painter& paint, const Place& place);
/// Spaces up to a width, which the text (without escape sequences) may exceed.
[[nodiscard]] std::string padding(std::size_t used, std::size_t width);

}  // namespace trapline::print
