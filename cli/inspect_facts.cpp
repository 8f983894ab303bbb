#include "inspect_facts.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>

#include "inspect_each.hpp"
#include "inspect_json.hpp"
#include "inspect_view.hpp"

namespace cli {
namespace {

using trapline::FileDescriptor;
using trapline::RunState;
using trapline::ThreadInfo;

/// As it is when that can do a terminal no harm, else in quotes and escaped.
std::string plain_or_quoted(const std::string& text) {
  const bool plain = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
  return plain ? text : in_quotes(text);
}

std::string strong(const View& view, const std::string& text) {
  return view.color == trapline::Color::always ? "\033[1m" + text + "\033[0m" : text;
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

/// Of a launched one there is nothing to say: it has just begun, or was stopped on its way.
std::string state_of(const View& view, const ThreadInfo& thread) {
  const auto found = view.states.find(thread.tid);
  return found == view.states.end() ? "" : std::string(to_string(found->second));
}

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

/// The handles of the living threads by their ids.
std::map<pid_t, trapline::Thread> handles(const View& view) {
  std::map<pid_t, trapline::Thread> by_id;
  for (const trapline::Thread& thread : view.process.threads()) by_id.emplace(thread.tid(), thread);
  return by_id;
}

/// The call that it is blocked in, or where it executes.
std::string occupation_of(const View& view, const trapline::Thread& thread, const ThreadInfo& info) {
  const std::string call = blocked_call(thread, info);
  return call.empty() ? "at " + place_text(thread.pc(), view.process.symbols().at(thread.pc())) : "in " + call;
}

std::string socket_text(const trapline::SocketInfo& socket) {
  std::string text = socket.protocol;
  if (!socket.local.empty()) text += ' ' + plain_or_quoted(socket.local);
  if (!socket.peer.empty()) text += " -> " + plain_or_quoted(socket.peer);
  if (!socket.state.empty()) text += ' ' + socket.state;
  if (socket.peer_pid) text += fmt::format(" (process {})", *socket.peer_pid);
  return text;
}

std::string descriptor_text(const FileDescriptor& descriptor) {
  std::string text = plain_or_quoted(descriptor.path);
  if (descriptor.socket && !descriptor.socket->protocol.empty()) text = socket_text(*descriptor.socket);
  if (descriptor.deleted) text += " (deleted)";
  if (descriptor.kind == trapline::DescriptorKind::file && descriptor.offset != 0) {
    text += fmt::format(" at {}", descriptor.offset);
  }
  return text;
}

std::string auxiliary_text(const View& view, const trapline::AuxiliaryEntry& entry) {
  switch (entry.kind) {
    case trapline::AuxiliaryKind::number: return std::to_string(entry.value);
    case trapline::AuxiliaryKind::flags: return hex(entry.value);
    case trapline::AuxiliaryKind::address: return place_text(entry.value, view.process.symbols().at(entry.value));
    case trapline::AuxiliaryKind::string: return in_quotes(entry.text);
  }
  return {};
}

std::string auxiliary_name(const trapline::AuxiliaryEntry& entry) {
  return entry.name.empty() ? fmt::format("type {}", entry.type) : std::string(entry.name);
}

std::string limit_text(const std::optional<std::uint64_t>& limit) {
  return limit ? std::to_string(*limit) : "unlimited";
}

std::vector<trapline::ElfFile> checked_files(const View& view) {
  std::vector<trapline::ElfFile> files{view.process.binary()};
  if (view.wanted.checksec != "all") return files;
  for (trapline::ElfFile& file : view.process.libraries()) files.push_back(std::move(file));
  return files;
}

RunState state_of_letter(char letter) {
  switch (letter) {
    case 'R': return RunState::running;
    case 'S': return RunState::sleeping;
    case 'D': return RunState::disk_sleep;
    case 'T': return RunState::stopped;
    case 't': return RunState::traced;
    case 'Z': return RunState::zombie;
    case 'X': return RunState::dead;
    default: return RunState::unknown;
  }
}

}  // namespace

std::map<pid_t, RunState> run_states(pid_t pid) {
  std::map<pid_t, RunState> states;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), gone)) {
    std::ifstream file(entry.path() / "stat", std::ios::binary);
    std::string text;
    std::getline(file, text, '\0');
    // The name in front of it may hold anything, parentheses too.
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= text.size()) continue;
    const auto tid = static_cast<pid_t>(std::strtol(entry.path().filename().c_str(), nullptr, 10));
    states.emplace(tid, state_of_letter(text[name_end + 2]));
  }
  return states;
}

std::string blocked_call(const trapline::Thread& thread, const ThreadInfo& info) {
  if (!info.syscall) return {};
  const trapline::BlockedCall& call = *info.syscall;
  const trapline::SyscallRecord record{.abi = thread.syscall_abi(),
                                       .original_number = call.number,
                                       .original_args = call.arguments,
                                       .number = call.number,
                                       .args = call.arguments};
  std::string text;
  trapline::append_syscall_enter(text, thread, record, {.fd_paths = true});
  trapline::append_syscall_abandoned(text, thread, record, {.fd_paths = true});
  // It has no result yet.
  if (const std::string_view end = " = ?"; text.ends_with(end)) text.resize(text.size() - end.size());
  return text;
}

void show_threads(const View& view, std::ostream& out) {
  const auto by_id = handles(view);
  const auto threads = view.process.info().threads();
  std::size_t name_width = 0;
  std::size_t state_width = 0;
  std::size_t tid_width = 0;
  for (const ThreadInfo& thread : threads) {
    name_width = std::max(name_width, in_quotes(thread.name).size());
    state_width = std::max(state_width, state_of(view, thread).size());
    tid_width = std::max(tid_width, fmt::formatted_size("{}", thread.tid));
  }
  for (const ThreadInfo& thread : threads) {
    std::string line =
        padded(std::to_string(thread.tid), tid_width) + "  " + padded(in_quotes(thread.name), name_width);
    if (state_width != 0) line += "  " + padded(state_of(view, thread), state_width);
    line += fmt::format("  cpu {}  user {:.2f}s  system {:.2f}s", thread.cpu, seconds(thread.user_time),
                        seconds(thread.system_time));
    if (thread.nice != 0) line += fmt::format("  nice {}", thread.nice);
    const auto handle = by_id.find(thread.tid);
    out << line << (handle == by_id.end() ? "" : "  " + occupation_of(view, handle->second, thread)) << '\n';
  }
}

void show_libraries(const View& view, std::ostream& out) {
  for (const trapline::ElfFile& file : view.process.libraries()) {
    out << fmt::format("{:#x}  {}\n", file.base().value_or(0), plain_or_quoted(file.path()));
  }
}

void show_checksec(const View& view, std::ostream& out) {
  const auto files = checked_files(view);
  if (view.wanted.checksec == "all") {
    trapline::print_mitigations(out, files, {.color = view.color});
  } else {
    trapline::print_mitigations(out, files.front(), {.color = view.color});
  }
}

void show_descriptors(const View& view, std::ostream& out) {
  const auto descriptors = view.process.info().file_descriptors();
  std::size_t number_width = 0;
  std::size_t kind_width = 0;
  for (const FileDescriptor& descriptor : descriptors) {
    number_width = std::max(number_width, fmt::formatted_size("{}", descriptor.number));
    kind_width = std::max(kind_width, to_string(descriptor.kind).size());
  }
  for (const FileDescriptor& descriptor : descriptors) {
    out << fmt::format("{:>{}}  {}{}  {:{}}  {}\n", descriptor.number, number_width, descriptor.readable() ? 'r' : '-',
                       descriptor.writable() ? 'w' : '-', to_string(descriptor.kind), kind_width,
                       descriptor_text(descriptor));
  }
}

void show_environment(const View& view, std::ostream& out) {
  for (const std::string& variable : view.process.info().environment()) out << plain_or_quoted(variable) << '\n';
}

void show_auxv(const View& view, std::ostream& out) {
  constexpr std::size_t width = 24;
  for (const trapline::AuxiliaryEntry& entry : view.process.info().auxv()) {
    out << padded(auxiliary_name(entry), width) << auxiliary_text(view, entry) << '\n';
  }
}

void show_limits(const View& view, std::ostream& out) {
  out << strong(view, fmt::format("{:24}{:>20}  {:>20}", "", "soft", "hard")) << '\n';
  for (const trapline::LimitInForce& limit : view.process.info().limits()) {
    const std::string unit = limit.unit.empty() ? "" : "  " + limit.unit;
    out << fmt::format("{:24}{:>20}  {:>20}{}\n", plain_or_quoted(limit.name), limit_text(limit.soft),
                       limit_text(limit.hard), unit);
  }
}

Json threads_data(const View& view) {
  const auto by_id = handles(view);
  Json list = Json::array();
  for (const ThreadInfo& thread : view.process.info().threads()) {
    Json one{{"thread", thread.tid}, {"name", thread.name}};
    if (const std::string state = state_of(view, thread); !state.empty()) one["state"] = state;
    if (thread.syscall) {
      Json arguments = Json::array();
      for (const std::uint64_t argument : thread.syscall->arguments) arguments.push_back(hex(argument));
      one["syscall"] = {
          {"number", thread.syscall->number}, {"name", thread.syscall->name}, {"arguments", std::move(arguments)}};
      const auto handle = by_id.find(thread.tid);
      if (handle != by_id.end()) one["syscall"]["text"] = blocked_call(handle->second, thread);
    }
    one["user_time"] = seconds(thread.user_time);
    one["system_time"] = seconds(thread.system_time);
    one["nice"] = thread.nice;
    one["cpu"] = thread.cpu;
    list.push_back(std::move(one));
  }
  return list;
}

Json libraries_data(const View& view) {
  Json list = Json::array();
  for (const trapline::ElfFile& file : view.process.libraries()) {
    Json one{{"path", file.path()}, {"base", hex(file.base().value_or(0))}};
    if (!file.soname().empty()) one["soname"] = file.soname();
    if (const std::string id = file.build_id(); !id.empty()) one["build_id"] = id;
    one["needed"] = file.needed();
    list.push_back(std::move(one));
  }
  return list;
}

Json checksec_data(const View& view) { return to_array(checked_files(view)); }

Json descriptors_data(const View& view) {
  Json list = Json::array();
  for (const FileDescriptor& descriptor : view.process.info().file_descriptors()) {
    Json one{{"number", descriptor.number},       {"kind", std::string(to_string(descriptor.kind))},
             {"path", descriptor.path},           {"readable", descriptor.readable()},
             {"writable", descriptor.writable()}, {"close_on_exec", descriptor.close_on_exec()},
             {"offset", descriptor.offset},       {"inode", descriptor.inode}};
    if (descriptor.deleted) one["deleted"] = true;
    if (descriptor.socket) {
      const trapline::SocketInfo& socket = *descriptor.socket;
      Json json = Json::object();
      const std::pair<const char*, const std::string&> known[] = {
          {"protocol", socket.protocol}, {"local", socket.local}, {"peer", socket.peer}, {"state", socket.state}};
      for (const auto& [name, value] : known) {
        if (!value.empty()) json[name] = value;
      }
      if (socket.peer_pid) json["peer_pid"] = *socket.peer_pid;
      one["socket"] = std::move(json);
    }
    for (const auto& [name, value] : descriptor.details) one["details"][name] = value;
    list.push_back(std::move(one));
  }
  return list;
}

Json environment_data(const View& view) { return view.process.info().environment(); }

Json auxv_data(const View& view) {
  Json list = Json::array();
  for (const trapline::AuxiliaryEntry& entry : view.process.info().auxv()) {
    Json one{{"type", entry.type}, {"value", hex(entry.value)}};
    if (!entry.name.empty()) one["name"] = std::string(entry.name);
    if (entry.kind == trapline::AuxiliaryKind::string) one["text"] = entry.text;
    list.push_back(std::move(one));
  }
  return list;
}

Json limits_data(const View& view) {
  Json list = Json::array();
  for (const trapline::LimitInForce& limit : view.process.info().limits()) {
    Json one{{"name", limit.name}};
    // Unlimited is unknown to numbers: null.
    one["soft"] = limit.soft ? Json(*limit.soft) : Json();
    one["hard"] = limit.hard ? Json(*limit.hard) : Json();
    if (!limit.unit.empty()) one["unit"] = limit.unit;
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace cli
