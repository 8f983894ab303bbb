#include "core/batch.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <string>

#include <trapline/error.hpp>

#include "arch/batch_stub.hpp"
#include "core/affinity_calls.hpp"
#include "core/batch_table.hpp"
#include "core/loan.hpp"
#include "core/process.hpp"
#include "core/remote.hpp"
#include "core/special_calls.hpp"
#include "core/syscall_handlers.hpp"
#include "support/log.hpp"

namespace trapline::core {
namespace {

constexpr std::size_t page = 4096;

/// Where the code is in the process, which is mapped for it when it is not there; 0 where that is impossible.
Address stub_in(Remote& remote, const arch::BatchStub& stub) {
  Process& process = remote.process();
  RemoteMemory& memory = process.remote_memory();
  if (memory.batch_stub != 0) return memory.batch_stub;
  const std::int64_t result = map_unshared(remote, {.size = page, .protection = PROT_READ | PROT_EXEC});
  if (failed(result)) return 0;
  const auto at = static_cast<Address>(result);
  bool written = false;
  try {
    written = process.memory().write(at, stub.code) == stub.code.size();
  } catch (const OsError&) {
    // /proc is mounted read-only.
  }
  // Another thread's callback may have needed it meanwhile.
  if (written && memory.batch_stub == 0) return memory.batch_stub = at;
  unmap_memory(remote, at, page);
  return memory.batch_stub;
}

class Batch {
 public:
  Batch(ThreadState& thread, std::span<const BatchCall> calls, const BatchOptions& options)
      : thread_(thread), process_(*thread.process), calls_(calls), options_(options), remote_(thread) {
    for (const BatchCall& call : calls) numbers_.push_back(resolve(remote_.abi(), call.syscall()));
    results_.reserve(calls.size());
  }

  std::vector<std::int64_t> run() {
    while (results_.size() < calls_.size() && !over()) {
      process_.throw_if_leaving();
      if (!make_several()) make_one();
    }
    remote_.finish();
    return std::move(results_);
  }

 private:
  [[nodiscard]] bool over() const {
    return remote_.executed() || (options_.stop_at_error && !results_.empty() && failed(results_.back()));
  }
  /// What a call of those made so far has failed with, whose result is an argument of this one.
  [[nodiscard]] std::optional<std::int64_t> failed_before(const BatchCall& call) const {
    for (const BatchArgument& argument : call.arguments()) {
      const auto& result = argument.result();
      if (!result || result->call() >= results_.size()) continue;
      if (failed(results_[result->call()])) return results_[result->call()];
    }
    return std::nullopt;
  }

  void make_one() {
    const std::size_t index = results_.size();
    const BatchCall& call = calls_[index];
    if (const auto error = failed_before(call)) {
      results_.push_back(*error);
      return;
    }
    std::vector<InvokeArgument> arguments;
    for (const BatchArgument& argument : call.arguments()) {
      const auto& result = argument.result();
      arguments.push_back(result ? InvokeArgument(results_[result->call()] + result->plus()) : argument.value());
    }
    results_.push_back(invoke_in(remote_, thread_, numbers_[index], arguments));
  }

  /// The calls from the next one on that can be made in one stop.
  [[nodiscard]] BatchTable plan(std::size_t word_size) const {
    BatchTable table({.word_size = word_size, .stop_at_error = options_.stop_at_error, .results = results_});
    for (std::size_t i = results_.size(); i < calls_.size(); ++i) {
      // A negative number is none that a table can hold.
      if (numbers_[i] < 0 || numbers_[i] > INT32_MAX || runs_alone(remote_.abi(), numbers_[i])) break;
      if (seen_by_someone(process_, remote_.abi(), numbers_[i])) break;
      // Its answer is put right afterwards.
      if (process_.shares_cpu() && is_affinity_call(remote_.abi(), numbers_[i])) break;
      if (failed_before(calls_[i]) || !table.add(numbers_[i], calls_[i].arguments())) break;
    }
    return table;
  }

  /// False when nothing was made.
  bool make_several() {
    const arch::BatchStub* const stub = arch::batch_stub(process_.arch());
    if (stub == nullptr || calls_.size() - results_.size() < 2) return false;
    const BatchTable table = plan(arch::info(process_.arch()).word_size);
    // A table for one call would be no gain.
    if (table.count() < 2 || remote_.has_own_filters() || !remote_.can_trap()) return false;
    const Address code = stub_in(remote_, *stub);
    if (code == 0) return false;
    std::optional<Loan> loan;
    try {
      loan.emplace(thread_, remote_, table.size());
    } catch (const OsError&) {
      return false;
    }
    make(table, *stub, code, loan->address());
    return true;
  }

  void make(const BatchTable& table, const arch::BatchStub& stub, Address code, Address at) {
    Bytes image = table.image(at);
    if (process_.memory().write(at, image) != image.size()) throw_vanished(stub);
    const bool ended = remote_.run({.start = code, .trap = code + stub.trap, .word = stub.row, .value = at});
    image.resize(table.size_of_results());
    if (!ended || process_.memory().read(at, image) != image.size()) throw_vanished(stub);
    const std::size_t made = table.may_end_early() ? table.executed(at, remote_.word(stub.row)) : table.count();
    for (std::size_t i = 0; i < made; ++i) results_.push_back(table.result(image, i));
    table.take_outputs(image, made);
  }

  [[noreturn]] void throw_vanished(const arch::BatchStub& stub) {
    // What is there now may be the program's: nothing is unmapped.
    RemoteMemory& memory = process_.remote_memory();
    Bytes code(stub.code.size());
    const std::size_t there = process_.memory().read(memory.batch_stub, code);
    if (there != code.size() || !std::ranges::equal(code, stub.code)) memory.batch_stub = 0;
    if (process_.memory().read(memory.scratch, std::span(code).first(1)) == 0) memory.scratch = memory.scratch_size = 0;
    throw UsageError("a call of the batch, or another thread, unmapped what trapline has mapped in the process for it");
  }

  ThreadState& thread_;
  Process& process_;
  std::span<const BatchCall> calls_;
  BatchOptions options_;
  Remote remote_;
  std::vector<std::int64_t> numbers_;
  std::vector<std::int64_t> results_;
};

void check_order(std::span<const BatchCall> calls) {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    for (const BatchArgument& argument : calls[i].arguments()) {
      if (!argument.result() || argument.result()->call() < i) continue;
      throw UsageError("call " + std::to_string(i) + " of the batch (" + calls[i].syscall().text() +
                       ") takes the result of call " + std::to_string(argument.result()->call()) +
                       ", which is not made before it; calls are counted from 0");
    }
  }
}

}  // namespace

std::vector<std::int64_t> invoke_batch(ThreadState& thread, std::span<const BatchCall> calls,
                                       const BatchOptions& options) {
  check_order(calls);
  const Process::Busy busy(*thread.process);
  std::vector<std::int64_t> results = Batch(thread, calls, options).run();
  support::log(LogCategory::invoke, [&] {
    return "thread " + std::to_string(thread.tid) + " executed " + std::to_string(results.size()) +
           " calls of a batch of " + std::to_string(calls.size());
  });
  return results;
}

}  // namespace trapline::core
