#!/bin/sh
# headers_alone.sh COMPILER INCLUDE: compiles every installed header by itself.
set -eu
compiler=$1 include=$2

if ! command -v "$compiler" >/dev/null; then
  echo "[  SKIPPED ] there is no $compiler"
  exit 77
fi
ls "$include"/trapline/*.hpp >/dev/null
status=0
for header in "$include"/trapline/*.hpp; do
  name=trapline/$(basename "$header")
  # Twice, because a header that has no guard shows only then.
  printf '#include <%s>\n#include <%s>\n' "$name" "$name" |
    "$compiler" -std=c++20 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I "$include" -x c++ - ||
    { echo "$name cannot be included alone"; status=1; }
done
exit $status
