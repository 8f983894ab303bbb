#include <elfutils/libdwfl.h>

#include <memory>
#include <stdexcept>

#include "floors.hpp"
#include "raw_tracee.hpp"
#include "rows.hpp"

namespace trapline::bench::floors {
namespace {

int no_debug_files(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word, char**) {
  return -1;
}

/// A tracee that stands in its trap, and what libdwfl knows of it.
class Unwound {
 public:
  Unwound() : tracee_({tracee("deep")}) {
    tracee_.go(PTRACE_CONT);
    dwfl_.reset(::dwfl_begin(&callbacks_));
    ::dwfl_report_begin(dwfl_.get());
    require(::dwfl_linux_proc_report(dwfl_.get(), tracee_.pid()) == 0, "dwfl_linux_proc_report");
    ::dwfl_report_end(dwfl_.get(), nullptr, nullptr);
    require(::dwfl_linux_proc_attach(dwfl_.get(), tracee_.pid(), true) == 0, "dwfl_linux_proc_attach");
  }

  std::size_t frames(bool lines) {
    count_ = 0;
    lines_ = lines;
    ::dwfl_getthread_frames(dwfl_.get(), tracee_.pid(), on_frame, this);
    return count_;
  }

 private:
  struct End {
    void operator()(Dwfl* dwfl) const { ::dwfl_end(dwfl); }
  };

  static int on_frame(Dwfl_Frame* frame, void* self) {
    static_cast<Unwound*>(self)->look_at(frame);
    return DWARF_CB_OK;
  }

  void look_at(Dwfl_Frame* frame) {
    Dwarf_Addr pc = 0;
    bool activation = false;
    if (!::dwfl_frame_pc(frame, &pc, &activation)) return;
    pc -= activation ? 0 : 1;
    ++count_;
    Dwfl_Module* const module = ::dwfl_addrmodule(dwfl_.get(), pc);
    GElf_Off offset = 0;
    GElf_Sym symbol;
    ::dwfl_module_addrinfo(module, pc, &offset, &symbol, nullptr, nullptr, nullptr);
    if (!lines_) return;
    Dwfl_Line* const line = ::dwfl_module_getsrc(module, pc);
    int number = 0;
    if (line != nullptr) ::dwfl_lineinfo(line, nullptr, &number, nullptr, nullptr, nullptr);
  }

  RawTracee tracee_;
  Dwfl_Callbacks callbacks_{.find_elf = ::dwfl_linux_proc_find_elf,
                            .find_debuginfo = no_debug_files,
                            .section_address = nullptr,
                            .debuginfo_path = nullptr};
  std::unique_ptr<Dwfl, End> dwfl_;
  std::size_t count_ = 0;
  bool lines_ = false;
};

}  // namespace

Batch backtraces(std::size_t events, bool lines) {
  return [events, lines, unwound = std::make_shared<Unwound>()] {
    return time_per_event(events, [&] {
      for (std::size_t i = 0; i < events; ++i) {
        if (unwound->frames(lines) < 20) throw std::runtime_error("frames are missing");
      }
    });
  };
}

}  // namespace trapline::bench::floors
