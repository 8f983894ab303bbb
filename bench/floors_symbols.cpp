#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "floors.hpp"
#include "raw_tracee.hpp"

namespace trapline::bench::floors {
namespace {

struct Table {
  std::vector<Elf64_Sym> symbols;
  std::vector<char> names;
};

template <class T>
void read_all(int file, std::vector<T>& into, std::uint64_t offset, std::uint64_t size) {
  into.resize(size / sizeof(T));
  const ssize_t count = ::pread(file, into.data(), size, static_cast<off_t>(offset));
  require(count == static_cast<ssize_t>(size), "pread");
}

Table read_table(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  require(file != -1, "open");
  std::vector<Elf64_Ehdr> header;
  std::vector<Elf64_Shdr> sections;
  read_all(file, header, 0, sizeof(Elf64_Ehdr));
  read_all(file, sections, header[0].e_shoff, header[0].e_shnum * sizeof(Elf64_Shdr));
  Table table;
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_SYMTAB) continue;
    read_all(file, table.symbols, section.sh_offset, section.sh_size);
    read_all(file, table.names, sections[section.sh_link].sh_offset, sections[section.sh_link].sh_size);
  }
  ::close(file);
  return table;
}

void read_maps(pid_t pid) {
  const int file = ::open(("/proc/" + std::to_string(pid) + "/maps").c_str(), O_RDONLY | O_CLOEXEC);
  require(file != -1, "open");
  std::vector<char> text(1 << 16);
  while (::read(file, text.data(), text.size()) > 0) {
  }
  ::close(file);
}

Batch first_lookups(std::size_t events, const std::string& path, const std::string& name) {
  return [=] {
    return time_per_event(events, [&] {
      for (std::size_t i = 0; i < events; ++i) {
        const Table table = read_table(path);
        bool found = false;
        for (const Elf64_Sym& symbol : table.symbols) {
          found = found || std::strcmp(table.names.data() + symbol.st_name, name.c_str()) == 0;
        }
        require(found, "the symbol");
      }
    });
  };
}

Batch next_lookups(std::size_t events, pid_t pid, const std::string& path, const std::string& name) {
  const auto table = std::make_shared<Table>(read_table(path));
  const auto index = std::make_shared<std::unordered_map<std::string_view, std::size_t>>();
  for (std::size_t i = 0; i < table->symbols.size(); ++i) {
    index->emplace(table->names.data() + table->symbols[i].st_name, i);
  }
  return [=] {
    return time_per_event(events, [&] {
      for (std::size_t i = 0; i < events; ++i) {
        read_maps(pid);
        require(table->symbols[index->at(name)].st_value != 0, "the symbol");
      }
    });
  };
}

}  // namespace

Batch symbols(std::size_t events, pid_t pid, const std::string& file, const std::string& name, Lookup lookup) {
  return lookup == Lookup::first ? first_lookups(events, file, name) : next_lookups(events, pid, file, name);
}

}  // namespace trapline::bench::floors
