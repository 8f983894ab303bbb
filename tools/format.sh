#!/bin/sh
# Formats every C and C++ file of the repository by .clang-format.
#
#   tools/format.sh            rewrites what differs
#   tools/format.sh --check    names what differs; the exit status tells, and is 77 without clang-format or git
set -eu
cd "$(dirname "$0")/.."

case "${1:-}" in
  "") mode="-i" ;;
  --check) mode="--dry-run --Werror" ;;
  *) echo "usage: $0 [--check]" >&2; exit 2 ;;
esac

# Versions disagree about details, so only the one of Debian 12 decides.
formatter=$(command -v clang-format-14 || command -v clang-format || true)
case "$("${formatter:-true}" --version)" in
  *"version 14."*) ;;
  *) echo "[  SKIPPED ] there is no clang-format 14"; exit 77 ;;
esac
if ! git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  echo "[  SKIPPED ] this is no git checkout"
  exit 77
fi
# shellcheck disable=SC2086 # two words
git ls-files -z --cached --others --exclude-standard -- '*.cpp' '*.hpp' '*.c' '*.h' | xargs -0 "$formatter" $mode
