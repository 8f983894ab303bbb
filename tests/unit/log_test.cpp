#include "support/log.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace trapline::support {
namespace {

class Log : public testing::Test {
 protected:
  ~Log() override { trapline::set_log_sink({}); }
};

TEST_F(Log, FormatsNothingWithoutASink) {
  int made = 0;
  const auto make = [&] {
    ++made;
    return std::string("line");
  };
  log(LogCategory::event, make);
  EXPECT_EQ(made, 0);
  EXPECT_FALSE(log_enabled(LogCategory::event));
  trapline::set_log_sink([](LogCategory, std::string_view) {});
  log(LogCategory::event, make);
  EXPECT_EQ(made, 1);
  trapline::set_log_sink({});
  log(LogCategory::event, make);
  EXPECT_EQ(made, 1);
}

TEST_F(Log, SendsCategoryAndLineToTheSink) {
  std::vector<std::pair<LogCategory, std::string>> lines;
  trapline::set_log_sink([&](LogCategory category, std::string_view line) { lines.emplace_back(category, line); });
  log(LogCategory::process, [] { return std::string("born"); });
  log(LogCategory::stdio, [] { return std::string("read"); });
  const std::vector<std::pair<LogCategory, std::string>> expected = {{LogCategory::process, "born"},
                                                                     {LogCategory::stdio, "read"}};
  EXPECT_EQ(lines, expected);
}

TEST_F(Log, TheSinkCanBeChangedWhileThreadsLog) {
  std::atomic<bool> done{false};
  std::atomic<int> lines{0};
  std::vector<std::thread> writers;
  for (int i = 0; i < 2; ++i) {
    writers.emplace_back([&] {
      while (!done) log(LogCategory::event, [] { return std::string("line"); });
    });
  }
  for (int i = 0; i < 200; ++i) {
    auto marker = std::make_shared<int>(i);
    trapline::set_log_sink([&, marker](LogCategory, std::string_view) { lines += *marker >= 0 ? 1 : 0; });
    if (i % 10 == 0) trapline::set_log_sink({});
  }
  const int before = lines;
  while (lines == before) std::this_thread::yield();
  done = true;
  for (std::thread& writer : writers) writer.join();
}

}  // namespace
}  // namespace trapline::support
