#include "symbols/unwind.hpp"

#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include "symbols/frame_guess.hpp"
#include "symbols/symbol_table.hpp"

extern "C" {
/// Called by nobody; its frame is looked up in this very file.
long unwind_test_function(long value) {
  volatile long array[40] = {value};
  return array[value];
}
}

namespace trapline::symbols {
namespace {

Bytes own_file() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Elf64_Ehdr& header_of(Bytes& file) { return *reinterpret_cast<Elf64_Ehdr*>(file.data()); }

/// The CFA at the beginning of a function of this file.
std::optional<Address> cfa_by(const std::shared_ptr<const CallFrames>& frames) {
  if (!frames) return std::nullopt;
  const auto table = table_of_file("/proc/self/exe");
  const Address function = table->find("unwind_test_function").front().address;
  FrameRegisters registers;
  registers.set(7, 0x7000);
  const auto read = [](Address, std::span<std::byte> into) {
    std::ranges::fill(into, std::byte{0x11});
    return true;
  };
  constexpr Address bias = 0x10000000;
  const auto step = frames->step(function + bias, bias, *frame_abi(Arch::amd64), registers, read);
  return step && step->caller ? step->cfa : std::nullopt;
}

TEST(CallFrames, OfAFile) {
  EXPECT_EQ(cfa_by(call_frames_of_file("/proc/self/exe")), 0x7008U);
  EXPECT_EQ(cfa_by(call_frames_of_image(own_file())), 0x7008U);
}

TEST(CallFrames, OfAFileWithoutSectionHeaders) {
  Bytes file = own_file();
  header_of(file).e_shoff = 0;
  header_of(file).e_shnum = 0;
  header_of(file).e_shstrndx = 0;
  EXPECT_EQ(cfa_by(call_frames_of_image(std::move(file))), 0x7008U);
}

TEST(CallFrames, OfTheSectionTypeThatClangWrites) {
  Bytes file = own_file();
  const Elf64_Ehdr header = header_of(file);
  auto* const sections = reinterpret_cast<Elf64_Shdr*>(&file[header.e_shoff]);
  const char* const names = reinterpret_cast<const char*>(&file[sections[header.e_shstrndx].sh_offset]);
  for (Elf64_Half i = 0; i < header.e_shnum; ++i) {
    if (std::string_view(names + sections[i].sh_name) == ".eh_frame") sections[i].sh_type = 0x70000001;
  }
  EXPECT_EQ(cfa_by(call_frames_of_image(std::move(file))), 0x7008U);
}

TEST(CallFrames, OfDamagedFiles) {
  const Bytes good = own_file();
  EXPECT_EQ(call_frames_of_image({good.begin(), good.begin() + 10}), nullptr);
  EXPECT_EQ(cfa_by(call_frames_of_image({good.begin(), good.begin() + 4096})), std::nullopt);
  EXPECT_EQ(call_frames_of_file("/nowhere"), nullptr);
  EXPECT_EQ(call_frames_of_file("/etc/passwd"), nullptr);
}

TEST(CallFrames, OfDamagedTables) {
  const Bytes good = ElfFile(own_file()).frame_image();
  ASSERT_EQ(cfa_by(std::make_shared<const CallFrames>(good)), 0x7008U);
  // Whatever comes out, it comes out.
  for (unsigned seed = 1; seed < 200; ++seed) {
    Bytes bad = good;
    unsigned state = seed;
    const unsigned changes = 1 + seed * 100;
    for (unsigned i = 0; i < changes; ++i) {
      state = state * 1664525 + 1013904223;
      bad[sizeof(Elf64_Ehdr) + state % (bad.size() - sizeof(Elf64_Ehdr))] ^= static_cast<std::byte>(state >> 13);
    }
    static_cast<void>(cfa_by(std::make_shared<const CallFrames>(std::move(bad))));
  }
}

/// A file of 32 bits with one function at 0x1000 that begins with `push %ebp`.
Bytes file_of_32_bits() {
  constexpr Elf32_Addr address = 0x2000;
  constexpr std::array<unsigned char, 52> frames{
      // The CIE: "zR", pc-relative, CFA esp+4, return address at CFA-4.
      0x14, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x7c, 8, 1, 0x1b, 0x0c, 4, 4, 0x88, 1, 0, 0,
      // The FDE: from 0x1000 on 0x100 bytes; behind the first one CFA esp+8, ebp at CFA-8.
      0x14, 0, 0, 0, 0x1c, 0, 0, 0, 0xe0, 0xef, 0xff, 0xff, 0, 1, 0, 0, 0, 0x41, 0x0e, 8, 0x85, 2, 0, 0, 0, 0, 0, 0};
  const std::string names{"\0.eh_frame\0.shstrtab\0", 21};
  Elf32_Ehdr header{};
  const std::array<unsigned char, 7> magic{ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32, ELFDATA2LSB, EV_CURRENT};
  std::ranges::copy(magic, header.e_ident);
  header.e_type = ET_DYN;
  header.e_machine = EM_386;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof(Elf32_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  std::array<Elf32_Shdr, 3> sections{};
  sections[1] = {1, SHT_PROGBITS, SHF_ALLOC, address, sizeof header, sizeof frames, 0, 0, 4, 0};
  sections[2] = {11, SHT_STRTAB, 0, 0, sizeof header + sizeof frames, 21, 0, 0, 1, 0};
  header.e_shoff = 128;
  Bytes file(header.e_shoff + sizeof sections);
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(&file[sizeof header], frames.data(), sizeof frames);
  std::memcpy(&file[sizeof header + sizeof frames], names.data(), names.size());
  std::memcpy(&file[header.e_shoff], sections.data(), sizeof sections);
  return file;
}

TEST(CallFrames, OfAFileOf32Bits) {
  const auto frames = call_frames_of_image(file_of_32_bits());
  ASSERT_TRUE(frames);
  const FrameAbi& abi = *frame_abi(Arch::i386);
  FrameRegisters registers;
  for (std::size_t number = 0; number < abi.registers; ++number) registers.set(number, 0x100 + number);
  registers.set(abi.sp, 0xfffff000);
  const auto read = [](Address address, std::span<std::byte> into) {
    const std::uint32_t value = address == 0xfffff000 ? 0x5555 : 0xf7001234;
    std::memcpy(into.data(), &value, sizeof value);
    return into.size() == sizeof value;
  };
  constexpr Address bias = 0xf7000000;
  const auto step = frames->step(0x1001 + bias, bias, abi, registers, read);
  ASSERT_TRUE(step && step->caller);
  EXPECT_EQ(step->cfa, 0xfffff008U);
  EXPECT_EQ(step->caller->get(abi.pc), 0xf7001234U);
  EXPECT_EQ(step->caller->get(abi.sp), 0xfffff008U);
  EXPECT_EQ(step->caller->get(abi.fp), 0x5555U);
  EXPECT_EQ(step->caller->get(3), 0x103U) << "ebx is kept";
  EXPECT_EQ(step->caller->get(0), std::nullopt) << "eax is not";
  EXPECT_EQ(frames->step(0x1000 + bias, bias, abi, registers, read)->cfa, 0xfffff004U);
  EXPECT_FALSE(frames->step(0x1100 + bias, bias, abi, registers, read)) << "behind the function";
}

/// A process made of a few pieces of memory, without any files.
class Fake {
 public:
  explicit Fake(Arch arch = Arch::amd64) : abi_(*frame_abi(arch)) {}

  void code(Address address, std::initializer_list<int> bytes) {
    for (const int byte : bytes) memory_[address++] = static_cast<std::byte>(byte);
  }
  /// A call instruction that ends at that address, so that it is one to return to.
  void call_before(Address address) { code(address - 5, {0xe8, 0, 0, 0, 0}); }
  void word(Address address, std::uint64_t value) {
    for (std::size_t i = 0; i < abi_.word_size; ++i) memory_[address + i] = static_cast<std::byte>(value >> (8 * i));
  }
  void registers(Address pc, Address sp, Address fp) {
    registers_.set(abi_.pc, pc);
    registers_.set(abi_.sp, sp);
    registers_.set(abi_.fp, fp);
  }
  void function(Address start) { function_ = start; }

  [[nodiscard]] std::vector<UnwoundFrame> unwind() const {
    const auto read = [this](Address address, std::span<std::byte> into) {
      for (std::byte& byte : into) {
        const auto found = memory_.find(address++);
        if (found == memory_.end()) return false;
        byte = found->second;
      }
      return true;
    };
    const auto frames_at = [](Address) { return std::optional<LoadedFrames>(); };
    const auto executable = [](Address address) { return address >= 0x1000 && address < 0x5000; };
    const auto function_at = [this](Address) { return function_; };
    return symbols::unwind(
        {.abi = abi_, .read = read, .frames_at = frames_at, .executable = executable, .function_at = function_at},
        registers_, SIZE_MAX);
  }
  [[nodiscard]] std::vector<Address> addresses() const {
    std::vector<Address> addresses;
    for (const UnwoundFrame& frame : unwind()) addresses.push_back(frame.pc);
    return addresses;
  }

 private:
  const FrameAbi& abi_;
  std::map<Address, std::byte> memory_;
  FrameRegisters registers_;
  std::optional<Address> function_;
};

using Addresses = std::vector<Address>;

/// Two frames by the frame pointer, of code that is not in a prologue.
Fake two_framed(Arch arch = Arch::amd64) {
  const Address word = frame_abi(arch)->word_size;
  Fake fake(arch);
  fake.code(0x1000, {0x90, 0x90, 0x90, 0x90});
  fake.call_before(0x2000);
  fake.call_before(0x3000);
  fake.registers(0x1000, 0x8000, 0x8100);
  fake.word(0x8000, 0);
  fake.word(0x8100, 0x8200);
  fake.word(0x8100 + word, 0x2000);
  fake.word(0x8200, 0);
  fake.word(0x8200 + word, 0x3000);
  return fake;
}

TEST(FrameGuess, FollowsFramePointers) {
  for (const Arch arch : {Arch::amd64, Arch::i386}) {
    const auto frames = two_framed(arch).unwind();
    const Address word = frame_abi(arch)->word_size;
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(frames[0].cfa, 0x8100 + 2 * word);
    EXPECT_EQ(frames[1].cfa, 0x8200 + 2 * word);
    EXPECT_EQ(frames[2].cfa, 0U);
    EXPECT_EQ(frames[1].pc, 0x2000U);
    EXPECT_EQ(frames[2].pc, 0x3000U);
    EXPECT_FALSE(frames[0].pc_is_return_address);
    EXPECT_TRUE(frames[1].pc_is_return_address);
  }
}

TEST(FrameGuess, StopsWhereItMakesNoSense) {
  const Addresses only{0x1000};
  Fake misaligned = two_framed();
  misaligned.registers(0x1000, 0x8000, 0x8101);
  EXPECT_EQ(misaligned.addresses(), only);
  Fake below = two_framed();
  below.registers(0x1000, 0x8110, 0x8100);
  EXPECT_EQ(below.addresses(), only);
  Fake nowhere = two_framed();
  nowhere.registers(0x1000, 0x8000, 0x9000);
  EXPECT_EQ(nowhere.addresses(), only);
  Fake data = two_framed();
  data.word(0x8108, 0x8000);
  EXPECT_EQ(data.addresses(), only);
  Fake not_called = two_framed();
  not_called.code(0x1ffb, {0, 0, 0, 0, 0});
  EXPECT_EQ(not_called.addresses(), only);
  Fake circle = two_framed();
  circle.word(0x8200, 0x8100);
  EXPECT_EQ(circle.addresses(), (Addresses{0x1000, 0x2000, 0x3000}));
}

TEST(FrameGuess, KnowsPrologueAndReturn) {
  Fake fake = two_framed();
  fake.word(0x7ff8, 0x8100);
  // endbr64; push %rbp; mov %rsp,%rbp; nop; pop %rbp; ret, called with the return address at 0x8000.
  fake.code(0x1100, {0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 0x90, 0x5d, 0xc3});
  fake.call_before(0x1800);
  fake.word(0x8000, 0x1800);
  const auto at = [&](Address pc, Address sp, Address fp) {
    fake.registers(pc, sp, fp);
    return fake.addresses();
  };
  const auto expected = [](Address pc) { return Addresses{pc, 0x1800, 0x2000, 0x3000}; };
  EXPECT_EQ(at(0x1100, 0x8000, 0x8100), expected(0x1100));
  EXPECT_EQ(at(0x1104, 0x8000, 0x8100), expected(0x1104));
  EXPECT_EQ(at(0x1105, 0x7ff8, 0x8100), expected(0x1105));
  EXPECT_EQ(at(0x1108, 0x7ff8, 0x7ff8), expected(0x1108));
  EXPECT_EQ(at(0x110a, 0x8000, 0x8100), expected(0x110a));
}

TEST(FrameGuess, OfAFunctionThatHasNoFrame) {
  Fake fake = two_framed();
  // Its stack pointer alone does not tell: as in a framed function, it is a multiple of 16.
  fake.code(0x1100, {0x31, 0xc0, 0x90, 0x90});
  fake.call_before(0x1800);
  fake.word(0x8000, 0x1800);
  fake.registers(0x1102, 0x8000, 0x8100);
  EXPECT_EQ(fake.addresses(), (Addresses{0x1102, 0x2000, 0x3000}));
  fake.function(0x1100);
  EXPECT_EQ(fake.addresses()[1], 0x1800U);
}

TEST(FrameGuess, OfACallOfABadPointer) {
  Fake fake = two_framed();
  fake.call_before(0x1800);
  fake.word(0x8000, 0x1800);
  fake.registers(0, 0x8000, 0x8100);
  EXPECT_EQ(fake.addresses(), (Addresses{0, 0x1800, 0x2000, 0x3000}));
  fake.word(0x8000, 0x9999);
  EXPECT_EQ(fake.addresses(), (Addresses{0}));
}

TEST(FrameGuess, OfAnyKindOfCall) {
  for (const std::initializer_list<int> call : {std::initializer_list<int>{0xff, 0xd0},
                                                {0x41, 0xff, 0xd3},
                                                {0xff, 0x50, 0x10},
                                                {0xff, 0x54, 0x24, 0x10},
                                                {0xff, 0x15, 1, 2, 3, 4},
                                                {0xff, 0x94, 0x24, 1, 2, 3, 4},
                                                {0xff, 0x14, 0xc3}}) {
    Fake fake = two_framed();
    fake.code(0x2000 - 5, {0, 0, 0, 0, 0});
    fake.code(0x2000 - call.size(), call);
    EXPECT_EQ(fake.addresses(), (Addresses{0x1000, 0x2000, 0x3000}));
  }
}

TEST(FrameGuess, OfASignalHandlerWhoseReturnTellsNothing) {
  Fake fake = two_framed();
  // mov $15,%rax; syscall, without call frame information, as musl has it.
  fake.code(0x1100, {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05});
  fake.code(0x1200, {0xc3});
  fake.word(0x7000, 0x1100);
  constexpr Address context = 0x7008 + 40;
  for (Address i = 0; i < 17; ++i) fake.word(context + 8 * i, i);
  fake.word(context + 8 * 10, 0x8100);
  fake.word(context + 8 * 15, 0x8000);
  fake.word(context + 8 * 16, 0x1000);
  fake.registers(0x1200, 0x7000, 0);
  EXPECT_EQ(fake.addresses(), (Addresses{0x1200, 0x1100, 0x1000, 0x2000, 0x3000}));
  const auto frames = fake.unwind();
  EXPECT_TRUE(frames[1].signal_frame);
  EXPECT_FALSE(frames[2].pc_is_return_address);
  EXPECT_EQ(frames[2].registers.get(8), 0U);
  EXPECT_EQ(frames[2].registers.get(3), 11U);
  // A signal that interrupted its own handler's return, for ever.
  fake.word(context + 8 * 15, 0x7008);
  fake.word(context + 8 * 16, 0x1100);
  EXPECT_LE(fake.addresses().size(), 4U);
}

}  // namespace
}  // namespace trapline::symbols
