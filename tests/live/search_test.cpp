#include "support.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

namespace trapline::live {
namespace {

/// A program whose data is in place.
class SearchOf : public Live {
 protected:
  void start(const char* name) {
    d_.emplace(program(name));
    d_->run(no_stdio());
    to_announcement_exit(*d_);
  }
  [[nodiscard]] Address at(const Location& location) const { return d_->symbols().resolve(location); }
  [[nodiscard]] Memory memory() const { return d_->memory(); }
  /// A mapping of the program's own.
  [[nodiscard]] Address map(std::uint64_t size, int protection, int flags, std::int64_t file = -1) const {
    // The mmap of i386 takes its arguments in memory.
    const char* call = memory().pointer_size() == 4 ? "mmap2" : "mmap";
    const std::int64_t address = d_->invoke_syscall(call, 0, size, protection, flags, file, 0);
    EXPECT_TRUE(address > 0 || address < -4095) << address;
    return memory().pointer_size() == 4 ? static_cast<std::uint32_t>(address) : static_cast<Address>(address);
  }
  [[nodiscard]] Address map(std::uint64_t size) const {
    return map(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
  }

  std::optional<Debugger> d_;
};

TEST_F(SearchOf, numbers_of_every_width_and_order) {
  start("places");
  const Address magic = at("magic");
  const FindOptions there{.in = "binary", .permissions = "rw"};
  EXPECT_EQ(memory().find(Pattern::integer(0x5ca1ab1edeadbeef), there), std::vector<Address>{magic});
  EXPECT_EQ(memory().find(Pattern::integer(0x5ca1ab1e, 4), there), std::vector<Address>{magic + 4});
  EXPECT_EQ(memory().find(Pattern::integer(std::int16_t{-8531}), there).front(), magic + 2) << "0xdead";
  EXPECT_EQ(memory().find(Pattern::integer(0xefbe, 2, std::endian::big), there), std::vector<Address>{magic});
  EXPECT_EQ(memory().find(Pattern::integer(0xadbeef, 3), there), std::vector<Address>{magic});
  EXPECT_THROW(static_cast<void>(Pattern::integer(256, 1)), UsageError);
  EXPECT_THROW(static_cast<void>(Pattern::integer(-129, 1)), UsageError);
  EXPECT_NO_THROW(static_cast<void>(Pattern::integer(-128, 1)));
  EXPECT_THROW(static_cast<void>(Pattern::integer(1, 0)), UsageError);
  EXPECT_THROW(static_cast<void>(Pattern::integer(1, 9)), UsageError);
}

TEST_F(SearchOf, patterns_and_expressions) {
  start("places");
  const Address writable = at("writable");
  const FindOptions there{.in = "binary", .permissions = "rw"};
  EXPECT_EQ(memory().find(Pattern::hex("77 72 69 74 61 ?? 6c 65 20 7?"), there), std::vector<Address>{writable});
  Search search = memory().search(Pattern::regex(R"(writ[a-z]+ text\x00)"), there);
  EXPECT_EQ(search.next(), (Match{writable, 14}));
  EXPECT_EQ(search.next(), std::nullopt);
  std::size_t matches = 0;
  for (const Match& match : memory().search(Pattern::text("text"), {.in = "places"})) {
    EXPECT_EQ(memory().read_string(match.address, 4), "text");
    if (++matches == 2) break;
  }
  EXPECT_EQ(matches, 2U);
}

TEST_F(SearchOf, shows_no_traps) {
  start("places");
  const Address check = at("check");
  const Bytes original = memory().read(check, 16);
  const Breakpoint breakpoint = d_->breakpoint("check");
  ASSERT_TRUE(breakpoint.armed());
  const FindOptions there{.in = "places", .permissions = "x"};
  EXPECT_EQ(memory().find(original, there), std::vector<Address>{check});
  Bytes trapped = original;
  trapped[0] = std::byte{0xcc};
  EXPECT_TRUE(memory().find(trapped, there).empty());
  std::string expression;
  for (const std::byte byte : original) {
    std::array<char, 8> escaped{};
    std::snprintf(escaped.data(), escaped.size(), "\\x%02x", std::to_integer<unsigned>(byte));
    expression += escaped.data();
  }
  EXPECT_EQ(memory().find(Pattern::regex(expression), there), std::vector<Address>{check});
  EXPECT_TRUE(memory().find(Pattern::regex("\\xcc" + expression.substr(4)), there).empty());
  const std::vector<TelescopeLink> links = memory().telescope("check").links;
  EXPECT_EQ(std::memcmp(&links.front().value, original.data(), memory().pointer_size()), 0);
}

TEST_F(SearchOf, all_of_a_real_process_with_holes_and_kernel_memory) {
  start("places");
  // A hole in the middle, memory that nothing may read, and a file that ends before its mapping.
  const Address area = map(64 * 4096);
  for (Address page = area; page < area + 63 * 4096; page += 4096) memory().write(page + 4093, "needle");
  ASSERT_EQ(d_->invoke_syscall("munmap", area + 4 * 4096, 4096), 0);
  ASSERT_EQ(d_->invoke_syscall("mprotect", area + 8 * 4096, 4096, PROT_NONE), 0);
  const ScratchDir dir;
  const std::int64_t file = d_->invoke_syscall("openat", -100, dir.file("short", std::string(6000, 'f') + "needle"), 0);
  ASSERT_GE(file, 0);
  const Address mapped = map(16 * 4096, PROT_READ, MAP_PRIVATE, file);
  std::size_t inside = 0;
  bool in_file = false;
  for (const Match& match : memory().search(Pattern::text("needle"))) {
    if (match.address >= area && match.address < area + 64 * 4096) ++inside;
    in_file = in_file || match.address == mapped + 6000;
  }
  // Of what crosses into the holes nothing is left.
  EXPECT_EQ(inside, 63U - 2 - 2);
  EXPECT_TRUE(in_file);
  EXPECT_TRUE(memory().find(Pattern::regex("no such thing anywhere [0-9]{9}")).empty());
}

TEST_F(SearchOf, files_in_memory) {
  start("places");
  const std::int64_t file = d_->invoke_syscall("memfd_create", "my memory", 0);
  ASSERT_GE(file, 0);
  ASSERT_EQ(d_->invoke_syscall("ftruncate", file, 8192), 0);
  const Address mapped = map(8192, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  const MemoryMaps maps = d_->maps().filter("memfd:my memory");
  ASSERT_EQ(maps.size(), 1U);
  EXPECT_TRUE(maps.front().deleted);
  EXPECT_EQ(maps.front().start, mapped);
  memory().write(maps.front().start + 4093, "across pages");
  EXPECT_EQ(memory().find("across pages", {.in = "my memory"}), std::vector<Address>{maps.front().start + 4093});
  EXPECT_EQ(memory().find("pages", {.permissions = "rws"}), std::vector<Address>{maps.front().start + 4100});
}

TEST_F(SearchOf, memory_that_comes_and_goes) {
  start("remap");
  const Address staying = at("staying");
  d_->cont();
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(memory().find("text that stays where it is", {.in = "remap"}), std::vector<Address>{staying});
    // What passes is found or not; it never makes an error or a wrong answer.
    for (const Match& match : memory().search(Pattern::regex("text that comes and goes"))) EXPECT_EQ(match.size, 24U);
    static_cast<void>(memory().find_pointers("*", "remap"));
    Address end = 0;
    for (const MemoryMap& each : d_->maps()) {
      EXPECT_LE(end, each.start);
      end = each.end;
    }
    EXPECT_TRUE(d_->maps().at(staying)->writable);
  }
  EXPECT_TRUE(d_->running());
}

TEST_F(SearchOf, memory_that_was_never_touched_costs_nothing) {
  start("places");
  if (memory().pointer_size() == 4) GTEST_SKIP() << "a 32-bit program has no room for so much memory";
  constexpr std::uint64_t size = std::uint64_t{4} << 40;
  const std::int64_t area =
      d_->invoke_syscall("mmap", 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area < 0) GTEST_SKIP() << "the machine allows no such mapping";
  const std::string tables = "/proc/" + std::to_string(d_->pid()) + "/status";
  const auto size_of_tables = [&] {
    const std::string status = read_file(tables);
    return std::stoul(status.substr(status.find("VmPTE:") + 6));
  };
  const Address middle = static_cast<Address>(area) + size / 2;
  memory().write(middle + 4093, "needle");
  memory().write_value(middle + (1 << 30), at("magic"));
  const unsigned long before = size_of_tables();
  EXPECT_EQ(memory().find("needle", {.permissions = "rw-"}), std::vector<Address>{middle + 4093});
  EXPECT_EQ(memory().find(Pattern::regex("need[a-z]+"), {.in = "anon"}), std::vector<Address>{middle + 4093});
  const FoundPointer pointer{middle + (1 << 30), at("magic")};
  const auto pointers = memory().find_pointers("anon", {at("magic"), at("magic") + 8});
  EXPECT_NE(std::ranges::find(pointers, pointer), pointers.end());
  EXPECT_LT(size_of_tables(), before + 1000) << "kB";
}

TEST_F(SearchOf, of_several_threads_at_once) {
  start("remap");
  const Address staying = at("staying");
  d_->cont();
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5; ++n) {
        EXPECT_EQ(memory().find("stays where", {.in = "remap"}), std::vector<Address>{staying + 10});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SearchOf, a_process_that_dies_meanwhile) {
  start("places");
  const Address area = map(4 << 20);
  for (Address page = area; page < area + (4 << 20); page += 4096) memory().write(page, "needle");
  Search search = memory().search(Pattern::text("needle"), {.start = area, .end = area + (4 << 20)});
  ASSERT_TRUE(search.next());
  d_->kill();
  EXPECT_THROW(
      {
        while (search.next()) {
        }
      },
      ProcessGone);
  EXPECT_THROW(static_cast<void>(memory().find("needle")), ProcessGone);
}

TEST_F(SearchOf, pointers) {
  start("chains");
  const Address text = at("text");
  const Address heap = memory().read_pointer("heap");
  const std::size_t word = memory().pointer_size();
  std::vector<FoundPointer> expected;
  for (std::size_t i = 5; i < 64; i += 16) expected.push_back({heap + i * word, text + i / 16});
  EXPECT_EQ(memory().find_pointers("heap", {text, text + 21}), expected);
  EXPECT_EQ(memory().find_pointers("heap", "binary"), expected);
  const auto in_binary = memory().find_pointers("binary", {text, text + 21});
  EXPECT_NE(std::ranges::find(in_binary, FoundPointer{at("to_text"), text}), in_binary.end());
  const auto anywhere = memory().find_pointers("binary", {text, text + 21}, 1);
  EXPECT_NE(std::ranges::find(anywhere, FoundPointer{at("unaligned") + 3, text + 4}), anywhere.end());
  EXPECT_TRUE(std::ranges::is_sorted(anywhere, {}, &FoundPointer::address));
  const auto to_libc = memory().find_pointers("stack", "libc");
  EXPECT_FALSE(to_libc.empty()) << "main returns there";
  for (const FoundPointer& pointer : to_libc) {
    EXPECT_EQ(memory().read_pointer(pointer.address), pointer.target);
    EXPECT_EQ(d_->maps().filter(pointer.target).filter("libc").size(), 1U);
  }
  EXPECT_THROW(static_cast<void>(memory().find_pointers("stack", "no such mapping")), UsageError);
}

TEST_F(SearchOf, chains_of_pointers) {
  start("chains");
  const Telescope to_text = memory().telescope("chain");
  EXPECT_EQ(to_text.end, TelescopeEnd::string);
  ASSERT_EQ(to_text.links.size(), 3U);
  EXPECT_EQ(to_text.links[0].symbol->name, "chain");
  EXPECT_EQ(to_text.links[0].value, at("to_text"));
  EXPECT_EQ(to_text.links[2].address, at("text"));
  EXPECT_EQ(to_text.links[2].string, "the end of the chain");
  const Telescope to_code = memory().telescope("to_function");
  EXPECT_EQ(to_code.end, TelescopeEnd::code);
  ASSERT_EQ(to_code.links.size(), 2U);
  EXPECT_EQ(to_code.links[1].symbol->name, "function");
  const Telescope in_a_circle = memory().telescope("nodes");
  EXPECT_EQ(in_a_circle.end, TelescopeEnd::loop);
  EXPECT_EQ(in_a_circle.links.size(), 3U);
  EXPECT_EQ(memory().telescope("nowhere").end, TelescopeEnd::value);
  EXPECT_EQ(memory().telescope("nowhere").links.front().value, 4711U);
  EXPECT_THROW(static_cast<void>(memory().telescope(Address{8})), OsError);
}

}  // namespace
}  // namespace trapline::live
