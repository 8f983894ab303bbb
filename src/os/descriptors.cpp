#include "os/descriptors.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include <trapline/error.hpp>

#include "os/proc_text.hpp"
#include "os/process_facts.hpp"
#include "os/sockets.hpp"

namespace trapline::os {
namespace {

struct Facts {
  unsigned mode = 0;
  unsigned links = 0;
  std::uint64_t inode = 0;
  dev_t device = 0;
};

/// What the kernel knows of the file at this moment: a file system served by the very process that is stopped must not
/// be asked.
std::optional<Facts> facts_of(const ProcDirectory& process, const std::string& link) {
  struct statx facts {};
  constexpr unsigned wanted = STATX_TYPE | STATX_NLINK | STATX_INO;
  if (::statx(process.fd(), link.c_str(), AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, wanted, &facts) == -1) {
    return std::nullopt;
  }
  return Facts{facts.stx_mode, facts.stx_nlink, facts.stx_ino, makedev(facts.stx_dev_major, facts.stx_dev_minor)};
}

DescriptorKind kind_of_file(const std::string& path, const Facts& facts) {
  if (path.starts_with("/memfd:") && facts.links == 0) return DescriptorKind::memfd;
  switch (facts.mode & S_IFMT) {
    case S_IFDIR: return DescriptorKind::directory;
    case S_IFCHR: return DescriptorKind::character_device;
    case S_IFBLK: return DescriptorKind::block_device;
    case S_IFIFO: return DescriptorKind::fifo;
    default: return DescriptorKind::file;
  }
}

std::optional<FileDescriptor> read_once(const ProcDirectory& process, int number, Sockets& sockets) {
  FileDescriptor descriptor{.number = number};
  const std::string link = fmt::format("fd/{}", number);
  std::string target;
  if (read_link(process.fd(), link, target) == -1) {
    const int error = errno;
    if (error != ENOENT) throw_unreadable(error, link);
    return std::nullopt;
  }
  descriptor.path = target;
  descriptor.kind = kind_of_link(target);
  try {
    parse_descriptor_info(process.read(fmt::format("fdinfo/{}", number)), descriptor);
  } catch (const ProcessGone&) {
    return std::nullopt;
  }
  if (const auto facts = facts_of(process, link)) {
    descriptor.inode = facts->inode;
    descriptor.device = facts->device;
    const bool is_file = target.starts_with('/') || target.starts_with('(');
    if (is_file) descriptor.kind = kind_of_file(target, *facts);
  }
  if (target.starts_with('/') && target.ends_with(" (deleted)")) {
    const LinkedFile file = read_linked_file(process, link);
    descriptor.path = file.path;
    // A memfd never had a name that could have been removed.
    descriptor.deleted = file.deleted && descriptor.kind != DescriptorKind::memfd;
  }
  if (descriptor.kind == DescriptorKind::socket) descriptor.socket = sockets.describe(number, descriptor.inode);
  // Another one may have taken its number meanwhile.
  std::string again;
  if (read_link(process.fd(), link, again) == -1 || again != target) return std::nullopt;
  return descriptor;
}

std::optional<FileDescriptor> read_one(const ProcDirectory& process, int number, Sockets& sockets) {
  constexpr int attempts = 3;
  for (int i = 0; i < attempts; ++i) {
    if (auto descriptor = read_once(process, number, sockets)) return descriptor;
    std::string target;
    if (read_link(process.fd(), fmt::format("fd/{}", number), target) == -1) break;
  }
  return std::nullopt;
}

}  // namespace

DescriptorKind kind_of_link(std::string_view target) {
  struct Name {
    std::string_view prefix;
    DescriptorKind kind;
  };
  constexpr Name names[] = {
      {"pipe:", DescriptorKind::pipe},
      {"socket:", DescriptorKind::socket},
      {"anon_inode:[eventfd]", DescriptorKind::eventfd},
      {"anon_inode:[eventpoll]", DescriptorKind::epoll},
      {"anon_inode:[timerfd]", DescriptorKind::timerfd},
      {"anon_inode:[signalfd]", DescriptorKind::signalfd},
      {"anon_inode:inotify", DescriptorKind::inotify},
      {"anon_inode:[fanotify]", DescriptorKind::fanotify},
      {"anon_inode:[pidfd]", DescriptorKind::pidfd},
      {"pidfd:", DescriptorKind::pidfd},
      {"anon_inode:[userfaultfd]", DescriptorKind::userfaultfd},
      {"anon_inode:[io_uring]", DescriptorKind::io_uring},
      {"anon_inode:[perf_event]", DescriptorKind::perf_event},
      {"anon_inode:bpf", DescriptorKind::bpf},
      {"anon_inode:[bpf", DescriptorKind::bpf},
  };
  for (const Name& name : names) {
    if (target.starts_with(name.prefix)) return name.kind;
  }
  // "net:[4026531840]"; an anonymous inode has its name before the bracket.
  const bool bracketed = target.ends_with(']') && target.find(":[") != std::string_view::npos;
  if (bracketed && !target.starts_with("anon_inode:") && !target.starts_with('/')) return DescriptorKind::name_space;
  return DescriptorKind::other;
}

void parse_descriptor_info(std::string_view text, FileDescriptor& into) {
  for (Cursor in(text); !in.empty();) {
    auto [key, value] = in.field();
    if (key.empty()) break;
    if (key == "pos") {
      into.offset = value.number<std::uint64_t>(10);
    } else if (key == "flags") {
      into.flags = value.number<int>(8);
    } else {
      into.details.emplace_back(key, value.rest());
    }
  }
}

std::vector<FileDescriptor> read_descriptors(const ProcDirectory& process, pid_t pid) {
  std::vector<FileDescriptor> descriptors;
  Sockets sockets(process, pid);
  for (const int number : process.numbers("fd")) {
    if (auto descriptor = read_one(process, number, sockets)) descriptors.push_back(std::move(*descriptor));
  }
  return descriptors;
}

std::optional<FileDescriptor> read_descriptor(const ProcDirectory& process, pid_t pid, int number) {
  Sockets sockets(process, pid);
  return read_one(process, number, sockets);
}

}  // namespace trapline::os
