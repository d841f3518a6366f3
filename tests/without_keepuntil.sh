#!/usr/bin/env bash
# Opens every record of an archive with stock tools only (P10): tar, age, zstd, sed, sha256sum and the Python program
# that the archive itself carries, by the commands that its README.txt prints. With the Python package bagit at hand it
# validates the bags too; `openssl` checks the seal's Ed25519 signature.
# usage: without_keepuntil.sh KEEPUNTIL [PYTHON_WITH_BAGIT]
set -euo pipefail
export LC_ALL=C.UTF-8
keepuntil=$(realpath "$1")
python=${2:-}
project=$(realpath "$(dirname "$0")/..")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() { echo "without_keepuntil: $*" >&2; exit 1; }

# What a firm leaves behind, and a record with everything that makes names and files difficult.
source=$scratch/clients
cp -a "$project/fixtures/firm/clients" "$source"
odd="$source/Odd & 奇怪"
mkdir -p "$odd/empty" "$odd/Verträge" "$source/nothing in it"
head -c 9500000 /dev/urandom >"$odd/larger than two segments.bin"
printf 'one\n' >"$odd/100% of %25 and %0A"
printf 'two\n' >"$odd/back\\slash \"quoted\" *"
printf 'three\n' >"$odd/Verträge/$(printf '长%.0s' {1..70})"
: >"$odd/empty file"
ln "$odd/100% of %25 and %0A" "$odd/second name"
ln -s 'Verträge' "$odd/link to a folder"
ln -s 'back\slash "quoted" *' "$odd/link to a file"
ln -s '/nowhere/at/all' "$odd/link to nothing"

# The last day of keepuntil: seal, print the emergency key sheet. Its home, keyring and identity are then lost.
export HOME=$scratch/home
unset XDG_DATA_HOME XDG_STATE_HOME KEEPUNTIL_KEYRING KEEPUNTIL_IDENTITY
mkdir "$HOME" "$scratch/kept"
cd "$scratch/kept"
"$keepuntil" create --quiet --until 2999-12-31 -o firm.sealed "$source"
"$keepuntil" keyring export --quiet firm.sealed -o sheet.txt
"$keepuntil" restore --quiet firm.sealed --all -o "$scratch/restored"
rm -rf "$HOME"
unset keepuntil

# The readers of tar that people have list it without a word of complaint.
for reader in 'tar -tvf' 'bsdtar -tvf' 'python3 -m tarfile -l'; do
  command -v "${reader%% *}" >/dev/null || { echo "not here: ${reader%% *}"; continue; }
  $reader firm.sealed >listing 2>complaints || fail "$reader cannot list the archive"
  [ ! -s complaints ] || fail "$reader complains: $(cat complaints)"
  grep -q README.txt listing || fail "$reader lists nothing"
done

# The commands, as README.txt prints them: in English and in Chinese the same.
tar -xOf firm.sealed README.txt >README.txt
sed -n '/^HOW TO OPEN/,/^文件说明/s/^  //p' README.txt >commands
sed -n '/^不用 keepuntil/,/^EXTRACT/s/^  //p' README.txt | cmp - commands || fail "the two languages differ"
grep -n '^tar -xOf firm.sealed records/' commands | grep -q '^1:' || fail "the commands do not begin with tar"
[ "$(wc -l <commands)" = 8 ] || fail "README.txt does not print eight commands"
opening=$(sed -n 1,5p commands)
fetching=$(sed -n 6p commands)
listing=$(sed -n 7p commands)
checking=$(sed -n 8p commands)
# The same commands for another record than number 17.
numbered() { sed "s/0000000017/@P@/g; s/17/$1/g; s/@P@/$(printf %010d "$1")/g"; }

bash -euo pipefail -c "$fetching"
cmp extract.py "$project/spec/extract.py" || fail "the program in README.txt is not that of spec/"
bash -euo pipefail -c "$listing" | tee listing
records=$(grep -c '^AGE-SECRET-KEY-1' sheet.txt)
[ "$(grep -c '^[0-9]' listing)" = "$records" ] || fail "the program lists other records than the key sheet"

for number in $(seq "$records"); do
  padded=$(printf %010d "$number")
  name=$(sed -n "s/^# record $padded, keep until 2999-12-31: //p" sheet.txt)
  folder=$scratch/opened/$number
  mkdir -p "$folder"
  cp firm.sealed extract.py "$folder/"
  sed -n "/^# record $padded,/{n;p}" sheet.txt >"$folder/key.txt"
  cd "$folder"
  bash -euo pipefail -c "$(numbered "$number" <<<"$checking")" >/dev/null
  if [ "$name" = 'nothing in it' ]; then
    # sha256sum calls a list of no files an error; the rest of the commands must work.
    bash -euo pipefail -c "$(numbered "$number" <<<"$opening")" >log 2>&1 && fail "$name: sha256sum found files"
    grep -q 'no properly formatted' log || fail "$name: $(cat log)"
  else
    bash -euo pipefail -c "$(numbered "$number" <<<"$opening")" >log 2>&1 || fail "$name: $(cat log)"
  fi
  if grep -v -e ': OK$' -e 'KEEPUNTIL.linked' -e ' bytes *$' -e 'no properly formatted' log | grep -q .; then
    fail "$name: an unexpected message: $(cat log)"
  fi
  cmp "$number.age" "record-$number.age"
  zstd --quiet --long=27 -t "$number.tar.zst"
  # Links that a bag cannot list stand in links.txt and nowhere else; whatever else there was must be here.
  rm -rf "$scratch/expected"
  mkdir "$scratch/expected"
  if [ -d "$source/$name" ]; then cp -a "$source/$name/." "$scratch/expected"; else cp -a "$source/$name" "$scratch/expected"; fi
  if [ -f "$number/links.txt" ]; then
    cut -f1 "$number/links.txt" | while IFS= read -r link; do rm "$scratch/expected/$link"; done
  fi
  diff -r --no-dereference "$scratch/expected" "$number/data" || fail "$name: not what was sealed"
  (cd "$number" && sha256sum --quiet -c tagmanifest-sha256.txt) || fail "$name: a tag file does not agree"
  # What restore adds to the bag was not sealed.
  diff -r --no-dereference --exclude=evidence.json "$scratch/restored/$name" "$number" || fail "$name: keepuntil restores something else"
  cd "$scratch/kept"
  echo "record $number opened: $name"
done
[ -z "$python" ] || "$python" "$project/tests/stock/bags.py" "$scratch"/opened/*/[0-9]*/

# Damage is noticed, and said.
says() { # MESSAGE ARGUMENT…: the program fails with this message, and no traceback
  local message=$1; shift
  if python3 extract.py "$@" >output 2>&1; then fail "the program accepts a damaged archive"; fi
  grep -q "$message" output || fail "the program says: $(cat output)"
  ! grep -q Traceback output || fail "the program breaks: $(cat output)"
}
flip() { # OFFSET FROM TO: a copy of the archive with one byte changed
  cp firm.sealed damaged.sealed
  printf '\x5a' | dd of=damaged.sealed bs=1 seek="$1" conv=notrunc status=none
  if cmp -s firm.sealed damaged.sealed; then
    printf '\xa5' | dd of=damaged.sealed bs=1 seek="$1" conv=notrunc status=none
  fi
}
at() { # MEMBER: where its content begins
  python3 -c 'import sys, tarfile; print(tarfile.open(sys.argv[1]).getmember(sys.argv[2]).offset_data)' firm.sealed "$1"
}
flip $(($(at records/0000000001/00000000) + 500))
says 'record 1 is damaged' damaged.sealed 1
tar -xOf damaged.sealed records/0000000001 >damaged.age
if age -d -i "$scratch/opened/1/key.txt" -o /dev/null damaged.age 2>/dev/null; then fail "age accepts a damaged record"; fi
python3 extract.py damaged.sealed 2 >/dev/null || fail "a damaged record keeps another from opening"
flip $(($(at archive.json) + 30))
says 'archive.json is damaged' damaged.sealed
flip $(($(at "$(tar -tf firm.sealed | grep ^tile/entries/)") + 300))
says 'do not make the sealed root' damaged.sealed
flip $(($(at records/0000000001/00000000) - 512 + 130))
says 'damaged' damaged.sealed 1
head -c 5000 firm.sealed >damaged.sealed
says 'damaged' damaged.sealed
says 'there is no record 99' firm.sealed 99

# The seal's Ed25519 signature is a standard one: openssl verifies it with the key that archive.json names.
tar -xf firm.sealed archive.json checkpoint
vkey=$(python3 -c 'import json; print(json.load(open("archive.json"))["verifier_keys"][0])')
{ printf '\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00'; cut -d+ -f3- <<<"$vkey" | base64 -d | tail -c 32; } >key.der
sed '/^$/,$d' checkpoint >signed-text
sed -n 's/^— [^ ]* //p' checkpoint | head -1 | base64 -d | tail -c +5 >signature
verify() { openssl pkeyutl -verify -pubin -inkey key.der -keyform DER -rawin -in signed-text -sigfile signature; }
verify || fail "openssl does not verify the seal"
echo >>signed-text
if verify; then fail "openssl verifies another text"; fi
echo "all $records records opened without keepuntil"
