// What docs/elf.md and docs/doctor.md show.
#include <iostream>

#include <trapline/trapline.hpp>

using namespace trapline;

static void how_hard_it_is(const ElfFile& elf) {
  const ElfMitigations& found = elf.mitigations();
  std::cout << (found.pie ? "PIE" : "no PIE") << ", RELRO " << to_string(found.relro)
            << (found.canary ? ", canary" : ", no canary") << (found.nx.value_or(true) ? ", NX" : ", executable stack")
            << '\n';
}

static void what_it_is(const ElfFile& elf) {
  std::cout << to_string(elf.type()) << " for " << elf_machine_name(elf.machine()) << ", needs";
  for (const std::string& library : elf.needed()) std::cout << ' ' << library;
  const ElfSection* text = elf.section(".text");
  std::cout << "; " << (text != nullptr ? text->type_name() : "no code") << '\n';
}

static void what_is_loaded(const Process& process) {
  for (const ElfFile& library : process.libraries()) {
    std::cout << library.soname() << (process.maps().at(*library.base()) != nullptr ? " is mapped\n" : " is not\n");
  }
}

static void can_i_trace_here() {
  for (const HostCheck& check : check_host()) {
    if (check.status == CheckStatus::problem) std::cout << check.name << ": " << check.detail << "\n  " << check.remedy;
  }
}

int main() {
  Debugger d({.argv = {"true"}});
  d.run({.stdio = {Stream::null(), Stream::null(), Stream::null()}});
  what_it_is(d.binary());
  how_hard_it_is(d.binary());
  what_is_loaded(d);
  d.kill();
  can_i_trace_here();
}
