#include "core/backtrace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <trapline/error.hpp>

#include "arch/arch.hpp"
#include "core/process.hpp"
#include "core/process_maps.hpp"
#include "symbols/debug_info.hpp"

namespace trapline::core {
namespace {

/// What the unwinder and the names need to know of one process; each module is looked for once.
class Loaded {
 public:
  Loaded(Process& process, const Modules& modules) : process_(process), modules_(modules) {}

  [[nodiscard]] bool executable(Address address) const {
    const MemoryMap* const map = modules_.maps().at(address);
    return map != nullptr && map->executable;
  }

  [[nodiscard]] const Module* module_at(Address address) {
    Item* const item = find(address);
    return item != nullptr ? &item->module : nullptr;
  }

  [[nodiscard]] std::optional<symbols::LoadedFrames> frames_at(Address address) {
    Item* const item = find(address);
    if (item == nullptr) return std::nullopt;
    if (!item->frames_known) {
      item->frames = load_call_frames(process_, item->module);
      item->frames_known = true;
    }
    if (!item->frames) return std::nullopt;
    return symbols::LoadedFrames{item->frames, item->module.bias};
  }

  [[nodiscard]] const symbols::DebugInfo* debug_info_at(Address address) {
    Item* const item = find(address);
    if (item == nullptr) return nullptr;
    if (!item->debug_known) {
      item->debug = modules_.debug_info(item->module);
      item->debug_known = true;
    }
    return item->debug.get();
  }

  [[nodiscard]] std::optional<Address> function_at(Address address) {
    const Module* const module = module_at(address);
    if (module == nullptr) return std::nullopt;
    const auto entry = module->symbol_at(address);
    if (!entry) return std::nullopt;
    return entry->address + module->bias;
  }

 private:
  struct Item {
    Module module;
    bool frames_known = false;
    std::shared_ptr<const symbols::CallFrames> frames{};
    bool debug_known = false;
    std::shared_ptr<const symbols::DebugInfo> debug{};
  };

  Item* find(Address address) {
    const auto around = [&](const Item& item) { return address >= item.module.start && address < item.module.end; };
    const auto known = std::ranges::find_if(items_, around);
    if (known != items_.end()) return &*known;
    auto module = modules_.at(address);
    if (!module) return nullptr;
    items_.push_back({.module = *std::move(module)});
    return &items_.back();
  }

  Process& process_;
  const Modules& modules_;
  std::vector<Item> items_;
};

/// Memory in pieces that a frame's words lie close together in: a system call for each word is most of what unwinding
/// costs otherwise.
class Window {
 public:
  explicit Window(TraceeMemory& memory) : memory_(memory) {}

  bool read(Address address, std::span<std::byte> into) {
    const Address start = address & ~Address{bytes_.size() - 1};
    if (address - start + into.size() > bytes_.size()) return memory_.read(address, into) == into.size();
    if (size_ == 0 || start != start_) {
      start_ = start;
      size_ = memory_.read(start, bytes_);
    }
    if (address - start + into.size() > size_) return false;
    std::memcpy(into.data(), &bytes_[address - start], into.size());
    return true;
  }

 private:
  TraceeMemory& memory_;
  Address start_ = 0;
  std::size_t size_ = 0;
  std::array<std::byte, 512> bytes_{};
};

std::vector<UnwoundFrame> unwind_with(ThreadState& thread, Loaded& loaded, std::size_t max) {
  const Arch arch = thread.process->arch();
  const symbols::FrameAbi* const abi = symbols::frame_abi(arch);
  if (abi == nullptr) throw UsageError("frames of this architecture cannot be unwound yet");
  symbols::FrameRegisters registers;
  const auto words = arch::info(arch).dwarf_registers;
  for (std::size_t number = 0; number < words.size(); ++number) {
    registers.set(number, thread.registers.word(words[number]));
  }
  Window window(thread.process->memory());
  const auto read = [&](Address address, std::span<std::byte> into) { return window.read(address, into); };
  const auto frames_at = [&](Address address) { return loaded.frames_at(address); };
  const auto executable = [&](Address address) { return loaded.executable(address); };
  const auto function_at = [&](Address address) { return loaded.function_at(address); };
  return symbols::unwind(
      {.abi = *abi, .read = read, .frames_at = frames_at, .executable = executable, .function_at = function_at},
      registers, max);
}

/// Where the frame is executing: a call may be the last instruction of its line or function.
Address place_of(const UnwoundFrame& frame) { return frame.pc - (frame.pc_is_return_address ? 1 : 0); }

Frame named(const UnwoundFrame& frame, Loaded& loaded) {
  Frame result{.pc = frame.pc, .cfa = frame.cfa, .signal_frame = frame.signal_frame};
  const Address asked = place_of(frame);
  const Module* const module = loaded.module_at(asked);
  if (module == nullptr) return result;
  result.module = module->path;
  result.offset = frame.pc - module->start;
  const auto entry = module->symbol_at(asked);
  if (!entry) return result;
  result.function = entry->name;
  result.offset = frame.pc - module->bias - entry->address;
  return result;
}

void add_lines(Frame& result, Address asked, Loaded& loaded) {
  const symbols::DebugInfo* const info = loaded.debug_info_at(asked);
  if (info == nullptr) return;
  const Address in_file = asked - loaded.module_at(asked)->bias;
  result.source = info->line_at(in_file);
  result.inlined = info->inlined_at(in_file);
}

}  // namespace

std::vector<UnwoundFrame> unwind(ThreadState& thread, const Modules& modules, std::size_t max) {
  Loaded loaded(*thread.process, modules);
  return unwind_with(thread, loaded, max);
}

std::vector<UnwoundFrame> unwind(ThreadState& thread, std::size_t max) {
  return unwind(thread, thread.process->breakpoints().modules(), max);
}

std::vector<Frame> backtrace(ThreadState& thread, const BacktraceOptions& options) {
  const Modules& modules = thread.process->breakpoints().modules();
  Loaded loaded(*thread.process, modules);
  std::vector<Frame> frames;
  for (const UnwoundFrame& frame : unwind_with(thread, loaded, options.max)) {
    frames.push_back(named(frame, loaded));
    if (options.lines) add_lines(frames.back(), place_of(frame), loaded);
  }
  return frames;
}

Address return_address(ThreadState& thread) {
  const auto frames = unwind(thread, 2);
  if (frames.size() == 2) return frames.back().pc;
  throw UsageError(fmt::format(
      "nothing tells where the function at {:#x} returns to: the thread begins there, or its stack is damaged",
      frames.front().pc));
}

}  // namespace trapline::core
