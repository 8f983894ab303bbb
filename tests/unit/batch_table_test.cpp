#include "core/batch_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

#include "arch/arch.hpp"
#include "arch/batch_stub.hpp"

namespace trapline::core {
namespace {

constexpr Address somewhere = 0x40000;

/// Does what the code of arch::BatchStub does, with calls that are functions.
class Machine {
 public:
  using Call = std::function<std::int64_t(Machine&, std::array<std::uint64_t, 6>)>;

  Machine(std::size_t word_size, Bytes image) : word_size_(word_size), image_(std::move(image)) {}

  /// Returns where it stands at the end.
  Address run(const Call& call) {
    Address row = somewhere;
    while (static_cast<std::int32_t>(word(row)) != arch::no_more_calls) {
      std::array<std::uint64_t, 6> arguments{};
      for (std::size_t i = 0; i < 6; ++i) arguments[i] = word(row + (i + 1) * word_size_);
      const std::int64_t result = call(*this, arguments);
      set_word(row, static_cast<std::uint64_t>(result));
      Address list = word(row + 7 * word_size_);
      row += 8 * word_size_;
      if (list == 0) continue;
      if (result < 0 && result >= -4095) break;
      for (; word(list) != 0; list += word_size_) {
        set_word(word(list), word(word(list)) + static_cast<std::uint64_t>(result));
      }
    }
    return row;
  }
  [[nodiscard]] std::span<std::byte> bytes(Address at, std::size_t size) {
    return std::span(image_).subspan(at - somewhere, size);
  }
  [[nodiscard]] std::string_view text(Address at) const {
    return reinterpret_cast<const char*>(image_.data() + (at - somewhere));
  }
  [[nodiscard]] const Bytes& image() const { return image_; }

 private:
  std::uint64_t word(Address at) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes(at, word_size_).data(), word_size_);
    return value;
  }
  void set_word(Address at, std::uint64_t value) { std::memcpy(bytes(at, word_size_).data(), &value, word_size_); }

  std::size_t word_size_;
  Bytes image_;
};

class BatchTableOf : public ::testing::TestWithParam<std::size_t> {
 protected:
  BatchTable table(bool stop_at_error = false, std::span<const std::int64_t> results = {}) {
    return BatchTable({.word_size = GetParam(), .stop_at_error = stop_at_error, .results = results});
  }
  static bool add(BatchTable& table, const BatchCall& call) {
    return table.add(*call.syscall().number(), call.arguments());
  }
  Machine machine(const BatchTable& table) { return Machine(GetParam(), table.image(somewhere)); }
};

TEST_P(BatchTableOf, NumbersAreArguments) {
  BatchTable some = table();
  ASSERT_TRUE(add(some, BatchCall(1, 2, 3, 4, 5, 6, 7)));
  ASSERT_TRUE(add(some, BatchCall(10, -1)));
  std::vector<std::array<std::uint64_t, 6>> seen;
  Machine machine = this->machine(some);
  const Address row = machine.run([&](Machine&, const auto& arguments) {
    seen.push_back(arguments);
    return seen.size() == 2 ? -9 : 40;
  });
  EXPECT_EQ(some.executed(somewhere, row), 2U);
  EXPECT_EQ(seen[0], (std::array<std::uint64_t, 6>{2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(seen[1][0], GetParam() == 4 ? 0xffffffffU : ~std::uint64_t{0});
  EXPECT_EQ(some.result(machine.image(), 0), 40);
  EXPECT_EQ(some.result(machine.image(), 1), -9);
}

TEST_P(BatchTableOf, AddressesAreNoErrors) {
  BatchTable some = table();
  ASSERT_TRUE(add(some, BatchCall(1)));
  ASSERT_TRUE(add(some, BatchCall(1)));
  const std::int64_t high = GetParam() == 4 ? 0xfffff000 : 0x7ffffffff000;
  Machine machine = this->machine(some);
  std::int64_t next = high;
  machine.run([&](Machine&, const auto&) { return std::exchange(next, -4095); });
  EXPECT_EQ(some.result(machine.image(), 0), high);
  EXPECT_EQ(some.result(machine.image(), 1), -4095);
}

TEST_P(BatchTableOf, ResultsAreHandedOn) {
  const std::vector<std::int64_t> before{100, 200};
  BatchTable some = table(false, before);
  ASSERT_TRUE(add(some, BatchCall(1, result_of(1) + 1)));                // call 2
  ASSERT_TRUE(add(some, BatchCall(1, result_of(2), result_of(2) - 3)));  // call 3
  ASSERT_TRUE(add(some, BatchCall(1, result_of(3), result_of(2), result_of(0))));
  std::vector<std::array<std::uint64_t, 6>> seen;
  Machine machine = this->machine(some);
  machine.run([&](Machine&, const auto& arguments) {
    seen.push_back(arguments);
    return static_cast<std::int64_t>(10 * seen.size());
  });
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0][0], 201U);
  EXPECT_EQ(seen[1][0], 10U);
  EXPECT_EQ(seen[1][1], 7U);
  EXPECT_EQ(seen[2][0], 20U);
  EXPECT_EQ(seen[2][1], 10U);
  EXPECT_EQ(seen[2][2], 100U);
}

TEST_P(BatchTableOf, EndsAtAFailureThatMatters) {
  for (const bool stop : {false, true}) {
    BatchTable some = table(stop);
    ASSERT_TRUE(add(some, BatchCall(1)));
    ASSERT_TRUE(add(some, BatchCall(2)));
    ASSERT_TRUE(add(some, BatchCall(3, result_of(1))));
    Machine first = machine(some);
    std::size_t calls = 0;
    EXPECT_EQ(some.executed(somewhere, first.run([&](Machine&, const auto&) { return ++calls == 1 ? -1 : 0; })),
              stop ? 1U : 3U);
    Machine second = machine(some);
    calls = 0;
    EXPECT_EQ(some.executed(somewhere, second.run([&](Machine&, const auto&) { return ++calls == 2 ? -1 : 0; })), 2U);
  }
}

TEST_P(BatchTableOf, CopiesGoInAndOut) {
  const std::string name = "a name";
  std::array<char, 10> first{};
  Bytes second(3, std::byte{'-'});
  BatchTable some = table();
  ASSERT_TRUE(add(some, BatchCall(1, name, first, "literal")));
  ASSERT_TRUE(add(some, BatchCall(2, second, name.c_str())));
  ASSERT_TRUE(add(some, BatchCall(3, Bytes{})));
  Machine machine = this->machine(some);
  std::size_t calls = 0;
  machine.run([&](Machine& m, const auto& arguments) {
    if (++calls == 1) {
      EXPECT_EQ(m.text(arguments[0]), "a name");
      EXPECT_EQ(m.text(arguments[2]), "literal");
      std::ranges::fill(m.bytes(arguments[1], first.size()), std::byte{'x'});
      EXPECT_EQ(arguments[1] % 16, 0U);
    } else if (calls == 2) {
      EXPECT_EQ(m.bytes(arguments[0], 1)[0], std::byte{'-'});
      EXPECT_EQ(m.text(arguments[1]), "a name");
      std::ranges::fill(m.bytes(arguments[0], second.size()), std::byte{'y'});
    }
    return 0;
  });
  Bytes results = machine.image();
  results.resize(some.size_of_results());
  some.take_outputs(results, 1);
  EXPECT_EQ(first[9], 'x');
  EXPECT_EQ(second[0], std::byte{'-'}) << "its call was not made";
  some.take_outputs(results, 3);
  EXPECT_EQ(second, Bytes(3, std::byte{'y'}));
}

TEST_P(BatchTableOf, WhatACallGivesOutALaterOneTakesIn) {
  Bytes buffer(16, std::byte{1});
  const std::span<std::byte> bytes(buffer);
  BatchTable some = table();
  ASSERT_TRUE(add(some, BatchCall(1, bytes.first(8), ByteView(bytes.first(8)))));
  ASSERT_TRUE(add(some, BatchCall(2, ByteView(bytes.subspan(2, 4)), ByteView(bytes.subspan(8, 8)))));
  EXPECT_FALSE(add(some, BatchCall(3, ByteView(bytes.subspan(6, 4))))) << "a part of it is elsewhere";
  EXPECT_FALSE(add(some, BatchCall(3, std::string_view(reinterpret_cast<char*>(buffer.data()), 4)))) << "no NUL there";
  EXPECT_FALSE(add(some, BatchCall(3, buffer)));
  EXPECT_EQ(some.count(), 2U);
  Machine machine = this->machine(some);
  std::array<std::uint64_t, 6> before{};
  std::size_t calls = 0;
  machine.run([&](Machine&, const auto& arguments) {
    if (++calls == 1) {
      before = arguments;
      EXPECT_NE(arguments[0], arguments[1]) << "within one call each argument has its own";
    } else {
      EXPECT_EQ(arguments[0], before[0] + 2);
      EXPECT_NE(arguments[1], before[0] + 8);
    }
    return 0;
  });
}

TEST_P(BatchTableOf, HasLimits) {
  BatchTable many = table();
  std::size_t count = 0;
  while (add(many, BatchCall(1))) ++count;
  EXPECT_GE(count, 64U);
  EXPECT_EQ(many.count(), count);
  BatchTable large = table();
  Bytes buffer(20'000);
  Bytes others[5];
  count = 0;
  for (Bytes& other : others) {
    other.resize(20'000);
    if (add(large, BatchCall(1, other))) ++count;
  }
  EXPECT_EQ(count, 3U);
  EXPECT_LE(large.size(), 64U * 1024);
  EXPECT_FALSE(add(large, BatchCall(1, Bytes(100'000))));
}

INSTANTIATE_TEST_SUITE_P(Words, BatchTableOf, ::testing::Values(4, 8));

TEST(BatchStub, EndsAtItsTrap) {
  for (const Arch arch : {Arch::amd64, Arch::i386}) {
    const arch::BatchStub* const stub = arch::batch_stub(arch);
    ASSERT_NE(stub, nullptr);
    const auto trap = arch::info(arch).trap_instruction;
    EXPECT_TRUE(std::ranges::equal(stub->code.subspan(stub->trap), trap));
    const auto call = arch::info(arch).syscall_instruction;
    const auto found = std::search(stub->code.begin(), stub->code.end(), call.begin(), call.end());
    EXPECT_NE(found, stub->code.end());
  }
  EXPECT_EQ(arch::batch_stub(Arch::aarch64), nullptr);
}

}  // namespace
}  // namespace trapline::core
