#include <gtest/gtest.h>

#include <iostream>
#include <sstream>
#include <string>

#include <trapline/error.hpp>
#include <trapline/print_state.hpp>

#include "arch/flags.hpp"
#include "hex_bytes.hpp"

namespace trapline {
namespace {

Bytes word(std::uint64_t value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}

/// What a printer prints.
template <class F>
std::string printed(F&& print) {
  std::ostringstream out;
  print(out);
  return out.str();
}

RegisterValues some_registers() {
  RegisterValues values{.arch = Arch::amd64};
  values.list.push_back({.name = "rax", .bytes = word(0xfffffffffffffffe)});
  values.list.push_back({.name = "rbx",
                         .bytes = word(0x7ffd0010),
                         .pointee = Pointee{.place = {.address = 0x7ffd0010},
                                            .map = "[stack]",
                                            .readable = true,
                                            .writable = true,
                                            .text = "a \"name\"\n",
                                            .word = 0x1}});
  values.list.push_back({.name = "rip",
                         .bytes = word(0x401136),
                         .pointee = Pointee{.place = {.address = 0x401136, .symbol = "main", .offset = 0x10},
                                            .map = "/usr/bin/a b\033",
                                            .executable = true,
                                            .word = 0x55}});
  values.list.push_back({.name = "rflags", .role = RegisterRole::flags, .bytes = word(0x246)});
  values.list.push_back({.name = "cs", .role = RegisterRole::segment, .bytes = word(0x33)});
  values.list.push_back({.name = "ss", .role = RegisterRole::segment, .bytes = word(0x2b)});
  values.list.push_back(
      {.name = "xmm0", .role = RegisterRole::vector, .bytes = hex_bytes("00010203040506070800000000000000")});
  values.list.push_back({.name = "xmm1", .role = RegisterRole::vector, .bytes = Bytes(16)});
  return values;
}

TEST(PrintRegisters, OneALineWithWhatItLeadsTo) {
  EXPECT_EQ(printed([](std::ostream& out) { print_registers(out, some_registers()); }),
            "rax     0xfffffffffffffffe  -2\n"
            "rbx     0x7ffd0010          [stack] -> \"a \\\"name\\\"\\n\"\n"
            "rip     0x401136            main+0x10 in a b\\33\n"
            "rflags  0x246               [PF ZF IF]\n"
            "cs 0x33  ss 0x2b\n"
            "xmm0    0x8_0706050403020100\n"
            "xmm1    0x0\n");
}

TEST(PrintRegisters, ChangedOnesAreMarked) {
  const RegisterValues before = some_registers();
  RegisterValues now = before;
  now.list[0].bytes = word(7);
  now.list[5].bytes = word(0);
  EXPECT_EQ(now.changed_since(before), (std::vector<std::string_view>{"rax", "ss"}));
  const std::string text = printed([&](std::ostream& out) { print_registers(out, now, {.before = &before}); });
  EXPECT_EQ(text.substr(0, text.find('\n')), "*rax     0x7");
  EXPECT_NE(text.find("\n rbx     0x7ffd0010"), std::string::npos);
  EXPECT_NE(text.find("\n cs 0x33  *ss 0x0\n"), std::string::npos);
}

TEST(PrintRegisters, InColor) {
  RegisterValues values{.arch = Arch::amd64};
  values.list.push_back(some_registers().list[1]);
  EXPECT_EQ(printed([&](std::ostream& out) { print_registers(out, values, {.color = Color::always}); }),
            "\033[1mrbx\033[0m  0x7ffd0010          \033[33m[stack]\033[0m -> \033[32m\"a \\\"name\\\"\\n\"\033[0m\n");
}

TEST(PrintMaps, ByPermission) {
  const MemoryMaps maps(
      {{.start = 0x400000, .end = 0x401000, .readable = true, .executable = true, .path = "/bin/a\nb"},
       {.start = 0x7ffd000, .end = 0x8ffd000, .readable = true, .writable = true, .path = "[stack]"},
       {.start = 0x9000000, .end = 0x9001000, .readable = true, .writable = true, .executable = true}},
      "/bin/a\nb");
  EXPECT_EQ(printed([&](std::ostream& out) { print_maps(out, maps); }),
            "0x400000-0x401000    r-xp      4K  0x0  /bin/a\\nb\n"
            "0x7ffd000-0x8ffd000  rw-p     16M  0x0  [stack]\n"
            "0x9000000-0x9001000  rwxp      4K  0x0\n");
  const std::string colored = printed([&](std::ostream& out) { print_maps(out, maps, {.color = Color::always}); });
  EXPECT_NE(colored.find("\033[31mr-xp\033[0m"), std::string::npos);
  EXPECT_NE(colored.find("\033[33m[stack]\033[0m"), std::string::npos);
  EXPECT_NE(colored.find("\033[1;31mrwxp\033[0m"), std::string::npos) << "what is dangerous is loud";
}

MemoryBlock some_memory() {
  MemoryBlock block{.start = {.address = 0x1000, .symbol = "buffer"}, .end = {.address = 0x1045}, .wanted = 100};
  block.bytes = hex_bytes("4142430a1b5b33316d000000000000ff");
  block.bytes.resize(0x45);
  return block;
}

TEST(PrintMemory, BytesAndText) {
  EXPECT_EQ(printed([](std::ostream& out) { print_memory(out, some_memory()); }),
            "0x1000 <buffer> to 0x1045, 69 bytes of 100; the rest cannot be read\n"
            "0x1000  41 42 43 0a 1b 5b 33 31  6d 00 00 00 00 00 00 ff  |ABC..[31m.......|\n"
            "0x1010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n"
            "*\n"
            "0x1040  00 00 00 00 00                                    |.....|\n");
}

TEST(PrintMemory, Integers) {
  const auto lines = [](std::size_t size, bool big_endian) {
    MemoryBlock block = some_memory();
    block.bytes.resize(18);
    const std::string text =
        printed([&](std::ostream& out) { print_memory(out, block, {.word_size = size, .big_endian = big_endian}); });
    return text.substr(text.find('\n') + 1);
  };
  EXPECT_EQ(lines(8, false), "0x1000  0x31335b1b0a434241 0xff0000000000006d\n0x1010  0x0000\n");
  EXPECT_EQ(lines(8, true), "0x1000  0x4142430a1b5b3331 0x6d000000000000ff\n0x1010  0x0000\n");
  EXPECT_EQ(lines(4, false), "0x1000  0x0a434241 0x31335b1b 0x0000006d 0xff000000\n0x1010  0x0000\n");
  EXPECT_THROW(lines(3, false), UsageError);
}

TEST(PrintWords, LeadSomewhere) {
  const std::vector<MemoryWord> words{
      {.place = {.address = 0x7000}, .value = 0x1},
      {.place = {.address = 0x7008, .symbol = "slot"}, .value = 0x401136, .pointee = some_registers().list[2].pointee}};
  EXPECT_EQ(printed([&](std::ostream& out) { print_words(out, words); }),
            "0x7000  0x1\n"
            "0x7008 <slot>  0x401136  main+0x10 in a b\\33\n");
}

TEST(PrintBacktrace, InColumns) {
  std::vector<Frame> frames(11, {.pc = 0x401136, .function = "f\033", .offset = 0x12, .module = "/bin/prog"});
  frames[0] = {.pc = 0x42};
  frames[10].signal_frame = true;
  const std::string text = printed([&](std::ostream& out) { print_backtrace(out, frames); });
  EXPECT_TRUE(
      text.starts_with("#0  0x42     ??\n"
                       "#1  0x401136 f\\33+0x12 in /bin/prog\n"))
      << text;
  EXPECT_TRUE(text.ends_with("#10 0x401136 f\\33+0x12 in /bin/prog <signal handler called>\n")) << text;
  EXPECT_EQ(printed([](std::ostream& out) { print_backtrace(out, {}); }), "");
}

TEST(PrintBacktrace, WithLinesAndInlinedCallsOfCxx) {
  const std::vector<Frame> frames{
      {.pc = 0x401136,
       .function = "_ZN2ns1fEi",
       .offset = 0x6,
       .module = "/bin/prog",
       .source = SourceLine{.file = "/src/a b\033.h", .line = 7},
       .inlined = {{.function = "max<int>", .call = {.file = "/src/p.cpp", .line = 42}}, {}}},
      {.pc = 0x401200, .function = "main", .source = SourceLine{.file = "/src/p.cpp", .line = 9}}};
  EXPECT_EQ(printed([&](std::ostream& out) { print_backtrace(out, frames); }),
            "#0 0x401136 max<int> [inlined] at /src/a b\\33.h:7\n"
            "#0 0x401136 ?? [inlined] at /src/p.cpp:42\n"
            "#0 0x401136 ns::f(int)+0x6 in /bin/prog\n"
            "#1 0x401200 main+0x0 at /src/p.cpp:9\n");
}

TEST(PrintTelescope, AChainInALine) {
  const MemoryMaps maps(
      {{.start = 0x402000, .end = 0x403000, .readable = true, .offset = 0x2000, .path = "/bin/a\033"}}, "");
  Telescope chain{.links = {{.address = 0x7000,
                             .value = 0x402004,
                             .symbol = Symbol{.name = "_Z1xi", .address = 0x6ff8, .module = {}}},
                            {.address = 0x402004, .value = 1, .string = "te\"xt\n"}},
                  .end = TelescopeEnd::string};
  const auto line = [&](const TelescopeStyle& style) {
    return printed([&](std::ostream& out) { print_telescope(out, chain, style); });
  };
  EXPECT_EQ(line({}), "0x7000 <x(int)+0x8> -> 0x402004 -> \"te\\\"xt\\n\"\n");
  EXPECT_EQ(line({.maps = &maps}), "0x7000 <x(int)+0x8> -> 0x402004 (a\\33+0x2004) -> \"te\\\"xt\\n\"\n");
  const std::pair<TelescopeEnd, std::string> ends[] = {{TelescopeEnd::value, " -> 0x1"},
                                                       {TelescopeEnd::code, ""},
                                                       {TelescopeEnd::loop, " -> 0x1 (a loop)"},
                                                       {TelescopeEnd::depth, " -> 0x1 ..."}};
  for (const auto& [end, text] : ends) {
    chain.end = end;
    EXPECT_EQ(line({}), "0x7000 <x(int)+0x8> -> 0x402004" + text + "\n");
  }
  chain.links.clear();
  EXPECT_EQ(line({}), "\n");
}

TEST(PrintMitigations, WhatIsMissingIsRed) {
  auto facts = std::make_shared<ElfFacts>();
  facts->type = ElfType::executable;
  facts->machine = 62;
  facts->build_id = {std::byte{0xab}, std::byte{0x01}};
  facts->mitigations.nx = false;
  facts->mitigations.relro = Relro::partial;
  facts->mitigations.canary = true;
  facts->mitigations.unfortified = {"memcpy"};
  facts->mitigations.rpath = {"/tmp\n"};
  const ElfFile file(facts, "/bin/p\033", std::nullopt);
  EXPECT_EQ(printed([&](std::ostream& out) { print_mitigations(out, file); }),
            "/bin/p\\33, x86-64 executable\n"
            "RELRO    partial: the GOT stays writable\n"
            "canary   yes\n"
            "NX       no: the stack is executable\n"
            "PIE      no: the program is always at the same address\n"
            "FORTIFY  0/1: functions of libc are called in their checked form\n"
            "CFI      no\n"
            "also     RPATH=/tmp\\n\n"
            "build id ab01\n");
  const std::string colored =
      printed([&](std::ostream& out) { print_mitigations(out, file, {.color = Color::always}); });
  EXPECT_NE(colored.find("\nNX       \033[31mno\033[0m"), std::string::npos) << colored;
  EXPECT_NE(colored.find("\ncanary   \033[32myes\033[0m"), std::string::npos) << colored;
  EXPECT_EQ(printed([&](std::ostream& out) {
              print_mitigations(out, std::vector{file, file});
            }),
            "RELRO    canary  NX  PIE  FORTIFY  CFI  file\n"
            "partial  yes     no  no   0/1      no   /bin/p\\33  RPATH=/tmp\\n\n"
            "partial  yes     no  no   0/1      no   /bin/p\\33  RPATH=/tmp\\n\n");
}

std::vector<Instruction> some_code() {
  std::vector<Instruction> code = disassemble(hex_bytes("554889e5e8f7ffffff488d0510000000c306"), 0x1000, Arch::amd64);
  for (Instruction& instruction : code) {
    instruction.place.symbol = "main";
    instruction.place.offset = instruction.address() - 0x1000;
  }
  code[1].current = true;
  code[2].target = Place{.address = 0x1000, .symbol = "main"};
  code[3].data = Place{.address = 0x1020, .symbol = "text\033", .offset = 4};
  return code;
}

TEST(PrintDisassembly, WithSymbolsAndTheCurrentLine) {
  EXPECT_EQ(printed([](std::ostream& out) { print_disassembly(out, some_code()); }),
            "main:\n"
            "   0x1000 <+0x0>   push  rbp\n"
            "=> 0x1001 <+0x1>   mov   rbp, rsp\n"
            "   0x1004 <+0x4>   call  0x1000 <main>\n"
            "   0x1009 <+0x9>   lea   rax, [rip + 0x10]  # 0x1020 <text\\33+0x4>\n"
            "   0x1010 <+0x10>  ret\n"
            "   0x1011 <+0x11>  (bad)\n");
}

TEST(PrintDisassembly, WithBytesAndInColor) {
  const std::string text = printed([](std::ostream& out) { print_disassembly(out, some_code(), {.bytes = true}); });
  EXPECT_NE(text.find("   0x1000 <+0x0>   55                    push  rbp\n"), std::string::npos) << text;
  EXPECT_NE(text.find("   0x1009 <+0x9>   48 8d 05 10 00 00 00  lea "), std::string::npos) << text;
  const std::string colored =
      printed([](std::ostream& out) { print_disassembly(out, some_code(), {.color = Color::always}); });
  EXPECT_NE(colored.find("\033[1;31m=>\033[0m \033[1m0x1001\033[0m"), std::string::npos);
  EXPECT_NE(colored.find("\033[33mcall\033[0m  0x1000 <\033[36mmain\033[0m>"), std::string::npos) << colored;
  EXPECT_NE(colored.find("\033[31m(bad)\033[0m"), std::string::npos);
}

TEST(PrintColor, IsForTerminalsOnly) {
  std::ostringstream text;
  EXPECT_FALSE(uses_color(text, Color::automatic));
  EXPECT_TRUE(uses_color(text, Color::always));
  EXPECT_FALSE(uses_color(std::cout, Color::never));
  std::streambuf* const before = std::cout.rdbuf(text.rdbuf());
  EXPECT_FALSE(uses_color(std::cout, Color::automatic));
  std::cout.rdbuf(before);
}

TEST(Flags, HaveTheirBits) {
  EXPECT_EQ(arch::find_flag(Arch::amd64, "ZF")->bit, 6U);
  EXPECT_EQ(arch::find_flag(Arch::i386, "OF")->bit, 11U);
  EXPECT_EQ(arch::find_flag(Arch::aarch64, "N")->bit, 31U);
  EXPECT_EQ(arch::find_flag(Arch::aarch64, "ZF"), nullptr);
}

}  // namespace
}  // namespace trapline
