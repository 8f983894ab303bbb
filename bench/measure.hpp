#pragma once

#include <sched.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace trapline::bench {

/// Runs one batch of events and returns what one of them took, in nanoseconds.
using Batch = std::function<double()>;

/// Both sides of a row: the library, and the raw requests to the kernel that it cannot do without.
struct Sides {
  Batch ours;
  Batch floor;
};

/// A batch of full effort lasts about a millisecond: less than a time slice, so that what else runs on the CPU spares
/// many of them.
struct Effort {
  std::size_t rounds = 150;
  /// Divides the events of a batch.
  std::size_t divisor = 1;

  [[nodiscard]] std::size_t events(std::size_t full) const { return full / divisor > 0 ? full / divisor : 1; }
};

struct Row {
  std::string name;
  std::function<Sides(const Effort&)> prepare;
  /// A row whose batches are long has one round for so many of the others'.
  std::size_t share = 1;
  /// Which of a side's batches is told of.
  double quantile = 0.25;
};

/// This machine lacks what the row measures.
class Skipped : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Result {
  std::string name;
  double ours_ns = 0;
  double floor_ns = 0;
  std::size_t runs = 0;

  [[nodiscard]] double ratio() const { return ours_ns / floor_ns; }
};

/// Binds this thread, and whatever it starts from here on, to one CPU; throws std::system_error when that is not
/// allowed.
void pin_to(int cpu);
/// While it lives, this thread may use all CPUs that the program could use before pin_to(). Throws Skipped if there was
/// one only.
class Unpinned {
 public:
  Unpinned();
  ~Unpinned();
  Unpinned(const Unpinned&) = delete;
  Unpinned& operator=(const Unpinned&) = delete;

 private:
  cpu_set_t pinned_{};
};
/// A CPU that this thread may use.
[[nodiscard]] int any_cpu();

/// Alternates batches of both sides, so that whatever else happens on the machine meets both alike, and takes the lower
/// quartile of each if the row has no other wish: other load only ever adds time, and may well meet every other batch.
[[nodiscard]] Result measure(const Row& row, const Effort& effort);

[[nodiscard]] double quantile(std::vector<double> values, double which);
[[nodiscard]] inline double lower_quartile(std::vector<double> values) { return quantile(std::move(values), 0.25); }

/// The time that `function` takes, divided among its events.
template <class Function>
double time_per_event(std::size_t events, Function&& function) {
  const auto begin = std::chrono::steady_clock::now();
  function();
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
  return took.count() / static_cast<double>(events);
}

}  // namespace trapline::bench
