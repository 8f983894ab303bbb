#include "symbols/debuginfod.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>

#include "support/fd.hpp"

namespace trapline::symbols {
namespace {

using Clock = std::chrono::steady_clock;

struct Client;
using Progress = int (*)(Client*, long, long);

/// libdebuginfod, loaded when somebody asks for it: it brings curl, TLS and their threads with it, which a program that
/// never downloads must not have.
struct Library {
  Client* (*begin)() = nullptr;
  void (*end)(Client*) = nullptr;
  int (*find_debuginfo)(Client*, const unsigned char*, int, char**) = nullptr;
  void (*set_progress)(Client*, Progress) = nullptr;
  void (*set_user_data)(Client*, void*) = nullptr;
  void* (*get_user_data)(Client*) = nullptr;
  bool complete = true;

  Library() {
    void* const library = ::dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
    load(library, "debuginfod_begin", begin);
    load(library, "debuginfod_end", end);
    load(library, "debuginfod_find_debuginfo", find_debuginfo);
    load(library, "debuginfod_set_progressfn", set_progress);
    load(library, "debuginfod_set_user_data", set_user_data);
    load(library, "debuginfod_get_user_data", get_user_data);
  }

 private:
  template <class Function>
  void load(void* library, const char* name, Function& function) {
    if (library != nullptr) function = reinterpret_cast<Function>(::dlsym(library, name));
    complete = complete && function != nullptr;
  }
};

const Library& library() {
  // Never unloaded: curl leaves threads behind.
  static const auto* const loaded = new Library();
  return *loaded;
}

struct Limit {
  Clock::time_point deadline;
  const std::stop_token& cancel;
  bool too_slow = false;
};

int go_on(Client* client, long /*done*/, long /*of*/) {
  auto& limit = *static_cast<Limit*>(library().get_user_data(client));
  limit.too_slow = Clock::now() >= limit.deadline;
  return limit.too_slow || limit.cancel.stop_requested() ? 1 : 0;
}

/// When servers may be asked again.
std::atomic<Clock::time_point> next_try{Clock::time_point::min()};

}  // namespace

std::optional<std::string> download_debug_file(const Bytes& build_id, const SymbolOptions& options) {
  constexpr auto pause = std::chrono::minutes(1);
  if (build_id.empty() || options.cancel.stop_requested() || Clock::now() < next_try.load()) return std::nullopt;
  const char* const servers = std::getenv("DEBUGINFOD_URLS");
  if (servers == nullptr || *servers == '\0' || !library().complete) return std::nullopt;
  const std::unique_ptr<Client, void (*)(Client*)> client(library().begin(), library().end);
  if (!client) return std::nullopt;
  Limit limit{Clock::now() + options.download_timeout, options.cancel};
  library().set_user_data(client.get(), &limit);
  library().set_progress(client.get(), go_on);
  char* text = nullptr;
  const auto* const id = reinterpret_cast<const unsigned char*>(build_id.data());
  const support::Fd file(library().find_debuginfo(client.get(), id, static_cast<int>(build_id.size()), &text));
  const std::unique_ptr<char, void (*)(void*)> path(text, std::free);
  if (limit.too_slow) next_try = Clock::now() + pause;
  if (!file.valid() || !path) return std::nullopt;
  return path.get();
}

}  // namespace trapline::symbols
