#include "support.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>

#include <unistd.h>

namespace trapline::live {
namespace {

// Names and lines in processes are those that nm and addr2line tell of their files, moved to where these are loaded.

std::string output_of(const std::string& shell_command) {
  FILE* const pipe = ::popen((shell_command + " 2>/dev/null </dev/null").c_str(), "r");
  std::string output;
  std::array<char, 4096> piece{};
  while (const std::size_t size = std::fread(piece.data(), 1, piece.size(), pipe)) output.append(piece.data(), size);
  ::pclose(pipe);
  return output;
}

struct Named {
  std::string name;
  Address address = 0;
};

/// Functions of a file; thread-local variables would look like others, and have no address.
std::vector<Named> functions_by_nm(const std::string& path) {
  std::vector<Named> functions;
  for (const char* table : {"", "-D "}) {
    std::istringstream output(output_of(std::string("nm --format=posix --defined-only ") + table + "'" + path + "'"));
    for (std::string line; std::getline(output, line);) {
      std::istringstream words(line);
      std::string name;
      std::string kind;
      std::string value;
      words >> name >> kind >> value;
      if (kind.size() != 1 || std::string("TtWi").find(kind) == std::string::npos) continue;
      functions.push_back({name.substr(0, name.find('@', 1)), std::stoull(value, nullptr, 16)});
    }
  }
  return functions;
}

void compare_symbols(const Process& process, const ElfFile& file) {
  constexpr std::size_t enough = 400;
  const auto all = functions_by_nm(file.path());
  const Symbols symbols = process.symbols();
  for (std::size_t i = 0; i < all.size(); i += 1 + all.size() / enough) {
    const Named& expected = all[i];
    const Address address = file.base().value() + expected.address;
    const auto found = symbols.find(expected.name);
    EXPECT_TRUE(std::ranges::any_of(
        found, [&](const Symbol& symbol) { return symbol.address == address && symbol.module == file.path(); }))
        << file.path() << " " << expected.name;
    const auto around = symbols.at(address);
    ASSERT_TRUE(around) << file.path() << " " << expected.name;
    EXPECT_EQ(around->address, address) << file.path() << " " << expected.name << " " << around->name;
  }
}

/// The program and its libraries, as they are at its entry point.
void compare_symbols(const std::vector<std::string>& argv) {
  Debugger d(command(argv));
  d.run(no_stdio());
  EXPECT_FALSE(functions_by_nm(d.binary().path()).empty()) << argv[0];
  compare_symbols(d, d.binary());
  for (const ElfFile& library : d.libraries()) compare_symbols(d, library);
}

std::string hexadecimal(Address address) {
  std::ostringstream digits;
  digits << "0x" << std::hex << address;
  return digits.str();
}

/// Where addr2line says that code is, `prog.c:42` without directories; line 0 when it knows none.
std::vector<std::string> by_addr2line(const std::string& file, const std::vector<Address>& addresses) {
  std::string command = "addr2line -s -e '" + file + "'";
  for (const Address address : addresses) command += " " + hexadecimal(address);
  std::vector<std::string> lines;
  std::istringstream output(output_of(command));
  for (std::string line; std::getline(output, line);) {
    line = line.substr(0, line.find(" (discriminator"));
    lines.push_back(line.ends_with(":?") || line.ends_with(":0") ? "none:0" : line);
  }
  return lines;
}

/// The same by gdb.
std::vector<std::string> by_gdb(const std::string& file, const std::vector<Address>& addresses) {
  std::string script = "import gdb\nfor address in (";
  for (const Address address : addresses) script += hexadecimal(address) + ",";
  script +=
      "):\n"
      "    place = gdb.find_pc_line(address)\n"
      "    file = place.symtab.filename.split('/')[-1] if place.symtab and place.line else 'none'\n"
      "    print('line ' + file + ':' + str(place.line))\n";
  const ScratchDir folder;
  std::istringstream output(
      output_of("env -u DEBUGINFOD_URLS gdb -batch -nx -x " + folder.file("lines.py", script) + " '" + file + "'"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(output, line);) {
    if (line.starts_with("line ")) lines.push_back(line.substr(5));
  }
  return lines;
}

std::string by_us(const Process& process, Address address) {
  const auto line = process.symbols().line_at(address);
  return line ? line->file.substr(line->file.rfind('/') + 1) + ":" + std::to_string(line->line) : "none:0";
}

/// The same line for each instruction of those functions. Where a table has several for one address, as for the opening
/// brace of a function and its first statement, addr2line tells the first, and gdb the last that is a statement as we
/// do.
void compare_lines(const Process& process, const ElfFile& file, const std::string& debug_file,
                   const std::vector<std::string>& functions) {
  std::vector<Address> addresses;
  for (const std::string& function : functions) {
    for (const Instruction& each : process.disassemble_function(Location(function).in(file.path()))) {
      addresses.push_back(each.address() - file.base().value());
    }
  }
  const auto first_lines = by_addr2line(debug_file, addresses);
  ASSERT_EQ(first_lines.size(), addresses.size());
  const auto statements = by_gdb(debug_file, addresses);
  std::size_t others = 0;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const std::string ours = by_us(process, file.base().value() + addresses[i]);
    if (ours == first_lines[i]) continue;
    ++others;
    if (statements.size() != addresses.size()) continue;  // There is no gdb.
    EXPECT_EQ(ours, statements[i]) << hexadecimal(addresses[i]) << ", addr2line " << first_lines[i];
  }
  EXPECT_LT(others, addresses.size() / 4);
}

class SymbolPeers : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (which("nm").empty() || which("addr2line").empty()) GTEST_SKIP() << "binutils are not installed";
  }
};

/// The path of a program in PATH, or the test skips.
#define PROGRAM(variable, name)             \
  const std::string variable = which(name); \
  if (variable.empty()) GTEST_SKIP() << (name) << " is not installed"

TEST_F(SymbolPeers, agree_about_python) {
  // What is in PATH may be a script that starts it.
  std::string python = output_of("python3 -c 'import sys; print(sys.executable)'");
  if (python.empty()) GTEST_SKIP() << "python3 is not installed";
  python.pop_back();
  compare_symbols({python, "-c", "pass"});
}

TEST_F(SymbolPeers, agree_about_bash) {
  PROGRAM(bash, "bash");
  compare_symbols({bash, "-c", "exit"});
}

TEST_F(SymbolPeers, agree_about_git) {
  PROGRAM(git, "git");
  compare_symbols({git, "--version"});
}

TEST_F(SymbolPeers, agree_about_a_compiler) {
  std::string compiler = output_of("g++ -print-prog-name=cc1plus");
  if (!compiler.ends_with("/cc1plus\n")) GTEST_SKIP() << "there is no g++";
  compiler.pop_back();
  compare_symbols({compiler, "--version"});
}

TEST_F(SymbolPeers, agree_about_programs_of_cxx) {
  for (const char* build : {"lines", "lines_no_pie", "lines_dwarf4", "lines_compressed"})
    compare_symbols({tracee(build)});
}

TEST_F(SymbolPeers, agree_about_a_32_bit_program) {
  const std::string path = tracee("i386/block");
  if (::access(path.c_str(), X_OK) != 0) GTEST_SKIP() << "no 32-bit programs were built";
  // It waits for signals for ever, where it runs.
  if (output_of("timeout 0.2 " + path + "; echo $?") != "124\n") GTEST_SKIP() << "this machine runs none";
  compare_symbols({path});
  Debugger d(command({path}));
  d.run(no_stdio());
  compare_lines(d, d.binary(), path, {"main"});
}

TEST_F(SymbolPeers, agree_about_lines) {
  for (const char* build : {"lines", "lines_no_pie", "lines_dwarf4", "lines_compressed"}) {
    SCOPED_TRACE(build);
    Debugger d(program(build));
    d.run(no_stdio());
    compare_lines(d, d.binary(), tracee(build), {"main", "space::once", "throwing", "caught", "in_assembly"});
  }
}

TEST_F(SymbolPeers, agree_about_lines_of_libc) {
  Debugger d(program("lines"));
  d.run(no_stdio());
  const auto libraries = d.libraries();
  const auto libc = std::ranges::find_if(
      libraries, [](const ElfFile& file) { return file.path().find("/libc.so") != std::string::npos; });
  ASSERT_NE(libc, libraries.end());
  const std::string id = libc->build_id();
  const std::string debug_file = "/usr/lib/debug/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug";
  if (::access(debug_file.c_str(), R_OK) != 0) GTEST_SKIP() << "its debug file (Debian: libc6-dbg) is not installed";
  compare_lines(d, *libc, debug_file, {"qsort", "malloc", "fgets", "getenv", "raise", "qsort_r"});
}

}  // namespace
}  // namespace trapline::live
