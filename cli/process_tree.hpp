#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include <trapline/debugger.hpp>

namespace cli {

/// The arguments of a process, its name first.
[[nodiscard]] std::vector<std::string> arguments_of(pid_t pid);
/// They in one line, as one could type it.
[[nodiscard]] std::string command_line(pid_t pid);

/// Who was whose child, with what command line, and how each ended.
class ProcessTree {
 public:
  /// Catches what happens from now on, in children too if they inherit traps.
  void watch(trapline::Debugger& debugger);
  /// The first process; before it does anything.
  void begin(const trapline::Process& root);

  /// A line for each process, children indented under their parents in the order of their births.
  void append(std::string& out) const;

 private:
  struct Node {
    pid_t pid = 0;
    std::string command;
    std::string end = "lives on";
    std::vector<std::size_t> children{};
  };

  /// The last one that had the id.
  [[nodiscard]] Node* find(pid_t pid);
  void append(std::string& out, const Node& node, const std::string& indent) const;

  std::vector<Node> nodes_;
};

}  // namespace cli
