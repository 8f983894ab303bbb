#include "core/allocation.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <trapline/error.hpp>

#include "core/process_maps.hpp"
#include "core/remote.hpp"
#include "core/room.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

using Event = os::WaitStatus::Event;

constexpr std::size_t page = 4096;

int protection_of(const AllocateOptions& options) {
  return (options.readable ? PROT_READ : 0) | (options.writable ? PROT_WRITE : 0) |
         (options.executable ? PROT_EXEC : 0);
}

[[noreturn]] void throw_refused(const ThreadState& thread, std::int64_t result, std::size_t size) {
  std::string text = fmt::format("allocating {} bytes in process {}", size, thread.process->pid());
  if (-result == EEXIST) text += ": something is mapped there already";
  throw OsError(std::error_code(static_cast<int>(-result), std::generic_category()), text);
}

/// A thread that can run a syscall, at rest already if there is one.
std::shared_ptr<ThreadState> able_thread(const Process& process) {
  const auto able = [](const auto& thread) {
    return thread->stopped() && thread->status.event() != Event::exit && thread->status.event() != Event::vfork &&
           thread->holds == 0 && !thread->claimed;
  };
  const auto& threads = process.thread_list();
  auto found = std::ranges::find_if(threads, able);
  if (found == threads.end()) {
    found = std::ranges::find_if(threads, [](const auto& thread) { return thread->stopped() || thread->alive(); });
  }
  return found != threads.end() ? *found : nullptr;
}

void unmap_by(ThreadState& thread, Address address, std::size_t size) {
  if (!thread.stopped()) return;
  Remote remote(thread);
  unmap_memory(remote, address, size);
  remote.finish();
}

void unmap_here(Process& process, Address address, std::size_t size) {
  const auto thread = able_thread(process);
  if (!thread) return;
  if (thread->stopped()) {
    unmap_by(*thread, address, size);
    return;
  }
  ++thread->holds;
  try {
    process.bring_to_rest(*thread);
    unmap_by(*thread, address, size);
  } catch (const Error&) {
    process.release_hold(*thread);
    throw;
  }
  process.release_hold(*thread);
}

}  // namespace

Address allocate(ThreadState& thread, std::size_t size, const AllocateOptions& options) {
  if (size == 0) throw UsageError("allocate() of no bytes");
  if (options.at && options.near) throw UsageError("allocate(): give the exact place or one near to it, not both");
  NewMapping what{.size = size, .protection = protection_of(options)};
  if (options.at) {
    if (*options.at % page != 0) throw UsageError("allocate(): memory begins at a page, a multiple of 4096");
    what.hint = *options.at;
    what.flags = map_fixed_noreplace;
  } else if (options.near) {
    const std::size_t rounded = (size + page - 1) / page * page;
    const auto room = find_room(memory_maps(*thread.process), *options.near, rounded);
    if (!room) throw_refused(thread, -ENOMEM, size);
    what.hint = *room;
    what.flags = map_fixed_noreplace;
  }
  Remote remote(thread);
  const std::int64_t result = map_memory(remote, what);
  remote.finish();
  if (failed(result)) throw_refused(thread, result, size);
  return static_cast<Address>(result);
}

void free_memory(Process& process, Address address, std::size_t size, std::uint64_t image) noexcept {
  try {
    process.tracer().call([&] {
      if (process.gone() || process.leaving() || process.image() != image) return;
      unmap_here(process, address, size);
    });
  } catch (const std::exception& error) {
    // It died, or nobody can run a call in it any more: the memory goes with it.
    support::log(LogCategory::process, [&] { return std::string(error.what()); });
  }
}

}  // namespace trapline::core
