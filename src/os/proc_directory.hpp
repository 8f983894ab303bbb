#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "support/fd.hpp"

namespace trapline::os {

/// The open folder of a process or thread in /proc. What is read through it is of that very one: once that is dead
/// everything throws ProcessGone, also when its id is another's by then.
class ProcDirectory {
 public:
  explicit ProcDirectory(pid_t pid);

  [[nodiscard]] ProcDirectory thread(pid_t tid) const;
  /// A file in it, as a whole.
  [[nodiscard]] std::string read(const std::string& name) const;
  [[nodiscard]] std::string link(const std::string& name) const;
  /// The names in a folder in it; those that are numbers in ascending order.
  [[nodiscard]] std::vector<std::string> names(const std::string& name) const;
  [[nodiscard]] std::vector<int> numbers(const std::string& name) const;
  [[nodiscard]] int fd() const { return folder_.get(); }

 private:
  explicit ProcDirectory(support::Fd folder) : folder_(std::move(folder)) {}

  support::Fd folder_;
};

}  // namespace trapline::os
