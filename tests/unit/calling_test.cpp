#include "arch/calling.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include <trapline/call_argument.hpp>
#include <trapline/error.hpp>

#include "arch/syscall_kin.hpp"
#include "arch/xstate.hpp"

namespace trapline::arch {
namespace {

std::vector<CallValue> values(std::initializer_list<CallArgument> arguments) {
  std::vector<CallValue> list;
  for (const CallArgument& argument : arguments) list.push_back(argument.value(0x1000));
  return list;
}

template <class T>
T at(const Bytes& bytes, std::size_t offset) {
  T value{};
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

constexpr std::size_t rax = 10, rdi = 14, rsi = 13, rdx = 12, rcx = 11, r8 = 9, r9 = 8;

TEST(Calling, amd64_fills_registers_by_class_and_then_the_stack) {
  const CallPlan plan = plan_call(Arch::amd64, values({1, 2.0, -3, 4.0F, 5, 6, 7, 8, 9, 10.0L, 11}));
  ASSERT_EQ(plan.registers.size(), 7U);
  const std::size_t order[] = {rdi, rsi, rdx, rcx, r8, r9, rax};
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(plan.registers[i].index, order[i]);
  EXPECT_EQ(plan.registers[1].value, static_cast<std::uint64_t>(-3));
  EXPECT_EQ(plan.registers[5].value, 8U);
  EXPECT_EQ(plan.registers[6].value, 2U) << "al tells a variadic function how many vector registers are in use";
  ASSERT_EQ(plan.vectors.size(), 2U);
  // The seventh and later integers, and a long double at a multiple of its alignment.
  ASSERT_EQ(plan.stack.size(), 40U);
  EXPECT_EQ(at<std::uint64_t>(plan.stack, 0), 9U);
  EXPECT_EQ(at<long double>(plan.stack, 16), 10.0L);
  EXPECT_EQ(at<std::uint64_t>(plan.stack, 32), 11U);
}

TEST(Calling, amd64_puts_the_ninth_double_on_the_stack) {
  const CallPlan plan = plan_call(Arch::amd64, values({1., 2., 3., 4., 5., 6., 7., 8., 9., 1}));
  EXPECT_EQ(plan.vectors.size(), 8U);
  ASSERT_EQ(plan.stack.size(), 8U);
  EXPECT_EQ(at<double>(plan.stack, 0), 9.0);
  EXPECT_EQ(plan.registers.front().index, rdi);
}

TEST(Calling, i386_puts_everything_on_the_stack) {
  const CallPlan plan = plan_call(Arch::i386, values({-1, 2LL, 3.0F, 4.0, 5.0L, "text"}));
  EXPECT_TRUE(plan.registers.empty());
  EXPECT_TRUE(plan.vectors.empty());
  ASSERT_EQ(plan.stack.size(), 4U + 8 + 4 + 8 + 12 + 4);
  EXPECT_EQ(at<std::int32_t>(plan.stack, 0), -1);
  EXPECT_EQ(at<std::int64_t>(plan.stack, 4), 2);
  EXPECT_EQ(at<float>(plan.stack, 12), 3.0F);
  EXPECT_EQ(at<double>(plan.stack, 16), 4.0);
  EXPECT_EQ(at<std::uint32_t>(plan.stack, 36), 0x1000U) << "where the copy is";
}

TEST(Calling, what_does_not_fit_into_a_word_is_refused) {
  EXPECT_THROW(static_cast<void>(plan_call(Arch::i386, values({std::uint64_t{1} << 32}))), UsageError);
  EXPECT_THROW(static_cast<void>(plan_call(Arch::i386, values({std::int64_t{1} << 31}))), UsageError);
  EXPECT_NO_THROW(static_cast<void>(plan_call(Arch::i386, values({-1L, 0xffffffffU}))));
  EXPECT_NO_THROW(static_cast<void>(plan_call(Arch::i386, values({1LL << 32}))));
}

TEST(Calling, the_stack_is_aligned_where_the_function_begins) {
  for (const Arch arch : {Arch::amd64, Arch::i386}) {
    for (int arguments = 0; arguments < 12; ++arguments) {
      const std::vector<CallValue> list(static_cast<std::size_t>(arguments), CallArgument(7).value(0));
      const CallPlan plan = plan_call(arch, list);
      const CallFrame frame = lay_out(arch, plan, 0x7fff1234, 0x4321);
      const std::size_t word = arch == Arch::amd64 ? 8 : 4;
      EXPECT_EQ((frame.sp + word) % 16, 0U);
      EXPECT_EQ(frame.sp_at_return, frame.sp + word);
      EXPECT_LE(frame.sp + frame.bytes.size(), 0x7fff1234U);
      std::uint64_t back = 0;
      std::memcpy(&back, frame.bytes.data(), word);
      EXPECT_EQ(back, 0x4321U);
    }
  }
}

TEST(Calling, integers_come_back_in_their_width) {
  Bytes general(27 * 8);
  const std::uint64_t raw = 0xfedcba9800000007;
  std::memcpy(general.data() + rax * 8, &raw, 8);
  EXPECT_EQ(detail::result_as<int>(call_result(Arch::amd64, CallValueKind::signed_word, general, {})), 7);
  EXPECT_EQ(detail::result_as<std::uint64_t>(call_result(Arch::amd64, CallValueKind::word, general, {})), raw);
  Bytes narrow(17 * 4);
  const std::uint32_t eax = 0xfffffffe;
  const std::uint32_t edx = 1;
  std::memcpy(narrow.data() + 6 * 4, &eax, 4);
  std::memcpy(narrow.data() + 2 * 4, &edx, 4);
  EXPECT_EQ(detail::result_as<long>(call_result(Arch::i386, CallValueKind::signed_word, narrow, {})), -2);
  EXPECT_EQ(detail::result_as<unsigned long>(call_result(Arch::i386, CallValueKind::word, narrow, {})), eax);
  EXPECT_EQ(detail::result_as<long long>(call_result(Arch::i386, CallValueKind::wide, narrow, {})), 0x1fffffffe);
}

TEST(Calling, an_x87_number_becomes_any_of_the_floating_types) {
  Bytes xstate(4096);
  const auto put = [&](long double number) { std::memcpy(xstate.data() + 32, &number, 10); };
  const Bytes general(17 * 4);
  const auto real = [&] {
    return detail::result_as<double>(call_result(Arch::i386, CallValueKind::real, general, xstate));
  };
  for (const long double number : {0.0L, -1.5L, 3.0e300L, 1.0e-300L, -1.0L / 3}) {
    put(number);
    EXPECT_EQ(real(), static_cast<double>(number));
    EXPECT_EQ(detail::result_as<long double>(call_result(Arch::i386, CallValueKind::extended, general, xstate)),
              number);
    EXPECT_EQ(detail::result_as<float>(call_result(Arch::i386, CallValueKind::single, general, xstate)),
              static_cast<float>(static_cast<double>(number)));
  }
  put(-INFINITY);
  EXPECT_EQ(real(), -INFINITY);
  put(NAN);
  EXPECT_TRUE(std::isnan(real()));
}

TEST(Calling, a_full_x87_stack_is_emptied) {
  Bytes xstate(4096);
  EXPECT_FALSE(empty_x87(xstate));
  xstate[4] = std::byte{0x81};
  xstate[3] = std::byte{0x38};
  EXPECT_TRUE(empty_x87(xstate));
  EXPECT_EQ(xstate[4], std::byte{0});
  EXPECT_EQ(xstate[3], std::byte{0}) << "the top of the stack";
}

TEST(Calling, kinds_follow_the_types_of_c) {
  enum class Small : short { one };
  enum class Large : unsigned long long { one };
  EXPECT_EQ(detail::call_value_kind<Small>(), CallValueKind::signed_word);
  EXPECT_EQ(detail::call_value_kind<Large>(), CallValueKind::wide);
  EXPECT_EQ(detail::call_value_kind<bool>(), CallValueKind::word);
  EXPECT_EQ(detail::call_value_kind<long>(), CallValueKind::signed_word);
  EXPECT_EQ(detail::call_value_kind<void*>(), CallValueKind::word);
  EXPECT_EQ(detail::call_value_kind<void>(), CallValueKind::nothing);
  EXPECT_TRUE(detail::result_as<bool>({CallValueKind::word, {std::byte{2}}}));
}

TEST(SyscallKin, is_mutual) {
  for (const std::string_view name : {"open", "nanosleep", "stat", "fork", "exit"}) {
    const auto kin = syscall_kin(name);
    ASSERT_GT(kin.size(), 1U) << name;
    EXPECT_NE(std::find(kin.begin(), kin.end(), name), kin.end());
  }
  EXPECT_TRUE(syscall_kin("getpid").empty());
  EXPECT_TRUE(syscall_kin("").empty());
}

}  // namespace
}  // namespace trapline::arch
