#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <trapline/observer.hpp>

#include "line_writer.hpp"
#include "trace_printer.hpp"

namespace cli {

/// Where the events of each process are printed: all into one output, or each process into a file of its own.
class Printers {
 public:
  enum class Files { one, per_process };
  /// To stderr when the path is empty; with `per_process` to PATH.PID. Throws OutputFailed.
  Printers(std::string path, Files files, const trapline::TraceOptions& options);

  /// What shows the printers those syscalls, none if unset, and all signals and deaths.
  [[nodiscard]] trapline::Observer observer(const std::optional<trapline::SyscallSet>& syscalls);
  /// What is about all of the processes.
  void note(std::string_view lines);
  /// Ends the open lines, if any, and writes everything.
  void finish();

 private:
  struct Output {
    std::unique_ptr<LineWriter> writer;
    TracePrinter printer;
  };

  [[nodiscard]] Output make_output(std::unique_ptr<LineWriter> writer) const;
  [[nodiscard]] TracePrinter& of(const trapline::Thread& thread);
  void died(const trapline::Thread& thread, int status);

  const std::string path_;
  const Files files_;
  const trapline::TraceOptions options_;
  Output common_;
  std::map<pid_t, Output> own_;
};

}  // namespace cli
