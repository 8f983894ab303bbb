#pragma once

#include <unistd.h>

#include <array>
#include <filesystem>

#include "chronicle.hpp"
#include "support.hpp"

namespace trapline::live {

/// A tree of real programs: what it needs, and a script for bash in an empty directory.
struct TreeProgram {
  const char* name;
  const char* needs;
  const char* script;
};

inline constexpr std::array tree_programs{
    TreeProgram{"shell", "/usr/bin/sort", R"(
trap 'echo bye' EXIT
trap 'echo usr1' USR1
kill -USR1 $$
for i in 1 2 3; do seq $i | sort -r | head -2 | paste -sd,; done
(exit 4); echo $?
twice() { echo $(echo "$1" | tr a b) $(cat <<< "$1"); }
twice banana
sleep 0.01 & wait $!; echo $?
mkfifo pipe; (echo through the pipe > pipe) & cat pipe; wait
timeout 0.05 sleep 5; echo $?
bash -c 'kill -TERM $$'; echo $?
exit 7)"},
    TreeProgram{"git", "/usr/bin/git", R"(
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git init -q one 2>&1
for i in 1 2 3; do
  echo $i > one/$i; git -C one add . ; git -C one -c user.name=a -c user.email=b commit -q -m "number $i"
done
git clone -q one two 2>&1
git -C two log --format='%H %s'; git -C two status --short; git -C two fsck 2>&1; git -C two gc -q 2>&1; ls two)"},
    TreeProgram{"make", "/usr/bin/make", R"(
printf 'all: app\n\t@./app\napp: main.o a.o b.o c.o\n\t@gcc -o $@ $^\n%%.o: %%.c\n\t@gcc -c -o $@ $<\n' > Makefile
for f in a b c; do echo "int $f(void) { return 7; }" > $f.c; done
echo 'int printf(const char*, ...); int a(void), b(void), c(void); int main(void) { printf("%d\n", a() + b() * c()); }' > main.c
make -j4; echo $?; md5sum app main.o)"},
    TreeProgram{"python", "/usr/bin/python3", R"(
cat > p.py <<'EOF'
import multiprocessing, subprocess, threading, hashlib, os
def work(n): return hashlib.sha256(str(n).encode()).hexdigest()[:4]
if __name__ == '__main__':
    with multiprocessing.Pool(4) as pool: print(''.join(pool.map(work, range(50))))
    found = [0] * 8
    def run(i): found[i] = subprocess.run(['sh', '-c', f'exit {i}']).returncode
    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    [t.start() for t in threads]; [t.join() for t in threads]
    print(found, os.system('exit 3') >> 8)
EOF
python3 p.py)"},
    TreeProgram{"perl", "/usr/bin/perl", R"(
perl -e 'for (1 .. 20) { unless (fork) { exit $_ } } my $s = 0; while ((my $p = wait) > 0) { $s += $? >> 8 } print "$s\n";
  print `echo inner`; open(my $f, "-|", "cat", "/etc/hostname") or die; print length(join "", <$f>) > 0, "\n"')"},
    TreeProgram{"tar", "/bin/tar", R"(
mkdir d; for i in $(seq 50); do seq $i > d/$i; done
tar c --sort=name --mtime=@0 --owner=0 --group=0 d | gzip -n | md5sum
tar cz d | tar tz | sort | md5sum)"},
    TreeProgram{"busybox", "/bin/busybox", R"(
busybox sh -c 'for i in 1 2 3; do echo $i | busybox sed s/2/two/ | busybox cat; done; (exit 5)'; echo $?)"},
    TreeProgram{"apt", "/usr/bin/apt-get", "apt-get --simulate install tree 2>&1; echo $?"},
};

/// A server under its own benchmark.
inline constexpr TreeProgram redis{"redis", "/usr/bin/redis-server", R"(
redis-server --port 0 --unixsocket s --save '' > log &
until redis-cli -s s ping > answer 2>&1 && grep -q PONG answer; do sleep 0.05; done
redis-benchmark -s s -n 2000 -c 30 -t set,get,incr,lpush > figures
redis-cli -s s get counter:__rand_int__
redis-cli -s s llen mylist
redis-cli -s s bgsave > answer; until redis-cli -s s lastsave > answer; do :; done
redis-cli -s s shutdown nosave; wait $!; echo $?)"};

inline void expect_transparent(const TreeProgram& program) {
  if (::access(program.needs, X_OK) != 0) GTEST_SKIP() << "no " << program.needs;
  const std::vector<std::string> argv{"/bin/bash", "-c", program.script};
  const auto run_in_scratch = [&](Debugger& d, const ScratchDir& dir) {
    const std::string output = dir / "output";
    d.run(into_file(output));
    d.cont();
    const Stop stop = d.wait(120s);
    EXPECT_EQ(stop.kind, StopKind::exited) << stop;
    EXPECT_TRUE(eventually([&] { return d.processes().empty(); }));
    return std::pair(stop.exit_code.value_or(-1), read_file(output));
  };
  DebuggerOptions options = command(argv);
  const ScratchDir plain_dir;
  options.cwd = plain_dir / "work";
  std::filesystem::create_directory(options.cwd);
  options.follow_children = false;
  Debugger plain(options);
  const auto expected = run_in_scratch(plain, plain_dir);
  const ScratchDir dir;
  options.cwd = dir / "work";
  std::filesystem::create_directory(options.cwd);
  options.follow_children = options.inherit_traps = true;
  options.continue_to_entry = false;
  Debugger d(options);
  Chronicle chronicle(d);
  const SyscallHandler all = d.handle_syscall(
      "all", {.on_enter = [](Thread&, SyscallHandler&) {}, .on_exit = [](Thread&, SyscallHandler&) {}});
  const auto actual = run_in_scratch(d, dir);
  EXPECT_EQ(actual.first, expected.first);
  EXPECT_EQ(actual.second, expected.second);
  EXPECT_FALSE(expected.second.empty());
  EXPECT_GT(chronicle.forks(), 0U);
  EXPECT_EQ(chronicle.finish(), std::vector<std::string>());
  EXPECT_GT(all.hit_count(), 100U);
}

inline std::string name_of_tree(const ::testing::TestParamInfo<TreeProgram>& test) { return test.param.name; }

}  // namespace trapline::live
