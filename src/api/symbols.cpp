#include <trapline/symbols.hpp>

#include <fmt/format.h>

#include "core/location.hpp"
#include "core/process_maps.hpp"
#include "core/source_lines.hpp"
#include "symbols/cxx_name.hpp"

namespace trapline {

Location Location::in(std::string module) const {
  Location narrowed = *this;
  narrowed.module_ = std::move(module);
  return narrowed;
}

std::optional<Address> Location::address() const {
  if (const auto* address = std::get_if<Address>(&value_)) return *address;
  return std::nullopt;
}

std::string Location::symbol() const {
  const auto* symbol = std::get_if<std::string>(&value_);
  return symbol != nullptr ? *symbol : std::string();
}

std::string Location::text() const {
  const auto number = address();
  const std::string value = number ? fmt::format("{:#x}", *number) : symbol();
  return module_.empty() ? value : fmt::format("{} in {}", value, module_);
}

Symbols::Symbols(std::shared_ptr<core::Process> process) : process_(std::move(process)) {}

std::string Symbol::demangled() const { return symbols::demangle(name); }

std::vector<Symbol> Symbols::find(std::string_view name) const {
  const core::Modules modules = core::modules_of(*process_);
  return core::find_symbols(name, modules, modules.options().level);
}

std::vector<Symbol> Symbols::match(std::string_view pattern, const SymbolFilter& filter) const {
  return core::matching_symbols(symbols::SymbolPattern(pattern), filter, core::modules_of(*process_));
}

std::vector<Symbol> Symbols::all(const SymbolFilter& filter) const { return match("*", filter); }

Address Symbols::resolve(const Location& location) const {
  return core::resolve(location, core::modules_of(*process_));
}

std::optional<Symbol> Symbols::at(Address address) const {
  return core::symbol_at(address, core::modules_of(*process_));
}

std::optional<SourceLine> Symbols::line_at(Address address) const {
  return core::line_at(address, core::modules_of(*process_));
}

std::vector<Address> Symbols::addresses_of(std::string_view file, unsigned line) const {
  return core::addresses_of({.file = file, .line = line}, core::modules_of(*process_));
}

std::vector<InlinedCall> Symbols::inlined_at(Address address) const {
  return core::inlined_at(address, core::modules_of(*process_));
}

}  // namespace trapline
