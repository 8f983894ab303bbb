#include "support.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include <elf.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace trapline::live {

std::string tracee(std::string_view name) {
  // Those of another architecture, as far as there are any.
  if (const char* other = std::getenv("TRAPLINE_TRACEE_DIR")) {
    std::string path = std::string(other) + "/" + std::string(name);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::string(TRACEE_DIR) + "/" + std::string(name);
}

DebuggerOptions program(std::string_view name, std::vector<std::string> args) {
  args.insert(args.begin(), tracee(name));
  return command(std::move(args));
}

DebuggerOptions command(std::vector<std::string> argv) {
  DebuggerOptions options;
  options.argv = std::move(argv);
  // The same tests once more, by seccomp filters.
  options.syscall_filter = ::getenv("TRAPLINE_TEST_FILTER") != nullptr;
  // Or on one CPU.
  options.one_cpu = ::getenv("TRAPLINE_TEST_ONE_CPU") != nullptr;
  return options;
}

RunOptions no_stdio() {
  RunOptions options;
  options.stdio = {.in = Stream::null(), .out = Stream::null(), .err = Stream::null()};
  return options;
}

RunOptions piped() {
  RunOptions options;
  options.stdio = {.in = Stream::pipe(), .out = Stream::pipe(), .err = Stream::inherit(), .timeout = patience};
  return options;
}

RunOptions inherited() {
  RunOptions options;
  options.stdio = {.in = Stream::inherit(), .out = Stream::inherit(), .err = Stream::inherit()};
  return options;
}

RunOptions into_file(const std::string& path) {
  RunOptions options;
  options.stdio = {.in = Stream::null(), .out = Stream::file(path), .err = Stream::null()};
  return options;
}

std::string read_line(const Stdio& io) { return io.recvline({.drop = true}); }

std::string rest_of_output(const Stdio& io) { return io.recvall(); }

Stop next_stop(const Process& process) {
  process.cont();
  return process.wait(patience);
}

Stop run_out(const Process& process) {
  Stop stop = next_stop(process);
  EXPECT_EQ(stop.kind, StopKind::exited) << stop;
  if (stop.kind != StopKind::exited) process.kill();
  return stop;
}

int run_to_exit(Debugger& debugger) {
  debugger.run(no_stdio());
  return run_out(debugger).exit_code.value_or(-1);
}

Finished run_for_output(Debugger& debugger) {
  Stdio io = debugger.run(piped());
  debugger.cont();
  Finished finished;
  finished.output = rest_of_output(io);
  const Stop stop = debugger.wait(patience);
  EXPECT_EQ(stop.kind, StopKind::exited) << stop;
  finished.status = stop.exit_code.value_or(-1);
  return finished;
}

Stop to_announcement(const Process& process) {
  const SyscallHandler handler = process.handle_syscall(announcement);
  Stop stop = next_stop(process);
  EXPECT_EQ(stop.kind, StopKind::syscall_enter) << stop;
  handler.remove();
  return stop;
}

Stop to_exit_of(const Process& process, const SyscallSet& syscall) {
  const SyscallHandler handler = process.handle_syscall(syscall);
  Stop stop = next_stop(process);
  EXPECT_EQ(stop.kind, StopKind::syscall_enter) << stop;
  stop = next_stop(process);
  EXPECT_EQ(stop.kind, StopKind::syscall_exit) << stop;
  handler.remove();
  return stop;
}

Stop to_announcement_exit(const Process& process) { return to_exit_of(process, announcement); }

void Transcript::add(const std::string& event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(event);
}

std::string Transcript::text() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const std::string& event : events_) text += (text.empty() ? "" : "|") + event;
  return text;
}

std::size_t Transcript::size() const {
  const std::lock_guard lock(mutex_);
  return events_.size();
}

void Transcript::clear() {
  const std::lock_guard lock(mutex_);
  events_.clear();
}

SyscallCallback Transcript::note(std::string word) {
  return [this, word = std::move(word)](Thread& thread, SyscallHandler&) {
    add(word + " " + std::string(syscall_name(thread.syscall_abi(), thread.syscall_number())));
  };
}

SyscallOptions Transcript::options() {
  SyscallOptions options;
  options.on_enter = note("enter");
  options.on_exit = note("exit");
  return options;
}

void Event::happen() {
  const std::lock_guard lock(mutex_);
  happened_ = true;
  changed_.notify_all();
}

bool Event::wait() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return happened_; });
}

bool eventually(const std::function<bool()>& fact) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!fact()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(500us);
  }
  return true;
}

namespace {

std::size_t entries(const std::filesystem::path& directory) {
  std::error_code ignored;
  const std::filesystem::directory_iterator begin(directory, ignored);
  return static_cast<std::size_t>(std::distance(begin, std::filesystem::directory_iterator{}));
}

std::size_t count_children() {
  std::size_t count = 0;
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ignored)) {
    std::istringstream pids(read_file(task.path() / "children"));
    count +=
        static_cast<std::size_t>(std::distance(std::istream_iterator<pid_t>(pids), std::istream_iterator<pid_t>()));
  }
  return count;
}

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

struct Pipe {
  Pipe() {
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe2");
  }
  std::array<int, 2> ends{};
};

}  // namespace

Holdings Holdings::now() {
  // A sanitizer's runtime starts a thread of its own beside the first one of the program.
  static const bool one_was_started = (std::thread([] {}).join(), true);
  static_cast<void>(one_was_started);
  return {.descriptors = entries("/proc/self/fd"), .threads = entries("/proc/self/task"), .children = count_children()};
}

std::ostream& operator<<(std::ostream& out, const Holdings& holdings) {
  return out << holdings.descriptors << " descriptors, " << holdings.threads << " threads, " << holdings.children
             << " children";
}

bool nothing_left_since(const Holdings& before) {
  return eventually([&] {
    const Holdings current = Holdings::now();
    return current.descriptors <= before.descriptors && current.threads <= before.threads &&
           current.children <= before.children;
  });
}

HostChild::HostChild(const std::vector<std::string>& argv) {
  const Pipe input;
  const Pipe output;
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.ends[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output.ends[1], STDOUT_FILENO);
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int error = posix_spawn(&pid_, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(input.ends[0]);
  ::close(output.ends[1]);
  input_ = input.ends[1];
  output_ = output.ends[0];
  if (error != 0) throw std::system_error(error, std::generic_category(), argv[0]);
  pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
}

HostChild::~HostChild() {
  close_input();
  ::close(output_);
  // A pid may have a new owner by now, a pidfd never.
  ::syscall(SYS_pidfd_send_signal, pidfd_, SIGKILL, nullptr, 0);
  reap();
  ::close(pidfd_);
}

void HostChild::send(std::string_view text) const {
  EXPECT_EQ(::write(input_, text.data(), text.size()), static_cast<ssize_t>(text.size())) << std::strerror(errno);
}

void HostChild::close_input() {
  if (input_ >= 0) ::close(input_);
  input_ = -1;
}

std::string HostChild::read_line() const {
  std::string line;
  for (char c = 0; ::read(output_, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

std::string HostChild::read(std::size_t size) const {
  std::string text(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(output_, text.data() + done, size - done);
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  text.resize(done);
  return text;
}

void HostChild::signal(int number) const {
  EXPECT_EQ(::syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0), 0) << std::strerror(errno);
}

int HostChild::reap() {
  int status = 0;
  if (status_) return *status_;
  pid_t got = 0;
  while ((got = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) continue;
  status_ = got == pid_ ? status : -1;
  return *status_;
}

int HostChild::exit_status() {
  const int status = reap();
  return status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char state_of(pid_t tid) {
  const std::string text = read_file("/proc/" + std::to_string(tid) + "/stat");
  const std::size_t end = text.rfind(')');
  return end == std::string::npos || end + 2 >= text.size() ? '?' : text[end + 2];
}

bool gone(pid_t pid) {
  const char state = state_of(pid);
  return state == '?' || state == 'Z' || state == 'X';
}

bool blocked_in(pid_t tid, std::int64_t number) {
  if (state_of(tid) != 'S') return false;
  const std::string program = read_file("/proc/" + std::to_string(tid) + "/exe");
  if (program.size() > EI_CLASS && program[EI_CLASS] == ELFCLASS32) {
    number = syscall_number(Abi::i386, syscall_name(Abi::amd64, number)).value_or(-1);
  }
  std::istringstream line(read_file("/proc/" + std::to_string(tid) + "/syscall"));
  std::int64_t current = -1;
  return line >> current && current == number;
}

std::int64_t number_in_tracees(std::string_view name) {
  const std::string program = read_file(tracee("calls"));
  const bool narrow = program.size() > EI_CLASS && program[EI_CLASS] == ELFCLASS32;
  return syscall_number(narrow ? Abi::i386 : Abi::amd64, name).value_or(-1);
}

pid_t tracer_of(pid_t tid) {
  std::istringstream status(read_file("/proc/" + std::to_string(tid) + "/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("TracerPid:")) return std::stoi(line.substr(10));
  }
  return 0;
}

bool traced_by_us(pid_t tid) {
  const pid_t tracer = tracer_of(tid);
  return tracer != 0 && std::filesystem::exists("/proc/self/task/" + std::to_string(tracer));
}

ScratchDir::ScratchDir() {
  std::string pattern = std::filesystem::temp_directory_path() / "trapline-test-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) fail("mkdtemp");
  path_ = pattern;
  // A tracee under another uid reaches into it.
  ::chmod(path_.c_str(), 0755);
}

ScratchDir::~ScratchDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ScratchDir::operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

std::string ScratchDir::file(std::string_view name, std::string_view content, unsigned mode) const {
  std::string path = *this / name;
  std::ofstream(path, std::ios::binary) << content;
  ::chmod(path.c_str(), mode);
  return path;
}

std::string preloadable(const ScratchDir& folder, const std::string& library) {
  std::string link = folder / library;
  if (::symlink(tracee(library).c_str(), link.c_str()) != 0) ADD_FAILURE() << "symlink " << link;
  return link;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string which(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::istringstream directories(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string directory; std::getline(directories, directory, ':');) {
    std::string file = directory + "/" + std::string(name);
    if (::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

void Live::SetUp() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) GTEST_SKIP() << "the kernel forbids ptrace here";
  static const bool runs = HostChild({tracee("exit_with"), "0"}).exit_status() == 0;
  if (!runs) GTEST_SKIP() << "programs of this architecture do not run here";
}

}  // namespace trapline::live
