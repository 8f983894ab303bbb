#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <trapline/elf_facts.hpp>
#include <trapline/types.hpp>

namespace trapline {

/// An ELF file of any class, byte order and machine: a program, library, object, kernel module or core file. What it
/// says is read once, in the constructor; copies share it.
class TRAPLINE_API ElfFile {
 public:
  /// Reads a file; throws OsError when it cannot be read, SymbolError when it is no ELF file or damaged beyond use.
  explicit ElfFile(const std::filesystem::path& path);
  /// Reads the bytes of a whole file; throws SymbolError.
  explicit ElfFile(ByteView bytes);

  /// Where it is from: as given, or for the files of a process as that sees them; empty for bytes.
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Of a file of a process: what is added to an address in the file to get the one in the process.
  [[nodiscard]] std::optional<Address> base() const { return base_; }

  [[nodiscard]] const ElfFacts& facts() const { return *facts_; }
  [[nodiscard]] ElfClass elf_class() const { return facts_->elf_class; }
  [[nodiscard]] ByteOrder byte_order() const { return facts_->byte_order; }
  [[nodiscard]] ElfType type() const { return facts_->type; }
  [[nodiscard]] std::uint16_t machine() const { return facts_->machine; }
  [[nodiscard]] Address entry() const { return facts_->entry; }
  [[nodiscard]] const std::string& interpreter() const { return facts_->interpreter; }
  [[nodiscard]] const std::vector<ElfSection>& sections() const { return facts_->sections; }
  [[nodiscard]] const std::vector<ElfSegment>& segments() const { return facts_->segments; }
  [[nodiscard]] const std::vector<ElfDynamic>& dynamic() const { return facts_->dynamic; }
  [[nodiscard]] const std::vector<ElfProperty>& properties() const { return facts_->properties; }
  [[nodiscard]] const std::string& soname() const { return facts_->soname; }
  [[nodiscard]] const std::vector<std::string>& needed() const { return facts_->needed; }
  [[nodiscard]] const ElfMitigations& mitigations() const { return facts_->mitigations; }

  /// The first section of that name; nullptr for none.
  [[nodiscard]] const ElfSection* section(std::string_view name) const;
  /// In hexadecimal, as tools write it; empty for none.
  [[nodiscard]] std::string build_id() const;

  /// For trapline itself.
  ElfFile(std::shared_ptr<const ElfFacts> facts, std::string path, std::optional<Address> base);

 private:
  std::shared_ptr<const ElfFacts> facts_;
  std::string path_;
  std::optional<Address> base_;
};

}  // namespace trapline
