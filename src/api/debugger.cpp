#include <trapline/debugger.hpp>

#include <unistd.h>

#include <algorithm>
#include <limits>

#include <trapline/error.hpp>

#include "core/attach.hpp"
#include "core/launch.hpp"
#include "core/process.hpp"
#include "core/stdio_streams.hpp"
#include "core/tracer.hpp"
#include "os/exec_check.hpp"
#include "os/spawn.hpp"

namespace trapline {

struct Debugger::State {
  explicit State(DebuggerOptions given) : options(std::move(given)) {}

  DebuggerOptions options;
  std::shared_ptr<core::StdioStreams> streams;
};

namespace {

std::shared_ptr<core::Process> make_process(const DebuggerOptions& options) {
  return std::make_shared<core::Process>(
      std::make_shared<core::Tracer>(),
      core::ProcessOptions{.auto_interrupt = options.auto_interrupt,
                           .kill_on_exit = options.kill_on_exit,
                           .follow_children = options.follow_children,
                           .inherit_traps = options.inherit_traps,
                           .syscall_filter = options.syscall_filter,
                           .one_cpu = options.one_cpu,
                           .vdso = options.vdso,
                           .symbols = std::make_shared<core::SymbolSettings>(options.symbols)});
}

std::vector<std::string> flatten(const std::optional<Environment>& environment) {
  std::vector<std::string> result;
  if (environment) {
    result.reserve(environment->size());
    for (const auto& [name, value] : *environment) result.push_back(std::string(name).append("=").append(value));
  } else {
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) result.emplace_back(*entry);
  }
  return result;
}

std::vector<os::SpawnLimit> limits_of(const std::vector<ResourceLimit>& limits) {
  constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();
  std::vector<os::SpawnLimit> result;
  result.reserve(limits.size());
  for (const ResourceLimit& limit : limits) {
    result.push_back({limit.resource, limit.soft.value_or(unlimited), limit.hard.value_or(unlimited)});
  }
  return result;
}

os::SpawnRequest request_of(const DebuggerOptions& options) {
  if (options.argv.empty() && options.path.empty()) {
    throw UsageError("run() without a program: give DebuggerOptions an argv (this object can only attach)");
  }
  os::SpawnRequest request;
  const char* const search = ::getenv("PATH");
  const std::string name = options.path.empty() ? options.argv.front() : options.path.string();
  const std::string cwd = options.cwd.string();
  request.path =
      os::resolve_program(name, search != nullptr ? std::optional<std::string_view>(search) : std::nullopt, cwd);
  request.argv = options.argv;
  if (request.argv.empty()) request.argv.push_back(name);
  request.env = flatten(options.env);
  request.cwd = cwd;
  request.uid = options.uid;
  request.gid = options.gid;
  request.limits = limits_of(options.limits);
  request.disable_aslr = !options.aslr;
  return request;
}

}  // namespace

Debugger::Debugger(DebuggerOptions options)
    : Process(make_process(options)), state_(std::make_unique<State>(std::move(options))) {}

Debugger::Debugger(Debugger&& other) noexcept = default;

Debugger& Debugger::operator=(Debugger&& other) noexcept {
  // What this one held until now ends with `taken`.
  Debugger taken(std::move(other));
  std::swap(process_, taken.process_);
  std::swap(state_, taken.state_);
  return *this;
}

Debugger::~Debugger() {
  if (!state_) return;
  process_->end_tree(core::Process::End::as_told);
  process_->tracer().stop();
  process_->dissolve();
}

Stdio Debugger::run(const RunOptions& options) {
  process_->reject_inside_callback("run");
  if (!process_->gone()) {
    if (!process_->launched()) {
      throw UsageError("run() while an attached process lives: detach() or kill() it first");
    }
    process_->kill();
  }
  // Also children of an earlier run.
  process_->end_tree(core::Process::End::as_told);
  core::LaunchPlan plan{.request = request_of(state_->options)};
  // The tracer thread's own is inherited.
  if (!process_->tracer().on_tracer_thread()) plan.request.context = os::capture_spawn_context();
  plan.continue_to_entry = state_->options.continue_to_entry;
  plan.kill_after = options.kill_after;
  auto streams = std::make_shared<core::StdioStreams>(options.stdio);
  plan.request.keep_descriptors = options.inherit_descriptors;
  plan.request.keep_ignored_signals = options.inherit_ignored_signals;
  plan.request.stdio = streams->child_fds();
  plan.request.controlling_tty = streams->controlling_tty();
  plan.spawned = [&] { streams->child_started(); };
  if (state_->streams) state_->streams->unbind();
  streams->bind(process_->rest());
  process_->tracer().call([&] { core::launch(*process_, std::move(plan)); });
  state_->streams = std::move(streams);
  return Stdio(state_->streams);
}

void Debugger::attach(pid_t pid, const AttachOptions& options) {
  process_->reject_inside_callback("attach");
  if (!process_->gone()) throw UsageError("attach() while a process lives: detach() or kill() it first");
  process_->end_tree(core::Process::End::as_told);
  process_->tracer().call(
      [&] { core::attach(*process_, pid, options.tree ? core::AttachTo::tree : core::AttachTo::process); });
}

Stop Debugger::wait_any(Timeout timeout) const {
  process_->reject_inside_callback("wait_any");
  return process_->tracer().wait_any(timeout);
}

std::vector<Process> Debugger::processes() const {
  std::vector<Process> result;
  process_->tracer().call([&] {
    for (const auto& process : process_->tracer().processes()) {
      if (process->followed()) result.emplace_back(process);
    }
  });
  return result;
}

void Debugger::kill_tree() {
  process_->reject_inside_callback("kill_tree");
  process_->end_tree(core::Process::End::kills);
}

void Debugger::detach_tree() {
  process_->reject_inside_callback("detach_tree");
  process_->tracer().call([&] {
    for (const auto& process : process_->tracer().processes()) process->check_may_leave("detach_tree()");
  });
  process_->end_tree(core::Process::End::detaches);
}

Stdio Debugger::stdio() const {
  if (!state_->streams) throw UsageError("there are no streams yet: call run() first");
  return Stdio(state_->streams);
}

std::vector<std::string> Debugger::argv() const { return state_->options.argv; }
void Debugger::set_argv(std::vector<std::string> argv) { state_->options.argv = std::move(argv); }
std::optional<Environment> Debugger::env() const { return state_->options.env; }
void Debugger::set_env(std::optional<Environment> env) { state_->options.env = std::move(env); }
std::filesystem::path Debugger::path() const { return state_->options.path; }
void Debugger::set_path(std::filesystem::path path) { state_->options.path = std::move(path); }
SymbolOptions Debugger::symbol_options() const { return process_->symbol_settings().get(); }
void Debugger::set_symbol_options(SymbolOptions options) { process_->symbol_settings().set(std::move(options)); }

bool Debugger::kill_on_exit() const { return process_->kill_on_exit(); }
void Debugger::set_kill_on_exit(bool kill) {
  process_->tracer().call([&] {
    for (const auto& process : process_->tracer().processes()) {
      if (!kill) process->check_may_leave("set_kill_on_exit(false)");
    }
    process_->set_kill_on_exit(kill);
    for (const auto& process : std::vector(process_->tracer().processes())) {
      if (process != process_ && process->followed()) process->set_kill_on_exit(kill);
    }
  });
}

void Debugger::run_on_tracer(const std::function<void()>& function) { process_->tracer().call(function); }

}  // namespace trapline
