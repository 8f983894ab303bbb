#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <vector>

#include <trapline/types.hpp>

#include "symbols/debug_image.hpp"

namespace trapline::symbols {

/// Where the functions of one compilation unit are, and the calls that were inlined in them.
class FunctionScopes {
 public:
  struct Scope {
    /// The offset of its DIE.
    std::uint64_t die = 0;
    /// A call that was inlined; otherwise a function of its own.
    bool inlined = false;
    /// Which of its pieces it is; it is entered in the first one, and in another one is what is seldom executed.
    std::uint32_t part = 0;
  };

  /// Reads all of a unit's tree; of a damaged one, as much as makes sense.
  explicit FunctionScopes(Dwarf_Die& unit);

  /// What is around an address, the innermost first: inlined calls and then the function that they are in.
  [[nodiscard]] std::vector<Scope> around(Address address) const;

 private:
  friend class ScopeWalk;

  struct Piece {
    AddressRange range;
    std::uint32_t depth = 0;
    Scope scope;
  };

  /// By their beginnings.
  std::vector<Piece> pieces_;
  /// The farthest end of a piece up to each index: where a search can give up.
  std::vector<Address> reach_;
};

}  // namespace trapline::symbols
