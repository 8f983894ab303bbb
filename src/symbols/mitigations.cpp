#include "symbols/mitigations.hpp"

#include <elf.h>

#include <algorithm>

#include "support/bytes.hpp"

namespace trapline::symbols {
namespace {

/// The functions of glibc that have a checked form, `__NAME_chk`; sorted.
constexpr std::string_view fortifiable[] = {"asprintf",
                                            "confstr",
                                            "dprintf",
                                            "explicit_bzero",
                                            "fdelt",
                                            "fgets",
                                            "fgets_unlocked",
                                            "fgetws",
                                            "fgetws_unlocked",
                                            "fprintf",
                                            "fread",
                                            "fread_unlocked",
                                            "fwprintf",
                                            "getcwd",
                                            "getdomainname",
                                            "getgroups",
                                            "gethostname",
                                            "getlogin_r",
                                            "gets",
                                            "getwd",
                                            "inet_ntop",
                                            "inet_pton",
                                            "longjmp",
                                            "mbsnrtowcs",
                                            "mbsrtowcs",
                                            "mbstowcs",
                                            "memcpy",
                                            "memmove",
                                            "mempcpy",
                                            "memset",
                                            "obstack_printf",
                                            "obstack_vprintf",
                                            "open",
                                            "open64",
                                            "openat",
                                            "openat64",
                                            "poll",
                                            "ppoll",
                                            "pread",
                                            "pread64",
                                            "printf",
                                            "ptsname_r",
                                            "read",
                                            "readlink",
                                            "readlinkat",
                                            "realpath",
                                            "recv",
                                            "recvfrom",
                                            "snprintf",
                                            "sprintf",
                                            "stpcpy",
                                            "stpncpy",
                                            "strcat",
                                            "strcpy",
                                            "strlcat",
                                            "strlcpy",
                                            "strncat",
                                            "strncpy",
                                            "swprintf",
                                            "syslog",
                                            "ttyname_r",
                                            "vasprintf",
                                            "vdprintf",
                                            "vfprintf",
                                            "vfwprintf",
                                            "vprintf",
                                            "vsnprintf",
                                            "vsprintf",
                                            "vswprintf",
                                            "vsyslog",
                                            "vwprintf",
                                            "wcpcpy",
                                            "wcpncpy",
                                            "wcrtomb",
                                            "wcscat",
                                            "wcscpy",
                                            "wcslcat",
                                            "wcslcpy",
                                            "wcsncat",
                                            "wcsncpy",
                                            "wcsnrtombs",
                                            "wcsrtombs",
                                            "wcstombs",
                                            "wctomb",
                                            "wmemcpy",
                                            "wmemmove",
                                            "wmempcpy",
                                            "wmemset",
                                            "wprintf"};
static_assert(std::ranges::is_sorted(fortifiable));

/// The entry of the table; empty for another function.
std::string_view fortifiable_function(std::string_view name) {
  const auto* found = std::ranges::lower_bound(fortifiable, name);
  return found != std::end(fortifiable) && *found == name ? *found : std::string_view{};
}

/// `__memcpy_chk` is the checked form of "memcpy"; the checked opens are called `__open_2`.
std::string_view checked_function(std::string_view name) {
  if (!name.starts_with("__")) return {};
  name.remove_prefix(2);
  if (name.ends_with("_chk")) {
    name.remove_suffix(4);
  } else if (name.ends_with("_2") && name.starts_with("open")) {
    name.remove_suffix(2);
  } else {
    return {};
  }
  return fortifiable_function(name);
}

bool is_canary(std::string_view name) {
  return name == "__stack_chk_fail" || name == "__stack_chk_fail_local" || name == "__stack_chk_guard" ||
         name == "__intel_security_cookie" || name == "__stack_smash_handler";
}

std::vector<std::string> split_folders(std::string_view list) {
  std::vector<std::string> folders;
  while (!list.empty()) {
    const std::size_t colon = list.find(':');
    folders.emplace_back(list.substr(0, colon));
    if (colon == std::string_view::npos) break;
    list.remove_prefix(colon + 1);
  }
  return folders;
}

bool loaded_as_it_is(const ElfFacts& facts) {
  return facts.type == ElfType::executable || facts.type == ElfType::shared;
}

const ElfSegment* segment_of(const ElfFacts& facts, std::uint32_t type) {
  const auto found = std::ranges::find(facts.segments, type, &ElfSegment::type);
  return found != facts.segments.end() ? &*found : nullptr;
}

}  // namespace

void MitigationReader::add_name(std::string_view name, NameOf of) {
  ElfMitigations& result = facts_.mitigations;
  // .symtab tells the version in the name.
  name = name.substr(0, name.find('@', 1));
  const bool called = of == NameOf::import || static_names_;
  if (called) {
    if (const auto plain = fortifiable_function(name); !plain.empty()) unfortified_.insert(plain);
  }
  if (!name.starts_with("__")) return;
  if (is_canary(name)) result.canary = true;
  if (called) {
    if (const auto checked = checked_function(name); !checked.empty()) fortified_.insert(checked);
  }
  result.asan |= name.starts_with("__asan_");
  result.ubsan |= name.starts_with("__ubsan_");
  result.msan |= name.starts_with("__msan_");
  result.tsan |= name.starts_with("__tsan_");
}

void MitigationReader::add_dynamic() {
  ElfMitigations& result = facts_.mitigations;
  bool now = false;
  bool debug = false;
  for (const ElfDynamic& entry : facts_.dynamic) {
    switch (entry.tag) {
      case DT_BIND_NOW: now = true; break;
      case DT_FLAGS:
        now |= (entry.value & DF_BIND_NOW) != 0;
        result.text_relocations |= (entry.value & DF_TEXTREL) != 0;
        break;
      case DT_FLAGS_1:
        now |= (entry.value & DF_1_NOW) != 0;
        result.pie |= (entry.value & DF_1_PIE) != 0;
        break;
      case DT_DEBUG: debug = true; break;
      case DT_TEXTREL: result.text_relocations = true; break;
      case DT_RPATH: result.rpath = split_folders(entry.text); break;
      case DT_RUNPATH: result.runpath = split_folders(entry.text); break;
      default: break;
    }
  }
  // Linkers before 2016 did not write the flag, but DT_DEBUG into programs alone. libc.so.6 has an interpreter, and is
  // none.
  result.pie = facts_.type == ElfType::shared && (result.pie || debug);
  if (segment_of(facts_, PT_GNU_RELRO) != nullptr) result.relro = now ? Relro::full : Relro::partial;
}

void MitigationReader::add_properties() {
  ElfMitigations& result = facts_.mitigations;
  const bool x86 = facts_.machine == EM_X86_64 || facts_.machine == EM_386;
  const bool arm = facts_.machine == EM_AARCH64;
  constexpr std::uint32_t x86_features = 0xc0000002;      // GNU_PROPERTY_X86_FEATURE_1_AND
  constexpr std::uint32_t aarch64_features = 0xc0000000;  // GNU_PROPERTY_AARCH64_FEATURE_1_AND
  for (const ElfProperty& property : facts_.properties) {
    // The note has the byte order of the file.
    std::uint32_t bits = support::load<std::uint32_t>(property.data).value_or(0);
    if (facts_.byte_order == ByteOrder::big) bits = __builtin_bswap32(bits);
    if (x86 && property.type == x86_features) {
      result.ibt = (bits & 1) != 0;
      result.shstk = (bits & 2) != 0;
    }
    if (arm && property.type == aarch64_features) {
      result.bti = (bits & 1) != 0;
      result.pac = (bits & 2) != 0;
      result.gcs = (bits & 4) != 0;
    }
  }
}

void MitigationReader::finish() {
  ElfMitigations& result = facts_.mitigations;
  add_dynamic();
  add_properties();
  if (loaded_as_it_is(facts_)) {
    const ElfSegment* stack = segment_of(facts_, PT_GNU_STACK);
    // Without the header x86 programs get a stack that is executable, others one that is not.
    const bool x86 = facts_.machine == EM_X86_64 || facts_.machine == EM_386;
    result.nx = stack != nullptr ? !stack->executable() : !x86;
    result.writable_code = std::ranges::any_of(facts_.segments, [](const ElfSegment& segment) {
      return segment.type == PT_LOAD && segment.writable() && segment.executable();
    });
  }
  result.stripped = std::ranges::find(facts_.sections, SHT_SYMTAB, &ElfSection::type) == facts_.sections.end();
  result.debug_info = std::ranges::any_of(facts_.sections, [](const ElfSection& section) {
    return (section.name == ".debug_info" || section.name == ".zdebug_info") && section.type != SHT_NOBITS;
  });
  result.fortified.assign(fortified_.begin(), fortified_.end());
  result.unfortified.assign(unfortified_.begin(), unfortified_.end());
}

}  // namespace trapline::symbols
