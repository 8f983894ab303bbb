#include "os/memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "os/error.hpp"

namespace trapline::os {
namespace {

/// From here on process_vm_readv and its twin are faster: /proc/PID/mem copies every page twice, but needs no look-up
/// of the process.
constexpr std::size_t large = std::size_t{64} * 1024;

/// IOV_MAX: the kernel takes no more pieces in one request.
constexpr std::size_t most_at_once = 1024;

support::Fd open_memory(pid_t pid) {
  const std::string path = fmt::format("/proc/{}/mem", pid);
  support::Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  // Where /proc is mounted read-only, memory can at least be read.
  if (!file.valid() && errno == EROFS) file.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.valid()) return file;
  const int error = errno;
  if (error == ENOENT || error == ESRCH) throw ProcessGone(fmt::format("{}: the process is gone", path));
  throw_os_error(error, path, 0, "it belongs to another user, or the kernel forbids tracing it");
}

[[noreturn]] void throw_gone(pid_t pid) {
  throw ProcessGone(fmt::format("the memory of process {} is gone: it died or executes another program", pid));
}

/// EIO is the kernel's word for "nothing mapped there", EINVAL for an address in the upper half, EFAULT in between.
bool unmapped(int error) { return error == EIO || error == EFAULT || error == EINVAL; }

iovec remote_vector(Address address, std::size_t size) { return {reinterpret_cast<void*>(address), size}; }

/// Moves as much as `bulk` can, and what it refuses (page protections, device memory, a sandbox) in pieces through the
/// file, which may still be allowed to.
template <class Bulk, class Piece>
std::size_t in_bulk(std::size_t size, Bulk bulk, Piece piece) {
  std::size_t done = 0;
  while (done < size) {
    if (size - done >= large) {
      const ssize_t count = bulk(done);
      if (count > 0) {
        done += static_cast<std::size_t>(count);
        continue;
      }
    }
    const std::size_t wanted = std::min(size - done, large - 1);
    const std::size_t count = piece(done, wanted);
    done += count;
    if (count < wanted) break;
  }
  return done;
}

}  // namespace

ProcessMemory::ProcessMemory(pid_t pid) : pid_(pid), file_(open_memory(pid)) {}

void ProcessMemory::reopen() {
  const support::Fd fresh = open_memory(pid_);
  // The number stays the same, so that a thread in the middle of a read needs no lock.
  if (::dup3(fresh.get(), file_.get(), O_CLOEXEC) == -1) throw_os_error(errno, "dup3 of /proc/PID/mem", pid_);
}

std::size_t ProcessMemory::read(Address address, std::span<std::byte> into) const {
  if (into.size() >= large) return read_large(address, into);
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count =
        ::pread(file_.get(), into.data() + done, into.size() - done, static_cast<off_t>(address + done));
    if (count == -1 && errno == EINTR) continue;
    if (count == -1 && unmapped(errno)) break;
    if (count == -1) throw_os_error(errno, "read of memory", pid_);
    if (count == 0) throw_gone(pid_);
    done += static_cast<std::size_t>(count);
  }
  return done;
}

std::size_t ProcessMemory::write(Address address, ByteView bytes) const {
  if (bytes.size() >= large) return write_large(address, bytes);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count =
        ::pwrite(file_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(address + done));
    if (count == -1 && errno == EINTR) continue;
    if (count == -1 && unmapped(errno)) break;
    if (count == -1 && errno == EBADF) throw_os_error(EROFS, "write to memory", pid_, "/proc is mounted read-only");
    if (count == -1) throw_os_error(errno, "write to memory", pid_);
    if (count == 0) throw_gone(pid_);
    done += static_cast<std::size_t>(count);
  }
  return done;
}

void ProcessMemory::read_many(std::span<const ReadPiece> pieces, std::span<std::size_t> counts) const {
  for (std::size_t done = 0, at_once = most_at_once; done < pieces.size();) {
    const auto some = pieces.subspan(done, std::min(at_once, pieces.size() - done));
    const std::size_t whole = read_whole(some);
    for (std::size_t i = 0; i < whole; ++i) counts[done + i] = some[i].into.size();
    done += whole;
    // Many that are unreadable must not cost a look at all the others each.
    at_once = whole == some.size() ? std::min(4 * at_once, most_at_once) : std::size_t{16};
    if (whole == some.size()) continue;
    // The file may know more of it than the call: pages that the process itself may not read.
    counts[done] = read(pieces[done].address, pieces[done].into);
    ++done;
  }
}

std::size_t ProcessMemory::read_whole(std::span<const ReadPiece> pieces) const {
  std::vector<iovec> local;
  std::vector<iovec> remote;
  local.reserve(pieces.size());
  remote.reserve(pieces.size());
  for (const auto& [address, into] : pieces) {
    remote.push_back(remote_vector(address, into.size()));
    // The elements of an array are one piece on our side.
    if (!local.empty() && static_cast<std::byte*>(local.back().iov_base) + local.back().iov_len == into.data()) {
      local.back().iov_len += into.size();
    } else {
      local.push_back({into.data(), into.size()});
    }
  }
  ssize_t left = ::process_vm_readv(pid_, local.data(), local.size(), remote.data(), remote.size(), 0);
  std::size_t whole = 0;
  while (whole < pieces.size() && left >= static_cast<ssize_t>(pieces[whole].into.size())) {
    left -= static_cast<ssize_t>(pieces[whole++].into.size());
  }
  return whole;
}

bool ProcessMemory::write_as_process(Address address, ByteView bytes) const {
  const iovec local{const_cast<std::byte*>(bytes.data()), bytes.size()};
  const iovec remote = remote_vector(address, bytes.size());
  const ssize_t count = ::process_vm_writev(pid_, &local, 1, &remote, 1, 0);
  // A sandbox may forbid the call itself.
  if (count == -1 && (errno == ENOSYS || errno == EPERM)) return write(address, bytes) == bytes.size();
  return count == static_cast<ssize_t>(bytes.size());
}

std::size_t ProcessMemory::read_large(Address address, std::span<std::byte> into) const {
  return in_bulk(
      into.size(),
      [&](std::size_t done) {
        const iovec local{into.data() + done, into.size() - done};
        const iovec remote = remote_vector(address + done, local.iov_len);
        return ::process_vm_readv(pid_, &local, 1, &remote, 1, 0);
      },
      [&](std::size_t done, std::size_t piece) { return read(address + done, into.subspan(done, piece)); });
}

std::size_t ProcessMemory::write_large(Address address, ByteView bytes) const {
  return in_bulk(
      bytes.size(),
      [&](std::size_t done) {
        const iovec local{const_cast<std::byte*>(bytes.data()) + done, bytes.size() - done};
        const iovec remote = remote_vector(address + done, local.iov_len);
        return ::process_vm_writev(pid_, &local, 1, &remote, 1, 0);
      },
      [&](std::size_t done, std::size_t piece) { return write(address + done, bytes.subspan(done, piece)); });
}

}  // namespace trapline::os
