#!/usr/bin/env bash
# Times keepuntil beside the tools that people use instead, on real corpora, and prints one table of ratios.
#   usage: benches/peers.sh CORPORA [RUNS]        CORPORA: what benches/corpora.sh built; RUNS: 3 unless said
# Needs: age, zstd, tar, restic, borg, 7z, openssl, GNU time. Warm cache; every tool in turn, RUNS times (restic, borg, 7-Zip and the
# pipe backwards once); medians.
# WORK (default: a new folder beside the corpora) holds the outputs. PEERS=pipe leaves out restic, borg and 7-Zip.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")/.." && pwd)
corpora=$(realpath "${1:?folder of corpora}"); runs=${2:-3}
cargo build --release --locked --manifest-path "$here/Cargo.toml" --quiet
keepuntil=$(cd "$here" && cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/keepuntil
work=${WORK:-$(mktemp -d -p "$(dirname "$corpora")" peers.XXXXXX)}; mkdir -p "$work"; cd "$work"
trap 'rm -rf "$work"' EXIT
export HOME=$work/home XDG_DATA_HOME= XDG_STATE_HOME= RESTIC_PASSWORD=x BORG_PASSPHRASE=x BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
mkdir -p home; unset KEEPUNTIL_KEYRING KEEPUNTIL_IDENTITY
age-keygen -o key.txt 2>/dev/null; recipient=$(age-keygen -y key.txt)
warm() { find "$1" -type f -print0 | xargs -0 cat >/dev/null; }
# once NAME CLEANUP COMMAND: runs it, adds "wall cpu KiB" to NAME.times
once() {
  eval "$2"; sync
  if ! /usr/bin/time -o last -f '%e %U %S %M' bash -c "$3" >/dev/null 2>err; then cat err >&2; exit 1; fi
  awk '{ print $1, $2 + $3, $4 }' last >>"$1.times"
}
median() { cut -d' ' -f"$2" "$1.times" | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }'; }
size() { du -sb --apparent-size "$1" | cut -f1; }
row() { printf '%-11s %-22s %8s %8s %9s %8s %8s\n' "$@"; }

echo "$(date -u +%F), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), kernel $(uname -r)"
"$keepuntil" --version; age --version; zstd --version | sed 's/.*\(v1[0-9.]*\).*/zstd \1/'
echo "wall and cpu in seconds (median of $runs; restic, borg, 7-Zip and pipe-back: one run), size in MB, peak memory of the largest process in MiB"
row corpus tool wall cpu size memory "wall/ku"
for corpus in many-small office big ledger; do
  dir=$corpora/$corpus; [ -d "$dir" ] || continue
  warm "$dir"; rm -f ./*.times
  declare -A run=(
    [keepuntil]="'$keepuntil' -q create -o ku.sealed --until 2099-12-31 --class public '$dir'"
    [tar-zstd-age]="tar -cf - -C '$corpora' $corpus | zstd -q -T0 -3 | age -r $recipient >pipe.age"
    [restic]="restic -q init -r restic && restic -q -r restic backup '$dir'"
    [borg]="borg init -e repokey-blake2 borg && borg create -C zstd,3 borg::a '$dir'"
    [7-Zip]="7z a -bd -mx=1 -mhe=on -px 7z.7z '$dir'"
  )
  declare -A out=([keepuntil]=ku.sealed [tar-zstd-age]=pipe.age [restic]=restic [borg]=borg [7-Zip]=7z.7z)
  tools=(keepuntil tar-zstd-age); [ "${PEERS:-all}" = pipe ] || tools+=(restic borg 7-Zip)
  for ((i = 0; i < runs; i++)); do
    for tool in "${tools[@]}"; do
      # Far slower than the others: once is enough.
      if ((i > 0)) && [[ $tool =~ ^(restic|borg|7-Zip)$ ]]; then continue; fi
      once "$tool" "rm -rf ${out[$tool]}" "${run[$tool]}"
    done
  done
  base=$(median keepuntil 1)
  for tool in "${tools[@]}"; do
    row "$corpus" "$tool" "$(median "$tool" 1)" "$(median "$tool" 2)" "$(($(size "${out[$tool]}") / 1000000))" \
      "$(($(median "$tool" 3) / 1024))" "$(ratio "$(median "$tool" 1)" "$base")"
  done
  rm -f ./*.times; warm ku.sealed 2>/dev/null || cat ku.sealed >/dev/null
  for ((i = 0; i < runs; i++)); do
    once verify : "'$keepuntil' -q verify ku.sealed"
    once openssl : "openssl dgst -sha256 ku.sealed"
    once restore "rm -rf restored" "'$keepuntil' -q restore ku.sealed --all -o restored"
    ((i > 0)) || once pipe-back "rm -rf restored; mkdir restored" "age -d -i key.txt pipe.age | zstd -q -d | tar -xf - -C restored"
  done
  for pair in "verify openssl" "restore pipe-back"; do
    read -r ours theirs <<<"$pair"
    for tool in $ours $theirs; do
      row "$corpus" "$tool" "$(median "$tool" 1)" "$(median "$tool" 2)" "" "$(($(median "$tool" 3) / 1024))" \
        "$(ratio "$(median "$tool" 1)" "$(median "$ours" 1)")"
    done
  done
  rm -rf restored ku.sealed pipe.age restic borg 7z.7z ./*.times
done
# One record out of many: a small archive and a large one.
for count in 100 100000; do
  mkdir "few-$count"
  for ((i = 1; i <= count; i++)); do echo "record $i" >"few-$count/$i.txt"; done
  "$keepuntil" -q create -o "few-$count.sealed" --until 2099-12-31 --class public "few-$count"
  rm -rf "few-$count"
  for ((i = 0; i < 5; i++)); do
    once "one-of-$count" "rm -rf restored" "exec '$keepuntil' -q restore few-$count.sealed --record 77 -o restored"
  done
  row "-" "one of $count" "$(median "one-of-$count" 1)" "$(median "one-of-$count" 2)" "" \
    "$(($(median "one-of-$count" 3) / 1024))" "1.00"
done
