#include "symbols/file_origin.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <utility>

namespace trapline::symbols {
namespace {

std::vector<std::int64_t> identity_of(int file) {
  struct stat status {};
  if (::fstat(file, &status) == -1) return {};
  return {static_cast<std::int64_t>(status.st_dev), static_cast<std::int64_t>(status.st_ino), status.st_size,
          status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

}  // namespace

FileOrigin::FileOrigin(const support::Fd& file, const std::string& path) : identity_(identity_of(file.get())) {
  // /proc/PID/exe is gone with its process, and no debug file is near it.
  std::error_code error;
  const std::string real = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file.get()), error);
  const std::string process = path.starts_with("/proc/") ? path.substr(0, path.find('/', std::strlen("/proc/"))) : "";
  paths_ = {real, process.empty() ? process : process + "/root" + real, path};
  std::erase_if(paths_, [&](const std::string& one) {
    const support::Fd same(::open(one.c_str(), O_PATH | O_CLOEXEC));
    return one.empty() || !same.valid() || identity_of(same.get()) != identity_;
  });
}

std::optional<ElfFile> FileOrigin::open() const {
  for (const std::string& path : paths_) {
    support::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.valid() || identity_.empty() || identity_of(file.get()) != identity_) continue;
    return elf_in(std::move(file));
  }
  return std::nullopt;
}

std::optional<std::int64_t> FileOrigin::size() const {
  return identity_.empty() ? std::nullopt : std::optional(identity_[2]);
}

}  // namespace trapline::symbols
