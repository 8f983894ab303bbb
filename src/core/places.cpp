#include "core/places.hpp"

#include "core/location.hpp"
#include "core/process_maps.hpp"

namespace trapline::core {

Places::Places(Process& process) : modules_(modules_of(process)) {}

std::optional<Symbol> Places::symbol(Address address) {
  if (last_ && address >= last_->address && address - last_->address < last_->size) return last_;
  const auto [found, added] = seen_.try_emplace(address);
  if (added) found->second = symbol_at(address, modules_);
  if (found->second) last_ = found->second;
  return found->second;
}

Place Places::place(Address address) {
  Place place{.address = address};
  if (maps().at(address) == nullptr) return place;
  if (auto found = symbol(address)) {
    place.offset = address - found->address;
    place.symbol = std::move(found->name);
  }
  return place;
}

}  // namespace trapline::core
