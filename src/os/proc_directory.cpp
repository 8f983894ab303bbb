#include "os/proc_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "os/proc_text.hpp"

namespace trapline::os {
namespace {

support::Fd open_folder(int folder, const std::string& path) {
  support::Fd opened(::openat(folder, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.valid()) throw_unreadable(errno, path);
  return opened;
}

}  // namespace

ProcDirectory::ProcDirectory(pid_t pid) : folder_(open_folder(AT_FDCWD, fmt::format("/proc/{}", pid))) {}

ProcDirectory ProcDirectory::thread(pid_t tid) const {
  return ProcDirectory(open_folder(folder_.get(), fmt::format("task/{}", tid)));
}

std::string ProcDirectory::read(const std::string& name) const { return read_file_at(folder_.get(), name); }

std::string ProcDirectory::link(const std::string& name) const { return read_link_at(folder_.get(), name); }

std::vector<std::string> ProcDirectory::names(const std::string& name) const {
  struct Close {
    void operator()(DIR* directory) const { ::closedir(directory); }
  };
  support::Fd folder = open_folder(folder_.get(), name);
  const std::unique_ptr<DIR, Close> directory(::fdopendir(folder.get()));
  if (!directory) throw_unreadable(errno, name);
  static_cast<void>(folder.release());
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  if (errno != 0) throw_unreadable(errno, name);
  return names;
}

std::vector<int> ProcDirectory::numbers(const std::string& name) const {
  std::vector<int> numbers;
  for (const std::string& entry : names(name)) numbers.push_back(Cursor(entry).number<int>(10));
  std::ranges::sort(numbers);
  return numbers;
}

}  // namespace trapline::os
