// What docs/registers-and-memory.md shows.
#include <array>
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void general(const Debugger& d) {
  Registers regs = d.regs();
  regs.set_rbx(0x1122334455667788);
  regs.set_bl(0xff);
  std::cout << std::hex << "rbx is " << regs.rbx() << ", bx is " << regs.bx();
  regs.set_ebx(1);
  std::cout << ", and then " << regs.get("rbx") << std::dec << '\n';
}

static void vectors(const Debugger& d) {
  d.regs().write_as("xmm0", 2.5);
  d.regs().write_as("xmm1", std::array<float, 4>{1, 2, 3, 4});
  std::cout << d.regs().read_as<double>("xmm0") << " and " << d.regs().read_as<std::array<float, 4>>("xmm1")[3] << '\n';
}

static void mistakes(const Debugger& d) {
  try {
    d.regs().set("raxx", 1);
  } catch (const UsageError& error) {
    std::cout << error.what() << '\n';
  }
}

static void change_text(Thread& t, SyscallHandler&) {
  const Memory memory = t.memory();
  const Address text = t.syscall_arg(1);
  std::cout << "it writes " << memory.read_string(text, t.syscall_arg(2));
  memory.write(text, "HELLO");
}

static void search(const Debugger& d) {
  const Address shell = d.memory().find("/bin/sh", {.in = "libc"}).front();
  const MemoryMaps maps = d.maps();
  std::cout << "a string in " << maps.at(shell)->permissions() << " memory\n";
  std::cout << "the stack is " << d.maps().filter("stack").front().permissions() << '\n';
}

static void symbols(const Debugger& d) {
  const Address getenv = d.symbols().resolve(Location("getenv").in("libc"));
  std::cout << "at " << d.symbols().at(getenv + 1)->name << " and one byte more\n";
}

int main() {
  Debugger d({.argv = {"echo", "hello"}});
  const Stdio io = d.run();
  const Bytes before = d.regs().get_bytes("rbx");
  general(d);
  d.regs().set_bytes("rbx", before);
  vectors(d);
  mistakes(d);
  search(d);
  symbols(d);
  d.handle_syscall("write", {.on_enter = change_text});
  d.cont();
  d.wait();
  std::cout << io.recvline();
}
