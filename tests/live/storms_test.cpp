#include "storms.hpp"

namespace trapline::live {
namespace {

/// The large ones are in soak_test.cpp.
using Storms = Live;

constexpr std::chrono::seconds soon{50};

TEST_F(Storms, forks) { storm_of_forks(200, soon); }
TEST_F(Storms, threads) { storm_of_threads(3, 60, soon); }
TEST_F(Storms, execs) { storm_of_execs(20, soon); }
TEST_F(Storms, signals) { storm_of_signals(100, soon); }
TEST_F(Storms, kills) { storm_of_kills(30, soon); }
TEST_F(Storms, pipelines) { storm_of_pipelines(10, soon); }
TEST_F(Storms, make) { storm_of_make(6, soon); }

}  // namespace
}  // namespace trapline::live
