#include "support/bytes.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace trapline::support {
namespace {

TEST(Bytes, LoadsAtAnyOffsetButNotPastTheEnd) {
  const auto bytes = as_bytes("\x01\x02\x03\x04\x05");
  EXPECT_EQ(load<std::uint16_t>(bytes, 1), 0x0302);
  EXPECT_EQ(load<std::uint32_t>(bytes, 1), 0x05040302U);
  EXPECT_EQ(load<std::uint32_t>(bytes, 2), std::nullopt);
  EXPECT_EQ(load<std::uint8_t>(bytes, 5), std::nullopt);
  EXPECT_EQ(load<std::uint8_t>(bytes, ~std::size_t{0}), std::nullopt);
}

TEST(Bytes, TextBothWaysAndHex) {
  EXPECT_EQ(as_text(as_bytes("vault")), "vault");
  EXPECT_EQ(to_hex(as_bytes("\x7f"
                            "ELF")),
            "7f454c46");
  EXPECT_EQ(to_hex(bytes_of(std::uint16_t{0x00ff})), "ff00");
}

}  // namespace
}  // namespace trapline::support
