#include "inspect_view.hpp"

#include <algorithm>
#include <map>
#include <ostream>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "inspect_facts.hpp"
#include "inspect_json.hpp"
#include "inspect_lookups.hpp"
#include "inspect_search.hpp"

namespace cli {
namespace {

using trapline::Frame;
using trapline::Thread;

constexpr std::size_t default_instructions = 8;
constexpr std::size_t default_words = 12;

std::size_t count_or(const Wanted& wanted, std::size_t otherwise) {
  return wanted.count != 0 ? wanted.count : otherwise;
}

/// Whether there is any such argument.
template <auto member>
bool asks(const Wanted& wanted) {
  return !(wanted.*member).empty();
}

void show_registers(const View& view, std::ostream& out) {
  trapline::print_registers(out, trapline::read_registers(view.thread, {.vector = view.wanted.vectors}),
                            {.color = view.color});
}

Json registers_data(const View& view) {
  Json json = to_json(trapline::read_registers(view.thread, {.vector = view.wanted.vectors}));
  return {{"thread", view.thread.tid()}, {"flags", view.thread.regs().flags()}, {"values", std::move(json)}};
}

std::vector<trapline::Instruction> code_at_pc(const View& view) {
  const std::size_t count = count_or(view.wanted, default_instructions);
  return view.thread.disassemble(count, {.syntax = view.wanted.syntax, .before = count / 2});
}

void show_disassembly(const View& view, std::ostream& out) {
  const auto code = code_at_pc(view);
  if (code.empty()) out << fmt::format("nothing is mapped at {:#x}\n", view.thread.pc());
  trapline::print_disassembly(out, code, {.color = view.color, .bytes = view.wanted.bytes});
}

Json disassembly_data(const View& view) { return to_array(code_at_pc(view)); }

/// From the stack pointer on, as far as it can be read.
std::vector<trapline::Telescope> stack_of(const View& view) {
  const trapline::Memory memory = view.process.memory();
  std::vector<trapline::Telescope> chains;
  for (const trapline::MemoryWord& word : trapline::read_stack(view.thread, count_or(view.wanted, default_words))) {
    chains.push_back(memory.telescope(word.place.address));
  }
  return chains;
}

/// The registers that hold an address.
std::string names_of(const trapline::RegisterValues& registers, trapline::Address address) {
  std::string names;
  for (const trapline::RegisterValue& value : registers.list) {
    if (value.role != trapline::RegisterRole::general || value.word() != address) continue;
    names += (names.empty() ? "" : ",") + std::string(value.name);
  }
  return names;
}

void show_stack(const View& view, std::ostream& out) {
  const auto chains = stack_of(view);
  if (chains.empty()) out << "nothing can be read where the stack pointer is\n";
  const trapline::MemoryMaps maps = view.process.maps();
  const auto registers = trapline::read_registers(view.thread, {.follow = false});
  std::vector<std::string> labels;
  std::size_t width = 0;
  for (const trapline::Telescope& chain : chains) {
    labels.push_back(names_of(registers, chain.links.front().address));
    width = std::max(width, labels.back().size());
  }
  const auto offset_of = [&](const trapline::Telescope& chain) {
    return chain.links.front().address - chains.front().links.front().address;
  };
  const std::size_t digits =
      chains.empty() ? 0 : std::max<std::size_t>(fmt::formatted_size("{:#x}", offset_of(chains.back())), 4);
  for (std::size_t i = 0; i < chains.size(); ++i) {
    out << fmt::format("+{:#0{}x} {:{}} ", offset_of(chains[i]), digits, labels[i], width);
    trapline::print_telescope(out, chains[i], {.color = view.color, .maps = &maps});
  }
}

Json stack_data(const View& view) { return to_array(stack_of(view)); }

void show_maps(const View& view, std::ostream& out) {
  trapline::print_maps(out, view.process.maps(), {.color = view.color});
}

Json maps_data(const View& view) { return to_array(view.process.maps()); }

/// What a thread is called, and what it does.
std::string occupation_of(const Thread& thread) {
  std::string text;
  trapline::append_quoted(text, thread.name());
  const std::string call = call_of(thread);
  return call.empty() ? text : text + " in " + call;
}

/// Threads that stand at the same place, with the way that all of them came.
struct Group {
  std::vector<Thread> threads;
  std::vector<Frame> frames;
};

trapline::BacktraceOptions options_of(const View& view) {
  return {.max = view.wanted.depth, .lines = view.wanted.lines};
}

/// A pool's hundred workers that all wait are one.
std::vector<Group> groups_of(const View& view) {
  std::vector<Group> groups;
  std::map<std::vector<trapline::Address>, std::size_t> known;
  for (const Thread& thread : view.process.threads()) {
    if (thread.dead()) continue;
    std::vector<trapline::Address> key;
    for (const Frame& frame : thread.backtrace({.max = view.wanted.depth})) key.push_back(frame.pc);
    const auto [found, added] = known.try_emplace(std::move(key), groups.size());
    // Lines are looked up once for all of them.
    if (added) groups.push_back({{}, thread.backtrace(options_of(view))});
    groups[found->second].threads.push_back(thread);
  }
  return groups;
}

/// `300 threads "worker" in futex: 4711, 4712, ...`: those that do the same are told together.
std::string title_of(const Group& group) {
  constexpr std::size_t most = 12;
  std::map<std::string, std::vector<pid_t>> by_occupation;
  for (const Thread& thread : group.threads) by_occupation[occupation_of(thread)].push_back(thread.tid());
  std::string title;
  for (const auto& [occupation, tids] : by_occupation) {
    if (!title.empty()) title += '\n';
    const auto shown = std::span(tids).first(std::min(tids.size(), most));
    title += tids.size() == 1 ? fmt::format("thread {} {}", tids.front(), occupation)
                              : fmt::format("{} threads {}: {}", tids.size(), occupation, fmt::join(shown, ", "));
    if (tids.size() > most) title += ", ...";
  }
  return title;
}

void show_backtraces(const View& view, std::ostream& out) {
  bool first = true;
  for (const Group& group : groups_of(view)) {
    out << (first ? "" : "\n") << title_of(group) << '\n';
    first = false;
    trapline::print_backtrace(out, group.frames, {.color = view.color});
    if (group.frames.size() == view.wanted.depth) out << "(more frames: --depth)\n";
  }
}

Json backtraces_data(const View& view) {
  Json json = Json::array();
  for (const Thread& thread : view.process.threads()) {
    if (thread.dead()) continue;
    Json one{{"thread", thread.tid()}, {"name", thread.name()}};
    if (const std::string call = call_of(thread); !call.empty()) one["syscall"] = call;
    one["frames"] = to_array(thread.backtrace(options_of(view)));
    json.push_back(std::move(one));
  }
  return json;
}

}  // namespace

const std::vector<Section>& sections() {
  static const std::vector<Section> table{
      {"registers", nullptr, show_registers, registers_data},
      {"disassembly", nullptr, show_disassembly, disassembly_data},
      {"stack", nullptr, show_stack, stack_data},
      {"backtraces", nullptr, show_backtraces, backtraces_data},
      {"threads", nullptr, show_threads, threads_data},
      {"maps", nullptr, show_maps, maps_data},
      {"libraries", nullptr, show_libraries, libraries_data},
      {"checksec", asks<&Wanted::checksec>, show_checksec, checksec_data},
      {"descriptors", nullptr, show_descriptors, descriptors_data},
      {"environment", nullptr, show_environment, environment_data},
      {"auxv", nullptr, show_auxv, auxv_data},
      {"limits", nullptr, show_limits, limits_data},
      {"symbols", asks<&Wanted::symbols>, show_symbols, symbols_data},
      {"addresses", asks<&Wanted::addresses>, show_addresses, addresses_data},
      {"lines", asks<&Wanted::code_lines>, show_code_lines, code_lines_data},
      {"functions", asks<&Wanted::functions>, show_functions, functions_data},
      {"memory", asks<&Wanted::memory>, show_memory, memory_data},
      {"telescopes", asks<&Wanted::chains>, show_chains, chains_data},
      {"found", asks<&Wanted::patterns>, show_found, found_data},
      {"pointers", asks<&Wanted::pointers>, show_pointers, pointers_data},
  };
  return table;
}

std::string call_of(const Thread& thread) {
  if (!thread.in_syscall()) return {};
  // Interrupted in it, where the thread's own fields are those of a call that it would issue next.
  const trapline::Arch arch = thread.process().arch();
  const char* number_register = arch == trapline::Arch::amd64  ? "orig_rax"
                                : arch == trapline::Arch::i386 ? "orig_eax"
                                                               : "x8";
  const std::uint64_t word = thread.regs().get(number_register);
  const std::int64_t number =
      arch == trapline::Arch::i386 ? static_cast<std::int32_t>(word) : static_cast<std::int64_t>(word);
  const std::string_view name = trapline::syscall_name(thread.syscall_abi(), number);
  return name.empty() ? fmt::format("syscall {}", number) : std::string(name);
}

}  // namespace cli
