#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <trapline/disassembly.hpp>

#include "hex_bytes.hpp"

namespace trapline {
namespace {

std::vector<Instruction> of(const std::string& digits, Arch arch = Arch::amd64, Syntax syntax = Syntax::intel) {
  return disassemble(hex_bytes(digits), 0x1000, arch, syntax);
}

Instruction one(const std::string& digits, Arch arch = Arch::amd64, Syntax syntax = Syntax::intel) {
  const auto list = of(digits, arch, syntax);
  EXPECT_EQ(list.size(), 1U) << digits;
  return list.front();
}

TEST(Disassembly, SpellsBothSyntaxes) {
  EXPECT_EQ(one("4889e5").text(), "mov rbp, rsp");
  EXPECT_EQ(one("4889e5", Arch::amd64, Syntax::att).text(), "movq %rsp, %rbp");
  EXPECT_EQ(one("f3a4").mnemonic, "rep movsb");
  EXPECT_EQ(one("c3").text(), "ret");
}

TEST(Disassembly, TellsTheKind) {
  EXPECT_EQ(one("e800000000").kind, InstructionKind::call);
  EXPECT_EQ(one("ffd0").kind, InstructionKind::call);
  EXPECT_EQ(one("c3").kind, InstructionKind::ret);
  EXPECT_EQ(one("ebfe").kind, InstructionKind::jump);
  EXPECT_EQ(one("ffe0").kind, InstructionKind::jump);
  EXPECT_EQ(one("74fe").kind, InstructionKind::branch);
  EXPECT_EQ(one("0f05").kind, InstructionKind::syscall);
  EXPECT_EQ(one("cd80").kind, InstructionKind::syscall);
  EXPECT_EQ(one("cc").kind, InstructionKind::trap);
  EXPECT_EQ(one("0f0b").kind, InstructionKind::trap);
  EXPECT_EQ(one("90").kind, InstructionKind::other);
}

TEST(Disassembly, TellsWhatItLeadsTo) {
  EXPECT_EQ(one("e8fb0f0000").target->address, 0x2000U);
  EXPECT_EQ(one("ebfe").target->address, 0x1000U);
  EXPECT_FALSE(one("ffd0").target);
  EXPECT_EQ(one("488d05f90f0000").data->address, 0x2000U);
  EXPECT_EQ(one("ff25fa0f0000").data->address, 0x2000U);
  EXPECT_FALSE(one("64488b042528000000").data) << "fs:[0x28] is no address";
  EXPECT_EQ(one("a100200000", Arch::i386).data->address, 0x2000U);
  EXPECT_EQ(one("8b0d00200000", Arch::i386).data->address, 0x2000U);
  EXPECT_FALSE(one("a100200000", Arch::i386).target);
}

TEST(Disassembly, NamesWhatCapstoneDoesNotKnow) {
  // zmm16 with [rax + 0xfc0] into k0.
  EXPECT_EQ(one("62f17d4074403f").text(), "vpcmpeqb ...");
  EXPECT_EQ(one("62f37d203ec101").text(), "vpcmpltub ...");
  EXPECT_EQ(one("c5fb93c0").text(), "kmovd ...");
  EXPECT_EQ(one("0f01ee").text(), "rdpkru");
  EXPECT_EQ(one("3effe1").text(), "notrack jmp rcx");
  EXPECT_EQ(one("3effd1").text(), "notrack call rcx");
  const Instruction younger = one("62f27d48cfc1");
  EXPECT_EQ(younger.text(), "(unknown)");
  EXPECT_EQ(younger.bytes.size(), 6U);
}

TEST(Disassembly, OfI386) {
  EXPECT_EQ(one("89e5", Arch::i386).text(), "mov ebp, esp");
  EXPECT_EQ(one("40", Arch::i386).text(), "inc eax");
  EXPECT_EQ(one("e8fbefffff", Arch::i386).target->address, 0x0U);
}

TEST(Disassembly, OfAarch64) {
  const auto instruction = [](const std::string& digits) { return one(digits, Arch::aarch64); };
  EXPECT_EQ(instruction("fd7bbfa9").text(), "stp x29, x30, [sp, #-0x10]!");
  EXPECT_EQ(instruction("c0035fd6").kind, InstructionKind::ret);
  EXPECT_EQ(instruction("00040094").kind, InstructionKind::call);
  EXPECT_EQ(instruction("00040094").target->address, 0x2000U);
  EXPECT_EQ(instruction("00000014").kind, InstructionKind::jump);
  EXPECT_EQ(instruction("00200054").kind, InstructionKind::branch);
  EXPECT_EQ(instruction("00200054").target->address, 0x1400U);
  EXPECT_EQ(instruction("00a000b4").kind, InstructionKind::branch);
  EXPECT_EQ(instruction("010000d4").kind, InstructionKind::syscall);
  EXPECT_EQ(instruction("00000090").data->address, 0x1000U);
  EXPECT_EQ(instruction("00800010").data->address, 0x2000U);
  const auto broken = of("ffffffffc0035fd6", Arch::aarch64);
  ASSERT_EQ(broken.size(), 2U);
  EXPECT_EQ(broken[0].kind, InstructionKind::bad);
  EXPECT_EQ(broken[0].bytes.size(), 4U);
  EXPECT_EQ(broken[1].mnemonic, "ret");
}

TEST(Disassembly, GoesOnBehindWhatIsNoInstruction) {
  const auto list = of("0690c3");
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].mnemonic, "(bad)");
  EXPECT_EQ(list[0].kind, InstructionKind::bad);
  EXPECT_EQ(list[0].bytes.size(), 1U);
  EXPECT_EQ(list[1].mnemonic, "nop");
  EXPECT_EQ(list[2].address(), 0x1002U);
}

TEST(Disassembly, TheLastOneMayBeCutOff) {
  const auto list = of("c3e80000");
  ASSERT_GE(list.size(), 2U);
  EXPECT_EQ(list[1].mnemonic, "(bad)");
  std::size_t size = 0;
  for (const Instruction& instruction : list) size += instruction.bytes.size();
  EXPECT_EQ(size, 4U);
  EXPECT_TRUE(of("").empty());
}

/// What objdump spells in another way, its word first.
const std::multimap<std::string, std::string> synonyms{
    {"xchg", "nop"},   {"movs", "movsb"},   {"movs", "movsw"},   {"movs", "movsd"}, {"movs", "movsq"},
    {"stos", "stosb"}, {"stos", "stosw"},   {"stos", "stosd"},   {"stos", "stosq"}, {"cmps", "cmpsb"},
    {"cmps", "cmpsd"}, {"scas", "scasb"},   {"scas", "scasd"},   {"lods", "lodsb"}, {"lods", "lodsd"},
    {"fwait", "wait"}, {"xlat", "xlatb"},   {"outs", "outsb"},   {"outs", "outsd"}, {"ins", "insb"},
    {"ins", "insd"},   {"popf", "popfq"},   {"pushf", "pushfq"}, {"iret", "iretd"}, {"shl", "sal"},
    {"call", "lcall"}, {"jmp", "ljmp"},     {"ret", "retf"},     {"popf", "popfd"}, {"pushf", "pushfd"},
    {"popa", "popal"}, {"pusha", "pushal"}, {"lods", "lodsq"},   {"cmps", "cmpsw"}, {"scas", "scasq"}};

bool is_prefix(const std::string& word) {
  static const std::set<std::string> prefixes{"data16", "cs",  "ds",   "es",    "fs",    "gs",   "ss",      "addr32",
                                              "rep",    "bnd", "repz", "repnz", "repne", "lock", "notrack", "rex.W"};
  return prefixes.contains(word);
}

/// The mnemonic without the prefixes.
std::string bare(const std::string& text) {
  std::istringstream words(text);
  std::string word;
  while (words >> word && is_prefix(word)) {
  }
  return word;
}

/// A line of objdump: its address, bytes and words.
struct Line {
  Address address = 0;
  Bytes bytes;
  std::string text;
};

std::vector<Line> objdump(const std::string& file) {
  const std::string command = "LC_ALL=C objdump -d -M intel -j .text --insn-width=16 " + file + " 2>/dev/null";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
  std::vector<Line> lines;
  std::array<char, 4096> buffer;
  while (std::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) {
    const std::string text(buffer.data());
    const std::size_t colon = text.find(":\t");
    if (colon == std::string::npos || text[0] != ' ') continue;
    const std::size_t tab = text.find('\t', colon + 2);
    if (tab == std::string::npos) continue;
    std::string digits = text.substr(colon + 2, tab - colon - 2);
    std::erase(digits, ' ');
    lines.push_back({std::stoull(text, nullptr, 16), hex_bytes(digits), text.substr(tab + 1)});
  }
  return lines;
}

/// Every instruction of a file has the address, length and mnemonic that objdump tells.
void compare(const std::string& file, Arch arch) {
  const std::vector<Line> lines = objdump(file);
  if (lines.empty()) GTEST_SKIP() << "no objdump, or no " << file;
  Bytes code;
  for (const Line& line : lines) code.insert(code.end(), line.bytes.begin(), line.bytes.end());
  const auto ours = disassemble(code, lines.front().address, arch);
  std::size_t different = 0;
  std::size_t unknown = 0;
  ASSERT_EQ(ours.size(), lines.size());
  for (std::size_t i = 0; i < lines.size() && different < 10; ++i) {
    ASSERT_EQ(ours[i].address(), lines[i].address);
    ASSERT_EQ(ours[i].bytes, lines[i].bytes) << std::hex << lines[i].address << ' ' << lines[i].text;
    const std::string theirs = bare(lines[i].text);
    const std::string word = bare(ours[i].mnemonic);
    if (word == "(unknown)") ++unknown;
    if (word == theirs || word == "(unknown)" || theirs.empty()) continue;
    const auto [begin, end] = synonyms.equal_range(theirs);
    const bool same = std::any_of(begin, end, [&](const auto& pair) { return pair.second == word; });
    different += same ? 0 : 1;
    EXPECT_TRUE(same) << std::hex << lines[i].address << ": " << lines[i].text << " is " << ours[i].text();
  }
  EXPECT_LT(unknown, lines.size() / 10000);
}

TEST(DisassemblyAsObjdump, Libc) { compare("/lib/x86_64-linux-gnu/libc.so.6", Arch::amd64); }
TEST(DisassemblyAsObjdump, Bash) { compare("/bin/bash", Arch::amd64); }
TEST(DisassemblyAsObjdump, Python) { compare("/usr/bin/python3", Arch::amd64); }
TEST(DisassemblyAsObjdump, LibcOfI386) { compare("/lib32/libc.so.6", Arch::i386); }

}  // namespace
}  // namespace trapline
