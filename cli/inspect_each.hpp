#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <trapline/trapline.hpp>

#include "inspect_json.hpp"
#include "inspect_view.hpp"

namespace cli {

/// Goes through what was asked for, and tells at the end what of it was not there.
template <class Items, class F>
void each(const Items& items, F&& function) {
  std::string missing;
  const auto note = [&](const std::exception& error) {
    missing += (missing.empty() ? "" : "\n") + std::string(error.what());
  };
  for (const auto& item : items) {
    try {
      function(item);
    } catch (const trapline::SymbolError& error) {
      note(error);
    } catch (const trapline::OsError& error) {
      note(error);
    } catch (const NotThere& error) {
      note(error);
    }
  }
  if (!missing.empty()) throw NotThere(missing);
}

/// Likewise; what is not there says so itself.
template <class Items, class Begin, class F>
Json entries(const Items& items, Begin&& begin, F&& function) {
  Json list = Json::array();
  for (const auto& item : items) {
    Json one = begin(item);
    try {
      function(one, item);
    } catch (const trapline::SymbolError& error) {
      one["error"] = error.what();
    } catch (const trapline::OsError& error) {
      one["error"] = error.what();
    } catch (const NotThere& error) {
      one["error"] = error.what();
    }
    list.push_back(std::move(one));
  }
  return list;
}

template <class F>
Json entries(const char* key, const std::vector<std::string>& items, F&& function) {
  return entries(
      items,
      [&](const std::string& item) {
        return Json{{key, item}};
      },
      function);
}

inline std::string in_quotes(std::string_view text) {
  std::string out;
  trapline::append_quoted(out, text);
  return out;
}

/// A number in decimal or, behind 0x, in hexadecimal digits; `whole` is what the user wrote.
inline std::uint64_t parse_unsigned(std::string_view text, std::string_view whole) {
  const bool is_hex = text.starts_with("0x");
  const std::string_view digits = is_hex ? text.substr(2) : text;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) {
    throw trapline::UsageError(fmt::format("\"{}\" in \"{}\" is no number", text, whole));
  }
  return value;
}

/// The place with its symbol, if any: `0x401136 <main+0x4>`.
inline std::string place_text(trapline::Address address, const std::optional<trapline::Symbol>& symbol) {
  std::string text = fmt::format("{:#x}", address);
  if (!symbol) return text;
  const std::string quoted = in_quotes(symbol->demangled());
  text += " <" + quoted.substr(1, quoted.size() - 2);
  if (address != symbol->address) text += fmt::format("+{:#x}", address - symbol->address);
  return text + '>';
}

}  // namespace cli
