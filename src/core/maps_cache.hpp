#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <optional>

#include <trapline/maps.hpp>

namespace trapline::core {

/// The mappings of a process as they were read last, for as long as nothing can have changed them. Any thread.
class MapsCache {
 public:
  struct Key {
    pid_t pid = 0;
    /// Process::quiet_epoch() when they were read.
    std::uint64_t epoch = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };

  [[nodiscard]] std::optional<MemoryMaps> find(const Key& key) const {
    const std::lock_guard lock(mutex_);
    return maps_ && key_ == key ? maps_ : std::nullopt;
  }
  void keep(const Key& key, const MemoryMaps& maps) {
    const std::lock_guard lock(mutex_);
    key_ = key;
    maps_ = maps;
  }

 private:
  mutable std::mutex mutex_;
  Key key_;
  std::optional<MemoryMaps> maps_;
};

}  // namespace trapline::core
