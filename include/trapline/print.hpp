#pragma once

#include <string>
#include <string_view>

#include <trapline/observer.hpp>
#include <trapline/thread.hpp>

namespace trapline {

/// How much of a syscall's arguments is shown.
struct PrintOptions {
  /// Longer strings and buffers are cut and followed by "..."; paths are shown whole.
  std::size_t string_limit = 32;
  /// Longer arrays are cut likewise.
  std::size_t element_limit = 16;
  /// Shows what a descriptor refers to, as `3</etc/passwd>`; costs a look into /proc each.
  bool fd_paths = false;
  /// Strikes through what handlers replaced, by escape sequences of terminals; the text is the same without them.
  bool color = false;
};

// What an Observer is shown, in the notation of strace(1). Everything is appended, so that a caller reuses one buffer,
// and bytes of the tracee are escaped. Memory that cannot be read is shown as its address; nothing throws but
// std::bad_alloc.

/// Appends what is known at a syscall's enter: `read(3, `, up to the first argument that the kernel fills in.
///
/// A call that a handler changed is preceded by the program's own: `unlink("a") -> access("a", F_OK`.
TRAPLINE_API void append_syscall_enter(std::string& out, const Thread& thread, const SyscallRecord& record,
                                       const PrintOptions& options = {});
/// Appends the rest at its exit: `"root:x:0", 8) = 8`, and what handlers did to it.
TRAPLINE_API void append_syscall_exit(std::string& out, const Thread& thread, const SyscallRecord& record,
                                      const PrintOptions& options = {});
/// Appends the rest of a call that has no exit: `3) = ?`.
TRAPLINE_API void append_syscall_abandoned(std::string& out, const Thread& thread, const SyscallRecord& record,
                                           const PrintOptions& options = {});
/// Appends `-1 ENOENT (No such file or directory)` for -2, and numbers as they are.
TRAPLINE_API void append_result(std::string& out, std::int64_t result);
/// Appends `SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x10}`.
TRAPLINE_API void append_signal(std::string& out, const SignalRecord& record);
/// Appends `exited with 3` or `killed by SIGSEGV (core dumped)` for a status as of wait(2).
TRAPLINE_API void append_end(std::string& out, int status);
/// Appends the bytes in quotes, escaped; those beyond the limit as "...".
TRAPLINE_API void append_quoted(std::string& out, std::string_view bytes, std::size_t limit = SIZE_MAX);

}  // namespace trapline
