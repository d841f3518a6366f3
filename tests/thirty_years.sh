#!/usr/bin/env bash
# A firm's archives from sealing to the last destroyed record, by the commands of the README and a clock that is moved month by
# month: several rules, an event, an extension, a hold for nine years, a reviewed plan. Every year what the keyring says is
# compared with what was sealed, and at the end every entry of the journal with what was done.
#
# usage: thirty_years.sh KEEPUNTIL. Takes some minutes; LC_ALL is passed on, so that `LC_ALL=zh_CN.UTF-8` shows the Chinese texts.
# Needs Debian's `faketime`, `jq` and `ssh-keygen`.
set -euo pipefail
keepuntil=$(realpath "$1")
project=$(realpath "$(dirname "$0")/..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export HOME=$work/home TZ=Asia/Shanghai LC_ALL=${LC_ALL:-C.UTF-8}
export XDG_DATA_HOME=$HOME/data XDG_STATE_HOME=$HOME/state
unset KEEPUNTIL_KEYRING KEEPUNTIL_IDENTITY
mkdir -p "$HOME"

today=2026-11-22
fail() { echo "thirty_years: $today: $*" >&2; exit 1; }
# Runs the program today; the first word is the exit code that it must end with.
run() {
  local code=0 wanted=$1
  shift
  faketime -f "@$today 10:00:00" "$keepuntil" "$@" </dev/null >out 2>err || code=$?
  [ "$code" = "$wanted" ] || { cat out err >&2; fail "exit code $code instead of $wanted: $*"; }
  cat err >&2
}
shown() { echo "$today \$ keepuntil $*"; run 0 "$@"; sed 's/^/    /' out; }
# Somebody else says what day it is; the machine's own counter does not see the years of faketime.
confirm() {
  run 0 clock statement && mv out now.txt
  rm -f now.txt.sig && ssh-keygen -q -Y sign -n keepuntil-clock -f lin now.txt 2>/dev/null
  run 0 clock confirm --statement now.txt --signature now.txt.sig
}
number() { jq -r "$1" out; }

for person in lin wang; do
  ssh-keygen -q -t ed25519 -N '' -C "$person" -f "$person"
  echo "$person@lantern.example $(cut -d' ' -f1,2 "$person.pub")" >>people.txt
done

# What is sealed, and the last day of each record: archive, records, last day.
firm=$project/fixtures/firm
shown create -o vouchers.sealed --rule cn-accounting-voucher --dated 2025-12-31 "$firm/vouchers"
shown create -o clients.sealed --retain P10Y "$firm/clients"
shown create -o staff.sealed --until 2031-12-31 "$firm/staff"
shown create -o contracts.sealed --rule cn-labour-contract "$firm/staff"
shown roster set people.txt --plan-approvals 2
run 0 keyring info --vkeys && mv out firm.vkeys
run 0 journal show --checkpoint && mv out checkpoint.2026
for archive in vouchers clients staff contracts; do
  run 0 inspect "$archive.sealed" --json
  records=$(jq -rs 'map(select(.message_type == "record")) | length' out)
  case $archive in
    vouchers) last=2055-12-31 ;; clients) last=2036-11-22 ;; staff) last=2031-12-31 ;; contracts) last=2030-06-30 ;;
  esac
  for ((n = 1; n <= records; n++)); do echo "$archive $n $last"; done
done >sealed
move() { sed -i "s/^$1 $2 .*/$1 $2 $3/" sealed; }
# A record is scheduled in the first month that begins after its last day and destroyed in the next.
gone_by() { awk -v today="$today" '{ split($3, d, "-"); m = d[1] * 12 + d[2] + 1; split(today, t, "-"); if (t[1] * 12 + t[2] > m) n++ } END { print n + 0 }' sealed; }

for ((month = 2026 * 12 + 11; month < 2056 * 12 + 4; month++)); do
  today=$(printf '%04d-%02d-05' $((month / 12)) $((month % 12 + 1)))
  confirm
  case $today in
    2028-07-*) shown event record contract-end contracts.sealed --date 2028-06-30 ;;
    2029-05-*) shown extend staff.sealed --record 2 --until 2034-06-30 && move staff 2 2034-06-30
      run 11 extend staff.sealed --record 2 --until 2033-06-30 ;;
    2031-03-*) shown hold place clients.sealed --record 1 --matter 'Smith v. Jones' --authority 'District Court'
      move clients 1 9999-01-01 ;;
    2040-05-*) shown hold list
      run 0 hold list --json && shown hold release "$(number 'select(.hold).hold')"
      move clients 1 2040-04-30 ;;
    2056-01-*) shown purge --plan plan.json
      for person in lin wang; do
        rm -f plan.json.sig && ssh-keygen -q -Y sign -n keepuntil-plan -f "$person" plan.json 2>/dev/null
        mv plan.json.sig "plan.$person"
      done
      run 15 purge --execute plan.json --approval plan.lin
      shown purge --execute plan.json --approval plan.lin --approval plan.wang ;;
  esac
  run 0 purge --unattended
  grep -q nothing out || { echo "$today \$ keepuntil purge --unattended"; sed 's/^/    /' out; }
  case $today in *-06-05)
    shown status
    shown due --within P1Y
    run 0 status --json
    [ "$(number .states.destroyed)" = "$(gone_by)" ] || fail "$(number .states.destroyed) records are destroyed, not $(gone_by)"
    [ "$(number .overdue_count)" = 0 ] || fail "$(number .overdue_count) records are overdue" ;;
  esac
done

shown status
run 0 status --json
[ "$(number .states.live)" = 0 ] || fail "$(number .states.live) records are left"
for archive in vouchers clients staff contracts; do run 13 restore "$archive.sealed" --record 1 -o gone; done
# Every certificate verifies, no record is on two, and none was destroyed on or before its last day.
certificates=("$XDG_DATA_HOME"/keepuntil/keyring/certificates/*.json)
for certificate in "${certificates[@]}"; do
  run 0 certificate verify "$certificate" --journal firm.vkeys
  jq -r '.records[] | "\(.archive) \(.record) \(.until) \(.destroyed)"' "$certificate"
done >destroyed
[ "$(cut -d' ' -f1,2 destroyed | sort -u | wc -l)" = "$(wc -l <sealed)" ] || fail "certificates name other records"
[ "$(wc -l <destroyed)" = "$(wc -l <sealed)" ] || fail "a record was destroyed twice"
awk '$4 <= $3 { exit 1 }' destroyed || fail "a record was destroyed before its time"
# A hold changes no last day.
diff <(cut -d' ' -f3 destroyed | sort) <(sed 's/^clients 1 .*/clients 1 2036-11-22/' sealed | cut -d' ' -f3 | sort) ||
  fail "certificates name other last days"
[ "$(awk '$3 == "2036-11-22" && $4 > "2040-05-01"' destroyed | wc -l)" = 1 ] || fail "the hold did not hold one record"
shown certificate show "${certificates[0]}" --journal firm.vkeys
shown journal verify
shown journal verify --since checkpoint.2026
run 0 journal show --json && mv out journal
count() { jq -s "map(select(.kind == \"$1\")) | length" journal; }
truth() { [ "$(count "$1")" = "$2" ] || fail "the journal has $(count "$1") entries $1, not $2"; }
truth deposit 4
truth event 1
truth extension 1
truth hold 1
truth release 1
truth roster 1
truth clock-alarm 0
truth destroyed ${#certificates[@]}
truth intent ${#certificates[@]}
truth plan ${#certificates[@]}
jq -rs 'map(select(.kind == "destroyed") | .leaf.entry.destroyed.count) | add' journal | grep -qx "$(wc -l <sealed)" ||
  fail "the journal counts other records"
echo "thirty years: $(wc -l <sealed) records destroyed, each after its last day, on ${#certificates[@]} certificates"
