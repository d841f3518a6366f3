#!/usr/bin/env bash
# Searches a whole file system image for the root that a purge destroyed, byte by byte.
#
# Needs the right to mount a loop device (root, or sudo without a question); says so and ends with 0 where it has not, unless
# CI=true. Usage: tests/erased_root.sh KEEPUNTIL-TEST-BINARY, the built tests/crash.rs, whose `the_change` makes the purge.
set -euo pipefail
test_binary=$(realpath "${1:?the built test binary of tests/crash.rs}")
sudo=; [ "$(id -u)" = 0 ] || sudo="sudo -n"
work=$(mktemp -d)
mounted=
cleanup() { [ -z "$mounted" ] || $sudo umount "$work/mount"; rm -rf "$work"; }
trap cleanup EXIT
not_here() {
  echo "erased_root.sh: $1: the image of a file system was NOT SEARCHED"
  [ "${CI:-}" != true ]
  exit
}
mkfs=$(PATH=$PATH:/sbin:/usr/sbin command -v mkfs.ext4) || not_here "there is no mkfs.ext4"
truncate -s 16M "$work/image"
"$mkfs" -q -F "$work/image"
mkdir "$work/mount"
$sudo mount -o loop "$work/image" "$work/mount" 2>/dev/null || not_here "mounting is not allowed"
mounted=1
$sudo mkdir "$work/mount/home"
$sudo chown "$(id -u)" "$work/mount/home"
run() { KEEPUNTIL_CRASH_HOME=$work/mount/home "$test_binary" --ignored --exact "$1" --test-threads=1 >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }
occurrences() {
  sync
  $sudo umount "$work/mount"
  mounted=
  python3 - "$work/image" "$1" <<'PYTHON'
import sys
print(open(sys.argv[1], "rb").read().count(bytes.fromhex(sys.argv[2])))
PYTHON
  $sudo mount -o loop "$work/image" "$work/mount"
  mounted=1
}
root_of() { tail -c +41 "$work/mount/home/root/slot-$1" | head -c 32 | od -An -v -tx1 | tr -d ' \n'; }
run the_beginning
former=$(root_of 1)
[ "$(occurrences "$former")" -ge 1 ] || { echo "the search does not find a root that is there"; exit 1; }
run the_change
now=$(root_of 0)
[ "$(occurrences "$now")" -ge 1 ] || { echo "the search does not find the new root"; exit 1; }
[ "$(occurrences "$former")" = 0 ] || { echo "the destroyed root is still in the image"; exit 1; }
echo "the destroyed root is nowhere in the image of $(stat -c %s "$work/image") bytes"
