#include "symbols/elf_facts.hpp"

#include <elf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include <trapline/error.hpp>

#include "support/bytes.hpp"
#include "symbols/elf_file.hpp"
#include "symbols/mitigations.hpp"

namespace trapline::symbols {
namespace {

Bytes content_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = support::as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

/// Makes what it makes of damaged bytes: facts or a SymbolError, and nothing else.
void survive(Bytes image) {
  try {
    const ElfFacts facts = ElfFile(std::move(image)).facts();
    EXPECT_LE(facts.properties.size(), 1024U);
  } catch (const SymbolError&) {
    // As it should.
  }
}

TEST(ElfFactsOfDamage, CutAnywhere) {
  const Bytes whole = content_of("/bin/true");
  ASSERT_FALSE(whole.empty());
  for (std::size_t size = 0; size < whole.size(); size += size < 4096 ? 7 : 997) {
    survive(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
  }
}

TEST(ElfFactsOfDamage, OtherBytesAnywhere) {
  const Bytes whole = content_of("/bin/true");
  ASSERT_GT(whole.size(), 4096U);
  std::mt19937 random(4711);
  Elf64_Ehdr header{};
  std::memcpy(&header, whole.data(), sizeof header);
  const std::size_t sections = header.e_shoff;
  for (int round = 0; round < 4000; ++round) {
    Bytes image = whole;
    for (int i = 0; i < 8; ++i) {
      // In the headers mostly: at the beginning, and in the table of sections at the end.
      const std::size_t region = random() % 3;
      const std::size_t at = region == 0 ? random() % 1024 : region == 1 ? sections + random() % 1024 : random();
      image[at % image.size()] = static_cast<std::byte>(random());
    }
    survive(std::move(image));
  }
}

/// A header, segments and what they lead to, of any machine and byte order.
class Builder {
 public:
  Builder(std::uint16_t type, std::uint16_t machine, bool big = false) : big_(big) {
    header_.e_type = type;
    header_.e_machine = machine;
  }

  void add(Elf64_Phdr segment) { segments_.push_back(segment); }
  void add_note(std::uint32_t type, const Bytes& content) {
    for (const std::uint32_t word : {std::uint32_t{4}, static_cast<std::uint32_t>(content.size()), type}) put(word);
    put_bytes(support::as_bytes(std::string_view("GNU\0", 4)));
    put_bytes(content);
    add({.p_type = PT_NOTE,
         .p_flags = 4,
         .p_offset = note_at(),
         .p_vaddr = 0,
         .p_paddr = 0,
         .p_filesz = content_.size(),
         .p_memsz = content_.size(),
         .p_align = 8});
  }
  void property(std::uint32_t type, std::uint32_t value) {
    Bytes bytes;
    for (const std::uint32_t word : {type, std::uint32_t{4}, value, std::uint32_t{0}}) {
      const std::uint32_t ordered = big_ ? __builtin_bswap32(word) : word;
      const auto raw = support::bytes_of(ordered);
      bytes.insert(bytes.end(), raw.begin(), raw.end());
    }
    add_note(NT_GNU_PROPERTY_TYPE_0, bytes);
  }

  [[nodiscard]] ElfFacts facts() const {
    Elf64_Ehdr header = header_;
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = big_ ? ELFDATA2MSB : ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = half(header.e_type);
    header.e_machine = half(header.e_machine);
    header.e_version = word(EV_CURRENT);
    header.e_phoff = wide(sizeof header);
    header.e_ehsize = half(sizeof header);
    header.e_phentsize = half(sizeof(Elf64_Phdr));
    header.e_phnum = half(static_cast<std::uint16_t>(segments_.size()));
    Bytes image;
    const auto append = [&](auto bytes) { image.insert(image.end(), bytes.begin(), bytes.end()); };
    append(support::bytes_of(header));
    for (Elf64_Phdr segment : segments_) {
      segment = {word(segment.p_type),  word(segment.p_flags),  wide(segment.p_offset), wide(segment.p_vaddr),
                 wide(segment.p_paddr), wide(segment.p_filesz), wide(segment.p_memsz),  wide(segment.p_align)};
      append(support::bytes_of(segment));
    }
    image.resize(1024);
    append(content_);
    return ElfFile(std::move(image)).facts();
  }

 private:
  static constexpr std::uint64_t note_at() { return 1024; }
  [[nodiscard]] std::uint16_t half(std::uint16_t value) const { return big_ ? __builtin_bswap16(value) : value; }
  [[nodiscard]] std::uint32_t word(std::uint32_t value) const { return big_ ? __builtin_bswap32(value) : value; }
  [[nodiscard]] std::uint64_t wide(std::uint64_t value) const { return big_ ? __builtin_bswap64(value) : value; }
  void put(std::uint32_t value) { put_bytes(support::bytes_of(big_ ? __builtin_bswap32(value) : value)); }
  void put_bytes(std::span<const std::byte> bytes) { content_.insert(content_.end(), bytes.begin(), bytes.end()); }

  bool big_;
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
  Bytes content_;
};

TEST(ElfFactsOf, AnAarch64Program) {
  Builder elf(ET_DYN, EM_AARCH64);
  elf.property(0xc0000000, 0b011);
  const ElfFacts facts = elf.facts();
  EXPECT_EQ(facts.machine, EM_AARCH64);
  EXPECT_TRUE(facts.mitigations.bti);
  EXPECT_TRUE(facts.mitigations.pac);
  EXPECT_FALSE(facts.mitigations.gcs);
  EXPECT_FALSE(facts.mitigations.ibt);
  // Without a header for its stack that is not executable there.
  EXPECT_EQ(facts.mitigations.nx, true);
}

TEST(ElfFactsOf, ABigEndianProgram) {
  Builder elf(ET_EXEC, EM_AARCH64, true);
  elf.property(0xc0000000, 0b001);
  const ElfFacts facts = elf.facts();
  EXPECT_EQ(facts.byte_order, ByteOrder::big);
  EXPECT_TRUE(facts.mitigations.bti);
  EXPECT_FALSE(facts.mitigations.pac);
}

TEST(ElfFactsOf, ACoreFile) {
  Builder elf(ET_CORE, EM_X86_64);
  elf.add_note(NT_GNU_BUILD_ID, Bytes(20));
  const ElfFacts facts = elf.facts();
  EXPECT_EQ(facts.type, ElfType::core);
  EXPECT_TRUE(facts.build_id.empty());
  EXPECT_EQ(facts.mitigations.nx, std::nullopt);
}

TEST(ElfFactsOf, AnX86ProgramWithoutAStackHeader) {
  Builder elf(ET_EXEC, EM_X86_64);
  elf.add({.p_type = PT_LOAD,
           .p_flags = 7,
           .p_offset = 0,
           .p_vaddr = 0,
           .p_paddr = 0,
           .p_filesz = 64,
           .p_memsz = 64,
           .p_align = 1});
  const ElfFacts facts = elf.facts();
  EXPECT_EQ(facts.mitigations.nx, false);
  EXPECT_TRUE(facts.mitigations.writable_code);
}

TEST(ElfFactsOf, ManyHeadersOfTheSameBytes) {
  Builder elf(ET_EXEC, EM_X86_64);
  elf.property(0xc0000002, 1);
  for (int i = 0; i < 5; ++i) {
    elf.add({.p_type = PT_NOTE,
             .p_flags = 4,
             .p_offset = 0,
             .p_vaddr = 0,
             .p_paddr = 0,
             .p_filesz = UINT64_MAX,
             .p_memsz = 0,
             .p_align = 4});
    elf.add({.p_type = PT_INTERP,
             .p_flags = 4,
             .p_offset = UINT64_MAX - 3,
             .p_vaddr = 0,
             .p_paddr = 0,
             .p_filesz = 8,
             .p_memsz = 0,
             .p_align = 4});
    elf.add({.p_type = PT_DYNAMIC,
             .p_flags = 4,
             .p_offset = 1020,
             .p_vaddr = 0,
             .p_paddr = 0,
             .p_filesz = 1 << 30,
             .p_memsz = 0,
             .p_align = 4});
  }
  const ElfFacts facts = elf.facts();
  EXPECT_TRUE(facts.mitigations.ibt);
  EXPECT_EQ(facts.interpreter, "");
}

TEST(Mitigations, NamesWithVersions) {
  ElfFacts facts;
  facts.type = ElfType::shared;
  MitigationReader reader(facts, false);
  reader.add_name("__memcpy_chk@GLIBC_2.3.4", NameOf::import);
  reader.add_name("__open_2", NameOf::import);
  reader.add_name("printf@@GLIBC_2.2.5", NameOf::import);
  reader.add_name("printf", NameOf::definition);
  reader.add_name("strcpy", NameOf::definition);
  reader.add_name("__nothing_chk", NameOf::import);
  reader.add_name("", NameOf::import);
  reader.add_name("__stack_chk_fail", NameOf::import);
  reader.finish();
  EXPECT_EQ(facts.mitigations.fortified, (std::vector<std::string>{"memcpy", "open"}));
  EXPECT_EQ(facts.mitigations.unfortified, std::vector<std::string>{"printf"});
  EXPECT_TRUE(facts.mitigations.canary);
}

}  // namespace
}  // namespace trapline::symbols
