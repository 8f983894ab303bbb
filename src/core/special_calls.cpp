#include "core/special_calls.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <vector>

#include <trapline/syscall_id.hpp>

namespace trapline::core {
namespace {

/// The numbers of some calls in each ABI's table.
class Numbers {
 public:
  Numbers(std::initializer_list<std::string_view> names) {
    for (const Abi abi : {Abi::amd64, Abi::i386, Abi::aarch64}) {
      auto& numbers = of_abi_[static_cast<std::size_t>(abi)];
      for (const std::string_view name : names) {
        if (const auto number = syscall_number(abi, name)) numbers.push_back(*number);
      }
      std::ranges::sort(numbers);
    }
  }
  [[nodiscard]] bool contain(Abi abi, std::int64_t number) const {
    return std::ranges::binary_search(of_abi_[static_cast<std::size_t>(abi)], number);
  }

 private:
  std::array<std::vector<std::int64_t>, 3> of_abi_;
};

}  // namespace

bool changes_signal_mask(Abi abi, std::int64_t number) {
  static const Numbers numbers{"rt_sigprocmask", "rt_sigreturn", "sigprocmask", "sigreturn", "ssetmask"};
  return numbers.contain(abi, number);
}

bool runs_alone(Abi abi, std::int64_t number) {
  static const Numbers numbers{"clone", "clone3", "execve",  "execveat",    "exit", "exit_group",
                               "fork",  "prctl",  "seccomp", "sigaltstack", "vfork"};
  return numbers.contain(abi, number) || changes_signal_mask(abi, number);
}

}  // namespace trapline::core
