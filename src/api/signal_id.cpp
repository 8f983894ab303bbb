#include <trapline/signal_id.hpp>

namespace trapline {

std::optional<std::int64_t> SignalId::number() const {
  if (const auto* number = std::get_if<std::int64_t>(&value_)) return *number;
  return std::nullopt;
}

std::string SignalId::text() const {
  if (const auto* number = std::get_if<std::int64_t>(&value_)) return std::to_string(*number);
  return std::get<std::string>(value_);
}

}  // namespace trapline
