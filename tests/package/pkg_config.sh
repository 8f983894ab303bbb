#!/bin/sh
# pkg_config.sh PREFIX FOLDER SOURCE VERSION COMPILER FLAGS: builds a program by what pkg-config says, and runs it.
set -eu
prefix=$1 folder=$2 source=$3 version=$4 compiler=$5 flags=$6

if ! command -v pkg-config >/dev/null; then
  echo "[  SKIPPED ] there is no pkg-config"
  exit 77
fi
file=$(find "$prefix" -name trapline.pc)
PKG_CONFIG_PATH=$(dirname "$file")
export PKG_CONFIG_PATH
pkg-config --exact-version="$version" trapline
mkdir -p "$folder"
# What pkg-config prints is quoted for a shell.
eval "set -- $(pkg-config --cflags --libs trapline)"
# shellcheck disable=SC2086 # a list of words
"$compiler" -std=c++20 $flags -DEXPECTED_VERSION="\"$version\"" "$source" -o "$folder/consumer" \
  "$@" -Wl,-rpath,"$(pkg-config --variable=libdir trapline)"
"$folder/consumer"
