#include "os/proc_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "os/error.hpp"

namespace trapline::os {

void throw_unreadable(int error, const std::string& path) {
  // A process vanishes as ENOENT when its directory does, and as ESRCH when that was open already.
  if (error == ENOENT || error == ESRCH) throw ProcessGone(path + ": the process is gone");
  throw_os_error(error, path, 0,
                 error == EACCES || error == EPERM ? "it belongs to another user or has gained privileges" : "");
}

support::Fd open_file(const std::string& path) {
  support::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) throw_unreadable(errno, path);
  return file;
}

FileText read_text(const support::Fd& file, const std::string& path) {
  FileText result;
  std::string& text = result.text;
  std::size_t size = 0;
  unsigned reads = 0;
  for (;;) {
    // Files of /proc have no size, and their lines may move between two reads: large ones make that rare.
    if (text.size() - size < 4096) text.resize(text.empty() ? 8192 : text.size() * 4);
    const ssize_t count = ::read(file.get(), text.data() + size, text.size() - size);
    if (count == -1 && errno == EINTR) continue;
    if (count == -1) throw_unreadable(errno, path);
    if (count == 0) break;
    result.in_one_go = ++reads == 1;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return result;
}

std::string read_file_at(int folder, const std::string& path) {
  const support::Fd file(::openat(folder, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) throw_unreadable(errno, path);
  return read_text(file, path).text;
}

std::string read_file(const std::string& path) { return read_text(open_file(path), path).text; }

long read_link(int folder, const std::string& path, std::string& target) {
  target.resize(256);
  for (;;) {
    const ssize_t length = ::readlinkat(folder, path.c_str(), target.data(), target.size());
    if (length == -1) return -1;
    if (static_cast<std::size_t>(length) < target.size()) {
      target.resize(static_cast<std::size_t>(length));
      return length;
    }
    target.resize(target.size() * 2);
  }
}

std::string read_link_at(int folder, const std::string& path) {
  std::string target;
  if (read_link(folder, path, target) == -1) throw_unreadable(errno, path);
  return target;
}

}  // namespace trapline::os
