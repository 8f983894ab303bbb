#pragma once

#include <sys/types.h>

#include <string>

#include "measure.hpp"

namespace trapline::bench {

/// A gdb that runs bench/gdb_rows.py for one row; it and its program are killed at the end.
class Gdb {
 public:
  /// Throws Skipped when there is no gdb or it cannot do this.
  Gdb(const std::string& row, const std::string& program, const std::string& wanted);
  ~Gdb();
  Gdb(const Gdb&) = delete;
  Gdb& operator=(const Gdb&) = delete;

  /// Its own measurement of what one of so many events took, in nanoseconds.
  [[nodiscard]] double measure(std::size_t events);

 private:
  void end();
  void send(const std::string& text) const;
  [[nodiscard]] std::string answer();

  int socket_ = -1;
  pid_t pid_ = 0;
  std::string received_;
};

}  // namespace trapline::bench
