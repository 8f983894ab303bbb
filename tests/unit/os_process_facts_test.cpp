#include "os/process_facts.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include <trapline/error.hpp>

#include "os/descriptors.hpp"
#include "os/sockets.hpp"
#include "support/bytes.hpp"

namespace trapline::os {
namespace {

TEST(ParseStat, NamesThatLookLikeMore) {
  const ProcessStat stat = parse_stat(
      "42 (a) R (\nb) t 7 8 9 0 -1 4194560 12 0 0 0 250 50 0 0 20 -5 2 0 100 1024 30 18446744073709551615 1 1 0 0 0 0 "
      "0 0 0 "
      "0 0 0 17 3 0 0 0 0 0\n");
  EXPECT_EQ(stat.name, "a) R (\nb");
  EXPECT_EQ(stat.state, RunState::traced);
  EXPECT_EQ(stat.ids.parent, 7);
  EXPECT_EQ(stat.ids.group, 8);
  EXPECT_EQ(stat.ids.session, 9);
  EXPECT_FALSE(stat.exiting);
  EXPECT_EQ(stat.user_ticks, 250U);
  EXPECT_EQ(stat.system_ticks, 50U);
  EXPECT_EQ(stat.nice, -5);
  EXPECT_EQ(stat.cpu, 3);
}

TEST(ParseStat, WhatIsExiting) {
  EXPECT_TRUE(parse_stat("1 (x) R 1 1 1 0 -1 4194564 0").exiting);
  EXPECT_TRUE(parse_stat("1 (x) Z 1 1 1 0 -1 0 0").exiting);
  EXPECT_FALSE(parse_stat("1 (x) S 1 1 1 0 -1 0 0").exiting);
}

TEST(ParseStat, Rubbish) {
  for (const char* text : {"", "1", "1 (", "1 )(", "1 (x)", "1 (x) ", ")", "1 (x) S a b c"}) {
    EXPECT_EQ(parse_stat(text).ids.parent, 0) << text;
  }
}

TEST(ParseCredentials, EveryField) {
  const Credentials found = parse_credentials(
      "Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nGroups:\t4 24 1000 \nCapInh:\t0000000000000001\n"
      "CapPrm:\t0000000000000002\nCapEff:\t0000000000080000\nCapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000005\n"
      "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n");
  EXPECT_EQ(found.uid.real, 1U);
  EXPECT_EQ(found.uid.file_system, 4U);
  EXPECT_EQ(found.gid.saved, 7U);
  EXPECT_EQ(found.groups, (std::vector<gid_t>{4, 24, 1000}));
  EXPECT_EQ(found.capabilities.effective, std::uint64_t{1} << 19);
  EXPECT_EQ(found.capabilities.bounding, 0x1ffffffffffU);
  EXPECT_EQ(found.capabilities.ambient, 5U);
  EXPECT_TRUE(found.no_new_privileges);
  EXPECT_EQ(found.seccomp, SeccompMode::filter);
  EXPECT_EQ(found.seccomp_filters, 3U);
  EXPECT_TRUE(parse_credentials("Groups:\t \n").groups.empty());
}

TEST(ParseLimits, NamesUnitsAndTheUnlimited) {
  const auto limits = parse_limits(
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max cpu time              unlimited            unlimited            seconds   \n"
      "Max open files            1024                 1048576              files     \n"
      "Max nice priority         0                    0                    \n"
      "Max of something new      1                    2                    things    \n");
  ASSERT_EQ(limits.size(), 4U);
  EXPECT_EQ(limits[0].resource, RLIMIT_CPU);
  EXPECT_EQ(limits[0].soft, std::nullopt);
  EXPECT_EQ(limits[1].resource, RLIMIT_NOFILE);
  EXPECT_EQ(limits[1].soft, 1024U);
  EXPECT_EQ(limits[1].hard, 1048576U);
  EXPECT_EQ(limits[1].unit, "files");
  EXPECT_EQ(limits[2].unit, "");
  EXPECT_EQ(limits[3].resource, -1);
  EXPECT_EQ(limits[3].name, "Max of something new");
}

TEST(ParseBlockedCall, OnlyWhatIsBlocked) {
  EXPECT_EQ(parse_blocked_call("running\n"), std::nullopt);
  EXPECT_EQ(parse_blocked_call("-1 0x7ffd 0x7f00\n"), std::nullopt);
  EXPECT_EQ(parse_blocked_call(""), std::nullopt);
  const auto call = parse_blocked_call("230 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffd00 0x7f0000\n");
  ASSERT_TRUE(call.has_value());
  EXPECT_EQ(call->number, 230);
  EXPECT_EQ(call->arguments[5], 6U);
  EXPECT_EQ(call->stack_pointer, 0x7ffd00U);
  EXPECT_EQ(call->pc, 0x7f0000U);
}

TEST(SplitStrings, EmptyOnesAndAMissingEnd) {
  using namespace std::string_view_literals;
  EXPECT_EQ(split_strings("a\0\0b c\0"sv), (std::vector<std::string>{"a", "", "b c"}));
  EXPECT_EQ(split_strings("title"sv), std::vector<std::string>{"title"});
  EXPECT_TRUE(split_strings("").empty());
}

TEST(KindOfLink, EachOfThem) {
  EXPECT_EQ(kind_of_link("pipe:[1]"), DescriptorKind::pipe);
  EXPECT_EQ(kind_of_link("anon_inode:[eventfd]"), DescriptorKind::eventfd);
  EXPECT_EQ(kind_of_link("anon_inode:[pidfd]"), DescriptorKind::pidfd);
  EXPECT_EQ(kind_of_link("pidfd:[12]"), DescriptorKind::pidfd);
  EXPECT_EQ(kind_of_link("anon_inode:bpf-map"), DescriptorKind::bpf);
  EXPECT_EQ(kind_of_link("mnt:[4026531841]"), DescriptorKind::name_space);
  EXPECT_EQ(kind_of_link("anon_inode:[something new]"), DescriptorKind::other);
  EXPECT_EQ(kind_of_link("/tmp/mnt:[1]"), DescriptorKind::other);
}

TEST(ParseDescriptorInfo, FlagsOffsetAndTheRest) {
  FileDescriptor fd;
  parse_descriptor_info("pos:\t4096\nflags:\t02100002\nmnt_id:\t15\neventfd-count:                3\nodd\n", fd);
  EXPECT_EQ(fd.offset, 4096U);
  EXPECT_EQ(fd.flags, 02100002);
  EXPECT_TRUE(fd.close_on_exec());
  EXPECT_EQ(fd.details, (std::vector<std::pair<std::string, std::string>>{{"mnt_id", "15"}, {"eventfd-count", "3"}}));
}

TEST(ParseSockets, Internet) {
  SocketTable table;
  parse_internet_sockets(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 "
      "0\n"
      "   1: 0100007F:1F90 0200007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 "
      "0\n"
      "   2: 0100007F:1F90 0200007F:C001 06 00000000:00000000 03:00000000 00000000     0        0 0 1 0\n"
      "damaged\n",
      "tcp", table);
  ASSERT_EQ(table.size(), 2U);
  EXPECT_EQ(table[4711].local, "127.0.0.1:8080");
  EXPECT_EQ(table[4711].peer, "");
  EXPECT_EQ(table[4711].state, "LISTEN");
  EXPECT_EQ(table[4712].peer, "127.0.0.2:49153");
  EXPECT_EQ(table[4712].state, "ESTABLISHED");
  parse_internet_sockets(
      "head\n   5: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 0:0 0:0 0 0 0 99 2 0 "
      "0\n",
      "udp6", table);
  EXPECT_EQ(table[99].local, "[::1]:53");
  EXPECT_EQ(table[99].state, "");
}

TEST(ParseSockets, Unix) {
  SocketTable table;
  parse_unix_sockets(
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 100 /run/a socket\n"
      "0000000000000000: 00000003 00000000 00000000 0005 03 101\n"
      "0000000000000000: 00000002 00000000 00000000 0002 01 102 @abstract\nwith a break\n",
      table);
  EXPECT_EQ(table[100].local, "/run/a socket");
  EXPECT_EQ(table[100].state, "LISTEN");
  EXPECT_EQ(table[101].state, "CONNECTED");
  EXPECT_EQ(table[101].type, 5);
  EXPECT_EQ(table[102].local, "@abstract");
  EXPECT_EQ(table.size(), 3U);
}

TEST(AddressText, OfEachFamily) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::strcpy(name.sun_path, "/tmp/x");
  EXPECT_EQ(address_text(support::bytes_of(name)), "/tmp/x");
  EXPECT_EQ(address_text(support::bytes_of(name).first(2)), "");
  std::memcpy(name.sun_path, "\0abc\0d", 6);
  EXPECT_EQ(address_text(support::bytes_of(name).first(2 + 6)), std::string("@abc\0d", 6));
  EXPECT_EQ(address_text({}), "");
}

TEST(ProcDirectoryTest, IsOfThatVeryProcess) {
  const ProcDirectory self(::getpid());
  EXPECT_EQ(parse_stat(self.read("stat")).ids.parent, ::getppid());
  EXPECT_EQ(self.numbers("task").front(), ::getpid());
  EXPECT_THROW(static_cast<void>(self.thread(1)), ProcessGone);
  EXPECT_THROW(ProcDirectory(0x7ffffff0), ProcessGone);
}

}  // namespace
}  // namespace trapline::os
