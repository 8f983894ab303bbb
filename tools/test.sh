#!/bin/sh
# Installs what is needed, builds everything and runs all tests but the long ones (label `soak`).
# The exit status is that of the tests.
set -eu
cd "$(dirname "$0")/.."
exec </dev/null

tools/install_deps.sh
cmake --preset dev
cmake --build --preset dev --parallel "$(nproc)"
ctest --preset dev
