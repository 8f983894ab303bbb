#pragma once

#include <trapline/debugger.hpp>
#include <trapline/error.hpp>
#include <trapline/host_checks.hpp>
#include <trapline/log.hpp>
#include <trapline/print.hpp>
#include <trapline/print_state.hpp>
#include <trapline/state.hpp>
#include <trapline/trace_text.hpp>
#include <trapline/version.hpp>
