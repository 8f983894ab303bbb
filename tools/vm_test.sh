#!/bin/bash
# Runs the live tests in an emulated x86-64 machine: debug registers fire there, `int 0x80` works and 32-bit programs
# run, also where this machine is itself a virtual one that lacks them. The exit status is that of the tests; 125 when
# the machine gave none.
#
#   tools/vm_test.sh [OPTION...] [ARGUMENT-OF-THE-TESTS...]
#   tools/vm_test.sh --gtest_filter='Int80.*:I386.*'
#   tools/vm_test.sh --smp 2 --gtest_filter='Threads.*' --gtest_repeat=10
#
#   --preset NAME    the build whose tests run (default: dev); build it first
#   --smp N          CPUs (default: 1)
#   --timeout SECS   gives up after so long (default: 900)
#   --i386           the programs that the tests debug are 32-bit ones, where there is one
#   --with PATH      also puts that program, with its libraries, or directory into the machine; may be repeated
#   --run PROGRAM    runs this program with the arguments instead of the live tests
#
# Nothing is installed but the packages of `tools/install_deps.sh --vm`; the kernel is unpacked into build/vm. The machine
# has no network and no disk, only a copy of what the tests need, at the same paths.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD

preset=dev smp=1 timeout=900 program="" i386="" extra=()
while [ $# -gt 0 ]; do
  case "$1" in
    --preset) preset=$2; shift 2 ;;
    --i386) i386=1; shift ;;
    --smp) smp=$2; shift 2 ;;
    --timeout) timeout=$2; shift 2 ;;
    --with) extra+=("$(realpath -s "$2")"); shift 2 ;;
    --run) program=$(realpath -s "$2"); shift 2 ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) break ;;
  esac
done

build=$here/build/$preset
tracees=$build/tests/tracees/bin
[ -n "$program" ] || program=$build/tests/live/trapline_live_tests
if [ ! -x "$program" ]; then
  echo "vm_test: no $program; build it: cmake --build --preset $preset --target trapline_live_tests" >&2
  exit 2
fi

tools/install_deps.sh --vm >&2
[ -z "$i386" ] || cmake --build "$build" --target trapline_tracees_i386 >&2

# The newest kernel for virtual machines, unpacked and not installed; kept until build/vm is removed.
cache=$here/build/vm
if [ ! -f "$cache/vmlinuz" ]; then
  mkdir -p "$cache/download"
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\).*/\1/p' | head -n 1)
  (cd "$cache/download" && apt-get download -q -o APT::Sandbox::User= "$package" >&2)
  dpkg-deb -x "$cache"/download/linux-image-*.deb "$cache/download/root"
  mv "$cache"/download/root/boot/vmlinuz-* "$cache/vmlinuz"
  rm -rf "$cache/download"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{usr/bin,usr/lib,usr/lib64,usr/sbin,proc,sys,dev,tmp,etc,root}
ln -s usr/bin usr/sbin usr/lib usr/lib64 "$root"
chmod 1777 "$root/tmp"
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"

# add PATH: a program with the libraries that it names, or a directory, at the same path.
add() {
  local needed
  mkdir -p "$root$(dirname "$1")"
  [ -e "$root$1" ] || cp -aL "$1" "$root$1"
  if [ -f "$1" ]; then
    for needed in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
      mkdir -p "$root$(dirname "$needed")"
      [ -e "$root$needed" ] || cp -L "$needed" "$root$needed"
    done
  fi
}

add "$program"
for path in "$tracees" "${extra[@]}"; do add "$path"; done
for path in "$tracees"/*; do add "$path"; done
if [ -n "$i386" ]; then
  # This machine may be unable to run the 32-bit loader, and so to tell what it would load.
  add "$tracees/i386"
  cp -aL /lib32 "$root/usr/lib32"
  ln -s usr/lib32 "$root/lib32"
  cp -L /lib/ld-linux.so.2 "$root/usr/lib/"
fi
# Those of the host, since tests also debug them; busybox does what else the start needs.
for name in sh bash cat echo env false ls nice sleep sort tr true; do
  path=$(command -v -p "$name") || continue
  [ -x "$path" ] && add "$(realpath -s "$path")"
done
cp "$(command -v busybox)" "$root/usr/bin/busybox"

{
  [ -z "$i386" ] || printf 'TRAPLINE_TRACEE_DIR=%q ' "$tracees/i386"
  printf '%q ' "$program" "$@"
} >"$root/command"
cat >"$root/init" <<'INIT'
#!/usr/bin/busybox sh
export PATH=/usr/bin:/usr/sbin HOME=/root LC_ALL=C TERM=dumb
for applet in $(/usr/bin/busybox --list); do
  [ -e /usr/bin/$applet ] || /usr/bin/busybox ln -s busybox /usr/bin/$applet
done
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
ip link set lo up
stty -F /dev/ttyS0 raw -echo
stty -F /dev/ttyS1 raw -echo
cd /tmp
setsid sh /command </dev/null >/dev/ttyS0 2>&1
echo "exit $?" >/dev/ttyS1
sync
poweroff -f
INIT
chmod +x "$root/init"
(cd "$root" && find . -print0 | cpio --null --create --format=newc --owner=0:0 --quiet) >"$work/initramfs"

# `max` has the vector registers that TCG knows. The second port brings the exit status, so that nothing which a test
# prints is mistaken for it, and what the kernel says.
size=$(($(stat -c %s "$work/initramfs") / 1048576))
timeout --foreground --kill-after=5 "$timeout" qemu-system-x86_64 -machine pc -accel tcg -cpu max -smp "$smp" -m $((1024 + 2 * size)) \
  -nodefaults -no-user-config -display none -no-reboot \
  -kernel "$cache/vmlinuz" -initrd "$work/initramfs" -append "console=ttyS1 quiet loglevel=1 panic=-1" \
  -serial stdio -serial "file:$work/status" </dev/null ||
  echo "vm_test: the machine did not end by itself within $timeout s" >&2

status=$(sed -n 's/^exit \([0-9]*\)\r*$/\1/p' "$work/status" 2>/dev/null | tail -n 1)
[ -n "$status" ] || tail -n 30 "$work/status" >&2
exit "${status:-125}"
