#include "gdb.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>

#include "raw_tracee.hpp"

namespace trapline::bench {
namespace {

/// Where the script finds its end of the socket.
constexpr int socket_of_script = 3;

pid_t spawn_gdb(int socket) {
  std::array<const char*, 6> arguments{"gdb", "-batch", "-nx", "-x", BENCH_SOURCE_DIR "/gdb_rows.py", nullptr};
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  for (int standard = 0; standard < 3; ++standard) {
    ::posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", O_RDWR, 0);
  }
  ::posix_spawn_file_actions_adddup2(&actions, socket, socket_of_script);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, "gdb", &actions, nullptr, const_cast<char* const*>(arguments.data()), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw Skipped("gdb is not installed");
  return pid;
}

}  // namespace

Gdb::Gdb(const std::string& row, const std::string& program, const std::string& wanted) {
  std::array<int, 2> ends{};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "socketpair");
  socket_ = ends[0];
  try {
    pid_ = spawn_gdb(ends[1]);
  } catch (...) {
    ::close(ends[0]);
    ::close(ends[1]);
    throw;
  }
  ::close(ends[1]);
  send(row + '\n' + program + '\n' + wanted + '\n');
  if (const std::string first = answer(); first != "ready") {
    end();
    throw Skipped("gdb cannot do this: " + first);
  }
}

Gdb::~Gdb() { end(); }

void Gdb::end() {
  ::close(socket_);
  // Its program dies with it (PTRACE_O_EXITKILL).
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

double Gdb::measure(std::size_t events) {
  send(std::to_string(events) + '\n');
  const std::string took = answer();
  if (took.starts_with("error")) throw std::runtime_error("gdb: " + took);
  return std::stod(took);
}

void Gdb::send(const std::string& text) const {
  // An end that is gone is told by what it answers.
  (void)::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
}

std::string Gdb::answer() {
  for (;;) {
    if (const std::size_t end = received_.find('\n'); end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    std::array<char, 512> piece{};
    const ssize_t size = ::recv(socket_, piece.data(), piece.size(), 0);
    if (size <= 0) return "error it ended, perhaps it has no Python";
    received_.append(piece.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace trapline::bench
