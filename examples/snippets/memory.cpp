// What docs/memory.md shows.
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void maps(const Debugger& d) {
  const MemoryMaps code = d.maps().filter("binary").with_permissions("r-x");
  std::cout << code.size() << " mapping with the program's code, " << code.front().permissions() << '\n';
  const auto stack = d.main_thread().stack();
  std::cout << "the stack pointer is in " << stack->path << '\n';
}

static void find(const Debugger& d) {
  for (const Address address : d.memory().find("guess me")) {
    std::cout << "the guess is in " << d.map_at(address)->path << '\n';
  }
}

static void patterns(const Debugger& d) {
  const Memory memory = d.memory();
  const FindOptions data{.in = "binary", .permissions = "r--", .limit = 1};
  const Address password = memory.find(Pattern::regex(R"(\x00f[a-z]{2}\x00)"), data).front() + 1;
  std::cout << "a password may be " << memory.read_string(password) << '\n';
  const auto same = memory.find(Pattern::hex("66 ?? 67 00"), data);
  const auto number = memory.find(Pattern::integer(0x00676966, 4, std::endian::little), data);
  std::cout << (same == number ? "found both ways\n" : "not the same\n");
}

static void match_by_match(const Debugger& d) {
  for (const Match& match : d.memory().search(Pattern::regex("[a-z]{3,}"), {.in = "heap"})) {
    std::cout << "the first word is " << d.memory().read_string(match.address, match.size) << '\n';
    break;
  }
}

static void pointers(const Debugger& d) {
  const auto returns = d.memory().find_pointers("stack", "libc");
  std::cout << (returns.empty() ? "nothing" : "something") << " on the stack points into libc\n";
}

static void follow(const Debugger& d) {
  for (const TelescopeLink& link : d.memory().telescope(d.regs().rdi()).links) {
    std::cout << std::hex << link.value << std::dec;
    if (link.string) std::cout << ", which is the text \"" << *link.string << '"';
    std::cout << '\n';
  }
}

static void typed(const Debugger& d) {
  const auto arguments = d.memory().read_array<Address>(d.regs().rsp(), 4);
  std::cout << arguments.size() << " words, the first leads to " << d.symbols().at(arguments[0])->name << '\n';
  const Bytes code = d.memory().read("check_password", 4);
  std::cout << code.size() << " bytes of the function's own, without the breakpoint\n";
}

static void scattered(const Debugger& d) {
  const Memory memory = d.memory();
  Address top = 0;
  char guess[8] = {};
  memory.read_many({{d.regs().rsp(), top}, {d.regs().rdi(), guess}});
  std::cout << d.symbols().at(top)->name << " asks about " << std::string_view(guess, sizeof guess) << '\n';

  const std::vector<Address> words{d.regs().rsp(), d.regs().rdi(), 0x10};
  std::size_t readable = 0;
  for (const auto& value : memory.try_read_values<std::uint64_t>(words)) readable += value ? 1 : 0;
  std::cout << readable << " of " << words.size() << " words can be read\n";
}

int main(int, char** argv) {
  Debugger d({.argv = {argv[1]}});
  const Stdio io = d.run();
  d.breakpoint("check_password");
  d.cont();
  io.sendline("guess me");
  d.wait();
  maps(d);
  find(d);
  patterns(d);
  match_by_match(d);
  pointers(d);
  follow(d);
  typed(d);
  scattered(d);
}
