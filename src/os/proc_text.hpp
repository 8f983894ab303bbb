#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "support/fd.hpp"

namespace trapline::os {

// How files of /proc are read and taken apart.

/// Throws for a file that could not be opened or read: ProcessGone when its process has vanished, otherwise OsError.
[[noreturn]] void throw_unreadable(int error, const std::string& path);
/// Opened for reading.
[[nodiscard]] support::Fd open_file(const std::string& path);

struct FileText {
  std::string text;
  /// The kernel gives about a page at a time, and lets the process run in between.
  bool in_one_go = true;
};
[[nodiscard]] FileText read_text(const support::Fd& file, const std::string& path);

/// The whole of a file that has no size; a relative name is looked up in the open folder.
[[nodiscard]] std::string read_file(const std::string& path);
[[nodiscard]] std::string read_file_at(int folder, const std::string& path);
/// The target of a symbolic link.
[[nodiscard]] std::string read_link_at(int folder, const std::string& path);
/// The same, or -1 and errno.
[[nodiscard]] long read_link(int folder, const std::string& path, std::string& target);

/// Takes text apart from the left.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] std::string_view rest() const { return text_; }
  /// 0 when there is none.
  template <class T>
  T number(int base) {
    T value{};
    const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value, base);
    text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
    return value;
  }
  char character() {
    if (text_.empty()) return '\0';
    const char first = text_.front();
    text_.remove_prefix(1);
    return first;
  }
  void skip_blanks() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t')) text_.remove_prefix(1);
  }
  std::string_view line() {
    const std::size_t end = text_.find('\n');
    const std::string_view line = text_.substr(0, end);
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
    return line;
  }
  /// The next line of the form "key: value" as its key and what follows the blanks; an empty key at the end.
  std::pair<std::string_view, Cursor> field() {
    while (!empty()) {
      const std::string_view whole = line();
      const std::size_t colon = whole.find(':');
      if (colon == std::string_view::npos) continue;
      Cursor value(whole.substr(colon + 1));
      value.skip_blanks();
      return {whole.substr(0, colon), value};
    }
    return {{}, Cursor({})};
  }

 private:
  std::string_view text_;
};

}  // namespace trapline::os
