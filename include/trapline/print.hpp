#pragma once

#include <string>
#include <string_view>

#include <trapline/observer.hpp>
#include <trapline/thread.hpp>

namespace trapline {

}  // namespace trapline
