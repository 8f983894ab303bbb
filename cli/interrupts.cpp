#include "interrupts.hpp"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

namespace cli {
namespace {

constexpr int signals[] = {SIGINT, SIGTERM, SIGHUP};

// What a signal handler may touch.
std::atomic<int> pidfd{-1};
std::atomic<int> doorbell{-1};
std::atomic<bool> launched{true};
std::atomic<int> end_signal{0};
std::atomic<int> interrupts{0};
std::atomic<std::int64_t> last_signal_ms{0};

/// timeout(1) and others signal the process and its group, which is one request all the same.
constexpr std::int64_t same_request_ms = 200;

std::int64_t now_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

void kill_tracee() {
  const int fd = pidfd;
  if (fd != -1) ::syscall(SYS_pidfd_send_signal, fd, SIGKILL, nullptr, 0);
}

void handle(int signal) {
  const std::int64_t now = now_ms();
  const std::int64_t last = last_signal_ms.exchange(now);
  if (last != 0 && now - last < same_request_ms) return;
  if (end_signal != 0) {
    // Whatever keeps us from ending (a reader that reads no more): this ends us when the handler returns.
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  // The terminal has sent the first Ctrl-C to the program too.
  if (launched && signal == SIGINT && interrupts.fetch_add(1) == 0) return;
  end_signal = signal;
  if (launched) kill_tracee();
  const std::uint64_t one = 1;
  static_cast<void>(!::write(doorbell, &one, sizeof one));
}

void on_signal(int signal) {
  const int saved = errno;
  handle(signal);
  errno = saved;
}

}  // namespace

Interrupts::Interrupts(Tracee tracee, std::function<void()> end) : end_(std::move(end)) {
  launched = tracee == Tracee::launched;
  end_signal = 0;
  interrupts = 0;
  last_signal_ms = 0;
  doorbell = ::eventfd(0, EFD_CLOEXEC);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  waiter_ = std::thread([this] {
    std::uint64_t rung = 0;
    while (::read(doorbell, &rung, sizeof rung) == -1 && errno == EINTR) {
    }
    // What is being launched is killed by watch().
    if (end_signal != 0 && (!launched || pidfd != -1)) end_();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (const int signal : signals) {
    struct sigaction old {};
    ::sigaction(signal, nullptr, &old);
    // Under nohup(1) and in a shell's background they stay ignored.
    if (old.sa_handler != SIG_IGN) ::sigaction(signal, &action, nullptr);
  }
}

Interrupts::~Interrupts() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(doorbell, &one, sizeof one));
  waiter_.join();
  const int old = pidfd.exchange(-1);
  if (old != -1) ::close(old);
  ::close(doorbell.exchange(-1));
}

void Interrupts::watch(pid_t pid) {
  pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  // A signal that came before there was anything to kill.
  if (launched && end_signal != 0) kill_tracee();
}

std::optional<int> Interrupts::asked_to_end() const {
  const int signal = end_signal;
  return signal != 0 ? std::optional(signal) : std::nullopt;
}

}  // namespace cli
