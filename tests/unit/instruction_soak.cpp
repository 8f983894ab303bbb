// Every form of instruction in libc and libcrypto, executed in its place, in slots and by emulate(), from random
// states.
//
//   trapline_instruction_soak [STATES [FILE...]]
#include <capstone/capstone.h>
#include <elf.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "laboratory.hpp"
#include "support/bytes.hpp"

namespace {

using namespace trapline;
using arch::Encoding;

/// Instructions of one form differ in nothing but registers, displacements and immediates.
std::string form_of(const Encoding& encoding, ByteView bytes) {
  std::string form;
  const std::size_t rest = encoding.modrm_at != 0 ? encoding.modrm_at : encoding.length;
  for (std::size_t i = 0; i < rest && (encoding.immediate_at == 0 || i < encoding.immediate_at); ++i) {
    auto byte = std::to_integer<unsigned>(bytes[i]);
    // Of REX only W, of VEX and EVEX not the bits that choose registers.
    if (!encoding.vector && encoding.rex != 0 && byte == encoding.rex) byte &= 0xf8U;
    if (encoding.vector && (bytes[0] == std::byte{0xc4} || bytes[0] == std::byte{0x62})) {
      if (i == 1) byte &= 0x0fU;
      if (i == 2) byte &= 0x87U;
      if (i == 3 && bytes[0] == std::byte{0x62}) byte = (byte & 0xf0U) | ((byte & 7U) != 0 ? 1U : 0U);
    }
    if (encoding.vector && bytes[0] == std::byte{0xc5} && i == 1) byte &= 0x07U;
    if (encoding.in(0x50, 0x5f) || encoding.in(0xb0, 0xbf) || encoding.in(0x90, 0x97))
      if (i + 1 == rest || byte == encoding.opcode) byte &= 0xf8U;
    std::array<char, 4> text{};
    std::snprintf(text.data(), text.size(), "%02x ", byte & 0xffU);
    form += text.data();
  }
  if (encoding.modrm_at == 0) return form;
  if (encoding.mod() == 3) {
    form += "r";
  } else {
    form += "m" + std::to_string(encoding.mod());
    if (encoding.pc_relative()) form += "pc";
    if (encoding.rm() == 4 && (encoding.sib & 7U) == 4) form += "sp";
    if (encoding.has_sib && (encoding.sib >> 3U & 7U) != 4) form += "i";
    if (encoding.has_sib && (encoding.sib & 7U) == 5) form += "b5";
  }
  // Which registers tells instructions apart in many groups, and is cheap to try in all.
  return form + "/" + std::to_string(encoding.reg());
}

void collect(const std::filesystem::path& path, std::map<std::string, Bytes>& forms, std::size_t& seen) {
  std::ifstream file(path, std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)), {});
  const ByteView all = support::as_bytes(content);
  const auto header = support::load<Elf64_Ehdr>(all);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return;
  for (std::size_t i = 0; i < header->e_shnum; ++i) {
    const auto section = support::load<Elf64_Shdr>(all, header->e_shoff + i * header->e_shentsize);
    if (!section || section->sh_type != SHT_PROGBITS || (section->sh_flags & SHF_EXECINSTR) == 0) continue;
    ByteView code = all.subspan(section->sh_offset, section->sh_size);
    while (!code.empty()) {
      const auto encoding = arch::parse_encoding(code, Arch::amd64);
      const std::size_t length = encoding ? encoding->length : 1;
      ++seen;
      if (encoding) forms.try_emplace(form_of(*encoding, code), code.begin(), code.begin() + encoding->length);
      code = code.subspan(length);
    }
  }
}

class Names {
 public:
  Names() { cs_open(CS_ARCH_X86, CS_MODE_64, &handle_); }
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;
  ~Names() { cs_close(&handle_); }

  [[nodiscard]] std::string of(const Bytes& code) const {
    cs_insn* found = nullptr;
    if (cs_disasm(handle_, reinterpret_cast<const std::uint8_t*>(code.data()), code.size(), 0, 1, &found) != 1)
      return support::to_hex(code);
    const std::string text = support::to_hex(code) + " " + found->mnemonic + " " + found->op_str;
    cs_free(found, 1);
    return text;
  }

 private:
  csh handle_ = 0;
};

int check_all(const std::map<std::string, Bytes>& forms, std::uint64_t states) {
  const Names names;
  native::Laboratory laboratory;
  std::map<std::string, std::size_t> skipped;
  std::size_t run = 0, slots = 0, emulated = 0, only_faulted = 0, failed = 0;
  for (const auto& [form, code] : forms) {
    bool in_slot = false, by_emulation = false, completed = false;
    std::string why;
    for (std::uint64_t seed = 1; seed <= states; ++seed) {
      // A hang is a failure, and this tells of which.
      alarm(60);
      const native::Verdict verdict = laboratory.check(code, seed);
      why = verdict.skipped;
      if (!why.empty()) break;
      in_slot |= verdict.slot;
      by_emulation |= verdict.emulated;
      completed |= verdict.completed;
      if (verdict.failure.empty()) continue;
      ++failed;
      std::printf("%s, seed %llu:%s\n", names.of(code).c_str(), static_cast<unsigned long long>(seed),
                  verdict.failure.c_str());
      break;
    }
    if (!why.empty()) ++skipped[why];
    run += why.empty() ? 1 : 0;
    only_faulted += why.empty() && !completed ? 1 : 0;
    slots += in_slot ? 1 : 0;
    emulated += by_emulation ? 1 : 0;
  }
  std::printf("%zu forms: %zu run, %zu in slots, %zu emulated, %zu that only faulted, %zu failed\n", forms.size(), run,
              slots, emulated, only_faulted, failed);
  for (const auto& [why, count] : skipped) std::printf("  %zu skipped: %s\n", count, why.c_str());
  return failed == 0 && run > 1000 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::uint64_t states = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 20;
  std::vector<std::string> files(argv + (argc > 2 ? 2 : argc), argv + argc);
  if (files.empty()) {
    for (const char* folder : {"/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"})
      for (const char* name : {"libc.so.6", "libcrypto.so.3"})
        if (const auto path = std::filesystem::path(folder) / name; std::filesystem::exists(path))
          files.push_back(path);
  }
  std::map<std::string, Bytes> forms;
  for (const std::string& file : files) {
    std::size_t seen = 0;
    const std::size_t before = forms.size();
    collect(file, forms, seen);
    std::printf("%s: %zu instructions, %zu new forms\n", file.c_str(), seen, forms.size() - before);
  }
  if (forms.empty()) {
    std::puts("[  SKIPPED ] there is no 64-bit libc here");
    return 77;
  }
  // What is executed must not be able to harm what judges it.
  const pid_t child = fork();
  if (child == 0) _exit(check_all(forms, states));
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  std::printf("died of signal %d\n", WTERMSIG(status));
  return 1;
}
