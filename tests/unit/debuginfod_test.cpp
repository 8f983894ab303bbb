#include "symbols/debuginfod.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace trapline::symbols {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr const char* server_program = R"(
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if sys.argv[1] == "hang": time.sleep(600)
        if sys.argv[1] == "none" or self.path != "/buildid/0123456789abcdef/debuginfo": return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", "7")
        self.end_headers()
        self.wfile.write(b"content")
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
)";

const Bytes build_id{std::byte{0x01}, std::byte{0x23}, std::byte{0x45}, std::byte{0x67},
                     std::byte{0x89}, std::byte{0xab}, std::byte{0xcd}, std::byte{0xef}};

/// A server of this machine alone, and this process's way to it.
class Debuginfod : public testing::Test {
 protected:
  void SetUp() override {
    void* const library = ::dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) GTEST_SKIP() << "libdebuginfod is not installed";
    std::string name = testing::TempDir() + "debuginfod.XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    ::setenv("DEBUGINFOD_CACHE_PATH", (folder_ + "/cache").c_str(), 1);
  }
  void TearDown() override {
    if (server_ > 0) {
      ::kill(server_, SIGKILL);
      ::waitpid(server_, nullptr, 0);
    }
    std::error_code error;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, error);
  }

  /// False without Python.
  [[nodiscard]] bool serve(const char* mode) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) return false;
    server_ = ::fork();
    if (server_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execlp("python3", "python3", "-c", server_program, mode, nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    std::string port;
    char c = 0;
    while (::read(ends[0], &c, 1) == 1 && c != '\n') port += c;
    ::close(ends[0]);
    ::setenv("DEBUGINFOD_URLS", ("http://127.0.0.1:" + port).c_str(), 1);
    return !port.empty();
  }

 private:
  std::string folder_;
  pid_t server_ = -1;
};

TEST_F(Debuginfod, Downloads) {
  if (!serve("serve")) GTEST_SKIP() << "no python3 here";
  const auto path = download_debug_file(build_id, {});
  ASSERT_TRUE(path);
  std::ifstream file(*path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "content");
}

TEST_F(Debuginfod, MayHaveNothing) {
  if (!serve("none")) GTEST_SKIP() << "no python3 here";
  EXPECT_FALSE(download_debug_file(build_id, {}));
  EXPECT_FALSE(download_debug_file({}, {}));
  ::unsetenv("DEBUGINFOD_URLS");
  EXPECT_FALSE(download_debug_file(build_id, {}));
}

TEST_F(Debuginfod, ThatHangsIsGivenUpOnce) {
  if (!serve("hang")) GTEST_SKIP() << "no python3 here";
  auto begin = Clock::now();
  EXPECT_FALSE(download_debug_file(build_id, {.download_timeout = 300ms}));
  EXPECT_GE(Clock::now() - begin, 300ms);
  EXPECT_LT(Clock::now() - begin, 20s);
  begin = Clock::now();
  EXPECT_FALSE(download_debug_file(build_id, {.download_timeout = 30s}));
  EXPECT_LT(Clock::now() - begin, 5s) << "it is not asked again so soon";
}

TEST_F(Debuginfod, IsCancelled) {
  if (!serve("hang")) GTEST_SKIP() << "no python3 here";
  std::stop_source cancel;
  std::thread other([&] { cancel.request_stop(); });
  const auto begin = Clock::now();
  EXPECT_FALSE(download_debug_file(build_id, {.download_timeout = 10min, .cancel = cancel.get_token()}));
  EXPECT_LT(Clock::now() - begin, 30s);
  other.join();
}

}  // namespace
}  // namespace trapline::symbols
