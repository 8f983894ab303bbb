#include <algorithm>
#include <csignal>
#include <iterator>
#include <string_view>

#include "arch/constants.hpp"

namespace trapline::arch {
namespace {

struct Code {
  int signal;  ///< 0: of any signal
  int code;
  std::string_view name;
};

constexpr Code codes[] = {
    {0, 0, "SI_USER"},           {0, 0x80, "SI_KERNEL"},
    {0, -1, "SI_QUEUE"},         {0, -2, "SI_TIMER"},
    {0, -3, "SI_MESGQ"},         {0, -4, "SI_ASYNCIO"},
    {0, -5, "SI_SIGIO"},         {0, -6, "SI_TKILL"},
    {SIGSEGV, 1, "SEGV_MAPERR"}, {SIGSEGV, 2, "SEGV_ACCERR"},
    {SIGSEGV, 3, "SEGV_BNDERR"}, {SIGSEGV, 4, "SEGV_PKUERR"},
    {SIGBUS, 1, "BUS_ADRALN"},   {SIGBUS, 2, "BUS_ADRERR"},
    {SIGBUS, 3, "BUS_OBJERR"},   {SIGILL, 1, "ILL_ILLOPC"},
    {SIGILL, 2, "ILL_ILLOPN"},   {SIGFPE, 1, "FPE_INTDIV"},
    {SIGFPE, 2, "FPE_INTOVF"},   {SIGFPE, 3, "FPE_FLTDIV"},
    {SIGTRAP, 1, "TRAP_BRKPT"},  {SIGTRAP, 2, "TRAP_TRACE"},
    {SIGCHLD, 1, "CLD_EXITED"},  {SIGCHLD, 2, "CLD_KILLED"},
    {SIGCHLD, 3, "CLD_DUMPED"},  {SIGCHLD, 4, "CLD_TRAPPED"},
    {SIGCHLD, 5, "CLD_STOPPED"}, {SIGCHLD, 6, "CLD_CONTINUED"},
    {SIGPOLL, 1, "POLL_IN"},     {SIGPOLL, 2, "POLL_OUT"},
    {SIGSYS, 1, "SYS_SECCOMP"},
};

}  // namespace

std::string_view signal_code_name(int signal, int code) {
  const auto* found = std::ranges::find_if(
      codes, [&](const Code& entry) { return entry.code == code && (entry.signal == 0 || entry.signal == signal); });
  return found == std::end(codes) ? std::string_view() : found->name;
}

}  // namespace trapline::arch
