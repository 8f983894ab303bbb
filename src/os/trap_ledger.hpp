#pragma once

#include <cstdint>
#include <mutex>

#include <trapline/types.hpp>

#include "os/ledger_entries.hpp"

namespace trapline::os {

/// What is to be put back where, in the memories of all processes of one tracer: written by the host, and read by a
/// Guardian when the host is dead, in the middle of whatever it was doing. Hence plain words, that change in an order
/// in which each moment makes sense, and no lock for who reads. Any thread.
class TrapLedger {
 public:
  struct Entry {
    std::uint64_t address = 0;
    /// As they lie in memory, and which of their bits count; 0 for an entry that is not used.
    std::uint32_t trap = 0;
    std::uint32_t original = 0;
    std::uint32_t mask = 0;
    std::uint32_t size = 0;
  };

  /// The traps in one memory.
  class Page {
   public:
    /// They are put back through the file, which is to stay open as long as this lives.
    Page(TrapLedger& ledger, int file);
    ~Page();
    Page(const Page&) = delete;
    Page& operator=(const Page&) = delete;

    /// Before the trap is planted.
    [[nodiscard]] Entry* enter(Address address, ByteView trap, ByteView original);
    /// Before what is under the trap becomes something else.
    static void change(Entry& entry, ByteView original);
    /// After the trap was taken out.
    void strike(Entry& entry);
    void strike_all();

   private:
    friend class TrapLedger;
    friend class Guardian;

    TrapLedger& ledger_;
    const int file_;
    Page* next_ = nullptr;
    LedgerEntries<Entry, 128> entries_;
  };

 private:
  friend class Guardian;
  std::mutex mutex_;
  Page* first_ = nullptr;
};

}  // namespace trapline::os
