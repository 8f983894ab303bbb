#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>

#include <trapline/trapline.hpp>

#include "floors.hpp"
#include "raw_tracee.hpp"
#include "rows.hpp"

namespace trapline::bench {
namespace {

/// A child that sleeps and is nobody's tracee; killed at the end.
class Stranger {
 public:
  Stranger() {
    std::string path = tracee("asleep");
    std::array<char*, 2> arguments{path.data(), nullptr};
    require(::posix_spawn(&pid_, path.c_str(), nullptr, nullptr, arguments.data(), environ) == 0, "posix_spawn");
  }
  ~Stranger() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

Sides attaches(const Effort& effort) {
  const std::size_t events = effort.events(10);
  const auto stranger = std::make_shared<Stranger>();
  const auto debugger = std::make_shared<Debugger>(DebuggerOptions{});
  const auto ours = [events, debugger, stranger] {
    return debugger->on_tracer([&] {
      return time_per_event(events, [&] {
        for (std::size_t i = 0; i < events; ++i) {
          debugger->attach(stranger->pid());
          debugger->detach();
        }
      });
    });
  };
  return {ours, floors::attaches(events, stranger->pid())};
}

}  // namespace

std::vector<Row> attach_rows() { return {{"attach.detach", attaches}}; }

}  // namespace trapline::bench
