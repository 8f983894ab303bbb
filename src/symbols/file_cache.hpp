#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "support/fd.hpp"

namespace trapline::symbols {

/// What was made of the files that were used last, each for as long as the file stays the same. Any thread. It is
/// bounded, because a host may debug for months.
template <class T>
class FileCache {
 public:
  /// Makes something of the file that was opened by a path.
  using Build = std::function<std::shared_ptr<const T>(support::Fd, const std::string&)>;

  explicit FileCache(Build build, std::size_t most = 512) : build_(std::move(build)), most_(most) {}
  explicit FileCache(std::shared_ptr<const T> (*build)(support::Fd))
      : FileCache([build](support::Fd file, const std::string&) { return build(std::move(file)); }) {}

  /// nullptr when it cannot be read, or nothing can be made of it.
  std::shared_ptr<const T> get(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) == -1 || !S_ISREG(status.st_mode)) return nullptr;
    const Key key{status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(items_, key, &Item::key);
    if (found != items_.end()) {
      items_.splice(items_.begin(), items_, found);
      return items_.front().value;
    }
    support::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.valid()) return nullptr;
    // What the file was before it was written to nobody can ask for any more.
    std::erase_if(items_,
                  [&](const Item& item) { return item.key.device == key.device && item.key.inode == key.inode; });
    if (items_.size() == most_) items_.pop_back();
    items_.push_front({key, build_(std::move(file), path)});
    return items_.front().value;
  }

 private:
  /// What tells one state of a file from another.
  struct Key {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;

    friend bool operator==(const Key&, const Key&) = default;
  };

  struct Item {
    Key key;
    std::shared_ptr<const T> value;
  };

  const Build build_;
  const std::size_t most_;
  std::mutex mutex_;
  std::list<Item> items_;
};

}  // namespace trapline::symbols
