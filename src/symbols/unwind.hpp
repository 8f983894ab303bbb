#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "symbols/call_frames.hpp"
#include "symbols/frame_registers.hpp"

namespace trapline::symbols {

/// One function activation of a stopped thread.
struct UnwoundFrame {
  /// Where it is executing, or will when the frame below returns.
  Address pc = 0;
  /// The canonical frame address: its caller's stack pointer, that is the one after its return. 0 when it is unknown.
  Address cfa = 0;
  /// It is the kernel's call of a signal handler; the next frame is what the signal interrupted.
  bool signal_frame = false;
  /// The pc is behind a call, so that the call is in the function at pc - 1.
  bool pc_is_return_address = false;
  /// As they are in this frame: what a return from the frame below leaves, as far as it is known.
  FrameRegisters registers{};
};

/// The call frame information around an address.
struct LoadedFrames {
  std::shared_ptr<const CallFrames> frames;
  Address bias = 0;
};

/// What the unwinder asks about the process.
struct UnwindSource {
  const FrameAbi& abi;
  ReadMemory read;
  support::FunctionRef<std::optional<LoadedFrames>(Address)> frames_at;
  support::FunctionRef<bool(Address)> executable;
  /// Where the function around an address begins, when that is known.
  support::FunctionRef<std::optional<Address>(Address)> function_at;
};

/// The frames from the innermost on, at most `max`. The last one is where the thread begins, or where what its stack
/// says makes no sense any more. Throws nothing of its own.
[[nodiscard]] std::vector<UnwoundFrame> unwind(const UnwindSource& source, const FrameRegisters& registers,
                                               std::size_t max);

}  // namespace trapline::symbols
