#pragma once

#include <functional>

namespace trapline {

class Thread;

/// A predicate that is asked before a trap counts or runs; on the tracer thread.
using Condition = std::function<bool(Thread&)>;

}  // namespace trapline
