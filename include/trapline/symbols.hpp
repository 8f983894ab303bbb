#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <trapline/source.hpp>
#include <trapline/types.hpp>

namespace trapline {

namespace core {
class Process;
}

/// A place in the tracee: an absolute address, a symbol, a source line, or one of them in a named module.
///
/// `"main"`, `"main+0x1f"`, `"server.c:42"`, `0x401136`, `Location(0x1139).in("binary")`,
/// `Location("malloc").in("libc")`.
class TRAPLINE_API Location {
 public:
  template <std::integral T>
  Location(T address) : value_(static_cast<Address>(address)) {}
  Location(const char* symbol) : value_(std::string(symbol)) {}
  Location(std::string symbol) : value_(std::move(symbol)) {}

  /// Narrows it to a module named as in MemoryMaps::filter; a number is then an offset from the module's base.
  [[nodiscard]] Location in(std::string module) const;

  [[nodiscard]] std::optional<Address> address() const;
  [[nodiscard]] std::string symbol() const;
  [[nodiscard]] const std::string& module() const { return module_; }
  /// As the user wrote it.
  [[nodiscard]] std::string text() const;

 private:
  std::variant<Address, std::string> value_;
  std::string module_;
};

/// A symbol of one loaded module at its address in this process.
struct TRAPLINE_API Symbol {
  /// As the file has it, without version: of C++ the mangled name.
  std::string name;
  Address address = 0;
  std::uint64_t size = 0;
  /// The path of the file it is from.
  std::string module;
  /// Of a library with versions, such as `GLIBC_2.14`; often empty.
  std::string version{};

  /// As it was written in C++, `ns::f(int)` for `_ZN2ns1fEi`; other names as they are.
  [[nodiscard]] std::string demangled() const;
};

/// Which symbols are wanted of many.
struct SymbolFilter {
  /// A module named as in MemoryMaps::filter; all modules when it is empty.
  std::string in{};
  std::size_t limit = SIZE_MAX;
};

/// The symbols of a process's program and libraries; what is searched for them is told by DebuggerOptions::symbols.
class TRAPLINE_API Symbols {
 public:
  /// All symbols of that name, the program's own first: `puts`, `memcpy@GLIBC_2.2.5`, `puts@plt`, `puts@got`, and of
  /// C++ the mangled name, or the other with or without parameters (`ns::f(int)`, `ns::f`).
  [[nodiscard]] std::vector<Symbol> find(std::string_view name) const;
  /// All whose name or C++ name fits a pattern (`"str*"`, `"ns::Class::*"`, `"*@plt"`) or has a match of a regular
  /// expression in slashes (`"/^str(n?)cpy$/"`), by module and address; throws UsageError for a bad expression.
  [[nodiscard]] std::vector<Symbol> match(std::string_view pattern, const SymbolFilter& filter = {}) const;
  /// All there are, by module and address.
  [[nodiscard]] std::vector<Symbol> all(const SymbolFilter& filter = {}) const;
  /// The address of a location; throws SymbolError with near names, or with the list when it is ambiguous.
  [[nodiscard]] Address resolve(const Location& location) const;
  /// The symbol that contains the address or, without sizes, the nearest below it in the same module.
  [[nodiscard]] std::optional<Symbol> at(Address address) const;

  /// The source line of the code at an address, by the file's own DWARF or that of its debug symbols; nothing without
  /// any. For a return address ask for the one before it.
  [[nodiscard]] std::optional<SourceLine> line_at(Address address) const;
  /// Where a line begins, in each function and in each place where it was inlined; of a line without code, the next one
  /// that has some. The file is a name or the end of a path; empty when no file with line numbers has it.
  [[nodiscard]] std::vector<Address> addresses_of(std::string_view file, unsigned line) const;
  /// The calls inlined around an address, the innermost first.
  [[nodiscard]] std::vector<InlinedCall> inlined_at(Address address) const;

  /// For trapline itself: handles come from Process.
  explicit Symbols(std::shared_ptr<core::Process> process);

 private:
  std::shared_ptr<core::Process> process_;
};

}  // namespace trapline
