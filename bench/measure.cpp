#include "measure.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace trapline::bench {

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot use CPU " + std::to_string(cpu));
  }
}

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

double lower_quartile(std::vector<double> values) {
  const auto quarter = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 4);
  std::ranges::nth_element(values, quarter);
  return *quarter;
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
  return {.name = row.name, .ours_ns = lower_quartile(ours), .floor_ns = lower_quartile(floor), .runs = rounds};
}

}  // namespace trapline::bench
