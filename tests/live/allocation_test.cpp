#include "support.hpp"

#include <optional>

namespace trapline::live {
namespace {

/// Memory in the process that goes with a scope.
using Allocate = Live;

TEST_F(Allocate, is_there_and_goes_with_its_scope) {
  Debugger d(program("points"));
  d.run(no_stdio());
  Address address = 0;
  {
    const Allocation memory = d.allocate(10000);
    address = memory.address();
    EXPECT_EQ(memory.size(), 10000U);
    ASSERT_NE(d.maps().at(address), nullptr);
    EXPECT_EQ(d.maps().at(address)->permissions(), "rw-p");
    EXPECT_EQ(memory.read(9000, 1000), Bytes(1000));
    memory.write("text", 5);
    EXPECT_EQ(memory.read_string(5), "text");
    memory.write_value(std::uint32_t{0x12345678}, 100);
    EXPECT_EQ(memory.read_value<std::uint32_t>(100), 0x12345678U);
    EXPECT_EQ(d.memory().read_value<std::uint32_t>(address + 100), 0x12345678U);
  }
  EXPECT_EQ(d.maps().at(address), nullptr);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Allocate, of_bytes_and_of_text) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  const Allocation text = d.allocate("hello");
  EXPECT_EQ(d.call("length", text.address()), 5U);
  const Bytes bytes(300, std::byte{1});
  const Allocation copy = d.allocate(bytes);
  EXPECT_EQ(d.call<int>("checksum", copy.address(), copy.size()), 300);
  EXPECT_EQ(copy.read(), bytes);
}

TEST_F(Allocate, where_and_how_it_is_wanted) {
  Debugger d(program("functions"));
  d.run(no_stdio());
  const Address code = d.symbols().resolve("add");
  const Allocation near = d.allocate(100, {.writable = false, .executable = true, .near = code});
  const Address distance = near.address() > code ? near.address() - code : code - near.address();
  EXPECT_LT(distance, Address{1} << 30);
  EXPECT_EQ(d.maps().at(near.address())->permissions(), "r-xp");
  Address place = 0;
  { place = d.allocate(4096).address(); }
  const Allocation there = d.allocate(4096, {.at = place});
  EXPECT_EQ(there.address(), place);
  EXPECT_NE(message_of<OsError>([&] { static_cast<void>(d.allocate(1, {.at = place})); }).find("mapped there"),
            std::string::npos);
  EXPECT_THROW(static_cast<void>(d.allocate(1, {.at = place + 1})), UsageError);
  EXPECT_THROW(static_cast<void>(d.allocate(0)), UsageError);
  EXPECT_THROW(static_cast<void>(d.allocate(std::size_t{1} << 62)), OsError);
}

TEST_F(Allocate, moves_and_is_left_there) {
  Debugger d(program("points"));
  d.run(no_stdio());
  Allocation one = d.allocate(100);
  const Address first = one.address();
  Allocation other = std::move(one);
  EXPECT_TRUE(one.empty());
  EXPECT_EQ(other.address(), first);
  one = d.allocate(100);
  const Address second = one.address();
  other = std::move(one);
  EXPECT_EQ(d.maps().at(first), nullptr);
  EXPECT_EQ(other.address(), second);
  EXPECT_EQ(other.release(), second);
  EXPECT_TRUE(other.empty());
  EXPECT_THROW(static_cast<void>(other.read()), UsageError);
  EXPECT_NE(d.maps().at(second), nullptr);
  EXPECT_THROW(static_cast<void>(d.allocate(10).read(5, 6)), UsageError);
  EXPECT_EQ(run_out(d).exit_code, 0);
}

TEST_F(Allocate, goes_while_the_process_runs) {
  Debugger d(program("spin"));
  d.run(no_stdio());
  std::optional<Allocation> memory = d.allocate(100);
  const Address address = memory->address();
  d.cont();
  memory.reset();
  EXPECT_TRUE(d.running());
  EXPECT_EQ(d.maps().at(address), nullptr);
  const Address turns = d.symbols().resolve("turns");
  const auto before = d.memory().read_value<std::uint64_t>(turns);
  EXPECT_TRUE(eventually([&] { return d.memory().read_value<std::uint64_t>(turns) > before; }));
}

TEST_F(Allocate, goes_while_it_blocks_in_a_call) {
  Debugger d(program("functions", {"wait"}));
  Stdio io = d.run(piped());
  std::optional<Allocation> memory = d.allocate(100);
  const Address address = memory->address();
  d.cont();
  ASSERT_TRUE(eventually([&] { return state_of(d.pid()) == 'S'; }));
  memory.reset();
  EXPECT_EQ(d.maps().at(address), nullptr);
  io.send("x");
  EXPECT_EQ(d.wait(patience).exit_code, 0);
}

TEST_F(Allocate, in_callbacks_and_for_one_callback) {
  Debugger d(program("points"));
  d.run(no_stdio());
  std::optional<Allocation> kept;
  std::vector<Address> places;
  d.handle_syscall(announcement, {.on_enter = [&](Thread& t, SyscallHandler&) {
                     const Allocation memory = t.process().allocate("text");
                     places.push_back(memory.address());
                     kept.reset();
                     kept = t.process().allocate(10);
                   }});
  EXPECT_EQ(run_out(d).exit_code, 0);
  EXPECT_FALSE(places.empty());
  EXPECT_THROW(static_cast<void>(kept->read()), ProcessGone);
}

TEST_F(Allocate, nothing_to_give_back_any_more) {
  std::optional<Allocation> outlives;
  {
    Debugger d(program("exec_other", {tracee("exit_with")}));
    d.run(no_stdio());
    Allocation killed = d.allocate(100);
    d.kill();
    EXPECT_THROW(static_cast<void>(killed.read()), ProcessGone);
    killed.free();
    d.run(no_stdio());
    Allocation executed = d.allocate(100);
    d.stop_on_exec();
    EXPECT_EQ(next_stop(d).kind, StopKind::exec);
    EXPECT_THROW(executed.write("x"), ProcessGone);
    executed.free();
    outlives = d.allocate(100);
  }
}

TEST_F(Allocate, of_a_process_that_was_let_go) {
  HostChild child({tracee("functions"), "wait"});
  ASSERT_TRUE(eventually([&] { return state_of(child.pid()) == 'S'; }));
  Debugger d(command({}));
  d.attach(child.pid());
  {
    const Allocation memory = d.allocate(100);
    d.detach();
    EXPECT_THROW(static_cast<void>(memory.read()), ProcessGone);
  }
  child.send("x");
  EXPECT_EQ(child.exit_status(), 0);
}

}  // namespace
}  // namespace trapline::live
