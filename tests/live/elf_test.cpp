// ELF facts of real files beside those of readelf, and of processes.
#include "support.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <fmt/format.h>

namespace trapline::live {
namespace {

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = ::popen(command.c_str(), "r");
  char piece[4096];
  while (const std::size_t count = std::fread(piece, 1, sizeof piece, pipe)) text.append(piece, count);
  ::pclose(pipe);
  return text;
}

std::string readelf(const std::string& options, const std::string& path) {
  return output_of("LC_ALL=C readelf -W " + options + " '" + path + "' 2>/dev/null");
}

std::size_t count_of(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern, std::regex::multiline);
  return static_cast<std::size_t>(std::distance(std::sregex_iterator(text.begin(), text.end(), regex), {}));
}

std::string first(const std::string& text, const std::string& pattern) {
  std::smatch match;
  return std::regex_search(text, match, std::regex(pattern)) ? match[1].str() : "";
}

/// A file of each sort, as far as the machine has them.
class ElfBesideReadelf : public testing::TestWithParam<const char*> {};

TEST_P(ElfBesideReadelf, tells_the_same) {
  if (readelf("-h", "/proc/self/exe").empty()) GTEST_SKIP() << "no readelf";
  std::string path = GetParam();
  if (path.front() != '/') path = tracee(path);
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is not there";
  const ElfFile elf{std::filesystem::path(path)};
  const std::string header = readelf("-h", path);
  EXPECT_EQ(elf.elf_class() == ElfClass::bits64 ? "ELF64" : "ELF32", first(header, "Class: +(\\S+)"));
  EXPECT_EQ(fmt::format("{:#x}", elf.entry()), first(header, "Entry point address: +(\\S+)"));
  EXPECT_EQ(elf.sections().size(), std::stoul(first(header, "Number of section headers: +(\\d+)")));
  EXPECT_EQ(elf.segments().size(), std::stoul(first(header, "Number of program headers: +(\\d+)")));
  const std::string sections = readelf("-S", path);
  for (const ElfSection& section : elf.sections()) {
    const std::string line = fmt::format("{} +{} +0*{:x} 0*{:x} 0*{:x} ", section.name, section.type_name(),
                                         section.address, section.offset, section.size);
    EXPECT_TRUE(std::regex_search(sections, std::regex(line))) << line;
  }
  const std::string segments = readelf("-l", path);
  for (const ElfSegment& segment : elf.segments()) {
    const std::string line = fmt::format("{} +0x0*{:x} 0x0*{:x} 0x0*{:x} ", segment.type_name(), segment.offset,
                                         segment.address, segment.physical_address);
    EXPECT_TRUE(std::regex_search(segments, std::regex(line))) << line;
  }
  const std::string dynamic = readelf("-d", path);
  EXPECT_EQ(elf.needed().size(), count_of(dynamic, "\\(NEEDED\\)"));
  for (const std::string& library : elf.needed()) EXPECT_NE(dynamic.find("[" + library + "]"), std::string::npos);
  EXPECT_EQ(elf.soname(), first(dynamic, "\\(SONAME\\).*\\[(.*)\\]"));
  for (const ElfDynamic& entry : elf.dynamic()) {
    EXPECT_NE(dynamic.find("(" + entry.tag_name() + ")"), std::string::npos) << entry.tag_name();
  }
  const std::string notes = readelf("-n", path);
  EXPECT_EQ(elf.build_id(), first(notes, "Build ID: (\\S+)"));
  EXPECT_EQ(elf.mitigations().ibt,
            notes.find("x86 feature: ") != std::string::npos && count_of(notes, "feature:.*IBT") != 0);
  EXPECT_EQ(elf.interpreter(), first(segments, "interpreter: (\\S+)\\]"));
  const ElfMitigations& mitigations = elf.mitigations();
  const std::string symbols = readelf("-s", path);
  EXPECT_EQ(mitigations.canary, symbols.find(" __stack_chk_") != std::string::npos);
  EXPECT_EQ(mitigations.stripped, sections.find(" SYMTAB ") == std::string::npos);
  EXPECT_EQ(mitigations.relro == Relro::none, segments.find("GNU_RELRO") == std::string::npos);
  EXPECT_EQ(mitigations.relro == Relro::full,
            mitigations.relro != Relro::none && std::regex_search(dynamic, std::regex("BIND_NOW|: NOW|Flags: .*NOW")));
  if (mitigations.nx && segments.find("GNU_STACK") != std::string::npos) {
    EXPECT_EQ(*mitigations.nx, !std::regex_search(segments, std::regex("GNU_STACK.*RWE")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, ElfBesideReadelf,
    testing::Values("/usr/bin/python3", "/bin/bash", "/usr/bin/git", "/lib/x86_64-linux-gnu/libc.so.6",
                    "/usr/lib32/libc.so.6", "/lib/ld-linux.so.2", "/usr/lib/x86_64-linux-gnu/crt1.o",
                    "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus", "/usr/aarch64-linux-gnu/lib/libc.so.6", "points",
                    "points_static", "points_stripped", "sites_no_pie", "bits32", "plugin.so", "lines", "i386/block"));

/// Files that are made by the compiler of the machine.
class ElfMade : public Live {
 protected:
  ElfMade() {
    std::string name = std::filesystem::temp_directory_path() / "trapline-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  ~ElfMade() override { std::filesystem::remove_all(folder_); }

  /// Nothing when the compiler cannot.
  std::optional<ElfFile> make(const std::string& options, const std::string& code = "int main(void) { return 0; }") {
    const std::string source = folder_ + "/a.c";
    const std::string made = folder_ + "/made";
    std::ofstream(source) << code;
    const std::string command = "gcc -w -o " + made + " " + options + " " + source + " 2>/dev/null";
    if (std::system(command.c_str()) != 0) return std::nullopt;
    return ElfFile(std::filesystem::path(made));
  }

  std::string folder_;
};

TEST_F(ElfMade, mitigations_as_the_linker_was_told) {
  if (!make("")) GTEST_SKIP() << "no compiler";
  const auto of = [&](const std::string& options) { return make(options).value().mitigations(); };
  EXPECT_TRUE(of("-pie -fPIE").pie);
  EXPECT_FALSE(of("-no-pie").pie);
  EXPECT_TRUE(of("-static-pie").pie);
  EXPECT_FALSE(of("-static").pie);
  EXPECT_FALSE(of("-shared -fPIC").pie);
  EXPECT_EQ(of("-Wl,-z,norelro").relro, Relro::none);
  EXPECT_EQ(of("-Wl,-z,relro,-z,lazy").relro, Relro::partial);
  EXPECT_EQ(of("-Wl,-z,relro,-z,now").relro, Relro::full);
  EXPECT_EQ(of("-z execstack").nx, false);
  EXPECT_EQ(of("-z noexecstack").nx, true);
  EXPECT_EQ(of("-c").nx, std::nullopt);
  EXPECT_TRUE(of("-fstack-protector-all").canary);
  EXPECT_FALSE(of("-fno-stack-protector").canary);
  EXPECT_EQ(of("-Wl,--disable-new-dtags,-rpath,/a:/b").rpath, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(of("-Wl,--enable-new-dtags,-rpath,'$ORIGIN'").runpath, std::vector<std::string>{"$ORIGIN"});
  EXPECT_TRUE(of("-s").stripped);
  EXPECT_FALSE(of("").stripped);
  EXPECT_TRUE(of("-g").debug_info);
  EXPECT_FALSE(of("").debug_info);
  EXPECT_TRUE(of("-fcf-protection=full -nostdlib -Wl,-e,main").ibt);
  EXPECT_TRUE(of("-fcf-protection=return -nostdlib -Wl,-e,main").shstk);
  EXPECT_FALSE(of("-fcf-protection=none").ibt);
  EXPECT_TRUE(of("-Wl,-N -no-pie -static -nostdlib -Wl,-e,main").writable_code);
}

TEST_F(ElfMade, fortified_functions_by_name) {
  const char* code =
      "#include <stdio.h>\n#include <string.h>\nchar a[8];\n"
      "int main(int n, char** v) { memcpy(a, v[0], n); puts(a); return strlen(strcpy(a, v[1])) + read(0, a, n); }";
  const auto checked = make("-O2 -D_FORTIFY_SOURCE=2", code);
  if (!checked) GTEST_SKIP() << "no compiler";
  EXPECT_EQ(checked->mitigations().fortified, (std::vector<std::string>{"memcpy", "strcpy"}));
  EXPECT_EQ(checked->mitigations().unfortified, std::vector<std::string>{"read"});
  const auto unchecked = make("-O2 -U_FORTIFY_SOURCE -fno-builtin", code);
  EXPECT_TRUE(unchecked->mitigations().fortified.empty());
  EXPECT_EQ(unchecked->mitigations().unfortified, (std::vector<std::string>{"memcpy", "read", "strcpy"}));
}

TEST_F(ElfMade, sanitizers) {
  const auto address = make("-fsanitize=address");
  if (!address) GTEST_SKIP() << "no sanitizers";
  EXPECT_TRUE(address->mitigations().asan);
  EXPECT_FALSE(address->mitigations().tsan);
  EXPECT_TRUE(make("-fsanitize=thread")->mitigations().tsan);
  EXPECT_TRUE(make("-fsanitize=undefined", "int main(int n, char** v) { return n << n; }")->mitigations().ubsan);
}

TEST_F(ElfMade, without_section_headers) {
  const auto whole = make("-fstack-protector-all -Wl,-z,now,-rpath,/r",
                          "#include <string.h>\nchar a[9]; int main(int n, char** v) { return strcpy(a, v[0])[0]; }");
  if (!whole || std::system("command -v strip > /dev/null") != 0) GTEST_SKIP() << "no compiler";
  std::fstream file(folder_ + "/made", std::ios::in | std::ios::out | std::ios::binary);
  Elf64_Ehdr header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  header.e_shoff = 0;
  header.e_shnum = header.e_shstrndx = 0;
  file.seekp(0);
  file.write(reinterpret_cast<const char*>(&header), sizeof header);
  file.close();
  const ElfFile bare(std::filesystem::path(folder_ + "/made"));
  EXPECT_LE(bare.sections().size(), 1U);
  EXPECT_EQ(bare.needed(), whole->needed());
  EXPECT_EQ(bare.build_id(), whole->build_id());
  EXPECT_EQ(bare.mitigations().relro, Relro::full);
  EXPECT_TRUE(bare.mitigations().canary);
  EXPECT_TRUE(bare.mitigations().pie);
  EXPECT_EQ(bare.mitigations().runpath, std::vector<std::string>{"/r"});
}

TEST_F(ElfMade, what_is_no_elf_file_throws) {
  const auto read = [](const char* path) { static_cast<void>(ElfFile(std::filesystem::path(path))); };
  EXPECT_THROW(read("/etc/passwd"), SymbolError);
  EXPECT_THROW(read("/"), SymbolError);
  EXPECT_THROW(read("/dev/zero"), SymbolError);
  EXPECT_THROW(read("/nowhere"), OsError);
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(read(pipe.c_str()), SymbolError);
  EXPECT_THROW(static_cast<void>(ElfFile(ByteView{})), SymbolError);
}

class ElfOfProcess : public Live {};

TEST_F(ElfOfProcess, the_program_and_its_libraries) {
  Debugger d(program("points"));
  d.run(no_stdio());
  const ElfFile binary = d.binary();
  EXPECT_EQ(binary.path(), std::filesystem::canonical(tracee("points")));
  EXPECT_EQ(d.symbols().resolve("main") - *binary.base(), [&] {
    const std::string line = readelf("-s", binary.path());
    return std::stoull(first(line, "([0-9a-f]{8,16}) +\\S+ FUNC +GLOBAL +DEFAULT +\\S+ main\\b"), nullptr, 16);
  }());
  const auto libraries = d.libraries();
  ASSERT_GE(libraries.size(), 2U);
  EXPECT_EQ(libraries.front().soname(), "libc.so.6");
  EXPECT_TRUE(libraries.back().soname().starts_with("ld-linux")) << libraries.back().soname();
  for (const ElfFile& library : libraries) {
    EXPECT_EQ(d.maps().at(library.base().value())->path, library.path());
  }
}

}  // namespace
}  // namespace trapline::live
