#include "support.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include <asm/prctl.h>
#include <sys/syscall.h>

namespace trapline::live {
namespace {

/// The general registers of the tracee `registers`, in the order of its blocks; those up to r15 it loads itself.
constexpr std::array general_names = {"rbx", "rdx", "rsi", "rbp", "r8",  "r9",  "r10", "r12",
                                      "r13", "r14", "r15", "rdi", "rax", "rcx", "r11", "rsp"};
constexpr std::size_t loaded_count = 11;

/// Stopped at the exit of its first announcement, with its registers loaded.
class Registers : public Live {
 protected:
  void start(std::map<std::string, int> switches = {}) {
    d_.run(no_stdio());
    for (const auto& [name, value] : switches) d_.memory().write_value(at(name), value);
    to_announcement_exit(d_);
  }
  /// Goes on to where it has stored what it found.
  void go_on() { to_announcement(d_); }

  [[nodiscard]] Address at(const std::string& symbol) const { return d_.symbols().resolve(symbol); }
  [[nodiscard]] Bytes block(const std::string& symbol, std::size_t offset, std::size_t size) const {
    return d_.memory().read(at(symbol) + offset, size);
  }
  [[nodiscard]] std::uint64_t word(const std::string& symbol, std::size_t index) const {
    return d_.memory().read_value<std::uint64_t>(at(symbol) + 8 * index);
  }

  Debugger d_{program("registers")};
};

Bytes pattern(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(seed + i * 5);
  return bytes;
}

bool cpu_has(const char* what) {
  __builtin_cpu_init();
  return std::string_view(what) == "avx"
             ? __builtin_cpu_supports("avx") != 0
             : __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
}

#define SKIP_WITHOUT(feature) \
  if (!cpu_has(feature)) GTEST_SKIP() << "this CPU has no " feature

TEST_F(Registers, general_ones_are_read) {
  start();
  for (std::size_t i = 0; i < loaded_count; ++i)
    EXPECT_EQ(d_.regs().get(general_names[i]), word("load_general", i)) << general_names[i];
  EXPECT_EQ(d_.regs().rbx(), word("load_general", 0));
  EXPECT_EQ(d_.regs().r15(), word("load_general", 10));
  EXPECT_EQ(d_.regs().rdi(), 0x7e570001U);
  EXPECT_EQ(d_.regs().rip(), d_.main_thread().pc());
  EXPECT_EQ(d_.regs().rcx(), d_.regs().rip()) << "as the syscall instruction leaves it";
  EXPECT_EQ(d_.regs().orig_rax(), static_cast<std::uint64_t>(SYS_getpgid));
  EXPECT_EQ(d_.regs().cs(), 0x33U);
  EXPECT_EQ(d_.regs().ss(), 0x2bU);
}

/// What the test writes into the register at `i`; the stack pointer's value is one that an address may have, since some
/// hypervisors raise SIGSEGV instead of returning to user code with another.
std::uint64_t written(std::size_t i) {
  return (general_names[i] == std::string_view("rsp") ? 0x6bcdef012345 : 0xabcdef0123450000) + i;
}

TEST_F(Registers, general_ones_are_written) {
  start();
  for (std::size_t i = 0; i < general_names.size(); ++i) d_.regs().set(general_names[i], written(i));
  for (std::size_t i = 0; i < general_names.size(); ++i)
    EXPECT_EQ(d_.regs().get(general_names[i]), written(i)) << general_names[i];
  go_on();
  for (std::size_t i = 0; i < general_names.size(); ++i)
    EXPECT_EQ(word("seen_general", i), written(i)) << general_names[i];
  EXPECT_EQ(run_out(d_).exit_code, 0);
}

TEST_F(Registers, each_alone_leaves_the_others) {
  for (std::size_t changed = 0; changed < loaded_count; ++changed) {
    start();
    d_.regs().set(general_names[changed], 42);
    go_on();
    for (std::size_t i = 0; i < loaded_count; ++i) {
      EXPECT_EQ(word("seen_general", i), i == changed ? 42 : word("load_general", i))
          << general_names[changed] << " changed " << general_names[i];
    }
    d_.kill();
  }
}

TEST_F(Registers, looking_disturbs_nothing) {
  start({{"store_level", cpu_has("avx512") ? 3 : 1}, {"load_level", cpu_has("avx512") ? 3 : 1}});
  for (const std::string_view name : d_.regs().names()) EXPECT_FALSE(d_.regs().get_bytes(name).empty()) << name;
  go_on();
  for (std::size_t i = 0; i < loaded_count; ++i) EXPECT_EQ(word("seen_general", i), word("load_general", i));
  for (std::size_t i = 0; i < 8; ++i)
    EXPECT_EQ(block("seen_legacy", 32 + 16 * i, 10), block("load_st", 16 * i, 10)) << i;
  for (std::size_t i = 0; i < 16; ++i)
    EXPECT_EQ(block("seen_legacy", 160 + 16 * i, 16), block("load_vector", 64 * i, 16)) << i;
  if (cpu_has("avx512")) {
    EXPECT_EQ(block("seen_vector", 0, 2048), block("load_vector", 0, 2048));
  }
}

TEST_F(Registers, parts_are_read) {
  start();
  const std::uint64_t rbx = d_.regs().rbx();
  EXPECT_EQ(d_.regs().ebx(), rbx & 0xffffffff);
  EXPECT_EQ(d_.regs().bx(), rbx & 0xffff);
  EXPECT_EQ(d_.regs().bl(), rbx & 0xff);
  EXPECT_EQ(d_.regs().bh(), rbx >> 8 & 0xff);
  for (const std::string name : {"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}) {
    const std::uint64_t value = d_.regs().get(name);
    EXPECT_EQ(d_.regs().get(name + "d"), value & 0xffffffff);
    EXPECT_EQ(d_.regs().get(name + "w"), value & 0xffff);
    EXPECT_EQ(d_.regs().get(name + "b"), value & 0xff);
  }
  EXPECT_EQ(d_.regs().sil(), d_.regs().rsi() & 0xff);
  EXPECT_EQ(d_.regs().bp(), d_.regs().rbp() & 0xffff);
  EXPECT_EQ(d_.regs().esp(), d_.regs().rsp() & 0xffffffff);
}

TEST_F(Registers, parts_are_written_as_the_cpu_does) {
  start();
  const std::uint64_t rdx = d_.regs().rdx();
  d_.regs().set_rax(0x1111111111111111);
  d_.regs().set_al(0x22);
  d_.regs().set_ah(0x33);
  EXPECT_EQ(d_.regs().rax(), 0x1111111111113322U);
  d_.regs().set_ebx(0xdeadbeef);
  d_.regs().set_dx(0xabcd);
  d_.regs().set_r8d(7);
  d_.regs().set_r9w(8);
  d_.regs().set_r10b(9);
  d_.regs().set_sil(10);
  EXPECT_EQ(d_.regs().rbx(), 0xdeadbeefU) << "a 32-bit write clears the upper half";
  go_on();
  const auto seen = [&](std::string_view name) {
    const auto index = std::ranges::find(general_names, name) - general_names.begin();
    return word("seen_general", static_cast<std::size_t>(index));
  };
  const auto loaded = [&](std::size_t index) { return word("load_general", index); };
  EXPECT_EQ(seen("rax"), 0x1111111111113322U);
  EXPECT_EQ(seen("rbx"), 0xdeadbeefU);
  EXPECT_EQ(seen("rdx"), (rdx & ~std::uint64_t{0xffff}) | 0xabcd);
  EXPECT_EQ(seen("r8"), 7U);
  EXPECT_EQ(seen("r9"), (loaded(5) & ~std::uint64_t{0xffff}) | 8);
  EXPECT_EQ(seen("r10"), (loaded(6) & ~std::uint64_t{0xff}) | 9);
  EXPECT_EQ(seen("rsi"), (loaded(2) & ~std::uint64_t{0xff}) | 10);
}

TEST_F(Registers, flags) {
  start();
  constexpr std::uint64_t carry = 1, zero = 0x40, direction = 0x400;
  EXPECT_EQ(d_.regs().rflags() & (carry | direction), carry | direction) << "the program has set them";
  EXPECT_EQ(d_.regs().eflags(), d_.regs().rflags());
  d_.regs().set_eflags((d_.regs().eflags() & ~(carry | direction)) | zero);
  go_on();
  EXPECT_EQ(word("seen_flags", 0) & (carry | direction | zero), zero);
}

TEST_F(Registers, segment_bases) {
  start({{"use_fs", 1}, {"use_gs", 1}});
  struct Base {
    std::uint64_t value;
  } fs{}, gs{1};
  EXPECT_EQ(d_.invoke_syscall("arch_prctl", ARCH_GET_FS, fs), 0);
  EXPECT_EQ(d_.invoke_syscall("arch_prctl", ARCH_GET_GS, gs), 0);
  EXPECT_NE(fs.value, 0U);
  EXPECT_EQ(d_.regs().fs_base(), fs.value);
  EXPECT_EQ(d_.regs().gs_base(), gs.value);
  d_.regs().set_fs_base(at("load_general") + 16);
  d_.regs().set_gs_base(at("load_general") + 24);
  EXPECT_EQ(d_.regs().gs_base(), at("load_general") + 24);
  go_on();
  EXPECT_EQ(word("seen_fs", 0), word("load_general", 2));
  EXPECT_EQ(word("seen_gs", 0), word("load_general", 3));
  EXPECT_EQ(run_out(d_).exit_code, 0);
}

TEST_F(Registers, x87) {
  start();
  for (std::size_t i = 0; i < 8; ++i)
    EXPECT_EQ(d_.regs().get_bytes("st" + std::to_string(i)), block("load_st", 16 * i, 10)) << i;
  EXPECT_EQ(d_.regs().fcw(), 0x27fU);
  EXPECT_EQ(d_.regs().fsw(), 0U);
  EXPECT_EQ(d_.regs().ftw(), 0xffU) << "the short form: one bit for each register in use";
  const Bytes st7 = d_.regs().get_bytes("st7");
  long double value = 0;
  std::memcpy(&value, st7.data(), st7.size());
  EXPECT_EQ(value, d_.memory().read_value<long double>(at("load_st") + 16 * 7));
  EXPECT_GT(value, 128.0L);
  d_.regs().write_as("st2",
                     std::array<std::byte, 10>{
                         std::byte{1}, {}, {}, {}, {}, {}, {}, std::byte{0x80}, std::byte{0xff}, std::byte{0x3f}});
  d_.regs().set_fcw(0x37f);
  go_on();
  for (std::size_t i = 0; i < 8; ++i) {
    const Bytes seen = block("seen_legacy", 32 + 16 * i, 10);
    const Bytes loaded = block("load_st", 16 * i, 10);
    EXPECT_EQ(seen,
              i == 2 ? (Bytes{std::byte{1}, {}, {}, {}, {}, {}, {}, std::byte{0x80}, std::byte{0xff}, std::byte{0x3f}})
                     : loaded)
        << i;
  }
  EXPECT_EQ(d_.memory().read_value<std::uint16_t>(at("seen_legacy")), 0x37f);
}

TEST_F(Registers, mmx) {
  start({{"use_mmx", 1}});
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(d_.regs().get("mm" + std::to_string(i)), word("load_vector", 8 * i)) << i;
    d_.regs().set("mm" + std::to_string(i), 1000 + i);
  }
  go_on();
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(word("seen_mmx", i), 1000 + i);
}

TEST_F(Registers, sse) {
  start();
  for (std::size_t i = 0; i < 16; ++i)
    EXPECT_EQ(d_.regs().get_bytes("xmm" + std::to_string(i)), block("load_vector", 64 * i, 16)) << i;
  for (std::size_t i = 0; i < 16; ++i)
    d_.regs().set_bytes("xmm" + std::to_string(i), pattern(16, static_cast<unsigned>(i)));
  go_on();
  for (std::size_t i = 0; i < 16; ++i)
    EXPECT_EQ(block("seen_legacy", 160 + 16 * i, 16), pattern(16, static_cast<unsigned>(i))) << i;
}

TEST_F(Registers, the_low_bytes_of_a_vector_register_are_written_alone) {
  start();
  d_.regs().write_as("xmm4", 1.5);
  EXPECT_EQ(d_.regs().read_as<double>("xmm4"), 1.5);
  go_on();
  EXPECT_EQ(d_.memory().read_value<double>(at("seen_legacy") + 160 + 64), 1.5);
  EXPECT_EQ(block("seen_legacy", 160 + 64 + 8, 8), block("load_vector", 64 * 4 + 8, 8));
}

TEST_F(Registers, mxcsr) {
  start();
  EXPECT_EQ(d_.regs().mxcsr(), 0x9fc0U);
  d_.regs().set_mxcsr(0x1f80);
  go_on();
  EXPECT_EQ(d_.memory().read_value<std::uint32_t>(at("seen_legacy") + 24), 0x1f80U);
}

TEST_F(Registers, avx) {
  SKIP_WITHOUT("avx");
  start({{"load_level", 2}, {"store_level", 2}});
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(d_.regs().get_bytes("ymm" + std::to_string(i)), block("load_vector", 64 * i, 32)) << i;
    if (i % 2 == 1) d_.regs().set_bytes("ymm" + std::to_string(i), pattern(32, static_cast<unsigned>(i)));
  }
  go_on();
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(block("seen_vector", 64 * i, 32),
              i % 2 == 1 ? pattern(32, static_cast<unsigned>(i)) : block("load_vector", 64 * i, 32))
        << i;
  }
}

TEST_F(Registers, avx_in_its_initial_state) {
  SKIP_WITHOUT("avx");
  start({{"store_level", 2}, {"reset", 1}});
  const Bytes zeros(16);
  for (std::size_t i = 0; i < 16; ++i) {
    const Bytes value = d_.regs().get_bytes("ymm" + std::to_string(i));
    EXPECT_TRUE(std::ranges::equal(std::span(value).first(16), block("load_vector", 64 * i, 16))) << i;
    EXPECT_TRUE(std::ranges::equal(std::span(value).last(16), zeros)) << i;
  }
  d_.regs().set_bytes("ymm5", pattern(32, 1));
  go_on();
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 5) {
      EXPECT_EQ(block("seen_vector", 64 * i, 32), pattern(32, 1));
    } else {
      EXPECT_EQ(block("seen_vector", 64 * i, 16), block("load_vector", 64 * i, 16)) << i;
      EXPECT_EQ(block("seen_vector", 64 * i + 16, 16), zeros) << i;
    }
  }
}

TEST_F(Registers, avx512) {
  SKIP_WITHOUT("avx512");
  start({{"load_level", 3}, {"store_level", 3}});
  const auto value = [](std::size_t i) { return pattern(64, static_cast<unsigned>(3 * i)); };
  for (std::size_t i = 0; i < 32; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_EQ(d_.regs().get_bytes("zmm" + number), block("load_vector", 64 * i, 64)) << i;
    EXPECT_EQ(d_.regs().get_bytes("ymm" + number), block("load_vector", 64 * i, 32)) << i;
    EXPECT_EQ(d_.regs().get_bytes("xmm" + number), block("load_vector", 64 * i, 16)) << i;
    if (i % 3 == 0) d_.regs().set_bytes("zmm" + number, value(i));
  }
  for (std::size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(d_.regs().get("k" + std::to_string(i)), word("load_mask", i));
    d_.regs().set("k" + std::to_string(i), 70 + i);
  }
  go_on();
  for (std::size_t i = 0; i < 32; ++i)
    EXPECT_EQ(block("seen_vector", 64 * i, 64), i % 3 == 0 ? value(i) : block("load_vector", 64 * i, 64)) << i;
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(word("seen_mask", i), 70 + i);
}

TEST_F(Registers, avx512_in_its_initial_state) {
  SKIP_WITHOUT("avx512");
  start({{"load_level", 2}, {"store_level", 3}, {"reset", 1}});
  for (const char* name : {"zmm17", "xmm31"})
    EXPECT_TRUE(std::ranges::all_of(d_.regs().get_bytes(name), [](std::byte b) { return b == std::byte{}; })) << name;
  EXPECT_EQ(d_.regs().k3(), (std::array<std::byte, 8>{}));
  d_.regs().set_bytes("zmm2", pattern(64, 9));
  d_.regs().set("k3", 33);
  go_on();
  EXPECT_EQ(block("seen_vector", 64 * 2, 64), pattern(64, 9));
  EXPECT_EQ(block("seen_vector", 64 * 3, 32), block("load_vector", 64 * 3, 32));
  EXPECT_EQ(block("seen_vector", 64 * 3 + 32, 32), Bytes(32));
  EXPECT_EQ(block("seen_vector", 64 * 17, 64), Bytes(64));
  EXPECT_EQ(word("seen_mask", 3), 33U);
}

TEST_F(Registers, all_of_this_cpu_are_named) {
  start();
  const auto names = d_.regs().names();
  const auto has = [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
  for (const char* name : {"rax", "ah", "r15b", "st7", "mm0", "xmm15", "mxcsr", "fs_base"})
    EXPECT_TRUE(has(name)) << name;
  EXPECT_EQ(has("ymm0"), cpu_has("avx"));
  EXPECT_EQ(has("zmm31"), cpu_has("avx512"));
  for (const char* name : {"x0", "orig_eax", "eip"}) EXPECT_FALSE(has(name)) << name;
}

TEST_F(Registers, filter_finds_a_value) {
  start();
  EXPECT_EQ(d_.regs().filter(word("load_general", 0)), std::vector<std::string_view>{"rbx"});
  d_.regs().set_rdx(d_.regs().rbx());
  EXPECT_EQ(d_.regs().filter(word("load_general", 0)), (std::vector<std::string_view>{"rbx", "rdx"}));
  EXPECT_TRUE(d_.regs().filter(0x123456789abcdef0).empty());
}

TEST_F(Registers, what_is_wrong_is_told) {
  start();
  const trapline::Registers regs = d_.regs();
  const std::string unknown = message_of<UsageError>([&] { static_cast<void>(regs.get("raax")); });
  EXPECT_NE(unknown.find("\"raax\""), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("rax"), std::string::npos) << unknown;
  EXPECT_THROW(regs.set("xmm99", 1), UsageError);
  EXPECT_THROW(regs.set_al(0x100), UsageError);
  EXPECT_THROW(regs.set_ax(0x10000), UsageError);
  EXPECT_THROW(regs.set_eax(0x100000000), UsageError);
  EXPECT_NE(message_of<UsageError>([&] { regs.set_bl(999); }).find("too wide"), std::string::npos);
  EXPECT_THROW(static_cast<void>(regs.get("xmm0")), UsageError);
  EXPECT_THROW(regs.set("xmm0", 1), UsageError);
  EXPECT_THROW(regs.set_bytes("xmm0", Bytes(17)), UsageError);
  EXPECT_THROW(regs.set_bytes("rax", Bytes(9)), UsageError);
  EXPECT_THROW(static_cast<void>(regs.read_as<std::uint64_t>("eax")), UsageError);
  EXPECT_EQ(regs.rbx(), word("load_general", 0));
}

TEST_F(Registers, those_of_another_architecture_throw) {
  start();
  EXPECT_THROW(static_cast<void>(d_.regs().x0()), UsageError);
  EXPECT_THROW(d_.regs().set_pc(0), UsageError);
  EXPECT_THROW(static_cast<void>(d_.regs().eip()), UsageError);
  EXPECT_NE(message_of<UsageError>([&] { static_cast<void>(d_.regs().orig_eax()); }).find("orig_eax"),
            std::string::npos);
}

TEST_F(Registers, what_the_kernel_refuses_throws_and_changes_nothing) {
  start();
  EXPECT_THROW(d_.regs().set_mxcsr(0xffffffff), UsageError);
  EXPECT_THROW(d_.regs().set_cs(0), UsageError);
  EXPECT_THROW(d_.regs().set_ss(1), UsageError);
  EXPECT_THROW(d_.regs().set_fs_base(~std::uint64_t{0}), UsageError);
  EXPECT_THROW(d_.regs().set_gs_base(std::uint64_t{1} << 63), UsageError);
  d_.regs().set_rbx(5);
  EXPECT_EQ(d_.regs().cs(), 0x33U);
  EXPECT_EQ(d_.regs().mxcsr(), 0x9fc0U);
  go_on();
  EXPECT_EQ(word("seen_general", 0), 5U);
  EXPECT_EQ(word("seen_general", 1), word("load_general", 1));
  EXPECT_EQ(run_out(d_).exit_code, 0);
}

TEST_F(Registers, two_handles_see_each_other) {
  start();
  const trapline::Registers a = d_.regs();
  const trapline::Registers b = d_.main_thread().regs();
  a.set_rbx(1);
  EXPECT_EQ(b.rbx(), 1U);
  b.set_bl(2);
  EXPECT_EQ(a.rbx(), 2U);
  a.set_bytes("xmm1", pattern(16, 1));
  EXPECT_EQ(b.get_bytes("xmm1"), pattern(16, 1));
  b.set_bytes("xmm2", pattern(16, 2));
  d_.main_thread().set_syscall_return(77);
  EXPECT_EQ(a.rax(), 77U);
  a.set_rax(78);
  EXPECT_EQ(d_.main_thread().syscall_return(), 78);
  go_on();
  EXPECT_EQ(word("seen_general", 0), 2U);
  EXPECT_EQ(word("seen_general", 12), 78U);
  EXPECT_EQ(block("seen_legacy", 160 + 16, 16), pattern(16, 1));
  EXPECT_EQ(block("seen_legacy", 160 + 32, 16), pattern(16, 2));
}

TEST_F(Registers, a_handle_shows_each_stop_anew) {
  start();
  const trapline::Registers regs = d_.regs();
  const std::uint64_t before = regs.rip();
  EXPECT_EQ(regs.rdi(), 0x7e570001U);
  static_cast<void>(regs.xmm0());
  go_on();
  EXPECT_NE(regs.rip(), before);
  EXPECT_EQ(regs.rdi(), 0x7e570002U);
}

TEST_F(Registers, written_in_callbacks) {
  d_.handle_syscall(announcement, {.on_enter =
                                       [](Thread& t, SyscallHandler&) {
                                         t.regs().set_rbx(100);
                                         t.regs().write_as("xmm6", std::uint64_t{101});
                                       },
                                   .on_exit =
                                       [](Thread& t, SyscallHandler& h) {
                                         EXPECT_EQ(t.regs().rbx(), 100U);
                                         t.regs().set_r12(102);
                                         t.regs().write_as("xmm7", std::uint64_t{103});
                                         h.remove();
                                       }});
  d_.run(no_stdio());
  d_.handle_syscall(announcement, {.on_enter = [](Thread& t, SyscallHandler&) {
                      if (t.syscall_arg(0) == 0x7e570002) t.process().interrupt();
                    }});
  next_stop(d_);
  EXPECT_EQ(word("seen_general", 0), 100U);
  EXPECT_EQ(word("seen_general", 7), 102U);
  EXPECT_EQ(d_.memory().read_value<std::uint64_t>(at("seen_legacy") + 160 + 6 * 16), 101U);
  EXPECT_EQ(d_.memory().read_value<std::uint64_t>(at("seen_legacy") + 160 + 7 * 16), 103U);
  for (const std::size_t i : {1U, 2U, 8U, 9U}) EXPECT_EQ(word("seen_general", i), word("load_general", i)) << i;
}

TEST_F(Registers, vectors_survive_an_invocation) {
  start({{"load_level", cpu_has("avx512") ? 3 : 1}, {"store_level", cpu_has("avx512") ? 3 : 1}});
  d_.regs().set_bytes("xmm3", pattern(16, 4));
  EXPECT_EQ(d_.invoke_syscall("getpid"), d_.pid());
  EXPECT_EQ(d_.regs().get_bytes("xmm3"), pattern(16, 4));
  d_.regs().set_bytes("xmm4", pattern(16, 5));
  EXPECT_EQ(d_.invoke_syscall("getpid"), d_.pid());
  go_on();
  for (std::size_t i = 0; i < 16; ++i) {
    const Bytes expected = i == 3 ? pattern(16, 4) : i == 4 ? pattern(16, 5) : block("load_vector", 64 * i, 16);
    EXPECT_EQ(block("seen_legacy", 160 + 16 * i, 16), expected) << i;
  }
  if (cpu_has("avx512")) {
    EXPECT_EQ(block("seen_vector", 64 * 20, 64), block("load_vector", 64 * 20, 64));
  }
}

TEST_F(Registers, after_death_the_last_are_read) {
  d_.run(no_stdio());
  static_cast<void>(d_.regs().xmm1());
  const Bytes loaded = block("load_vector", 64, 16);
  const std::uint64_t rbx = word("load_general", 0);
  EXPECT_EQ(run_out(d_).exit_code, 0);
  EXPECT_EQ(d_.regs().orig_rax(), static_cast<std::uint64_t>(SYS_exit_group));
  EXPECT_EQ(d_.regs().rbx(), rbx);
  EXPECT_EQ(d_.regs().get_bytes("xmm1"), loaded) << "as of its end, not of an earlier look";
  EXPECT_FALSE(d_.regs().names().empty());
  EXPECT_THROW(d_.regs().set_rbx(1), ProcessGone);
  EXPECT_THROW(d_.regs().set_bytes("xmm0", Bytes(16)), ProcessGone);
}

TEST_F(Registers, after_a_kill_those_of_the_last_stop_are_read) {
  start();
  const std::uint64_t rbx = d_.regs().rbx();
  const Bytes xmm1 = d_.regs().get_bytes("xmm1");
  d_.kill();
  EXPECT_EQ(d_.regs().rbx(), rbx);
  EXPECT_EQ(d_.regs().get_bytes("xmm1"), xmm1);
  EXPECT_THROW(d_.regs().set_rbx(1), ProcessGone);
}

}  // namespace
}  // namespace trapline::live
