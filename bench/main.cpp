#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>

#include "measure.hpp"
#include "rows.hpp"
#include "serve.hpp"

namespace trapline::bench {
namespace {

constexpr int exit_usage = 2;

struct Options {
  std::string filter;
  std::string json;
  std::string serve;
  std::size_t rounds = Effort{}.rounds;
  int cpu = any_cpu();
  bool quick = false;
  bool list = false;
};

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  for (auto* part : {syscall_rows, invoke_rows, trap_rows, spawn_rows, attach_rows, step_rows, backtrace_rows,
                     memory_rows, search_rows, symbol_rows, growth_rows}) {
    auto more = part();
    std::ranges::move(more, std::back_inserter(rows));
  }
  return rows;
}

void print(const Result& result) {
  constexpr double micro = 1000;
  std::printf("%-28s %12.3f %12.3f %8.3f\n", result.name.c_str(), result.ours_ns / micro, result.floor_ns / micro,
              result.ratio());
  std::fflush(stdout);
}

bool write_json(const std::string& path, const std::vector<Result>& results) {
  auto list = nlohmann::json::array();
  for (const Result& result : results) {
    list.push_back({{"name", result.name},
                    {"ours_ns", result.ours_ns},
                    {"floor_ns", result.floor_ns},
                    {"ratio", result.ratio()},
                    {"runs", result.runs}});
  }
  std::ofstream file(path);
  file << list.dump(2) << '\n';
  file.close();
  return !file.fail();
}

int complain_of(const std::string& row) {
  std::cerr << "trapline-bench: no row is named like " << row << " (--list shows them)\n";
  return exit_usage;
}

int run(const Options& options) {
  const std::regex filter(options.filter);
  const Effort effort = options.quick ? Effort{.rounds = 3, .divisor = 5} : Effort{.rounds = options.rounds};
  auto rows = all_rows();
  if (!options.serve.empty()) {
    const auto row = std::ranges::find(rows, options.serve, &Row::name);
    if (row == rows.end()) return complain_of(options.serve);
    pin_to(options.cpu);
    return serve(*row, effort);
  }
  std::erase_if(rows, [&](const Row& row) { return !std::regex_search(row.name, filter); });
  if (options.list) {
    for (const Row& row : rows) std::puts(row.name.c_str());
    return 0;
  }
  if (rows.empty()) return complain_of(options.filter);
  pin_to(options.cpu);
  std::vector<Result> results;
  std::printf("%-28s %12s %12s %8s\n", "", "ours (us)", "floor (us)", "ratio");
  int status = 0;
  for (const Row& row : rows) {
    try {
      results.push_back(measure(row, effort));
      print(results.back());
    } catch (const Skipped& reason) {
      std::printf("%-28s skipped: %s\n", row.name.c_str(), reason.what());
    } catch (const std::exception& error) {
      std::cerr << "trapline-bench: " << row.name << ": " << error.what() << '\n';
      status = 1;
    }
  }
  if (!options.json.empty() && !write_json(options.json, results)) {
    std::cerr << "trapline-bench: cannot write " << options.json << '\n';
    status = 1;
  }
  return status;
}

void declare(CLI::App& app, Options& options) {
  app.add_option("--filter", options.filter, "Only the rows in whose names this regular expression is found");
  app.add_option("--json", options.json, "Write the results to this file too");
  app.add_option("--serve", options.serve,
                 "Measure a batch of this row's `ours` or `floor` for each such line of the input");
  app.add_option("--rounds", options.rounds, "How many batches of each side")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--cpu", options.cpu, "The CPU that everything runs on")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_flag("--quick", options.quick, "Few and short batches: whether it works, not how fast it is");
  app.add_flag("--list", options.list, "Print the names of the rows and do nothing");
}

}  // namespace
}  // namespace trapline::bench

int main(int argc, char** argv) {
  using namespace trapline::bench;
  CLI::App app{
      "Measures the library beside the raw requests to the kernel that it cannot do without (the floor). "
      "bench/peers/run does so beside other debuggers.",
      "trapline-bench"};
  Options options;
  declare(app, options);
  try {
    app.parse(argc, argv);
    return run(options);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return 0;
  } catch (const CLI::ParseError& error) {
    std::cerr << "trapline-bench: " << error.what() << '\n' << app.help();
  } catch (const std::regex_error& error) {
    std::cerr << "trapline-bench: --filter: " << error.what() << '\n' << app.help();
  } catch (const std::exception& error) {
    std::cerr << "trapline-bench: " << error.what() << '\n';
    return 1;
  }
  return exit_usage;
}
