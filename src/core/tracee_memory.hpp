#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <map>
#include <shared_mutex>
#include <span>

#include <trapline/read_piece.hpp>
#include <trapline/types.hpp>

#include "os/memory.hpp"
#include "os/trap_ledger.hpp"

namespace trapline::core {

/// The memory of one process as it would be without our traps in its code: reads show the original bytes, writes go
/// underneath. Any thread, at any time.
///
/// What the process itself writes over a trap wins: there the trap is gone, and reads show what was written.
class TraceeMemory {
 public:
  TraceeMemory(pid_t pid, os::TrapLedger& ledger) : memory_(pid), page_(ledger, memory_.file()) {}

  /// As os::ProcessMemory's.
  [[nodiscard]] std::size_t read(Address address, std::span<std::byte> into) const;
  void read_many(std::span<const ReadPiece> pieces, std::span<std::size_t> counts) const;
  [[nodiscard]] std::size_t write(Address address, ByteView bytes);
  /// As os::ProcessMemory's; where our traps are it writes under them.
  [[nodiscard]] bool write_as_process(Address address, ByteView bytes);
  /// After an exec: other memory, without traps.
  void reopen();

  /// Puts a trap instruction at an address that has none; false when it is not mapped.
  [[nodiscard]] bool plant(Address address, ByteView trap);
  /// The same, and gives what is there without any trap: at least as many bytes as the trap has. Returns how many it
  /// gave, up to the end of what is mapped; 0 when there is no trap now.
  [[nodiscard]] std::size_t plant(Address address, ByteView trap, std::span<std::byte> original);
  /// The same where it is known what is there.
  [[nodiscard]] bool plant_over(Address address, ByteView trap, ByteView original);
  /// Puts the original bytes back, unless the process has written others over the trap.
  void lift(Address address);
  /// Whether the trap is still there as it was planted.
  [[nodiscard]] bool intact(Address address) const;
  [[nodiscard]] bool planted(Address address) const;
  /// Puts the original bytes of all traps into a process that has a copy of this memory; also of those that were lifted
  /// after the copy was made.
  void clean_copy(pid_t child) const;
  /// Counts the writes.
  [[nodiscard]] std::size_t writes() const { return writes_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool has_traps() const { return count_.load(std::memory_order_relaxed) != 0; }
  /// A copy of this memory may have some in it.
  [[nodiscard]] bool had_traps() const;

 private:
  static constexpr std::size_t longest = 4;
  struct Patch {
    std::array<std::byte, longest> trap{};
    std::array<std::byte, longest> original{};
    std::size_t size = 0;
    os::TrapLedger::Entry* entry = nullptr;
  };
  using Patches = std::map<Address, Patch>;

  void mask(Address address, std::span<std::byte> bytes) const;
  [[nodiscard]] std::size_t write_under(Address address, ByteView bytes);
  [[nodiscard]] bool unchanged(Address address, const Patch& patch) const;
  [[nodiscard]] Patches::const_iterator first_reaching(Address address) const;

  /// Whether there is a trap of ours already.
  [[nodiscard]] bool stands(Address address);
  [[nodiscard]] bool put(Address address, ByteView trap, ByteView original);
  /// The trap at the address is out, or is none of ours any more.
  void strike(Patches::iterator patch);

  os::ProcessMemory memory_;
  os::TrapLedger::Page page_;
  mutable std::shared_mutex mutex_;
  Patches patches_;
  /// Those that were lifted in this image.
  Patches lifted_;
  std::atomic<std::size_t> count_{0};
  /// Counts insertions, so that who reads without the lock sees that one came between.
  std::atomic<std::size_t> insertions_{0};
  std::atomic<std::size_t> writes_{0};
};

}  // namespace trapline::core
