#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "symbols/elf_file.hpp"
#include "symbols/frame_registers.hpp"

struct Dwarf;
struct Dwarf_CFI_s;

namespace trapline::symbols {

/// The call frame information of one file, .eh_frame and .debug_frame, shared by all processes. Any thread.
class CallFrames {
 public:
  /// Of an image made by ElfFile::frame_image(); an empty one says nothing about any address.
  explicit CallFrames(Bytes image);

  /// Unwinds one frame of a process that has the file loaded at `bias`; nothing when the file says nothing about the
  /// address, which is one of the process.
  [[nodiscard]] std::optional<FrameStep> step(Address address, Address bias, const FrameAbi& abi,
                                              const FrameRegisters& registers, ReadMemory read) const;

 private:
  struct End {
    void operator()(Elf* elf) const;
    void operator()(Dwarf* dwarf) const;
    void operator()(Dwarf_CFI_s* frames) const;
  };

  /// libdw decodes what is asked for and keeps it.
  mutable std::mutex mutex_;
  Bytes image_;
  std::unique_ptr<Elf, End> elf_;
  std::unique_ptr<Dwarf, End> dwarf_;
  std::unique_ptr<Dwarf_CFI_s, End> exception_frames_;
  /// Owned by dwarf_.
  Dwarf_CFI_s* debug_frames_ = nullptr;
};

/// Of a file, read once for as long as it stays the same; nullptr when it cannot be read or is no ELF file. Any thread.
[[nodiscard]] std::shared_ptr<const CallFrames> call_frames_of_file(const std::string& path);
/// Of an image of a whole file; nullptr when it is no ELF file.
[[nodiscard]] std::shared_ptr<const CallFrames> call_frames_of_image(Bytes image);

}  // namespace trapline::symbols
