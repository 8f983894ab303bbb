#include "line_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>

namespace cli {
namespace {

constexpr std::size_t batch_size = std::size_t{64} * 1024;
constexpr auto longest_delay = std::chrono::milliseconds(50);

}  // namespace

LineWriter::LineWriter() : fd_(STDERR_FILENO) {}

LineWriter::LineWriter(const std::string& path)
    : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)), batched_(true) {
  if (fd_ == -1) throw OutputFailed(errno, std::generic_category(), "cannot open " + path);
  // The program's signals are not this thread's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  flusher_ = std::thread([this] { flush_late(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LineWriter::~LineWriter() {
  try {
    finish();
  } catch (const OutputFailed&) {
    // Who wants to know calls finish() himself.
  }
  if (batched_) ::close(fd_);
}

bool LineWriter::on_terminal() const { return ::isatty(fd_) == 1; }

void LineWriter::commit() {
  if (!batched_) {
    if (text_.empty()) return;
    write_out(text_);
    text_.clear();
    return;
  }
  const std::lock_guard lock(mutex_);
  if (error_ != 0) throw OutputFailed(error_, std::generic_category(), "cannot write the output");
  const bool first = batch_.empty();
  batch_ += text_;
  text_.clear();
  if (batch_.size() >= batch_size) {
    write_out(batch_);
    batch_.clear();
  } else if (first && !batch_.empty()) {
    filled_.notify_one();
  }
}

void LineWriter::finish() {
  if (flusher_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    filled_.notify_one();
    flusher_.join();
  }
  commit();
  if (batched_) {
    write_out(batch_);
    batch_.clear();
  }
}

void LineWriter::flush_late() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    filled_.wait(lock, [&] { return ended_ || !batch_.empty(); });
    if (filled_.wait_for(lock, longest_delay, [&] { return ended_; })) return;
    try {
      write_out(batch_);
      batch_.clear();
    } catch (const OutputFailed& error) {
      error_ = error.code().value();
      return;
    }
  }
}

void LineWriter::write_out(const std::string& text) const {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(fd_, text.data() + done, text.size() - done);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) throw OutputFailed(errno, std::generic_category(), "cannot write the output");
    done += static_cast<std::size_t>(count);
  }
}

}  // namespace cli
