#include "symbols/symbol_query.hpp"

namespace trapline::symbols {
namespace {

std::string_view suffix_of(std::string_view written) {
  for (const std::string_view suffix : {"@plt", "@got"}) {
    if (written.size() > suffix.size() && written.ends_with(suffix)) return suffix;
  }
  return {};
}

/// Where its version begins; the end without one.
std::size_t mark_in(std::string_view written) { return std::min(written.find('@', 1), written.size()); }

}  // namespace

SymbolQuery::SymbolQuery(std::string_view written)
    : written_(written),
      name_(written.substr(0, mark_in(written))),
      suffix_(suffix_of(written)),
      cxx_(written.substr(0, mark_in(written))) {
  if (!suffix_.empty()) return;
  const std::string_view rest = written.substr(name_.size());
  current_ = rest.starts_with("@@");
  version_ = rest.substr(std::min<std::size_t>(rest.size(), current_ ? 2 : 1));
}

std::vector<std::string> SymbolQuery::texts() const {
  const std::size_t digits = cxx_.needle().find_first_not_of("0123456789");
  if (digits == std::string::npos) return {name_};
  // Nothing but operators in it.
  if (digits == 0) return {};
  return {name_, cxx_.needle().substr(digits)};
}

std::vector<SymbolList::Entry> SymbolQuery::find_in(const SymbolList& list) const {
  auto found = find_exact(list);
  return found.empty() ? find_cxx(list) : found;
}

std::vector<SymbolList::Entry> SymbolQuery::find_exact(const SymbolList& list) const {
  auto found = list.find(name_ + suffix_);
  if (!version_.empty()) {
    std::erase_if(found, [this](const SymbolList::Entry& entry) {
      return entry.version != version_ || (current_ && entry.old_version);
    });
  }
  return found;
}

std::vector<SymbolList::Entry> SymbolQuery::find_cxx(const SymbolList& list) const {
  std::vector<SymbolList::Entry> found;
  if (cxx_.needle().empty()) return found;
  std::vector<SymbolList::Entry> near;
  list.each_containing(cxx_.needle(), [&](const SymbolList::Entry& entry) {
    if (!entry.name.ends_with(suffix_) || (!version_.empty() && entry.version != version_)) return;
    switch (cxx_.matches(entry.name.substr(0, entry.name.size() - suffix_.size()))) {
      case CxxName::Match::yes: found.push_back(entry); break;
      case CxxName::Match::near: near.push_back(entry); break;
      case CxxName::Match::no: break;
    }
  });
  return found.empty() ? near : found;
}

}  // namespace trapline::symbols
