#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support/fd.hpp"
#include "symbols/elf_file.hpp"

namespace trapline::symbols {

/// Where a file is found again, when more of it is wanted than was read at first.
class FileOrigin {
 public:
  FileOrigin() = default;
  /// Of an open file and the path that it was opened by, which may lead there only while some process lives.
  FileOrigin(const support::Fd& file, const std::string& path);

  /// Nothing when the file is no longer there.
  [[nodiscard]] std::optional<ElfFile> open() const;
  /// Of the file when it was opened.
  [[nodiscard]] std::optional<std::int64_t> size() const;
  /// As it is called here; empty for what is in no file.
  [[nodiscard]] std::string path() const { return paths_.empty() ? std::string() : paths_.front(); }

 private:
  std::vector<std::string> paths_;
  std::vector<std::int64_t> identity_;
};

}  // namespace trapline::symbols
