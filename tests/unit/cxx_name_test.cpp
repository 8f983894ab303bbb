#include "symbols/cxx_name.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace trapline::symbols {
namespace {

using Match = CxxName::Match;

TEST(CxxName, Demangles) {
  EXPECT_EQ(demangle("_ZN2ns1fEi"), "ns::f(int)");
  EXPECT_EQ(demangle("_ZdlPv@plt"), "operator delete(void*)@plt");
  EXPECT_EQ(demangle("main"), "main");
  EXPECT_EQ(demangle("_Znonsense"), "_Znonsense");
  EXPECT_EQ(demangle(""), "");
}

/// What a user may write for a mangled name, and what not.
struct Case {
  const char* mangled;
  const char* written;
  Match match;
};

TEST(CxxName, IsWrittenInManyWays) {
  const Case cases[] = {
      {"_ZN2ns1fEi", "ns::f", Match::yes},
      {"_ZN2ns1fEi", "ns::f(int)", Match::yes},
      {"_ZN2ns1fEi", "ns::f( int )", Match::yes},
      {"_ZN2ns1fEi", "ns::f(char)", Match::no},
      {"_ZN2ns1fEi", "f", Match::no},
      {"_ZN2ns1fEi", "ns", Match::no},
      {"_Z1fjPKc", "f(unsigned int,char const*)", Match::yes},
      {"_Z3foov", "foo", Match::yes},
      {"foo", "foo", Match::no},
      {"_ZNK1X3getEv", "X::get", Match::yes},
      {"_ZNK1X3getEv", "X::get() const", Match::yes},
      {"_ZNK1X3getEv", "X::get()", Match::near},
      {"_Z1fv.cold", "f", Match::near},
      {"_ZN1XC1Ei", "X::X", Match::yes},
      {"_ZN1XC2Ei", "X::X(int)", Match::yes},
      {"_ZN1XD0Ev", "X::~X", Match::yes},
      {"_Z4tmplIiET_S0_", "tmpl", Match::yes},
      {"_Z4tmplIiET_S0_", "tmpl<int>", Match::yes},
      {"_Z4tmplIiET_S0_", "tmpl<int>(int)", Match::yes},
      {"_Z4tmplIiET_S0_", "int tmpl<int>(int)", Match::yes},
      {"_Z4tmplIiET_S0_", "tmpl<long>", Match::no},
      {"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector::push_back", Match::yes},
      {"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int>>::push_back", Match::yes},
      {"_ZN1XplERKS_", "X::operator+", Match::yes},
      {"_ZN1XclEi", "X::operator()", Match::yes},
      {"_ZN1XclEi", "X::operator()(int)", Match::yes},
      {"_ZN1XltERKS_", "X::operator<", Match::yes},
      {"_ZN1XlsEi", "X::operator<<", Match::yes},
      {"_ZN1XptEv", "X::operator->", Match::yes},
      {"_ZN1XcvbEv", "X::operator bool", Match::yes},
      {"_Znwm", "operator new", Match::yes},
      {"_Znwm", "operator new(unsigned long)", Match::yes},
      {"_ZN12_GLOBAL__N_11gEi", "(anonymous namespace)::g", Match::yes},
      {"_ZZ1fvE7counter", "f()::counter", Match::yes},
      {"_ZTV1X", "X", Match::no},
      {"_ZTV1X", "vtable for X", Match::yes},
      {"_ZNSs6appendERKSs", "std::string::append", Match::yes},
      {"_ZN1X4nameB5cxx11Ev", "X::name", Match::yes},
      {"_ZN1X4nameB5cxx11Ev", "X::name[abi:cxx11]", Match::yes},
  };
  for (const Case& one : cases) {
    const CxxName name(one.written);
    EXPECT_EQ(static_cast<int>(name.matches(one.mangled)), static_cast<int>(one.match))
        << one.written << " for " << demangle(one.mangled);
    if (one.match == Match::no) continue;
    EXPECT_NE(std::string(one.mangled).find(name.needle()), std::string::npos) << name.needle();
  }
}

TEST(CxxName, IsNoBomb) {
  const auto begin = std::chrono::steady_clock::now();
  // Each argument doubles what all before it stand for.
  std::string bomb = "_Z1fI1AIiiE";
  for (int i = 0; i < 200; ++i) bomb += "1AIS" + std::to_string(i % 10) + "_S" + std::to_string(i % 10) + "_E";
  EXPECT_EQ(demangle(bomb + "Evv"), bomb + "Evv");
  const std::string deep = "_Z" + std::string(1000000, 'P');
  EXPECT_EQ(demangle(deep), deep);
  const std::string pointers = "_Z1f" + std::string(1900, 'P') + "i";
  EXPECT_FALSE(demangle(pointers).empty());
  for (const char* odd : {"operator", "operator<", "operator()", "(", ")", "))((", "<", ">>>", "::", "a::", "~", "@",
                          " ", "[abi:", "f(", "f)", "operator()()", "(anonymous namespace)"}) {
    EXPECT_EQ(CxxName(odd).matches("_ZN2ns1fEi"), Match::no) << odd;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

}  // namespace
}  // namespace trapline::symbols
