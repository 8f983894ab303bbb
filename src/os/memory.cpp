#include "os/memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/error.hpp"

namespace trapline::os {
namespace {

/// From here on process_vm_readv and its twin are faster: /proc/PID/mem copies every page twice, but needs no look-up
/// of the process.
constexpr std::size_t large = std::size_t{64} * 1024;

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
