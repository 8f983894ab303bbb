#include "core/source_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>

#include <trapline/error.hpp>

#include "support/text.hpp"
#include "symbols/debug_info.hpp"

namespace trapline::core {
namespace {

using Kind = Modules::Kind;

std::string text_of(const LineName& name) { return fmt::format("{}:{}", name.file, name.line); }

struct Place {
  Address address = 0;
  std::string file;
  unsigned line = 0;
  Module module;
};

/// Looks for a line in one file after the other, and keeps what an error has to say.
class LineSearch {
 public:
  LineSearch(const LineName& name, const Modules& modules) : name_(name), modules_(modules) {}

  void look_in(const Modules::File& file) {
    for (const Module& module : modules_.load(file)) {
      const auto info = modules_.debug_info(module);
      if (!info) {
        if (file.kind == Kind::program) no_lines_.push_back(module.path);
        continue;
      }
      searched_.push_back(info);
      for (const symbols::LineMatch& match : info->find_line(name_.file, name_.line)) add(match, module);
    }
  }

  [[nodiscard]] const std::vector<Place>& places() const { return places_; }

  [[nodiscard]] bool of_one_file() const {
    return std::ranges::all_of(places_, [&](const Place& place) { return place.file == places_.front().file; });
  }

  /// Looks in the program and then in what it uses, until something is found; throws when nothing is.
  void look_in_order(std::span<const Modules::File* const> files) {
    for (const Kind kind : {Kind::program, Kind::library, Kind::vdso}) {
      for (const Modules::File* const file : files) {
        if (file->kind == kind) look_in(*file);
      }
      if (places_.empty()) continue;
      keep_nearest();
      return;
    }
    throw_unknown();
  }

  /// Those of the asked line, or else of the nearest one below it in any file.
  void keep_nearest() {
    unsigned nearest = ~0U;
    for (const Place& place : places_) nearest = std::min(nearest, place.line);
    std::erase_if(places_, [&](const Place& place) { return place.line != nearest; });
  }

  [[noreturn]] void throw_ambiguous() const {
    constexpr std::size_t most = 8;
    std::vector<std::string> texts;
    for (const Place& place : std::span(places_).first(std::min(places_.size(), most)))
      texts.push_back(described(place));
    if (places_.size() > most) texts.push_back(fmt::format("and {} more", places_.size() - most));
    const std::string remedy = of_one_file() ? "give one of the addresses" : "give more of the path";
    throw SymbolError(fmt::format("{} is ambiguous, it is in several places: {}; {}", text_of(name_),
                                  support::join(texts, ", "), remedy));
  }

  [[noreturn]] void throw_unknown() const {
    if (!last_.file.empty()) {
      throw SymbolError(fmt::format("{}: there is no code at that line or after it; the last line with code is {}:{}",
                                    text_of(name_), last_.file, last_.line));
    }
    std::vector<std::string> names;
    for (const auto& info : searched_) std::ranges::move(info->file_names(), std::back_inserter(names));
    std::string text = fmt::format("{}: no such source file in what has line numbers", text_of(name_));
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const auto near = support::near_names(name_.file.substr(name_.file.rfind('/') + 1), candidates);
    if (!near.empty()) text += fmt::format("; near names: {}", support::join(near, ", "));
    for (const std::string& path : no_lines_) {
      text += fmt::format("; {} has no line numbers: compile it with -g, or install its debug symbols", path);
    }
    throw SymbolError(text);
  }

 private:
  void add(const symbols::LineMatch& match, const Module& module) {
    if (match.last > last_.line) last_ = {.file = match.file, .line = match.last};
    for (const Address address : match.addresses) {
      places_.push_back({address + module.bias, match.file, match.line, module});
    }
  }

  [[nodiscard]] std::string described(const Place& place) const {
    const Address address = place.address - place.module.bias;
    const auto entry = place.module.table->at(address);
    const auto inlined = modules_.debug_info(place.module)->inlined_at(address);
    std::string text = fmt::format("{:#x}", place.address);
    if (!inlined.empty()) text += fmt::format(" in {}, inlined", inlined.front().function);
    if (entry) text += fmt::format(" in {}+{:#x}", entry->name, address - entry->address);
    return fmt::format("{} ({}:{})", text, place.file, place.line);
  }

  const LineName name_;
  const Modules& modules_;
  std::vector<Place> places_;
  std::vector<std::shared_ptr<const symbols::DebugInfo>> searched_;
  std::vector<std::string> no_lines_;
  SourceLine last_;
};

/// Calls `get` with the debug information around an address, and the address as that knows it.
template <class F>
auto ask(Address address, const Modules& modules, F&& get) {
  using Result = std::invoke_result_t<F, const symbols::DebugInfo&, Address>;
  const auto module = modules.at(address);
  const auto info = module ? modules.debug_info(*module) : nullptr;
  return info ? get(*info, address - module->bias) : Result{};
}

}  // namespace

std::optional<LineName> line_name_in(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || text[colon - 1] == ':') return std::nullopt;
  LineName name{.file = text.substr(0, colon)};
  const std::string_view number = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), name.line);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  return name;
}

std::optional<SourceLine> line_at(Address address, const Modules& modules) {
  return ask(address, modules, [](const symbols::DebugInfo& info, Address at) { return info.line_at(at); });
}

std::vector<InlinedCall> inlined_at(Address address, const Modules& modules) {
  return ask(address, modules, [](const symbols::DebugInfo& info, Address at) { return info.inlined_at(at); });
}

std::vector<Address> addresses_of(const LineName& name, const Modules& modules) {
  LineSearch search(name, modules);
  for (const Modules::File& file : modules.files()) search.look_in(file);
  search.keep_nearest();
  std::vector<Address> addresses;
  for (const Place& place : search.places()) addresses.push_back(place.address);
  return addresses;
}

std::vector<Address> resolve_lines(const LineName& name, const Modules& modules,
                                   std::span<const Modules::File* const> files) {
  LineSearch search(name, modules);
  search.look_in_order(files);
  if (!search.of_one_file()) search.throw_ambiguous();
  std::vector<Address> addresses;
  for (const Place& place : search.places()) addresses.push_back(place.address);
  return addresses;
}

Address resolve_line(const LineName& name, const Modules& modules, std::span<const Modules::File* const> files) {
  LineSearch search(name, modules);
  search.look_in_order(files);
  if (search.places().size() > 1) search.throw_ambiguous();
  return search.places().front().address;
}

}  // namespace trapline::core
