#include "support.hpp"

#include <algorithm>
#include <cerrno>
#include <regex>

#include <sys/stat.h>

namespace trapline::live {
namespace {

using RunErrors = Live;

struct Refusal {
  std::string program;
  int error;
  /// What the message must say.
  const char* says;
};

std::string elf_for(unsigned char machine) {
  std::string content = read_file(tracee("points"));
  content[18] = static_cast<char>(machine);
  return content;
}

std::string without_loader() {
  std::string content = read_file(tracee("points"));
  const std::size_t at = content.find("/lib64/ld-");
  if (at != std::string::npos) content.replace(at, 10, "/lib64/no-");
  return content;
}

void expect_refusal(const Refusal& refusal) {
  SCOPED_TRACE(refusal.program);
  Debugger d(command({refusal.program}));
  std::size_t seen = 0;
  const Observation observation =
      d.observe({.on_thread_born = [&](Thread&) { ++seen; }, .on_thread_died = [&](Thread&, int) { ++seen; }});
  const Catchpoint exits = d.on_exit([&](Thread&, const ExitStatus&) { ++seen; });
  try {
    d.run(no_stdio());
    ADD_FAILURE() << "it ran";
  } catch (const OsError& error) {
    EXPECT_EQ(error.code().value(), refusal.error) << error.what();
    EXPECT_TRUE(std::regex_search(error.what(), std::regex(refusal.says, std::regex::icase))) << error.what();
    EXPECT_NE(std::string(error.what()).find(refusal.program), std::string::npos) << error.what();
  }
  EXPECT_FALSE(d.running());
  EXPECT_EQ(seen, 0U) << "a process that never came to be was shown";
  d.set_argv({tracee("exit_with"), "6"});
  EXPECT_EQ(run_to_exit(d), 6) << "not usable after the error";
}

TEST_F(RunErrors, each_refusal_says_why) {
  const ScratchDir dir;
  const std::string elf = read_file(tracee("points"));
  constexpr unsigned char aarch64 = 183;
  const std::vector<Refusal> table = {
      {dir / "missing", ENOENT, "no such file|not found|does not exist"},
      {"no-such-program-in-path", ENOENT, "PATH"},
      {dir.file("plain", elf, 0644), EACCES, "executable"},
      {dir.file("script", "#!/no/such/interpreter\n", 0755), ENOENT, "/no/such/interpreter"},
      {dir.path(), EISDIR, "directory"},
      {dir.file("foreign", elf_for(aarch64), 0755), ENOEXEC, "aarch64|machine|architecture"},
      {dir.file("truncated", elf.substr(0, 40), 0755), ENOEXEC, "truncated"},
      {dir.file("text", "neither ELF nor script\n", 0755), ENOEXEC, "format|ELF|script"},
      {dir.file("loaderless", without_loader(), 0755), ENOENT, "/lib64/no-"},
  };
  const Holdings before = Holdings::now();
  for (const Refusal& refusal : table) expect_refusal(refusal);
  EXPECT_TRUE(nothing_left_since(before)) << before << " before, now " << Holdings::now();
}

TEST_F(RunErrors, missing_working_directory_is_named) {
  DebuggerOptions options = program("exit_with");
  options.cwd = "/no/such/directory";
  Debugger d(options);
  const std::string message = message_of<OsError>([&] { d.run(no_stdio()); });
  EXPECT_NE(message.find("/no/such/directory"), std::string::npos) << message;
}

TEST_F(RunErrors, user_that_we_may_not_become) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may become anyone";
  DebuggerOptions options = program("exit_with");
  options.uid = 0;
  Debugger d(options);
  EXPECT_THROW(d.run(no_stdio()), OsError);
}

TEST_F(RunErrors, without_argv_it_can_only_attach) {
  Debugger d(DebuggerOptions{});
  EXPECT_NE(message_of<UsageError>([&] { d.run(no_stdio()); }).find("argv"), std::string::npos);
}

TEST_F(RunErrors, before_the_first_run_there_is_no_process) {
  Debugger d(program("exit_with"));
  EXPECT_EQ(d.pid(), 0);
  EXPECT_FALSE(d.running());
  EXPECT_FALSE(d.dead());
  EXPECT_EQ(d.exit_code(), std::nullopt);
  EXPECT_TRUE(d.threads().empty());
  EXPECT_THROW(d.cont(), UsageError);
  EXPECT_THROW(static_cast<void>(d.wait(1s)), UsageError);
  EXPECT_THROW(static_cast<void>(d.regs()), UsageError);
  EXPECT_THROW(static_cast<void>(d.maps()), UsageError);
  EXPECT_THROW(static_cast<void>(d.arch()), UsageError);
  EXPECT_THROW(static_cast<void>(d.stdio()), UsageError);
  EXPECT_THROW(d.detach(), UsageError);
}

}  // namespace
}  // namespace trapline::live
