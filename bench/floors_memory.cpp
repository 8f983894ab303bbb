#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "floors.hpp"
#include "raw_tracee.hpp"

namespace trapline::bench::floors {
namespace {

class Reads {
 public:
  Reads(std::size_t events, pid_t pid, std::uint64_t address, std::size_t size)
      : events_(events), pid_(pid), address_(address), buffer_(size) {
    file_ = ::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
    require(file_ != -1, "memory of a tracee");
    std::vector<double> by_file;
    std::vector<double> by_call;
    constexpr int tries = 20;
    for (int i = 0; i < tries; ++i) {
      by_file.push_back(batch_by_file());
      by_call.push_back(batch_by_call());
    }
    file_is_faster_ = lower_quartile(by_file) < lower_quartile(by_call);
  }
  ~Reads() { ::close(file_); }
  Reads(const Reads&) = delete;
  Reads& operator=(const Reads&) = delete;

  double batch() { return file_is_faster_ ? batch_by_file() : batch_by_call(); }

 private:
  double batch_by_file() {
    return time_per_event(events_, [&] {
      for (std::size_t i = 0; i < events_; ++i) {
        const ssize_t count = ::pread(file_, buffer_.data(), buffer_.size(), static_cast<off_t>(address_));
        require(count == static_cast<ssize_t>(buffer_.size()), "pread");
      }
    });
  }
  double batch_by_call() {
    const iovec local{buffer_.data(), buffer_.size()};
    const iovec remote{reinterpret_cast<void*>(address_), buffer_.size()};
    return time_per_event(events_, [&] {
      for (std::size_t i = 0; i < events_; ++i) {
        const ssize_t count = ::process_vm_readv(pid_, &local, 1, &remote, 1, 0);
        require(count == static_cast<ssize_t>(buffer_.size()), "process_vm_readv");
      }
    });
  }

  std::size_t events_;
  pid_t pid_;
  std::uint64_t address_;
  std::vector<std::byte> buffer_;
  int file_ = -1;
  bool file_is_faster_ = false;
};

class ScatteredReads {
 public:
  ScatteredReads(std::size_t events, pid_t pid, std::uint64_t address, std::size_t pieces, std::size_t distance)
      : requests_(events / pieces), pid_(pid), buffer_(pieces) {
    for (std::size_t i = 0; i < pieces; ++i) {
      remote_.push_back({reinterpret_cast<void*>(address + i * distance), sizeof buffer_[0]});
    }
  }

  double batch() {
    const iovec local{buffer_.data(), buffer_.size() * sizeof buffer_[0]};
    return time_per_event(requests_ * buffer_.size(), [&] {
      for (std::size_t i = 0; i < requests_; ++i) {
        const ssize_t count = ::process_vm_readv(pid_, &local, 1, remote_.data(), remote_.size(), 0);
        require(count == static_cast<ssize_t>(local.iov_len), "process_vm_readv");
      }
    });
  }

 private:
  std::size_t requests_;
  pid_t pid_;
  std::vector<iovec> remote_;
  std::vector<std::uint64_t> buffer_;
};

}  // namespace

Batch scattered_reads(std::size_t events, pid_t pid, std::uint64_t address, std::size_t pieces, std::size_t distance) {
  return [reads = std::make_shared<ScatteredReads>(events, pid, address, pieces, distance)] { return reads->batch(); };
}

Batch reads(std::size_t events, pid_t pid, std::uint64_t address, std::size_t size) {
  return [reads = std::make_shared<Reads>(events, pid, address, size)] { return reads->batch(); };
}

}  // namespace trapline::bench::floors
