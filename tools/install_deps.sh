#!/bin/sh
# Installs what building and testing needs, as Debian 12 packages. Does nothing when all of it is there.
#
#   tools/install_deps.sh               to build, and to run all tests
#   tools/install_deps.sh --developer   also clang, clang-format, clang-tidy, ccache and a compiler of 32-bit programs
#   tools/install_deps.sh --vm          what tools/vm_test.sh needs: an emulator, and a compiler of 32-bit programs
set -eu

packages="g++ cmake ninja-build pkg-config libfmt-dev libdw-dev libelf-dev liblzma-dev libcapstone-dev libre2-dev
  libcli11-dev nlohmann-json3-dev libgtest-dev libgmock-dev libbenchmark-dev python3 git sqlite3 openssl gcc iproute2
  util-linux gdb elfutils"

case "${1:-}" in
  "") ;;
  --developer) packages="$packages clang clang-format clang-tidy ccache gcc-12-multilib" ;;
  --vm) packages="qemu-system-x86 busybox-static cpio gcc-12-multilib" ;;
  *) echo "usage: $0 [--developer | --vm]" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "install_deps: no apt-get here; trapline needs what these Debian packages hold:" $packages >&2
  exit 0
fi

missing=""
for package in $packages; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install_deps: not root and no sudo; as root, run: apt-get install$missing" >&2
    exit 1
  fi
  as_root="sudo"
fi

echo "install_deps: installing$missing"
install() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" </dev/null
}

# A fresh image has no package lists, and an old one has lists of versions that the mirror no longer keeps.
if install --simulate $missing >/dev/null 2>&1 && install $missing; then
  exit 0
fi
$as_root apt-get update -q </dev/null
install $missing
