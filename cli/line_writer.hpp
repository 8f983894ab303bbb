#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

namespace cli {

/// The output cannot be written: its reader has gone, or the disk is full.
class OutputFailed : public std::system_error {
 public:
  using std::system_error::system_error;
};

/// Writes the trace, whole pieces by one write each.
///
/// stderr shows each piece at once, so that it stays in order with what the program itself prints there. A file gets
/// them in batches, at the latest after a moment, so that it costs nothing and can still be followed.
class LineWriter {
 public:
  /// To stderr.
  LineWriter();
  /// To a file, made or emptied; throws OutputFailed.
  explicit LineWriter(const std::string& path);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  /// What is appended here is written by the next commit().
  std::string& text() { return text_; }
  void commit();
  /// Writes what is left.
  void finish();
  [[nodiscard]] bool on_terminal() const;

 private:
  void write_out(const std::string& text) const;
  void flush_late();

  int fd_;
  bool batched_ = false;
  std::string text_;

  std::mutex mutex_;
  std::condition_variable filled_;
  std::string batch_;
  bool ended_ = false;
  int error_ = 0;
  std::thread flusher_;
};

}  // namespace cli
