#!/usr/bin/env bash
# What it costs to remove one client for good: keepuntil beside restic and borg, on the corpus `office`, in one table.
#   usage: benches/forget.sh CORPORA [CLIENT]      CORPORA: what benches/corpora.sh built; CLIENT: a folder of `office`
# Needs: restic, borg, ssh-keygen, GNU time. Warm cache, one run. Every step until nothing of the client is left:
#   keepuntil  `purge` destroys the client's keys (plan, signature, execution): no copy of the archive opens any more.
#              `reclaim` then removes the ciphertext from this copy, which no promise needs.
#   restic     every client is a snapshot of its own, the cheapest case for it: forget that snapshot, prune to the last byte.
#   borg       one archive: recreate it without the client, compact to the last byte.
# For restic and borg this removes nothing from any other copy of the repository.
# WORK (default: a new folder beside the corpora) holds the outputs.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")/.." && pwd)
corpora=$(realpath "${1:?folder of corpora}"); client=${2:-lo-testdocs}; dir=$corpora/office
[ -d "$dir/$client" ] || { echo "$dir/$client: there is no such folder" >&2; exit 1; }
cargo build --release --locked --manifest-path "$here/Cargo.toml" --quiet
keepuntil=$(cd "$here" && cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/keepuntil
work=${WORK:-$(mktemp -d -p "$(dirname "$corpora")" forget.XXXXXX)}; mkdir -p "$work"; cd "$work"
trap 'rm -rf "$work"' EXIT
export HOME=$work/home XDG_DATA_HOME= XDG_STATE_HOME= RESTIC_PASSWORD=x BORG_PASSPHRASE=x BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
mkdir -p home; unset KEEPUNTIL_KEYRING KEEPUNTIL_IDENTITY
size() { du -s -B1 "$1" | cut -f1; }
row() { printf '%-10s %-10s %8s %8s %8s %8s %8s\n' "$@"; }
# step TOOL WHAT STORE COMMAND: runs it and prints a row
step() {
  local before=0 after
  [ ! -e "$3" ] || before=$(size "$3")
  sync
  if ! /usr/bin/time -o last -f '%e %U %S %I %O' bash -euo pipefail -c "$4" >/dev/null 2>err; then cat err >&2; exit 1; fi
  after=$(size "$3")
  # shellcheck disable=SC2046
  set -- "$1" "$2" $(awk '{ printf "%.2f %.2f %d", $1, $2 + $3, $5 * 512 / 1000000 }' last)
  row "$@" "$((before / 1000000))" "$((after / 1000000))"
}

echo "$(date -u +%F), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), kernel $(uname -r)"
"$keepuntil" --version; restic version | cut -d' ' -f1,2; borg --version
echo "removing $client ($(($(size "$dir/$client") / 1000000)) MB of $(($(size "$dir") / 1000000)) MB)"
echo "wall and cpu in seconds, written to disk in MB, space that the store takes before and after in MB"
row tool step wall cpu written before after
find "$dir" -type f -print0 | xargs -0 cat >/dev/null

ssh-keygen -q -t ed25519 -N '' -C lin -f lin; echo "lin@firm.example $(cat lin.pub)" >roster
step keepuntil create ku.sealed "'$keepuntil' -q create -o ku.sealed --class public --rule cn-pi-minimum --retain P1Y --start creation \
  --counting day --at-expiry destroy '$dir'"
"$keepuntil" -q keyring set --cool-off-days 0 >/dev/null; "$keepuntil" -q roster set roster
record=$("$keepuntil" inspect ku.sealed --json | grep "\"name\":\"$client\"" | sed 's/.*"record":\([0-9]*\).*/\1/')
step keepuntil purge ku.sealed "'$keepuntil' -q purge --plan plan.json --archive ku.sealed --record $record --early client-asked
  ssh-keygen -q -Y sign -n keepuntil-plan -f lin plan.json; '$keepuntil' -q purge --execute plan.json --approval plan.json.sig"
if "$keepuntil" -q restore ku.sealed --record "$record" -o restored 2>err; then echo "record $record still opens" >&2; exit 1; fi
grep -q 'keys were destroyed' err || { cat err >&2; exit 1; }
step keepuntil reclaim ku.sealed "'$keepuntil' -q purge --reclaim ku.sealed"
rm -f ku.sealed

step restic backup restic "restic -q init -r restic; for folder in '$dir'/*; do restic -q -r restic backup \"\$folder\"; done"
snapshot=$(restic -q -r restic snapshots --path "$dir/$client" --json | sed 's/.*"short_id":"\([0-9a-f]*\)".*/\1/')
step restic forget restic "restic -q -r restic forget $snapshot"
step restic prune restic "restic -q -r restic prune --max-unused 0"
rm -rf restic

step borg create borg "borg init -e repokey-blake2 borg; cd '$corpora' && borg create -C zstd,3 '$work/borg::a' office"
step borg recreate borg "borg recreate --exclude 'pp:office/$client' borg::a"
step borg compact borg "borg compact --threshold 0 borg"
if borg list borg::a "office/$client" 2>/dev/null | grep -q .; then echo "borg still lists $client" >&2; exit 1; fi
