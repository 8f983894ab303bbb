#include "symbols/function_scopes.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <algorithm>

namespace trapline::symbols {

/// Goes through the tree of a unit in the order of the file. Each entry is behind the one before it, so that links that
/// lead back, or into the middle of something, end the walk instead of going round for ever.
class ScopeWalk {
 public:
  ScopeWalk(FunctionScopes& scopes, Dwarf_Die& unit) : scopes_(scopes), last_(::dwarf_dieoffset(&unit)) {}

  void children_of(Dwarf_Die& parent, std::uint32_t depth, unsigned nesting) {
    constexpr unsigned deepest = 256;
    Dwarf_Die die;
    if (nesting == deepest || ::dwarf_child(&parent, &die) != 0) return;
    do {
      const Dwarf_Off offset = ::dwarf_dieoffset(&die);
      if (offset <= last_) return;
      last_ = offset;
      visit(die, depth, nesting);
    } while (::dwarf_siblingof(&die, &die) == 0);
  }

 private:
  void visit(Dwarf_Die& die, std::uint32_t depth, unsigned nesting) {
    switch (::dwarf_tag(&die)) {
      case DW_TAG_subprogram: add(die, depth++, false); break;
      case DW_TAG_inlined_subroutine: add(die, depth++, true); break;
      // Functions are also in types, and in what is in functions.
      case DW_TAG_lexical_block:
      case DW_TAG_namespace:
      case DW_TAG_module:
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
      case DW_TAG_union_type:
      case DW_TAG_try_block:
      case DW_TAG_catch_block: break;
      default: return;
    }
    children_of(die, depth, nesting + 1);
  }

  void add(Dwarf_Die& die, std::uint32_t depth, bool inlined) {
    Dwarf_Addr base = 0;
    Dwarf_Addr low = 0;
    Dwarf_Addr high = 0;
    std::ptrdiff_t at = 0;
    std::uint32_t part = 0;
    while (ranges_left_ > 0 && (at = ::dwarf_ranges(&die, at, &base, &low, &high)) > 0) {
      --ranges_left_;
      // The linker leaves 0 where it left a function out.
      if (low == 0 || low >= high) continue;
      scopes_.pieces_.push_back({{low, high}, depth, {::dwarf_dieoffset(&die), inlined, part++}});
    }
  }

  FunctionScopes& scopes_;
  Dwarf_Off last_;
  /// What a damaged file may cost: any number of functions may name one long list.
  std::size_t ranges_left_ = 1'000'000;
};

FunctionScopes::FunctionScopes(Dwarf_Die& unit) {
  ScopeWalk(*this, unit).children_of(unit, 0, 0);
  std::ranges::sort(pieces_, {}, [](const Piece& piece) { return piece.range.low; });
  reach_.reserve(pieces_.size());
  Address reach = 0;
  for (const Piece& piece : pieces_) reach_.push_back(reach = std::max(reach, piece.range.high));
}

std::vector<FunctionScopes::Scope> FunctionScopes::around(Address address) const {
  std::vector<const Piece*> found;
  const auto above = std::ranges::upper_bound(pieces_, address, {}, [](const Piece& piece) { return piece.range.low; });
  for (auto i = static_cast<std::size_t>(above - pieces_.begin()); i > 0 && reach_[i - 1] > address; --i) {
    if (address < pieces_[i - 1].range.high) found.push_back(&pieces_[i - 1]);
  }
  std::ranges::stable_sort(found, std::greater(), &Piece::depth);
  std::vector<Scope> scopes;
  for (const Piece* piece : found) {
    scopes.push_back(piece->scope);
    if (!piece->scope.inlined) break;
  }
  return scopes;
}

}  // namespace trapline::symbols
