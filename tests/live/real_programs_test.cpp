#include "support.hpp"
#include "transparent.hpp"

#include <cstdlib>
#include <filesystem>

namespace trapline::live {
namespace {

/// Real programs with a handler on all syscalls do what they do without.
class RealPrograms : public Live {
 protected:
  /// One run's output, status, and the content of a file that it made.
  struct Result {
    int status = -1;
    std::string output;
    std::string made;
  };

  void expect_same(std::vector<std::string> argv, const std::string& makes = {}) {
    const std::string file = argv[0].starts_with("/") ? argv[0] : which(argv[0]);
    if (file.empty()) GTEST_SKIP() << argv[0] << " is not installed";
    argv[0] = file;
    const Result expected = untraced(argv, makes);
    const Result actual = traced(argv, makes);
    EXPECT_EQ(actual.status, expected.status);
    EXPECT_EQ(actual.output.size(), expected.output.size());
    EXPECT_TRUE(actual.output == expected.output);
    EXPECT_TRUE(actual.made == expected.made);
    EXPECT_EQ(expected.status, 0) << "the program does not run here at all";
    EXPECT_FALSE(expected.output.empty() && expected.made.empty());
  }

  ScratchDir dir_;

 private:
  static std::string take(const std::string& file) {
    if (file.empty()) return {};
    std::string content = read_file(file);
    std::filesystem::remove(file);
    return content;
  }

  Result untraced(const std::vector<std::string>& argv, const std::string& makes) {
    HostChild child(argv);
    child.close_input();
    Result result;
    result.output = child.read(std::size_t{1} << 28);
    result.status = child.exit_status();
    result.made = take(makes);
    return result;
  }

  Result traced(const std::vector<std::string>& argv, const std::string& makes) {
    Debugger d(command(argv));
    std::uint64_t sum = 0;
    const SyscallHandler all = d.handle_syscall(
        "all", {.on_enter =
                    [&](Thread& t, SyscallHandler&) {
                      for (unsigned i = 0; i < 6; ++i) sum += t.syscall_arg(i);
                    },
                .on_exit = [&](Thread& t, SyscallHandler&) { sum += static_cast<std::uint64_t>(t.syscall_return()); }});
    const std::string output = dir_ / "output";
    d.run(into_file(output));
    d.cont();
    const Stop stop = d.wait(120s);
    EXPECT_EQ(stop.kind, StopKind::exited) << stop;
    EXPECT_GT(all.hit_count(), 10U);
    Result result;
    result.status = stop.exit_code.value_or(-1);
    result.output = take(output);
    result.made = take(makes);
    return result;
  }
};

TEST_F(RealPrograms, ls) { expect_same({"ls", "-lR", "/usr/include"}); }

TEST_F(RealPrograms, python_with_16_threads) {
  const std::string script = dir_.file("script.py", R"(
import hashlib, threading
results = [None] * 16
def work(n):
    data = b''
    for i in range(200):
        data = hashlib.sha256(data + bytes([n, i % 256])).digest()
        with open('/dev/null', 'wb') as null:
            null.write(data)
    results[n] = data.hex()
threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
for t in threads: t.start()
for t in threads: t.join()
print('\n'.join(results))
)");
  const std::string python = std::filesystem::exists("/usr/bin/python3") ? "/usr/bin/python3" : "python3";
  expect_same({python, script});
}

TEST_F(RealPrograms, git_log) {
  if (which("git").empty()) GTEST_SKIP() << "git is not installed";
  const std::string git = "git -C " + dir_.path() + " -c user.name=test -c user.email=test@example.org ";
  const std::string commit = git + "commit -q --allow-empty -m ";
  ASSERT_EQ(std::system((git + "init -q && " + commit + "one && " + commit + "two && " + commit + "three").c_str()), 0);
  expect_same({"git", "--no-pager", "-C", dir_.path(), "log", "--stat"});
}

TEST_F(RealPrograms, gcc) {
  const std::string source = dir_.file("source.c", "#include <stdio.h>\nint main(void) { return puts(\"text\"); }\n");
  const std::string object = dir_ / "source.o";
  expect_same({"gcc", "-c", source, "-o", object}, object);
}

TEST_F(RealPrograms, openssl) {
  std::string content(std::size_t{64} << 20, '\0');
  for (std::size_t i = 0; i < content.size(); i += 61) content[i] = static_cast<char>(i >> 8);
  expect_same({"openssl", "dgst", "-sha256", dir_.file("large", content)});
}

TEST_F(RealPrograms, sqlite) {
  std::string script = "create table t(a integer primary key, b text);";
  for (int i = 0; i < 20; ++i) script += "insert into t(b) values('row " + std::to_string(i) + "');";
  script += "create index i on t(b); select count(*), sum(a), max(b) from t;";
  const std::string database = dir_ / "database";
  expect_same({"sqlite3", database, script}, database);
}

TEST_F(RealPrograms, a_shell_with_a_pipeline) {
  expect_same({"/bin/sh", "-c", "for i in 1 2 3; do echo $i; done | sort -r | tr 1 x; (exit 3) || echo failed"});
}

/// The same for whole trees of them; twenty times in soak_test.cpp.
class Trees : public Live, public ::testing::WithParamInterface<TreeProgram> {};
TEST_P(Trees, run_as_without_us) { expect_transparent(GetParam()); }
INSTANTIATE_TEST_SUITE_P(Of, Trees, ::testing::ValuesIn(tree_programs), name_of_tree);

}  // namespace
}  // namespace trapline::live
