#include "laboratory.hpp"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <span>

#include "arch/relocate.hpp"

namespace trapline::native {
namespace {

using arch::Encoding;
using arch::Flow;

// All but the far slots lies within reach of the code, and below 4 GiB. Sanitizers leave these addresses free.
constexpr Address data = 0x20000000, code_page = 0x60000000, near_slots = 0x60010000, landing = 0x68000000,
                  far_slots = 0x7e9000000000;
constexpr std::size_t data_size = 8192, code_size = 4096, landing_size = 4096;
constexpr Address at = code_page + 0x800;
constexpr Address middle = data + data_size / 2;
constexpr std::byte trap{0xcc};
constexpr std::size_t sp = 19, pc = 16, flags = 18, fs_base = 21, gs_base = 22;
constexpr std::array<std::size_t, 16> words{10, 11, 12, 5, 19, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0};

alignas(64) thread_local std::array<std::byte, 256> thread_data;

std::byte* pointer(Address address) { return reinterpret_cast<std::byte*>(address); }

/// What is compared: everything that the code may write to.
std::array<std::span<std::byte>, 3> memory() {
  return {std::span(pointer(data), data_size), std::span(pointer(landing), landing_size), std::span(thread_data)};
}

bool accessible(Address address, std::size_t size) {
  const auto inside = [&](Address begin, std::size_t length) {
    return address >= begin && address - begin <= length && length - (address - begin) >= size;
  };
  const auto blocks = memory();
  return std::ranges::any_of(blocks, [&](std::span<std::byte> block) {
    return inside(reinterpret_cast<Address>(block.data()), block.size());
  });
}

std::string hex(std::uint64_t value) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "%#llx", static_cast<unsigned long long>(value));
  return text.data();
}

bool has_vector_index(const Encoding& encoding) {
  const std::uint8_t opcode = encoding.opcode;
  return encoding.vector && encoding.map == arch::OpcodeMap::three_byte_38 &&
         ((opcode >= 0x90 && opcode <= 0x93) || (opcode >= 0xa0 && opcode <= 0xa3) || opcode == 0xc6 || opcode == 0xc7);
}

/// The REX bits of whatever prefix it has.
unsigned rex_of(const Encoding& encoding, std::span<const std::byte> bytes) {
  if (!encoding.vector) return encoding.rex;
  for (const std::byte& byte : bytes) {
    if (byte == std::byte{0xc5}) return 0;
    if (byte == std::byte{0xc4} || byte == std::byte{0x62}) return ~std::to_integer<unsigned>((&byte)[1]) >> 5U & 7U;
  }
  return 0;
}

}  // namespace

Laboratory::Laboratory() {
  map(data, data_size);
  map(code_page, code_size);
  map(near_slots, code_size);
  map(far_slots, code_size);
  map(landing, landing_size);
  syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_base_);
  syscall(SYS_arch_prctl, ARCH_SET_GS, data);
  prepare_process();
}

std::uint64_t Laboratory::random_word() {
  // Where the flags of 8, 16, 32 and 64 bits turn.
  constexpr std::array<std::uint64_t, 12> edges{
      0, 1, ~0ULL, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0x7fffffffffffffff, 0x8000000000000000};
  switch (pick(7)) {
    case 0: return data + 0x800 + 64 * pick(64);
    case 1: return pick(40);
    case 2:
    case 3: return edges[pick(edges.size())];
    // Neighbours of them.
    case 4: return edges[pick(edges.size())] + pick(3) - 1;
    // No address, so that no stray access goes far.
    case 5: return (random_() & ~(0xffffULL << 47U)) | 0x5aULL << 48U;
    default: return (random_() & 0xffffffffULL) | 0x5aULL << 56U;
  }
}

void Laboratory::randomize_vectors(Vectors& vectors) {
  // Small numbers are what gathers need for their indices.
  const bool small = pick(3) == 0;
  for (auto& zmm : vectors.zmm) {
    for (std::size_t i = 0; i < zmm.size(); i += 4) {
      const auto value = static_cast<std::uint32_t>(small ? pick(200) : random_());
      std::memcpy(zmm.data() + i, &value, sizeof value);
    }
  }
  for (auto& mask : vectors.mask) mask = random_();
  for (auto& x87 : vectors.x87) {
    x87.fill(std::byte{0});
    for (std::size_t i = 0; i < 8; ++i) x87[i] = static_cast<std::byte>(random_());
    x87[8] = x87[9] = std::byte{0xff};
  }
  vectors.x87_words = {std::byte{0x7f}, std::byte{0x03}, std::byte{0}, std::byte{0}, std::byte{0xff}, std::byte{0}};
}

void Laboratory::set_displacement(Sample& sample, std::int64_t value) {
  std::memcpy(sample.bytes.data() + sample.encoding.displacement_at, &value, sample.encoding.displacement_size);
}

void Laboratory::lead_branch(Sample& sample) {
  const Encoding& encoding = sample.encoding;
  const bool is_near = encoding.immediate_size == 1;
  std::int64_t distance = static_cast<std::int64_t>(0x10 + pick(is_near ? 0x60 : 0x700));
  if (pick(2) == 0) distance = -distance - 0x10;
  std::memcpy(sample.bytes.data() + encoding.immediate_at, &distance, encoding.immediate_size);
}

void Laboratory::lead_memory(Sample& sample) {
  const Encoding& encoding = sample.encoding;
  Words& registers = sample.state.words;
  // Atomic accesses across cache lines are slow, and forbidden on some machines.
  constexpr std::array<unsigned, 6> offsets{0, 0, 64, 1, 8, 56};
  const bool transfers = sample.plan.instruction.flow != Flow::next;
  const bool aligned = transfers || encoding.lock || encoding.in(0x86, 0x87) || pick(2) == 0;
  Address wanted = middle + (aligned ? 64 * pick(2) : offsets[pick(offsets.size())]);
  if (encoding.segment == 0x65) wanted -= data;
  if (encoding.segment == 0x64) wanted = reinterpret_cast<Address>(thread_data.data()) + 64 - fs_base_;
  if (encoding.pc_relative()) {
    set_displacement(sample, static_cast<std::int64_t>(wanted - at - encoding.length));
    return;
  }
  const unsigned rex = rex_of(encoding, sample.bytes);
  const unsigned low = encoding.has_sib ? encoding.sib & 7U : encoding.rm();
  const bool has_base = !(encoding.mod() == 0 && low == 5);
  const std::size_t base = words[low | (rex & 1U) << 3U];
  const unsigned index_number = (encoding.sib >> 3U & 7U) | (rex & 2U) << 2U;
  const bool has_index = encoding.has_sib && index_number != 4 && !has_vector_index(encoding);
  const std::size_t index = words[index_number];
  const std::uint64_t scale = 1U << (encoding.sib >> 6U);
  if (!has_base && !has_index) {
    set_displacement(sample, static_cast<std::int64_t>(wanted));
    return;
  }
  const Address sum = wanted - static_cast<Address>(displacement_of(encoding, sample.bytes));
  if (has_base && has_index && base == index) {
    registers[base] = sum / (scale + 1);
  } else if (has_base) {
    registers[base] = sum;
    if (has_index) {
      registers[index] = pick(4);
      registers[base] -= registers[index] * scale;
    }
  } else {
    registers[index] = sum / scale;
  }
  // What the address size cuts off.
  if (encoding.address_size_prefix && base != index) {
    if (has_base && base != sp) registers[base] |= random_() << 32U;
    if (has_index) registers[index] |= random_() << 32U;
  }
}

void Laboratory::lead_target(Sample& sample) {
  const Encoding& encoding = sample.encoding;
  if (!encoding.is(0xff) || encoding.mod() != 3) return;
  Address target = landing + 64 + pick(0x800);
  if (pick(10) == 0) target |= 1ULL << (47 + pick(16));
  sample.state.words[words[encoding.rm() | (encoding.rex & 1U) << 3U]] = target;
}

Laboratory::Sample Laboratory::prepare(ByteView code, const Encoding& encoding) {
  Sample sample{.encoding = encoding};
  std::ranges::copy(code.first(encoding.length), sample.bytes.begin());
  sample.plan = decoder_.plan(sample.bytes, at);
  Words& registers = sample.state.words;
  for (std::size_t i = 0; i < registers.size(); ++i) registers[i] = 0x1111 * i;
  for (const std::size_t word : words) registers[word] = random_word();
  for (const std::size_t word : {words[3], words[5], words[6], words[7]})
    if (pick(8) != 0) registers[word] = data + 0x800 + 8 * pick(512);
  registers[sp] = data + 0x800 + 8 * pick(512);
  const std::uint64_t edge = pick(16);
  if (edge == 0) registers[sp] = data;
  if (edge == 1) registers[sp] = data + 4;
  if (edge == 2) registers[sp] = data + data_size - 4;
  registers[fs_base] = fs_base_;
  registers[gs_base] = data;
  registers[flags] = 0x202 | (random_() & 0x8d5U) | (pick(8) == 0 ? 0x400U : 0U);
  registers[pc] = at;
  randomize_vectors(sample.state.vectors);
  if (sample.plan.instruction.target) lead_branch(sample);
  if (encoding.has_memory() && encoding.modrm_at != 0) lead_memory(sample);
  const Flow flow = sample.plan.instruction.flow;
  if (flow == Flow::jump || flow == Flow::call) lead_target(sample);
  if (encoding.in(0xa0, 0xa3)) set_displacement(sample, static_cast<std::int64_t>(middle));
  sample.plan = decoder_.plan(sample.bytes, at);
  return sample;
}

void Laboratory::fill_memory(const Sample& sample) {
  const Flow flow = sample.plan.instruction.flow;
  initial_.clear();
  for (const auto block : memory()) {
    const bool is_landing = block.data() == pointer(landing);
    for (std::size_t i = 0; i < block.size(); i += 8) {
      std::uint64_t value = random_();
      if (is_landing)
        value = 0xccccccccccccccccU;
      else if (flow == Flow::ret || flow == Flow::jump || flow == Flow::call)
        value = landing + 64 + value % 0x800;
      else if (sample.encoding.in(0x58, 0x5f) || sample.encoding.is(0x8f))
        value >>= 17U;
      const auto bytes = std::as_bytes(std::span(&value, 1));
      initial_.insert(initial_.end(), bytes.begin(), bytes.end());
    }
  }
  if (pick(10) != 0) return;
  // Targets that are no addresses.
  if (flow == Flow::ret || flow == Flow::jump || flow == Flow::call)
    for (std::size_t i = 6; i < data_size; i += 8) initial_[i] = std::byte{0x81};
}

void Laboratory::reset_memory() {
  std::size_t done = 0;
  for (const auto block : memory()) {
    std::memcpy(block.data(), initial_.data() + done, block.size());
    done += block.size();
  }
  std::memset(pointer(code_page), static_cast<int>(trap), code_size);
}

void Laboratory::keep_memory() {
  after_native_.clear();
  for (const auto block : memory()) after_native_.insert(after_native_.end(), block.begin(), block.end());
}

std::string Laboratory::compare(const Outcome& expected, const Outcome& found, bool compare_vectors) const {
  std::string text;
  if (expected.signal != found.signal)
    text += " signal " + std::to_string(expected.signal) + " became " + std::to_string(found.signal);
  for (std::size_t i = 0; i < expected.state.words.size(); ++i) {
    if (expected.state.words[i] != found.state.words[i])
      text +=
          " word " + std::to_string(i) + ": " + hex(expected.state.words[i]) + " became " + hex(found.state.words[i]);
  }
  if (compare_vectors && expected.state.vectors != found.state.vectors) text += " vector registers";
  if (expected.signal == SIGSEGV && expected.address != found.address)
    text += " fault at " + hex(expected.address) + " became one at " + hex(found.address);
  std::size_t done = 0;
  for (const auto block : memory()) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      if (block[i] == after_native_[done + i]) continue;
      text += " memory at " + hex(reinterpret_cast<Address>(block.data()) + i);
      break;
    }
    done += block.size();
  }
  return text;
}

std::string Laboratory::check_native(const Sample& sample, const Outcome& native) {
  const arch::TrapPlan& plan = sample.plan;
  const Address stands = native.state.words[pc];
  if (plan.instruction.flow == Flow::next && native.signal == SIGTRAP && stands != at + plan.instruction.length)
    return " its length: the pc is " + hex(stands);
  if (!plan.moves_only_to) return {};
  Outcome moved{.state = sample.state, .signal = SIGTRAP};
  moved.state.words[pc] = *plan.moves_only_to;
  reset_memory();
  return compare(native, moved);
}

std::string Laboratory::check_slot(const Sample& sample, const Outcome& native, Address slot, bool& tried) {
  const auto code = arch::relocate(sample.plan, Arch::amd64, at, slot);
  if (!code) return {};
  tried = true;
  const auto find_place = [&](Address address) {
    return std::find_if(code->places.begin(), code->places.begin() + static_cast<std::ptrdiff_t>(code->place_count),
                        [&](const auto& place) { return slot + place.offset == address; });
  };
  const auto end = code->places.begin() + static_cast<std::ptrdiff_t>(code->place_count);
  State state = sample.state;
  state.words[pc] = slot;
  // pushf would push the trap flag.
  const bool steps = !sample.encoding.is(0x9c);
  for (const bool in_steps : {false, true}) {
    if (in_steps && !steps) continue;
    reset_memory();
    std::memcpy(pointer(at), sample.bytes.data(), sample.encoding.length);
    *pointer(at) = trap;
    std::memset(pointer(slot), static_cast<int>(trap), code->bytes.size());
    std::memcpy(pointer(slot), code->bytes.data(), code->size);
    Outcome found = in_steps ? run_in_steps(state, slot, code->size) : run(state);
    for (const Address step : found.steps) {
      if (const auto place = find_place(step); place != end && (step == slot || place->pc == native.state.words[pc]))
        continue;
      return " stood in the slot at " + hex(step - slot) + ", which is no place, or another one";
    }
    // A repeated one is left in the middle.
    if (found.steps.size() == most_steps) continue;
    Address& stands = found.state.words[pc];
    if (stands - slot < code->size) {
      const auto place = find_place(stands);
      if (place == end) return " ended in the slot at " + hex(stands - slot) + ", which is no place";
      stands = place->pc;
    }
    // A step is reported before the first instruction at an address that has none.
    if (in_steps && native.signal == SIGSEGV && stands != at) {
      found.signal = native.signal;
      found.address = native.address;
    }
    // Which elements a gather has done when one faults is the processor's choice.
    const bool partial = native.signal != SIGTRAP && has_vector_index(sample.encoding);
    const std::string text = compare(native, found, !partial);
    if (!text.empty()) return (in_steps ? " in steps:" : "") + text;
  }
  return {};
}

std::string Laboratory::check_emulated(const Sample& sample, const Outcome& native) {
  reset_memory();
  Outcome found{.state = sample.state, .signal = native.signal, .address = native.address};
  found.state.vectors = native.state.vectors;
  Words& registers = found.state.words;
  auto word = [&](std::size_t i) { return registers[i]; };
  auto set_word = [&](std::size_t i, std::uint64_t value) { registers[i] = value; };
  auto read = [](Address from, std::span<std::byte> into) {
    if (!accessible(from, into.size())) return false;
    std::memcpy(into.data(), pointer(from), into.size());
    return true;
  };
  auto write = [](Address to, std::span<const std::byte> bytes) {
    if (!accessible(to, bytes.size())) return false;
    std::memcpy(pointer(to), bytes.data(), bytes.size());
    return true;
  };
  const bool done = arch::emulate(*sample.plan.emulation, {word, set_word, read, write});
  const bool faulted = native.signal != SIGTRAP && native.state.words[pc] == at;
  if (!done && !faulted) return " was not emulated";
  return compare(native, found);
}

Verdict Laboratory::check(ByteView code, std::uint64_t seed) {
  random_.seed(seed);
  Verdict verdict;
  const auto encoding = arch::parse_encoding(code, Arch::amd64);
  if (!encoding) {
    verdict.skipped = "unknown";
    return verdict;
  }
  const Sample sample = prepare(code, *encoding);
  verdict.skipped = reason_to_skip(*encoding, sample.plan);
  if (!verdict.skipped.empty()) return verdict;
  fill_memory(sample);
  reset_memory();
  std::memcpy(pointer(at), sample.bytes.data(), encoding->length);
  const Outcome native = run(sample.state);
  keep_memory();
  // The kernel raises SIGILL when it cannot return there from an interrupt: now and then.
  const std::uint64_t top = native.state.words[sp] >> 47U;
  if (top != 0 && top != 0x1ffff) return verdict;
  verdict.completed = native.signal == SIGTRAP;
  const auto note = [&](const char* way, const std::string& text) {
    if (!text.empty()) verdict.failure += std::string(" [") + way + "]" + text;
  };
  note("in place", check_native(sample, native));
  for (const Address slot : {near_slots + 64 * pick(32), far_slots + 64 * pick(32)})
    note(slot < far_slots ? "near slot" : "far slot", check_slot(sample, native, slot, verdict.slot));
  if (sample.plan.emulation) {
    verdict.emulated = true;
    note("emulated", check_emulated(sample, native));
  }
  return verdict;
}

std::string reason_to_skip(const Encoding& encoding, const arch::TrapPlan& plan) {
  if (plan.instruction.length == 0) return "unknown";
  switch (plan.instruction.flow) {
    case Flow::syscall: return "a system call";
    case Flow::trap: return "a trap";
    case Flow::other: return "a far transfer or transaction";
    default: break;
  }
  if (!plan.relocatable && !plan.emulation && !plan.moves_only_to) return "is stepped in place";
  if (encoding.vector || (encoding.map != arch::OpcodeMap::one_byte && encoding.map != arch::OpcodeMap::two_byte))
    return {};
  if (encoding.is(0x8e) || encoding.is_0f(0xa1) || encoding.is_0f(0xa9) || encoding.is_0f(0xb2) ||
      encoding.is_0f(0xb4) || encoding.is_0f(0xb5))
    return "loads a segment register";
  if (encoding.is_0f(0x31) || encoding.is_0f(0x33) || encoding.is_0f(0xa2)) return "tells time or processor";
  if (encoding.is_0f(0x00) || encoding.is_0f(0x01) || encoding.is_0f(0x37)) return "is about the system";
  if (encoding.is_0f(0xc7) && (encoding.mod() == 3 || encoding.reg() != 1)) return "is random, or saves all state";
  if (encoding.is_0f(0xae) && encoding.mod() != 3 && encoding.reg() >= 4 && encoding.reg() <= 6)
    return "is random, or saves all state";
  if (encoding.is_0f(0xae) && encoding.mod() == 3 && (encoding.rep || encoding.repne || encoding.operand_size_prefix))
    return "writes a segment's base, or waits";
  return {};
}

}  // namespace trapline::native
