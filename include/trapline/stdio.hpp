#pragma once

#include <chrono>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/error.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class StdioStreams;
}

/// What a stream of a launched process is connected to.
struct Stream {
  enum class Kind { pipe, pty, inherit, file, null };
  Kind kind = Kind::pipe;
  std::filesystem::path path{};
  bool append = false;

  /// Read and written through Stdio.
  static Stream pipe() { return {}; }
  /// A terminal, shared by all streams that ask for one; the process gets it as its controlling terminal.
  static Stream pty() { return {.kind = Kind::pty}; }
  /// The host's own; not read or written through Stdio.
  static Stream inherit() { return {.kind = Kind::inherit}; }
  /// Read from the file, or written to it from its beginning; stdout and stderr with the same path share one position.
  static Stream file(std::filesystem::path path) { return {.kind = Kind::file, .path = std::move(path)}; }
  /// Written at the file's end.
  static Stream appended(std::filesystem::path path) {
    return {.kind = Kind::file, .path = std::move(path), .append = true};
  }
  /// /dev/null.
  static Stream null() { return {.kind = Kind::null}; }
};

struct TerminalSize {
  unsigned short rows = 24;
  unsigned short columns = 80;
};

struct StdioOptions {
  Stream in{};
  Stream out{};
  Stream err{};
  TerminalSize size{};
  /// How long each call waits unless told otherwise.
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
};

/// How a call on a stream waits, and what it takes.
struct RecvOptions {
  /// Instead of the default one.
  Timeout timeout{};
  /// recvuntil and recvline: the delimiter is taken from the stream and not returned.
  bool drop = false;
  /// recvuntil: up to the n-th delimiter.
  std::size_t occurrences = 1;
  /// Waits although the process is at rest, for another thread to let it go on.
  bool wait_while_stopped = false;
};

/// The stream has ended and does not hold what was asked for; what it held stays readable.
class TRAPLINE_API EndOfFile : public Error {
 public:
  using Error::Error;
};

/// One or several strings that end a reception: the one that ends first, of those that end together the longest.
class Delimiters {
 public:
  Delimiters(const char* text) : list_{text} {}
  Delimiters(std::string text) : list_{std::move(text)} {}
  Delimiters(std::string_view text) : list_{std::string(text)} {}
  Delimiters(std::initializer_list<std::string> list) : list_(list) {}
  Delimiters(std::vector<std::string> list) : list_(std::move(list)) {}
  [[nodiscard]] const std::vector<std::string>& list() const { return list_; }

 private:
  std::vector<std::string> list_;
};

/// What interactive() connects, and for how long.
struct InteractiveOptions {
  int in = 0;
  /// What the process writes to stdout and stderr goes here.
  int out = 1;
  /// Stays although the process is at rest, for another thread to let it go on.
  bool wait_while_stopped = false;
};

/// Why interactive() returned.
enum class Interaction {
  /// The process is dead, or its output has ended (without any output: `in` has).
  ended,
  /// The process is at rest: wait() tells why. Call interactive() again after cont().
  stopped,
};

/// Talks to a launched process through its streams. A handle: any thread, several at once, also after the process's
/// death and the Debugger's end, when what was buffered is still there.
///
/// Receiving while the process is at rest and nothing fitting is buffered throws UsageError at once, unless told to
/// wait; a call that runs out of time throws TimedOut. Whatever a call throws, nothing that was read is lost. Sending
/// much never blocks for ever on a process that sends much itself: its output is buffered meanwhile.
class TRAPLINE_API Stdio {
 public:
  /// At least one byte, at most `max`; throws EndOfFile at the end.
  [[nodiscard]] std::string recv(std::size_t max = 4096, const RecvOptions& options = {}) const;
  /// Exactly so many bytes.
  [[nodiscard]] std::string recvn(std::size_t count, const RecvOptions& options = {}) const;
  /// Up to a delimiter, with it unless dropped.
  std::string recvuntil(const Delimiters& delimiters, const RecvOptions& options = {}) const;
  /// Up to a newline; the last line may end in the end of file.
  std::string recvline(const RecvOptions& options = {}) const;
  /// Everything up to the end of file.
  [[nodiscard]] std::string recvall(const RecvOptions& options = {}) const;

  /// The same for stderr.
  [[nodiscard]] std::string recverr(std::size_t max = 4096, const RecvOptions& options = {}) const;
  [[nodiscard]] std::string recvnerr(std::size_t count, const RecvOptions& options = {}) const;
  std::string recverruntil(const Delimiters& delimiters, const RecvOptions& options = {}) const;
  std::string recverrline(const RecvOptions& options = {}) const;
  [[nodiscard]] std::string recverrall(const RecvOptions& options = {}) const;

  /// Writes everything to stdin, unmixed with what other threads send; throws EndOfFile when nobody reads it any more,
  /// and UsageError when it is full and the process at rest. A text that throws was sent in part.
  void send(std::string_view data, const RecvOptions& options = {}) const;
  /// The same with a newline.
  void sendline(std::string_view data, const RecvOptions& options = {}) const;
  /// Receives up to the delimiter, then sends; returns what was received.
  std::string sendafter(const Delimiters& delimiters, std::string_view data, const RecvOptions& options = {}) const;
  std::string sendlineafter(const Delimiters& delimiters, std::string_view data, const RecvOptions& options = {}) const;
  /// Ends stdin: the process reads an end of file. A terminal gets its end-of-file character. Once more does nothing.
  void close() const;

  /// How long calls wait from here on.
  void set_timeout(std::chrono::nanoseconds timeout) const;
  /// Resizes the terminal, if there is one (SIGWINCH tells the process).
  void set_terminal_size(TerminalSize size) const;
  /// Connects descriptors of the host to the process until it stops, dies, or its output ends; an end of file of `in`
  /// ends stdin. When stdin is a terminal and `in` is one too, `in` is raw meanwhile and its size becomes the
  /// process's. Throws OsError when the host's descriptors fail.
  Interaction interactive(const InteractiveOptions& options = {}) const;

  /// For trapline itself: handles come from Debugger::run.
  explicit Stdio(std::shared_ptr<core::StdioStreams> streams);

 private:
  std::shared_ptr<core::StdioStreams> streams_;
};

}  // namespace trapline
