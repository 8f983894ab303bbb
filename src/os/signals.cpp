#include "os/signals.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>

#include "os/error.hpp"

namespace trapline::os {
namespace {

struct Row {
  int number;
  std::string_view name;
  DefaultAction action = DefaultAction::terminate;
};

// The first row of a number gives its name, the others are aliases.
constexpr std::array rows{
    Row{SIGHUP, "HUP"},
    Row{SIGINT, "INT"},
    Row{SIGQUIT, "QUIT", DefaultAction::core},
    Row{SIGILL, "ILL", DefaultAction::core},
    Row{SIGTRAP, "TRAP", DefaultAction::core},
    Row{SIGABRT, "ABRT", DefaultAction::core},
    Row{SIGABRT, "IOT", DefaultAction::core},
    Row{SIGBUS, "BUS", DefaultAction::core},
    Row{SIGFPE, "FPE", DefaultAction::core},
    Row{SIGKILL, "KILL"},
    Row{SIGUSR1, "USR1"},
    Row{SIGSEGV, "SEGV", DefaultAction::core},
    Row{SIGUSR2, "USR2"},
    Row{SIGPIPE, "PIPE"},
    Row{SIGALRM, "ALRM"},
    Row{SIGTERM, "TERM"},
    Row{SIGSTKFLT, "STKFLT"},
    Row{SIGCHLD, "CHLD", DefaultAction::ignore},
    Row{SIGCHLD, "CLD", DefaultAction::ignore},
    Row{SIGCONT, "CONT", DefaultAction::cont},
    Row{SIGSTOP, "STOP", DefaultAction::stop},
    Row{SIGTSTP, "TSTP", DefaultAction::stop},
    Row{SIGTTIN, "TTIN", DefaultAction::stop},
    Row{SIGTTOU, "TTOU", DefaultAction::stop},
    Row{SIGURG, "URG", DefaultAction::ignore},
    Row{SIGXCPU, "XCPU", DefaultAction::core},
    Row{SIGXFSZ, "XFSZ", DefaultAction::core},
    Row{SIGVTALRM, "VTALRM"},
    Row{SIGPROF, "PROF"},
    Row{SIGWINCH, "WINCH", DefaultAction::ignore},
    Row{SIGIO, "IO"},
    Row{SIGPOLL, "POLL"},
    Row{SIGPWR, "PWR"},
    Row{SIGSYS, "SYS", DefaultAction::core},
    Row{first_realtime_signal, "RTMIN"},
    Row{last_signal, "RTMAX"},
};

const Row* row_of(int signal) {
  const auto* found = std::ranges::find(rows, signal, &Row::number);
  return found == rows.end() ? nullptr : found;
}

std::optional<int> parse_number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || value > last_signal) return std::nullopt;
  return value;
}

std::optional<int> valid(std::optional<int> signal) {
  return signal && *signal >= 1 && *signal <= last_signal ? signal : std::nullopt;
}

std::string upper_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

/// "RTMIN+3" and "RTMAX-1".
std::optional<int> realtime_number(std::string_view text) {
  constexpr std::size_t prefix = std::string_view("RTMIN").size();
  const bool from_first = text.starts_with("RTMIN+");
  if (!from_first && !text.starts_with("RTMAX-")) return std::nullopt;
  const auto distance = parse_number(text.substr(prefix + 1));
  if (!distance) return std::nullopt;
  const int signal = from_first ? first_realtime_signal + *distance : last_signal - *distance;
  return signal >= first_realtime_signal ? valid(signal) : std::nullopt;
}

}  // namespace

std::string signal_name(int signal) {
  if (const Row* row = row_of(signal)) return fmt::format("SIG{}", row->name);
  if (signal > first_realtime_signal && signal < last_signal)
    return fmt::format("SIGRTMIN+{}", signal - first_realtime_signal);
  if (signal >= 1 && signal <= last_signal) return fmt::format("SIG{}", signal);
  return fmt::format("signal {}", signal);
}

std::optional<int> signal_number(std::string_view name) {
  const std::string upper = upper_case(name);
  std::string_view text = upper;
  if (text.starts_with("SIG")) text.remove_prefix(3);
  if (const auto number = parse_number(text)) return valid(number);
  const auto* found = std::ranges::find(rows, text, &Row::name);
  return found != rows.end() ? std::optional(found->number) : realtime_number(text);
}

DefaultAction default_action(int signal) {
  const Row* row = row_of(signal);
  return row != nullptr ? row->action : DefaultAction::terminate;
}

void send_signal(pid_t pid, int signal) {
  if (::kill(pid, signal) != 0) throw_os_error(errno, "kill", pid);
}

void send_signal(pid_t pid, pid_t tid, int signal) {
  if (::syscall(SYS_tgkill, pid, tid, signal) != 0) throw_os_error(errno, "tgkill", tid);
}

void queue_signal(pid_t pid, pid_t tid, siginfo_t info) {
  if (::syscall(SYS_rt_tgsigqueueinfo, pid, tid, info.si_signo, &info) != 0) {
    throw_os_error(errno, "rt_tgsigqueueinfo", tid);
  }
}

bool blocked_here(int signal) {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return sigismember(&mask, signal) == 1;
}

bool handled_here(int signal) {
  struct sigaction action {};
  if (::sigaction(signal, nullptr, &action) == -1) return false;
  return action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
}

void block_here(int signal, bool block) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, signal);
  ::pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &mask, nullptr);
}

}  // namespace trapline::os
