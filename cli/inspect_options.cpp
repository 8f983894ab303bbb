#include "inspect_options.hpp"

#include <fmt/format.h>

#include <memory>

namespace cli {
namespace {

constexpr const char* footer =
    R"(Without options it shows the registers, the code at the pc and the stack of one thread, and the backtraces of all.

The process is at rest only while it is looked at. One that was attached to then goes on as if nothing had happened: one
that was stopped stays stopped, a system call that it is in goes on. One that was launched is killed. With --at and --signal
the process runs until it gets there; Ctrl-C lets it go, and kills a launched one.

LOCATION is an address, a symbol, a symbol and an offset ("main+0x12"), or a line of the source ("server.c:42").
NAME is a symbol's name, that of C++ with or without parameters, a pattern ("str*", "*@plt"), a regular expression
in slashes ("/^str(n?)cpy$/"), or a line of the source.
WHAT is text, bytes ("hex:48 8b ?? 05 4?"), a regular expression ("/key=[0-9a-f]+/", "/.../i"), or a number in so many
bits (u8: u16: u32: u64: i8: ... i64:, u32be: for the other byte order); "text:/x/" is text whatever it looks like.
WHERE and TARGET are a mapping (stack, heap, libc, binary, all, ...), a symbol, an address, or a range "0x...-0x...".

Examples:
  trapline inspect -p 4711                           what is it doing?
  trapline inspect -p 4711 --backtraces --depth 10   where are all its threads?
  trapline inspect -p 4711 --threads --descriptors   what does it wait for, and on what file or socket?
  trapline inspect -p 4711 --maps --json             its mappings, for a script
  trapline inspect --signal -- ./app input           where does it crash, and with what?
  trapline inspect --at write -- ls                  the first time that it writes something
  trapline inspect -p 4711 --find "BEGIN PRIVATE" --in heap     is there a key in its memory?
  trapline inspect -p 4711 --pointers all environ    who points to environ?
  trapline inspect -p 4711 --telescope environ       where does it lead?
  trapline inspect -p 4711 --memory environ,64 --word 8
  trapline inspect -p 4711 --function main           a function's code
  trapline inspect --symbol "str*cpy" -- ls          which of these has it?
  trapline inspect --file ./app                      what protects it?
  trapline inspect --checksec=all -- ./app           and its libraries?

Exit status:
  0    all of it was shown
  1    something that was asked for is not there: a symbol, bytes, a place that the program never came to
  2    the command line was not understood
  125  trapline itself failed: no permission to attach, the process died meanwhile, the output cannot be written
  126  the program was found but cannot be executed
  127  the program was not found)";

class HelpText : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: trapline inspect [OPTIONS] -p PID\n"
           "       trapline inspect [OPTIONS] [--] COMMAND [ARGUMENT...]\n"
           "       trapline inspect [--checksec] --file PATH\n";
  }
  /// Without what CLI11 remarks on the values of flags.
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override {
    std::string name = CLI::Formatter::make_option_name(option, is_positional);
    for (std::size_t brace = name.find('{'); brace != std::string::npos; brace = name.find('{')) {
      name.erase(brace, name.find('}', brace) + 1 - brace);
    }
    return name;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string type = option->get_type_name();
    return type.empty() ? "" : (type.starts_with("[=") ? "" : " ") + type;
  }
};

std::string a_number(const std::string& word) {
  const bool digits = !word.empty() && word.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : fmt::format("\"{}\" is no number", word);
}

std::string a_positive_number(const std::string& word) {
  const std::string wrong = a_number(word);
  return wrong.empty() && word.find_first_not_of('0') == std::string::npos ? "0 shows nothing" : wrong;
}

constexpr const char* whom = "Whom and when";
constexpr const char* thread_group = "The thread, and all threads";
constexpr const char* process_group = "The process and its files";
constexpr const char* lookup_group = "Looking something up; each may be given several times";
constexpr const char* amount_group = "How much, and how";

void add_targets(CLI::App& app, InspectArguments& arguments) {
  app.add_option("-p", arguments.pid, "Attach to this running process")->type_name("PID")->check(a_number)->group(whom);
  app.add_option("-t", arguments.thread, "Look at this thread instead of the main thread or the one that stopped")
      ->type_name("TID")
      ->check(a_number)
      ->group(whom);
  app.add_option("--file", arguments.files, "Check this file, which need not run")
      ->allow_extra_args(false)
      ->type_name("PATH")
      ->group(whom);
  app.add_option("--at", arguments.at, "Let it go on to there first")->type_name("LOCATION")->group(whom);
  app.add_option("--signal", arguments.signal,
                 "Let it go on until it gets this signal; without a name, one that kills by a fault")
      ->type_name("[SIGNAL]")
      ->expected(0, 1)
      ->group(whom);
}

void add_sections(CLI::App& app, InspectArguments& arguments) {
  Wanted& wanted = arguments.wanted;
  const auto section = [&](const char* group, const char* name, const char* option, const char* text) {
    app.add_flag_callback(
           option, [&wanted, name] { wanted.sections.emplace_back(name); }, text)
        ->group(group);
  };
  section(thread_group, "registers", "-r,--registers", "The registers of one thread, and what they lead to");
  app.add_flag("--vectors", wanted.vectors, "With the vector registers")->group(thread_group);
  section(thread_group, "disassembly", "-d,--disassembly", "The code around its pc");
  section(thread_group, "stack", "-k,--stack", "The words from its stack pointer on, and where they lead");
  section(thread_group, "backtraces", "-b,--backtraces", "The backtraces of all threads; those that are equal once");
  app.add_flag("--lines,!--no-lines", wanted.lines, "Backtraces with source lines and inlined calls (the default)")
      ->group(thread_group);
  section(thread_group, "threads", "--threads", "All threads: names, states, times, what they are blocked in");
  section(process_group, "maps", "-m,--maps", "The mappings of the process");
  section(process_group, "libraries", "--libraries", "The libraries that are loaded");
  app.add_flag("--checksec{program}", wanted.checksec, "What makes its program, or =all its files, hard to exploit")
      ->type_name("[=all]")
      ->check(CLI::IsMember({"program", "all"}).description(""))
      ->group(process_group);
  section(process_group, "descriptors", "--descriptors", "Its open files, pipes and sockets");
  section(process_group, "environment", "--environment", "Its environment, as it was at its exec");
  section(process_group, "auxv", "--auxv", "What the kernel told the program at its exec");
  section(process_group, "limits", "--limits", "Its resource limits");
  app.add_flag("-a,--all", arguments.all, "All of the above")->group(process_group);
}

void add_lookups(CLI::App& app, Wanted& wanted) {
  const auto list = [&](const char* name, auto& into, const char* text, const char* value) {
    app.add_option(name, into, text)->allow_extra_args(false)->type_name(value)->group(lookup_group);
  };
  list("--symbol", wanted.symbols, "Where such symbols are, in all modules", "NAME");
  list("--address", wanted.addresses, "What is at that address", "LOCATION");
  list("--line", wanted.code_lines, "The line of the source there, and the calls inlined", "LOCATION");
  list("--function", wanted.functions, "The code of the function around it", "LOCATION");
  list("--memory", wanted.memory, "So many bytes there (64)", "LOCATION[,SIZE]");
  list("--telescope", wanted.chains, "Where the pointers from there on lead", "LOCATION");
  list("--find", wanted.patterns, "Where in its memory that is", "WHAT");
  list("--pointers", wanted.pointers, "The pointers there that point into that", "WHERE TARGET");
}

void add_amounts(CLI::App& app, InspectArguments& arguments) {
  Wanted& wanted = arguments.wanted;
  const auto number = [&](const char* name, std::size_t& into, const char* text) {
    app.add_option(name, into, text)->type_name("N")->check(a_positive_number)->group(amount_group);
  };
  number("-n", wanted.count, "Show so many instructions and words of the stack");
  number("--depth", wanted.depth, "Show so many frames of each thread (64)");
  number("--limit", wanted.limit, "Show so many finds, pointers and symbols of a pattern (20)");
  app.add_option("--in", wanted.area, "Let --find look only there: stack, heap, libc, binary, anon, a file ...")
      ->type_name("MAPPING")
      ->group(amount_group);
  app.add_option("--permissions", wanted.permissions, "Likewise, only in mappings that are at least so: rw, r-x")
      ->type_name("rwx")
      ->group(amount_group);
  app.add_option("--word", wanted.word_size, "Show --memory as integers of so many bytes")
      ->type_name("1|2|4|8")
      ->check(CLI::IsMember({1, 2, 4, 8}).description(""))
      ->group(amount_group);
  app.add_flag("--debuginfod", arguments.debuginfod, "Ask the servers of DEBUGINFOD_URLS for symbols and lines, too")
      ->group(amount_group);
  app.add_flag("--bytes", wanted.bytes, "Show the bytes of instructions")->group(amount_group);
  app.add_flag("--att", arguments.att, "Spell instructions as AT&T did")->group(amount_group);
  app.add_flag("--json", arguments.json, "Print all of it as one JSON object")->group(amount_group);
  app.add_option("--color", arguments.color, "auto (on a terminal, unless NO_COLOR is set), always or never")
      ->type_name("WHEN")
      ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
      ->group(amount_group);
}

}  // namespace

void add_inspect_options(CLI::App& app, InspectArguments& arguments) {
  add_targets(app, arguments);
  add_sections(app, arguments);
  add_lookups(app, arguments.wanted);
  add_amounts(app, arguments);
  app.formatter(std::make_shared<HelpText>());
  app.footer(footer);
}

}  // namespace cli
