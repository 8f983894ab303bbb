// Instructions executed for real: in their place, in slots, and by emulate().
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "hex_bytes.hpp"
#include "laboratory.hpp"

namespace trapline::native {
namespace {

enum class Way { any, slot, emulated, both };

/// Tries each in that many random states, in a process of its own, which prints what differs.
void expect_same(Way way, const std::vector<std::string_view>& codes, unsigned states = 25) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "the instructions are x86-64's";
#endif
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    alarm(55);
    Laboratory laboratory;
    int failures = 0;
    for (const std::string_view text : codes) {
      const Bytes code = hex_bytes(text);
      bool slot = false, emulated = false, failed = false;
      for (std::uint64_t seed = 1; seed <= states && !failed; ++seed) {
        const Verdict verdict = laboratory.check(code, seed);
        slot |= verdict.slot;
        emulated |= verdict.emulated;
        failed = !verdict.failure.empty() || !verdict.skipped.empty();
        if (failed)
          std::printf("%.*s, seed %llu: %s%s\n", static_cast<int>(text.size()), text.data(),
                      static_cast<unsigned long long>(seed), verdict.skipped.c_str(), verdict.failure.c_str());
      }
      const bool tried =
          (slot || (way != Way::slot && way != Way::both)) && (emulated || (way != Way::emulated && way != Way::both));
      if (!tried) std::printf("%.*s was not tried\n", static_cast<int>(text.size()), text.data());
      failures += failed || !tried ? 1 : 0;
    }
    std::fflush(nullptr);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(RealExecution, nops_and_direct_jumps_only_move) {
  expect_same(Way::any, {"90", "66 90", "f3 90", "0f 1f 40 00", "66 2e 0f 1f 84 00 00 00 00 00", "f3 0f 1e fa",
                         "f3 0f 1e fb", "eb 10", "e9 00 01 00 00", "f2 e9 00 01 00 00"});
}

TEST(RealExecution, pushes_and_pops) {
  expect_same(Way::both, {"50",
                          "54",
                          "55",
                          "41 57",
                          "66 50",
                          "66 54",
                          "58",
                          "5c",
                          "5d",
                          "41 5f",
                          "66 58",
                          "66 5c",
                          "6a 80",
                          "68 00 00 00 80",
                          "66 68 11 22",
                          "66 6a 80",
                          "ff f0",
                          "41 ff f4",
                          "ff 30",
                          "ff 34 24",
                          "ff 74 24 08",
                          "ff 35 00 00 00 00",
                          "64 ff 34 25 00 00 00 00",
                          "65 ff 33",
                          "66 ff 30",
                          "c9"});
  expect_same(Way::slot, {"8f 00", "8f 04 24", "8f 44 24 08", "8f 05 00 00 00 00", "66 8f 00", "9c", "c8 10 00 00",
                          "c8 10 00 02", "66 c9"});
}

TEST(RealExecution, moves) {
  expect_same(Way::both, {"48 89 e5",
                          "89 c8",
                          "66 89 c8",
                          "88 c8",
                          "88 e0",
                          "40 88 e0",
                          "8a e1",
                          "4d 8b c1",
                          "b0 12",
                          "b4 12",
                          "41 b4 12",
                          "40 b4 12",
                          "66 b8 34 12",
                          "b8 00 00 00 80",
                          "48 b8 88 77 66 55 44 33 22 11",
                          "48 c7 c0 00 00 00 80",
                          "c7 c0 00 00 00 80",
                          "66 c7 c0 34 12",
                          "c6 c4 12",
                          "0f b6 c4",
                          "48 0f b6 c1",
                          "66 0f b7 c1",
                          "0f b7 c1",
                          "48 0f be c4",
                          "0f be c1",
                          "66 0f be c1",
                          "0f bf c1",
                          "48 0f bf c1",
                          "48 63 c8",
                          "48 8d 05 00 00 00 00",
                          "8d 05 00 00 00 00",
                          "48 8d 44 8b 08",
                          "66 8d 44 8b 08",
                          "8d 04 cd 10 00 00 00",
                          "67 48 8d 44 8b 08",
                          "67 8d 40 08",
                          "4a 8d 44 a4 80",
                          "48 8d 64 24 f0",
                          "4c 8d 04 25 00 00 00 80"});
  expect_same(Way::slot, {"48 8b 05 00 00 00 00", "48 89 04 24", "c7 05 00 00 00 00 11 22 33 44", "0f b6 00", "63 c8",
                          "64 48 8b 04 25 00 00 00 00", "65 8b 00", "67 8b 00", "a1 00 00 00 00 00 00 00 00",
                          "48 0f 44 c1", "0f 94 c0", "0f 95 00", "87 03", "48 91", "0f c8", "8c d8"});
}

TEST(RealExecution, arithmetic_and_its_flags) {
  std::vector<std::string_view> codes{"48 83 ec 10",
                                      "83 c0 80",
                                      "66 83 e8 80",
                                      "80 c4 80",
                                      "48 81 e4 f0 ff ff ff",
                                      "81 c8 00 00 00 80",
                                      "66 81 f0 00 80",
                                      "04 80",
                                      "2d 00 00 00 80",
                                      "48 05 00 00 00 80",
                                      "66 3d 00 80",
                                      "a8 80",
                                      "a9 00 00 00 80",
                                      "48 a9 00 00 00 80",
                                      "f6 c4 80",
                                      "f7 c0 00 00 00 80",
                                      "48 f7 c0 00 00 00 80",
                                      "84 e0",
                                      "85 c0",
                                      "48 85 c9",
                                      "66 85 c8"};
  for (const std::string_view code :
       {"00 c8", "00 e1",    "01 c8",    "66 01 c8", "48 01 c8", "4d 01 c1", "02 c1",    "03 c1",    "08 c8",
        "09 c8", "48 0b c1", "20 c4",    "21 c8",    "48 23 c1", "28 c8",    "29 c8",    "48 29 c4", "2b c1",
        "30 c0", "31 c0",    "4d 31 c9", "33 c1",    "38 c4",    "39 c8",    "48 39 c8", "66 3b c1", "3a c1",
        "fe c0", "fe c4",    "fe cc",    "ff c0",    "ff c9",    "66 ff c0", "66 ff c8", "48 ff c0", "48 ff cc"})
    codes.push_back(code);
  expect_same(Way::both, codes, 60);
}

TEST(RealExecution, arithmetic_that_is_not_emulated) {
  expect_same(Way::slot, {"11 c8",
                          "19 c8",
                          "48 83 d0 00",
                          "01 03",
                          "48 83 00 01",
                          "f0 48 ff 03",
                          "f7 d8",
                          "f7 d0",
                          "48 f7 e1",
                          "f7 f1",
                          "48 f7 f9",
                          "0f af c1",
                          "6b c1 07",
                          "d3 e0",
                          "48 c1 e8 03",
                          "0f ac c8 03",
                          "0f a3 c8",
                          "0f ab 03",
                          "0f bc c1",
                          "f3 0f b8 c1",
                          "f0 0f b1 0b",
                          "48 0f c7 0b",
                          "0f c1 03",
                          "99",
                          "48 98",
                          "9e",
                          "9f",
                          "f5",
                          "fd",
                          "d7",
                          "66 0f 38 f6 c1",
                          "f3 0f 38 f6 c1",
                          "c4 e2 68 f2 c1"});
}

TEST(RealExecution, branches_calls_and_returns) {
  expect_same(Way::both, {"70 10",
                          "71 10",
                          "72 10",
                          "73 10",
                          "74 10",
                          "75 10",
                          "76 10",
                          "77 10",
                          "78 10",
                          "79 10",
                          "7a 10",
                          "7b 10",
                          "7c 10",
                          "7d 10",
                          "7e 10",
                          "7f 10",
                          "0f 84 00 01 00 00",
                          "2e 0f 8f 00 01 00 00",
                          "3e 74 10",
                          "f2 75 10",
                          "e8 00 01 00 00",
                          "67 e8 00 01 00 00",
                          "f2 e8 00 01 00 00",
                          "66 66 48 e8 00 01 00 00",
                          "c3",
                          "f3 c3",
                          "f2 c3",
                          "c2 08 00",
                          "c2 ff ff",
                          "48 c3"});
  expect_same(Way::slot, {"e0 10", "e1 10", "e2 10", "e3 10", "67 e0 10", "67 e1 10", "67 e2 10", "67 e3 10", "66 c3"});
}

TEST(RealExecution, indirect_jumps_and_calls) {
  expect_same(Way::both, {"ff e0", "ff e4", "41 ff e4", "3e ff e0", "f2 ff e1", "ff 20", "ff 25 00 00 00 00",
                          "ff 64 24 08", "ff 24 c8", "ff 24 c5 00 00 00 00", "64 ff 24 25 00 00 00 00", "65 ff 23",
                          "65 ff 24 25 00 00 00 00", "f2 ff 25 00 00 00 00", "67 ff 20", "3e 41 ff 64 d3 08"});
  expect_same(Way::emulated,
              {"ff d0", "ff d4", "41 ff d4", "3e ff d0", "f2 ff d1", "ff 10", "ff 15 00 00 00 00", "ff 14 24",
               "ff 54 24 08", "ff 54 24 f8", "ff 14 c8", "ff 14 c5 00 00 00 00", "64 ff 14 25 00 00 00 00", "65 ff 13",
               "66 48 ff 15 00 00 00 00", "67 ff 10", "3e 41 ff 54 d3 08", "48 ff d0"});
}

TEST(RealExecution, string_instructions_with_and_without_repetition) {
  expect_same(Way::slot, {"a4",       "a5",    "48 a5", "a6",    "aa",       "ab",      "48 ab", "ac",
                          "ad",       "ae",    "af",    "f3 a4", "f3 48 a5", "f3 a6",   "f2 a6", "f3 aa",
                          "f3 48 ab", "f3 ac", "f2 ae", "f3 ae", "f3 66 af", "67 f3 a4"},
              12);
}

TEST(RealExecution, vectors) {
  expect_same(Way::slot,
              {"0f 28 05 00 00 00 00",
               "f3 0f 10 05 00 00 00 00",
               "66 0f 6f 03",
               "0f 58 c1",
               "f2 0f 2a c1",
               "66 0f 3a 0f c1 05",
               "66 0f 3a 0f 05 00 00 00 00 05",
               "0f 6f c1",
               "0f 77",
               "0f ae 13",
               "0f ae 1b",
               "66 0f d7 c1",
               "0f 2e c1",
               "66 0f f7 c1",
               "0f 18 03",
               "0f ae 3b",
               "0f ae e8",
               "d9 6b 08",
               "d9 7b 08",
               "df e0",
               "9b"},
              12);
  if (!__builtin_cpu_supports("avx2")) GTEST_SKIP() << "no AVX2 here";
  expect_same(Way::slot,
              {"c5 f8 77", "c5 fc 58 05 00 00 00 00", "c4 e2 7d 18 05 00 00 00 00", "c5 fe 6f 03", "c4 e3 7d 39 c1 01",
               "c4 e2 6d 90 04 0b", "c5 f9 72 e1 05", "c4 e2 7d 5a 03"},
              12);
  if (!__builtin_cpu_supports("avx512bw")) GTEST_SKIP() << "no AVX-512 here";
  expect_same(Way::slot,
              {"62 f1 7c 48 6f 05 00 00 00 00", "62 f1 7c 48 6f 43 01", "62 f1 7c 49 58 c1", "62 f1 fe c9 6f 03",
               "62 f3 7d 48 3f c2 00", "c4 e1 fb 93 c0", "62 e1 7c 48 11 05 00 00 00 00", "62 f2 7d 49 90 04 0b"},
              12);
}

}  // namespace
}  // namespace trapline::native
