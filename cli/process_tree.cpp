#include "process_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string_view>

#include <trapline/print.hpp>
#include <trapline/signal_id.hpp>

namespace cli {
namespace {

/// As one could type it, with whatever is not plain in quotes.
void append_word(std::string& out, std::string_view word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_";
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) {
    out += word;
  } else {
    trapline::append_quoted(out, word);
  }
}

std::string in_words(const trapline::ExitStatus& status) {
  if (status.signal) return fmt::format("killed by {}", trapline::signal_name(*status.signal));
  return fmt::format("exited with {}", status.code.value_or(0));
}

}  // namespace

std::vector<std::string> arguments_of(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(std::move(word));
  // One that has written a title over them leaves NULs behind it; nobody gives two empty arguments at the end.
  if (words.size() > 2 && words.back().empty() && words[words.size() - 2].empty()) {
    while (words.size() > 1 && words.back().empty()) words.pop_back();
  }
  return words;
}

std::string command_line(pid_t pid) {
  std::string line;
  for (const std::string& word : arguments_of(pid)) {
    if (!line.empty()) line += ' ';
    append_word(line, word);
  }
  return line;
}

void ProcessTree::watch(trapline::Debugger& debugger) {
  using trapline::Thread;
  debugger.on_fork([this](Thread& parent, trapline::Process& child) {
    Node* const above = find(parent.pid());
    if (above == nullptr) return;
    above->children.push_back(nodes_.size());
    nodes_.push_back({.pid = child.pid(), .command = above->command});
  });
  debugger.on_exec([this](Thread& thread) {
    if (Node* const node = find(thread.pid())) node->command = command_line(thread.pid());
  });
  debugger.on_exit([this](Thread& thread, const trapline::ExitStatus& status) {
    if (Node* const node = find(thread.pid())) node->end = in_words(status);
  });
}

void ProcessTree::begin(const trapline::Process& root) {
  const std::size_t above = nodes_.size();
  nodes_.push_back({.pid = root.pid(), .command = command_line(root.pid())});
  for (const trapline::Process& child : root.children()) {
    nodes_[above].children.push_back(nodes_.size());
    begin(child);
  }
}

ProcessTree::Node* ProcessTree::find(pid_t pid) {
  const auto found = std::find_if(nodes_.rbegin(), nodes_.rend(), [&](const Node& node) { return node.pid == pid; });
  return found == nodes_.rend() ? nullptr : &*found;
}

void ProcessTree::append(std::string& out) const {
  if (!nodes_.empty()) append(out, nodes_.front(), "");
}

void ProcessTree::append(std::string& out, const Node& node, const std::string& indent) const {
  fmt::format_to(std::back_inserter(out), "{} {}: {}\n", node.pid, node.command, node.end);
  for (const std::size_t child : node.children) {
    const bool last = child == node.children.back();
    out += indent + (last ? "`- " : "|- ");
    append(out, nodes_[child], indent + (last ? "   " : "|  "));
  }
}

}  // namespace cli
