#include "os/ptrace.hpp"

#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include <cerrno>
#include <cstddef>

#include "os/error.hpp"

namespace trapline::os {
namespace {

long raw_request(int request, pid_t tid, std::uintptr_t address, std::uintptr_t data) {
  return ::ptrace(static_cast<__ptrace_request>(request), tid, reinterpret_cast<void*>(address),
                  reinterpret_cast<void*>(data));
}

long request(int request, const char* name, pid_t tid, std::uintptr_t address, std::uintptr_t data) {
  const long result = raw_request(request, tid, address, data);
  if (result == -1) throw_os_error(errno, name, tid);
  return result;
}

template <class T>
std::uintptr_t pointer(T* object) {
  return reinterpret_cast<std::uintptr_t>(object);
}

std::uintptr_t option_bits(TraceOptions options) {
  unsigned long bits = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
  if (options.report_exit) bits |= PTRACE_O_TRACEEXIT;
  if (options.kill_with_tracer) bits |= PTRACE_O_EXITKILL;
  if (options.report_filters) bits |= PTRACE_O_TRACESECCOMP;
  if (options.follow_forks) bits |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
  return bits;
}

int request_of(Resume how) {
  switch (how) {
    case Resume::cont: return PTRACE_CONT;
    case Resume::syscall: return PTRACE_SYSCALL;
    case Resume::emulate: return PTRACE_SYSEMU;
    case Resume::step: return PTRACE_SINGLESTEP;
  }
  return PTRACE_CONT;
}

}  // namespace

void seize(pid_t tid, TraceOptions options) { request(PTRACE_SEIZE, "PTRACE_SEIZE", tid, 0, option_bits(options)); }

void set_options(pid_t tid, TraceOptions options) {
  request(PTRACE_SETOPTIONS, "PTRACE_SETOPTIONS", tid, 0, option_bits(options));
}

void interrupt(pid_t tid) { request(PTRACE_INTERRUPT, "PTRACE_INTERRUPT", tid, 0, 0); }

void resume(pid_t tid, Resume how, int signal) {
  request(request_of(how), "resume", tid, 0, static_cast<std::uintptr_t>(signal));
}

void listen(pid_t tid) { request(PTRACE_LISTEN, "PTRACE_LISTEN", tid, 0, 0); }

void detach(pid_t tid, int signal) {
  request(PTRACE_DETACH, "PTRACE_DETACH", tid, 0, static_cast<std::uintptr_t>(signal));
}

bool still_stopped(pid_t tid) noexcept {
  unsigned long message = 0;
  return raw_request(PTRACE_GETEVENTMSG, tid, 0, pointer(&message)) == 0;
}

SyscallInfo syscall_info(pid_t tid) {
  __ptrace_syscall_info raw{};
  request(PTRACE_GET_SYSCALL_INFO, "PTRACE_GET_SYSCALL_INFO", tid, sizeof raw, pointer(&raw));
  SyscallInfo info;
  info.audit_arch = raw.arch;
  info.pc = raw.instruction_pointer;
  info.sp = raw.stack_pointer;
  switch (raw.op) {
    case PTRACE_SYSCALL_INFO_ENTRY:
    case PTRACE_SYSCALL_INFO_SECCOMP:
      info.side = SyscallInfo::Side::enter;
      if (raw.op == PTRACE_SYSCALL_INFO_SECCOMP) info.filter_data = static_cast<std::uint16_t>(raw.seccomp.ret_data);
      info.number = static_cast<std::int64_t>(raw.entry.nr);
      for (std::size_t i = 0; i < info.args.size(); ++i) info.args[i] = raw.entry.args[i];
      break;
    case PTRACE_SYSCALL_INFO_EXIT:
      info.side = SyscallInfo::Side::exit;
      info.result = raw.exit.rval;
      break;
  }
  return info;
}

std::uint64_t event_message(pid_t tid) {
  unsigned long message = 0;
  request(PTRACE_GETEVENTMSG, "PTRACE_GETEVENTMSG", tid, 0, pointer(&message));
  return message;
}

siginfo_t signal_info(pid_t tid) {
  siginfo_t info{};
  request(PTRACE_GETSIGINFO, "PTRACE_GETSIGINFO", tid, 0, pointer(&info));
  return info;
}

void set_signal_info(pid_t tid, const siginfo_t& info) {
  request(PTRACE_SETSIGINFO, "PTRACE_SETSIGINFO", tid, 0, pointer(&info));
}

std::uint64_t signal_mask(pid_t tid) {
  std::uint64_t mask = 0;
  request(PTRACE_GETSIGMASK, "PTRACE_GETSIGMASK", tid, sizeof mask, pointer(&mask));
  return mask;
}

void set_signal_mask(pid_t tid, std::uint64_t mask) {
  request(PTRACE_SETSIGMASK, "PTRACE_SETSIGMASK", tid, sizeof mask, pointer(&mask));
}

std::size_t read_registers(pid_t tid, RegisterSet set, std::span<std::byte> into) {
  iovec vector{into.data(), into.size()};
  request(PTRACE_GETREGSET, "PTRACE_GETREGSET", tid, static_cast<std::uintptr_t>(set), pointer(&vector));
  return vector.iov_len;
}

void write_registers(pid_t tid, RegisterSet set, std::span<const std::byte> bytes) {
  iovec vector{const_cast<std::byte*>(bytes.data()), bytes.size()};
  request(PTRACE_SETREGSET, "PTRACE_SETREGSET", tid, static_cast<std::uintptr_t>(set), pointer(&vector));
}

std::uint64_t read_register(pid_t tid, std::size_t offset) {
  errno = 0;
  const long value = raw_request(PTRACE_PEEKUSER, tid, offset, 0);
  if (value == -1 && errno != 0) throw_os_error(errno, "PTRACE_PEEKUSER", tid);
  return static_cast<std::uint64_t>(value);
}

void write_register(pid_t tid, std::size_t offset, std::uint64_t value) {
  request(PTRACE_POKEUSER, "PTRACE_POKEUSER", tid, offset, value);
}

std::uint64_t read_debug_register(pid_t tid, std::size_t number) {
  const std::size_t offset = offsetof(user, u_debugreg) + number * sizeof(std::uint64_t);
  // The result is the value, which may be -1 too.
  errno = 0;
  const long value = raw_request(PTRACE_PEEKUSER, tid, offset, 0);
  if (errno != 0) throw_os_error(errno, "reading a debug register", tid);
  return static_cast<std::uint64_t>(value);
}

void write_debug_register(pid_t tid, std::size_t number, std::uint64_t value) {
  const std::size_t offset = offsetof(user, u_debugreg) + number * sizeof(std::uint64_t);
  if (raw_request(PTRACE_POKEUSER, tid, offset, value) == 0) return;
  const int error = errno;
  const char* remedy = "";
  if (error == EINVAL || error == EIO) remedy = "the kernel takes no such address or length there";
  if (error == ENOSPC) remedy = "others, such as perf, have taken the debug registers of this machine";
  throw_os_error(error, "setting a debug register", tid, remedy);
}

}  // namespace trapline::os
