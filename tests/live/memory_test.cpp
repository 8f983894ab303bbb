#include "support.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <thread>

namespace trapline::live {
namespace {

/// `places`, at rest when its data is in place.
class MemoryOf : public Live {
 protected:
  void SetUp() override {
    Live::SetUp();
    if (IsSkipped()) return;
    d_.run(no_stdio());
    to_announcement_exit(d_);
  }
  Address at(const char* symbol) { return d_.symbols().resolve(symbol); }
  Address pointer(const char* symbol) { return memory().read_value<Address>(at(symbol)); }
  Memory memory() { return d_.memory(); }

  Debugger d_{program("places")};
};

TEST_F(MemoryOf, reads_bytes_strings_and_values) {
  EXPECT_EQ(memory().read_string(at("constant")), "constant text in read-only memory");
  EXPECT_EQ(memory().read_string(at("writable")), "writable text");
  EXPECT_EQ(memory().read_string(pointer("heap")), "text on the heap");
  EXPECT_EQ(memory().read_string(at("writable"), 8), "writable");
  EXPECT_EQ(memory().read_value<std::uint64_t>(at("magic")), 0x5ca1ab1edeadbeefU);
  EXPECT_EQ(memory().read_value<std::uint16_t>(at("magic")), 0xbeef);
  const Bytes bytes = memory().read(at("writable"), 8);
  EXPECT_EQ(std::memcmp(bytes.data(), "writable", 8), 0);
  EXPECT_TRUE(memory().read(at("writable"), 0).empty());
}

TEST_F(MemoryOf, reads_of_every_size) {
  const Address big = at("big");
  for (const std::size_t size : {1UL, 7UL, 8UL, 4095UL, 4097UL, 20000UL, 65536UL}) {
    const Bytes bytes = memory().read(big, size);
    ASSERT_EQ(bytes.size(), size);
    for (std::size_t i = 0; i < size; ++i) ASSERT_EQ(bytes[i], static_cast<std::byte>(i * 7)) << i << " of " << size;
  }
}

TEST_F(MemoryOf, writes_of_every_size) {
  const Address big = at("big");
  for (const std::size_t size : {1UL, 7UL, 4097UL, 65000UL}) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 11 + size);
    memory().write(big + 3, bytes);
    EXPECT_EQ(memory().read(big + 3, size), bytes);
  }
  EXPECT_EQ(memory().read_value<char>(big), 0) << "the byte before was touched";
}

TEST_F(MemoryOf, the_program_sees_what_was_written) {
  memory().write(at("writable"), "Writable");
  EXPECT_EQ(memory().read_string(at("writable")), "Writable text");
  EXPECT_EQ(run_out(d_).exit_code, 2);
}

TEST_F(MemoryOf, values) {
  memory().write_value(at("magic"), std::uint64_t{1});
  EXPECT_EQ(run_out(d_).exit_code, 3);
}

TEST_F(MemoryOf, read_only_pages_are_written_all_the_same) {
  const Address constant = at("constant");
  ASSERT_FALSE(d_.maps().at(constant)->writable);
  memory().write(constant, "C");
  EXPECT_EQ(memory().read_string(constant), "Constant text in read-only memory");
  EXPECT_FALSE(d_.maps().at(constant)->writable);
  EXPECT_EQ(run_out(d_).exit_code, 1);
}

TEST_F(MemoryOf, code_is_written_all_the_same) {
  // mov $44, %eax; ret
  const Bytes code = {std::byte{0xb8}, std::byte{44}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0xc3}};
  memory().write(at("check"), code);
  EXPECT_EQ(run_out(d_).exit_code, 44);
}

TEST_F(MemoryOf, partial_reads_are_reported) {
  const Address edge = pointer("edge");
  const std::string message = message_of<OsError>([&] { static_cast<void>(memory().read(edge + 4000, 200)); });
  EXPECT_NE(message.find("96"), std::string::npos) << message;
  Bytes buffer(200, std::byte{0});
  EXPECT_EQ(memory().read_some(edge + 4000, buffer), 96U);
  EXPECT_EQ(buffer[95], std::byte{'e'});
  EXPECT_EQ(buffer[96], std::byte{0});
  EXPECT_EQ(memory().read_some(8, buffer), 0U);
  EXPECT_EQ(memory().read_string(edge + 4090, 100), "eeeeee");
  EXPECT_THROW(static_cast<void>(memory().read(8, 1)), OsError);
  EXPECT_THROW(static_cast<void>(memory().read_string(8)), OsError);
  EXPECT_THROW(static_cast<void>(memory().read_value<int>(8)), OsError);
}

TEST_F(MemoryOf, a_large_partial_read_counts_exactly) {
  const Address edge = pointer("edge");
  Bytes buffer(1 << 20);
  EXPECT_EQ(memory().read_some(edge, buffer), 4096U);
}

TEST_F(MemoryOf, partial_writes_are_reported) {
  const Address nowhere = 4096;
  EXPECT_THROW(memory().write(nowhere, "x"), OsError);
  const MemoryMaps maps = d_.maps();
  const MemoryMap last = *maps.filter("stack").begin();
  const std::string text(64, 's');
  const std::string message = message_of<OsError>([&] { memory().write(last.end - 10, text); });
  EXPECT_NE(message.find("10"), std::string::npos) << message;
}

TEST_F(MemoryOf, is_named_by_symbols) {
  EXPECT_EQ(memory().read_string("writable"), "writable text");
  EXPECT_EQ(memory().read_string("writable+9"), "text");
  EXPECT_EQ(memory().read_value<std::uint32_t>("magic+4"), 0x5ca1ab1eU);
  EXPECT_EQ(memory().read("big+1", 2), memory().read(at("big") + 1, 2));
  EXPECT_EQ(memory().read_array<std::uint8_t>(Location("big"), 3), (std::vector<std::uint8_t>{0, 7, 14}));
  const MemoryMap binary = d_.maps().filter("binary").front();
  const std::uint64_t offset = at("writable") - binary.start;
  EXPECT_EQ(memory().read_string(Location(offset).in("binary")), "writable text");
  memory().write("writable", "W");
  memory().write_value("magic", std::uint64_t{7});
  EXPECT_EQ(memory().read_string(at("writable")), "Writable text");
  EXPECT_EQ(memory().read_value<std::uint64_t>(at("magic")), 7U);
  EXPECT_THROW(static_cast<void>(memory().read("no_such_symbol", 1)), SymbolError);
  EXPECT_THROW(static_cast<void>(memory().read(0x10, 1)), OsError) << "a plain number is absolute";
}

TEST_F(MemoryOf, arrays_and_pointers) {
  Debugger d(program("chains"));
  d.run(no_stdio());
  to_announcement_exit(d);
  EXPECT_EQ(d.memory().read_array<std::uint16_t>("numbers", 3), (std::vector<std::uint16_t>{1, 2, 0xfffe}));
  EXPECT_TRUE(d.memory().read_array<std::uint16_t>("numbers", 0).empty());
  EXPECT_THROW(static_cast<void>(d.memory().read_array<std::uint64_t>("numbers", SIZE_MAX / 4)), UsageError);
  EXPECT_THROW(static_cast<void>(d.memory().read_array<std::uint64_t>("numbers", SIZE_MAX / 16)), OsError);
  const Address text = d.symbols().resolve("text");
  EXPECT_EQ(d.memory().read_pointer("to_text"), text);
  d.memory().write_pointer("to_text", text + 4);
  EXPECT_EQ(d.memory().read_string(d.memory().read_pointer("to_text")), "end of the chain");
  struct Node {
    std::uint32_t words[2];
  };
  EXPECT_EQ(d.memory().read_array<Node>("nodes", 2).size(), 2U);
  if (d.memory().pointer_size() == 4) {
    EXPECT_THROW(d.memory().write_pointer("to_text", Address{1} << 32), UsageError);
  }
}

TEST_F(MemoryOf, find) {
  const std::vector<Address> hits = memory().find("writable text");
  EXPECT_NE(std::find(hits.begin(), hits.end(), at("writable")), hits.end());
  EXPECT_TRUE(std::is_sorted(hits.begin(), hits.end()));
  EXPECT_EQ(memory().find("writable text", {.in = "places", .start = at("writable")}).front(), at("writable"));
  EXPECT_TRUE(memory().find("no such text anywhere: " + std::to_string(d_.pid())).empty());
  EXPECT_EQ(memory().find_value(std::uint64_t{0x5ca1ab1edeadbeef}, {.in = "binary", .alignment = 8}).front(),
            at("magic"));
  EXPECT_EQ(memory().find("text on the heap", {.in = "heap"}), std::vector<Address>{pointer("heap")});
  EXPECT_FALSE(memory().find("/bin/sh", {.in = "libc"}).empty());
  EXPECT_THROW(static_cast<void>(memory().find("x", {.in = "no such mapping"})), UsageError);
}

TEST_F(MemoryOf, find_sees_overlapping_and_limited_hits) {
  const Address big = at("big");
  memory().write(big + 4090, "aaaaaaaaaa");
  const FindOptions there{.start = big + 4080, .end = big + 4110};
  std::vector<Address> expected(8);
  std::iota(expected.begin(), expected.end(), big + 4090);
  EXPECT_EQ(memory().find("aaa", there), expected) << "across a page too";
  FindOptions limited = there;
  limited.limit = 2;
  EXPECT_EQ(memory().find("aaa", limited).size(), 2U);
  FindOptions aligned = there;
  aligned.alignment = 4;
  for (const Address hit : memory().find("aaa", aligned)) EXPECT_EQ(hit % 4, 0U);
}

TEST_F(MemoryOf, works_while_the_process_runs_and_from_any_thread) {
  Debugger d(program("spin"));
  d.run(no_stdio());
  const Address turns = d.symbols().resolve("turns");
  d.cont();
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      std::uint64_t last = 0;
      for (int n = 0; n < 1000; ++n) {
        const auto value = d.memory().read_value<std::uint64_t>(turns);
        EXPECT_GE(value, last);
        last = value;
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(d.running());
}

TEST_F(MemoryOf, that_nobody_looked_at_before_the_death_is_gone) {
  Debugger d(program("spin"));
  d.run(no_stdio());
  const Memory memory = d.memory();
  const Address pc = d.main_thread().pc();
  d.kill();
  EXPECT_THROW(static_cast<void>(memory.read(pc, 8)), ProcessGone);
  // Of the next process nothing is left of that.
  d.run(no_stdio());
  EXPECT_EQ(memory.read(d.main_thread().pc(), 8).size(), 8U);
}

TEST_F(MemoryOf, can_be_read_after_a_detach) {
  HostChild child({tracee("spin")});
  {
    Debugger d({.kill_on_exit = false});
    d.attach(child.pid());
    const Memory memory = d.memory();
    const Address pc = d.main_thread().pc();
    d.detach();
    EXPECT_EQ(memory.read(pc, 8).size(), 8U);
  }
}

TEST_F(MemoryOf, survives_an_exec) {
  Debugger d(program("exec_other", {tracee("places")}));
  d.run(no_stdio());
  const Memory memory = d.memory();
  to_announcement(d);
  to_announcement(d);
  EXPECT_EQ(memory.read_string(d.symbols().resolve("writable")), "writable text");
}

}  // namespace
}  // namespace trapline::live
