#include "measure.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace trapline::bench {

namespace {

/// What the program could use before it was pinned.
const cpu_set_t& own_cpus() {
  static const cpu_set_t cpus = [] {
    cpu_set_t now;
    CPU_ZERO(&now);
    ::sched_getaffinity(0, sizeof now, &now);
    return now;
  }();
  return cpus;
}

}  // namespace

void pin_to(int cpu) {
  static_cast<void>(own_cpus());
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot use CPU " + std::to_string(cpu));
  }
}

Unpinned::Unpinned() {
  if (CPU_COUNT(&own_cpus()) == 1) throw Skipped("this program may use one CPU only");
  ::sched_getaffinity(0, sizeof pinned_, &pinned_);
  ::sched_setaffinity(0, sizeof(cpu_set_t), &own_cpus());
}

Unpinned::~Unpinned() { ::sched_setaffinity(0, sizeof pinned_, &pinned_); }

int any_cpu() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  // The last one: interrupts mostly go to the first.
  int last = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) last = cpu;
  }
  return last;
}

double quantile(std::vector<double> values, double which) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(values.size()) * which);
  std::ranges::nth_element(values, at);
  return *at;
}

Result measure(const Row& row, const Effort& effort) {
  const Sides sides = row.prepare(effort);
  // Page faults, symbol tables and the like belong to nobody's event.
  sides.ours();
  sides.floor();
  const std::size_t rounds = std::max<std::size_t>(effort.rounds / row.share, 1);
  std::vector<double> ours;
  std::vector<double> floor;
  for (std::size_t round = 0; round < rounds; ++round) {
    // Each comes first in every other round.
    if (round % 2 == 0) ours.push_back(sides.ours());
    floor.push_back(sides.floor());
    if (round % 2 != 0) ours.push_back(sides.ours());
  }
  return {.name = row.name,
          .ours_ns = quantile(ours, row.quantile),
          .floor_ns = quantile(floor, row.quantile),
          .runs = rounds};
}

}  // namespace trapline::bench
