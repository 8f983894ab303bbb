#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

#include "floors.hpp"
#include "raw_tracee.hpp"
#include "rows.hpp"

namespace trapline::bench::floors {
namespace {

/// A thread that does one thing whenever it is asked to.
class Servant {
 public:
  /// What `start` returns runs on that thread; what it keeps belongs to it.
  explicit Servant(std::function<std::function<void()>()> start)
      : thread_([this, start = std::move(start)] { serve(start()); }) {}
  ~Servant() {
    leaving_ = true;
    ask();
    thread_.join();
  }
  Servant(const Servant&) = delete;
  Servant& operator=(const Servant&) = delete;

  void ask() {
    const std::uint32_t before = answers_.load(std::memory_order_relaxed);
    requests_.fetch_add(1, std::memory_order_release);
    wake(requests_);
    wait_for_change(answers_, before);
  }

 private:
  using Word = std::atomic<std::uint32_t>;

  void serve(const std::function<void()>& task) {
    for (std::uint32_t seen = 0;;) {
      wait_for_change(requests_, seen);
      seen = requests_.load(std::memory_order_acquire);
      const bool last = leaving_;
      if (!last) task();
      answers_.fetch_add(1, std::memory_order_release);
      wake(answers_);
      if (last) return;
    }
  }
  static void wake(Word& word) { ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0); }
  static void wait_for_change(const Word& word, std::uint32_t old) {
    while (word.load(std::memory_order_acquire) == old) {
      ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, old, nullptr, nullptr, 0);
    }
  }

  alignas(64) Word requests_{0};
  alignas(64) Word answers_{0};
  std::atomic<bool> leaving_{false};
  std::thread thread_;
};

Batch repeated(std::size_t events, std::function<void()> task) {
  return [events, task = std::move(task)] {
    return time_per_event(events, [&] {
      for (std::size_t i = 0; i < events; ++i) task();
    });
  };
}

std::function<void()> stepping() {
  return [spinner = std::make_shared<RawTracee>(std::vector{tracee("spin")})] { spinner->go(PTRACE_SINGLESTEP); };
}

}  // namespace

Batch steps(std::size_t events) { return repeated(events, stepping()); }

Batch steps_until(std::size_t events) {
  const auto spinner = std::make_shared<RawTracee>(std::vector{tracee("spin")});
  const auto at_pc = [spinner] { return request(PTRACE_PEEKUSER, spinner->pid(), offsetof(user_regs_struct, rip)); };
  return repeated(events, [spinner, at_pc, start = at_pc()] {
    spinner->go(PTRACE_SINGLESTEP);
    require(at_pc() != start, "a step");
  });
}

Batch steps_by_hand_over(std::size_t events) {
  return repeated(events, [servant = std::make_shared<Servant>(stepping)] { servant->ask(); });
}

Batch hand_overs(std::size_t events) {
  const auto nothing = [] { return [] {}; };
  return repeated(events, [servant = std::make_shared<Servant>(nothing)] { servant->ask(); });
}

}  // namespace trapline::bench::floors
