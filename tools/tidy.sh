#!/bin/sh
# Runs clang-tidy over the library and the program; takes minutes. The exit status tells whether it found something.
#
#   tools/tidy.sh              all of src and cli
#   tools/tidy.sh REGEX...     the files whose paths match
set -eu
cd "$(dirname "$0")/.."

cmake --preset clang >/dev/null
[ $# -gt 0 ] || set -- "$PWD/src/.*" "$PWD/cli/.*"
exec run-clang-tidy -p build/clang -quiet -j "$(nproc)" "$@"
