#!/bin/sh
# Installs what is needed, builds the program and traces a real one.
#
#   tools/quickstart.sh                 traces `ls -l`
#   tools/quickstart.sh COMMAND...      traces COMMAND
set -eu
cd "$(dirname "$0")/.."

tools/install_deps.sh
cmake --preset release
cmake --build --preset release --target trapline_program --parallel "$(nproc)"

[ $# -gt 0 ] || set -- ls -l
exec build/release/cli/trapline trace -- "$@"
