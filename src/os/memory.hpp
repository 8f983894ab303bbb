#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>

#include <trapline/read_piece.hpp>
#include <trapline/types.hpp>

#include "support/fd.hpp"

namespace trapline::os {

/// The memory of one process, through descriptors kept open; usable on every thread at any time, whether it runs or
/// not.
class ProcessMemory {
 public:
  /// Opens the memory that the process has at this moment; throws ProcessGone or OsError.
  explicit ProcessMemory(pid_t pid);

  /// Reads what is readable from the address on, page protections ignored, and returns how many bytes that was. Throws
  /// ProcessGone once the memory is gone: the process died or executes another program.
  [[nodiscard]] std::size_t read(Address address, std::span<std::byte> into) const;
  /// The same for each piece; `counts` gets as many numbers as there are pieces.
  void read_many(std::span<const ReadPiece> pieces, std::span<std::size_t> counts) const;
  /// The same for writing; read-only pages are written too, as a private copy.
  [[nodiscard]] std::size_t write(Address address, ByteView bytes) const;

  /// Writes as the process itself would: false where its pages do not let it, with nothing or only a part written.
  [[nodiscard]] bool write_as_process(Address address, ByteView bytes) const;

  /// After an exec, which gives the process new memory; other threads may be reading meanwhile.
  void reopen();
  /// The descriptor, which stays the same for good.
  [[nodiscard]] int file() const { return file_.get(); }

 private:
  [[nodiscard]] std::size_t read_large(Address address, std::span<std::byte> into) const;
  /// How many of the pieces, from the first on, one request could read as a whole.
  [[nodiscard]] std::size_t read_whole(std::span<const ReadPiece> pieces) const;
  [[nodiscard]] std::size_t write_large(Address address, ByteView bytes) const;

  pid_t pid_;
  support::Fd file_;
};

}  // namespace trapline::os
