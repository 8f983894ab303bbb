#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include <trapline/elf_facts.hpp>

namespace trapline {
namespace {

struct Name {
  std::uint64_t number;
  std::string_view name;
};

// As readelf writes them.

constexpr Name section_types[] = {{SHT_NULL, "NULL"},
                                  {SHT_PROGBITS, "PROGBITS"},
                                  {SHT_SYMTAB, "SYMTAB"},
                                  {SHT_STRTAB, "STRTAB"},
                                  {SHT_RELA, "RELA"},
                                  {SHT_HASH, "HASH"},
                                  {SHT_DYNAMIC, "DYNAMIC"},
                                  {SHT_NOTE, "NOTE"},
                                  {SHT_NOBITS, "NOBITS"},
                                  {SHT_REL, "REL"},
                                  {SHT_SHLIB, "SHLIB"},
                                  {SHT_DYNSYM, "DYNSYM"},
                                  {SHT_INIT_ARRAY, "INIT_ARRAY"},
                                  {SHT_FINI_ARRAY, "FINI_ARRAY"},
                                  {SHT_PREINIT_ARRAY, "PREINIT_ARRAY"},
                                  {SHT_GROUP, "GROUP"},
                                  {SHT_SYMTAB_SHNDX, "SYMTAB SECTION INDICES"},
                                  {19, "RELR"},
                                  {SHT_GNU_ATTRIBUTES, "GNU_ATTRIBUTES"},
                                  {SHT_GNU_HASH, "GNU_HASH"},
                                  {SHT_GNU_LIBLIST, "GNU_LIBLIST"},
                                  {SHT_GNU_verdef, "VERDEF"},
                                  {SHT_GNU_verneed, "VERNEED"},
                                  {SHT_GNU_versym, "VERSYM"}};

constexpr Name segment_types[] = {{PT_NULL, "NULL"},
                                  {PT_LOAD, "LOAD"},
                                  {PT_DYNAMIC, "DYNAMIC"},
                                  {PT_INTERP, "INTERP"},
                                  {PT_NOTE, "NOTE"},
                                  {PT_SHLIB, "SHLIB"},
                                  {PT_PHDR, "PHDR"},
                                  {PT_TLS, "TLS"},
                                  {PT_GNU_EH_FRAME, "GNU_EH_FRAME"},
                                  {PT_GNU_STACK, "GNU_STACK"},
                                  {PT_GNU_RELRO, "GNU_RELRO"},
                                  {PT_GNU_PROPERTY, "GNU_PROPERTY"}};

constexpr Name dynamic_tags[] = {{DT_NULL, "NULL"},
                                 {DT_NEEDED, "NEEDED"},
                                 {DT_PLTRELSZ, "PLTRELSZ"},
                                 {DT_PLTGOT, "PLTGOT"},
                                 {DT_HASH, "HASH"},
                                 {DT_STRTAB, "STRTAB"},
                                 {DT_SYMTAB, "SYMTAB"},
                                 {DT_RELA, "RELA"},
                                 {DT_RELASZ, "RELASZ"},
                                 {DT_RELAENT, "RELAENT"},
                                 {DT_STRSZ, "STRSZ"},
                                 {DT_SYMENT, "SYMENT"},
                                 {DT_INIT, "INIT"},
                                 {DT_FINI, "FINI"},
                                 {DT_SONAME, "SONAME"},
                                 {DT_RPATH, "RPATH"},
                                 {DT_SYMBOLIC, "SYMBOLIC"},
                                 {DT_REL, "REL"},
                                 {DT_RELSZ, "RELSZ"},
                                 {DT_RELENT, "RELENT"},
                                 {DT_PLTREL, "PLTREL"},
                                 {DT_DEBUG, "DEBUG"},
                                 {DT_TEXTREL, "TEXTREL"},
                                 {DT_JMPREL, "JMPREL"},
                                 {DT_BIND_NOW, "BIND_NOW"},
                                 {DT_INIT_ARRAY, "INIT_ARRAY"},
                                 {DT_FINI_ARRAY, "FINI_ARRAY"},
                                 {DT_INIT_ARRAYSZ, "INIT_ARRAYSZ"},
                                 {DT_FINI_ARRAYSZ, "FINI_ARRAYSZ"},
                                 {DT_RUNPATH, "RUNPATH"},
                                 {DT_FLAGS, "FLAGS"},
                                 {DT_PREINIT_ARRAY, "PREINIT_ARRAY"},
                                 {DT_PREINIT_ARRAYSZ, "PREINIT_ARRAYSZ"},
                                 {DT_SYMTAB_SHNDX, "SYMTAB_SHNDX"},
                                 {35, "RELRSZ"},
                                 {36, "RELR"},
                                 {37, "RELRENT"},
                                 {DT_GNU_HASH, "GNU_HASH"},
                                 {DT_VERSYM, "VERSYM"},
                                 {DT_RELACOUNT, "RELACOUNT"},
                                 {DT_RELCOUNT, "RELCOUNT"},
                                 {DT_FLAGS_1, "FLAGS_1"},
                                 {DT_VERDEF, "VERDEF"},
                                 {DT_VERDEFNUM, "VERDEFNUM"},
                                 {DT_VERNEED, "VERNEED"},
                                 {DT_VERNEEDNUM, "VERNEEDNUM"},
                                 {DT_AUXILIARY, "AUXILIARY"},
                                 {DT_FILTER, "FILTER"}};

constexpr Name machines[] = {{EM_386, "i386"},
                             {EM_X86_64, "x86-64"},
                             {EM_ARM, "arm"},
                             {EM_AARCH64, "aarch64"},
                             {EM_RISCV, "riscv"},
                             {EM_PPC, "ppc"},
                             {EM_PPC64, "ppc64"},
                             {EM_S390, "s390"},
                             {EM_MIPS, "mips"},
                             {EM_SPARC, "sparc"},
                             {EM_SPARCV9, "sparcv9"},
                             {EM_68K, "m68k"},
                             {EM_LOONGARCH, "loongarch"},
                             {EM_BPF, "bpf"}};

std::string_view name_in(std::span<const Name> names, std::uint64_t number) {
  const auto found = std::ranges::find(names, number, &Name::number);
  return found != names.end() ? found->name : std::string_view{};
}

std::string name_or_number(std::span<const Name> names, std::uint64_t number) {
  const std::string_view name = name_in(names, number);
  return name.empty() ? fmt::format("{:#x}", number) : std::string(name);
}

}  // namespace

std::string ElfSection::type_name() const { return name_or_number(section_types, type); }
std::string ElfSegment::type_name() const { return name_or_number(segment_types, type); }
std::string ElfDynamic::tag_name() const { return name_or_number(dynamic_tags, static_cast<std::uint64_t>(tag)); }

std::string_view to_string(ElfType type) {
  switch (type) {
    case ElfType::none: return "none";
    case ElfType::relocatable: return "relocatable";
    case ElfType::executable: return "executable";
    case ElfType::shared: return "shared";
    case ElfType::core: return "core";
    case ElfType::other: return "other";
  }
  return "other";
}

std::string_view to_string(Relro relro) {
  switch (relro) {
    case Relro::none: return "none";
    case Relro::partial: return "partial";
    case Relro::full: return "full";
  }
  return "none";
}

std::string_view elf_machine_name(std::uint16_t machine) { return name_in(machines, machine); }

}  // namespace trapline
