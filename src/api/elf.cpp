#include <trapline/elf.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include <trapline/error.hpp>
#include <trapline/process.hpp>

#include "core/binaries.hpp"
#include "os/error.hpp"
#include "support/bytes.hpp"
#include "support/fd.hpp"
#include "symbols/elf_file.hpp"

namespace trapline {
namespace {

/// A folder or a pipe is not waited for.
support::Fd open_file(const std::string& path) {
  support::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) os::throw_os_error(errno, path, 0);
  struct stat status {};
  if (::fstat(file.get(), &status) == -1) os::throw_os_error(errno, path, 0);
  if (!S_ISREG(status.st_mode)) throw SymbolError(path + ": not a file, and so no ELF file");
  return file;
}

}  // namespace

ElfFile::ElfFile(const std::filesystem::path& path) : path_(path.string()) {
  support::Fd file = open_file(path_);
  try {
    facts_ = std::make_shared<const ElfFacts>(symbols::ElfFile(std::move(file)).facts());
  } catch (const SymbolError& error) {
    throw SymbolError(path_ + ": " + error.what());
  }
}

ElfFile::ElfFile(ByteView bytes)
    : facts_(std::make_shared<const ElfFacts>(symbols::ElfFile(Bytes(bytes.begin(), bytes.end())).facts())) {}

ElfFile::ElfFile(std::shared_ptr<const ElfFacts> facts, std::string path, std::optional<Address> base)
    : facts_(std::move(facts)), path_(std::move(path)), base_(base) {}

const ElfSection* ElfFile::section(std::string_view name) const {
  const auto found = std::ranges::find(sections(), name, &ElfSection::name);
  return found != sections().end() ? &*found : nullptr;
}

std::string ElfFile::build_id() const { return support::to_hex(facts_->build_id); }

ElfFile Process::binary() const { return core::binary_of(*process_); }
std::vector<ElfFile> Process::libraries() const { return core::libraries_of(*process_); }

}  // namespace trapline
