#pragma once

#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <trapline/trapline.hpp>

namespace cli {

/// What `trapline inspect` is to show, and how.
struct Wanted {
  /// By the names of inspect_sections.cpp.
  std::vector<std::string> sections;
  std::vector<std::string> symbols;
  std::vector<std::string> addresses;
  std::vector<std::string> code_lines;
  std::vector<std::string> functions;
  std::vector<std::string> memory;
  std::vector<std::string> chains;
  std::vector<std::string> patterns;
  /// Where they are, and where they point to.
  std::vector<std::pair<std::string, std::string>> pointers;
  /// Which files: "program" or "all"; empty for none.
  std::string checksec;
  /// What --find is limited to.
  std::string area;
  std::string permissions;
  bool vectors = false;
  bool lines = true;
  std::size_t count = 0;
  std::size_t depth = 64;
  std::size_t limit = 20;
  std::size_t word_size = 0;
  trapline::Syntax syntax = trapline::Syntax::intel;
  bool bytes = false;
};

/// A process at rest, the thread that is looked at, and what is to be shown of them.
struct View {
  trapline::Process process;
  trapline::Thread thread;
  /// Why it is at rest, when it was let go on to get there.
  std::optional<trapline::Stop> stop;
  /// What its threads did before it was brought to rest; empty when it was launched.
  const std::map<pid_t, trapline::RunState>& states;
  const Wanted& wanted;
  trapline::Color color;
};

/// What was asked for is not there; the others are shown all the same.
class NotThere : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A part of what is shown. A section that needs a new part of the library is one more row in the table.
struct Section {
  /// Of one that is chosen by name (Wanted::sections), its option.
  const char* name;
  /// Of one that has arguments, whether there are any.
  bool (*asked)(const Wanted& wanted);
  /// As text. Throws what the library throws, and NotThere.
  void (*show)(const View& view, std::ostream& out);
  /// As a member of that name.
  nlohmann::ordered_json (*data)(const View& view);
};

/// In the order in which they are shown.
[[nodiscard]] const std::vector<Section>& sections();

/// The name of the system call that a thread is in, empty for none.
[[nodiscard]] std::string call_of(const trapline::Thread& thread);

}  // namespace cli
