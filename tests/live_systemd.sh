#!/bin/bash
# A schedule under a systemd that really runs: installed, fired by its timer, the purge carried out, `status` afterwards.
#
# usage: tests/live_systemd.sh KEEPUNTIL
#
# Not one of the tests that run everywhere: it needs root, systemd, overlayfs, faketime and three minutes. It boots systemd
# as process 1 of namespaces of its own, over a throw-away layer above this machine's file system, and does all of it twice:
# for the machine (`--system`, the keyring of an ordinary user) and for that user (`--user`). The clock of the machine is not
# touched: the keyring is made in the past, the present is confirmed by a signature, the timer is set to the next minute.
set -euo pipefail

unit_of() { # of the keyring, by what `schedule write` calls it
    as_keeper keepuntil schedule write -o /tmp/units >/dev/null
    basename /tmp/units/*.service .service
}

as_keeper() { # runs a command as the owner of the keyring
    runuser -u keeper -- env HOME=/home/keeper XDG_RUNTIME_DIR=/run/user/4242 "$@"
}

in_the_past() {
    as_keeper faketime -f "@$(date -d '-400 days' '+%F %T')" "$@"
}

prepare() { # a keyring with records whose time has run, as far as a second person says which day it is
    rm -rf /home/keeper /tmp/units
    mkdir -p /home/keeper/clients/{Smith,Jones}
    echo letter | tee /home/keeper/clients/{Smith,Jones}/letter.txt >/dev/null
    chown -R keeper /home/keeper
    cd /home/keeper
    in_the_past keepuntil create --quiet -o firm.sealed --until "$(date -d '-60 days' +%F)" clients
    as_keeper ssh-keygen -q -t ed25519 -N '' -f key
    echo "lin@lantern.example $(cut -d' ' -f1,2 key.pub)" >people.txt
    in_the_past keepuntil --quiet keyring set --cool-off-days 0
    in_the_past keepuntil --quiet roster set people.txt
    as_keeper keepuntil clock statement >now.txt || true
    as_keeper ssh-keygen -q -Y sign -n keepuntil-clock -f key now.txt
    as_keeper keepuntil --quiet clock confirm --statement now.txt --signature now.txt.sig
}

fires() { # --system or --user: installs, waits for the timer, looks
    prepare
    local unit units systemctl run at
    unit=$(unit_of)
    case $1 in
    --system) units=/etc/systemd/system systemctl="systemctl" run="env HOME=/home/keeper" ;;
    --user) units=/home/keeper/.config/systemd/user systemctl="as_keeper systemctl --user" run=as_keeper ;;
    esac
    # A random delay of up to half an hour is good for a fleet of machines, not for a test.
    mkdir -p "$units/$unit.timer.d" "$units/$unit.service.d"
    printf '[Timer]\nRandomizedDelaySec=0\nAccuracySec=1s\n' >"$units/$unit.timer.d/test.conf"
    printf '[Service]\nStandardOutput=append:/tmp/service.log\nStandardError=append:/tmp/service.log\n' >"$units/$unit.service.d/test.conf"
    : >/tmp/service.log && chmod 666 /tmp/service.log
    [ "$1" = --system ] || chown -R keeper /home/keeper/.config
    echo "== $1: before"
    as_keeper keepuntil status || echo "status: exit $?"
    at=$(date -d '+70 seconds' +%H:%M)
    $run keepuntil schedule install "$1" --at "$at"
    $systemctl list-timers --all --no-pager | head -3
    for _ in $(seq 150); do
        sleep 1
        [ -n "$($systemctl show -P ExecMainExitTimestamp "$unit.service")" ] && break
    done
    sleep 1
    echo "== $1: after"
    $systemctl show -p Result -p ExecMainStatus -p ExecMainStartTimestamp "$unit.service"
    cat /tmp/service.log
    as_keeper keepuntil status || echo "status: exit $?"
    $run keepuntil schedule show "$1" --at "$at"
    as_keeper keepuntil status --json | grep -q '"destroyed":2'
    as_keeper keepuntil restore firm.sealed --record 1 -o out && exit 1 || [ $? = 13 ]
    $run keepuntil schedule remove "$1"
    [ ! -e "$units/$unit.timer" ]
}

case ${1:?the program keepuntil} in
namespaces) # process 1 of them: a root of its own, then systemd
    work=$(mktemp -d)
    mount -t tmpfs tmpfs "$work"
    mkdir "$work"/{upper,work,root}
    root=$work/root
    mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$root"
    install -m 755 "$2" "$root/usr/local/bin/keepuntil"
    install -m 755 "$0" "$root/usr/local/bin/live_systemd"
    mount -t proc proc "$root/proc"
    # Read-only, as containers have them: nothing that systemd starts reaches this machine's devices and settings.
    mount --bind -o ro "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for device in null zero full random urandom tty; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    mkdir "$root"/dev/{pts,shm,mqueue,hugepages}
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    for fresh in dev/shm run tmp home; do mount -t tmpfs tmpfs "$root/$fresh"; done
    chmod 1777 "$root/tmp" "$root/dev/shm"
    # Of the machine's own services none is started.
    rm -rf "$root"/etc/systemd/{system,user}/*
    echo 'keeper:x:4242:4242::/home/keeper:/bin/bash' >>"$root/etc/passwd"
    printf '[Unit]\nDescription=trial\nDefaultDependencies=no\n[Service]\nType=oneshot\nStandardOutput=file:/run/said\nStandardError=inherit\nExecStart=/usr/local/bin/live_systemd inside\nExecStopPost=/bin/systemctl exit\n' \
        >"$root/etc/systemd/system/trial.service"
    mkdir "$root/old"
    cd "$root"
    pivot_root . old
    mkdir -p /run/result
    mount --bind "/old$3" /run/result
    umount -l /old
    exec env -i container=other PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 \
        /lib/systemd/systemd --system --unit=trial.service --show-status=0 --log-target=null
    ;;
inside) # a service of that systemd
    export LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
    trap 'echo "exit $?"; cp /run/said /run/result/said' EXIT
    fires --system
    mkdir -p /run/user/4242 && chown keeper /run/user/4242 && chmod 700 /run/user/4242
    systemd-run --quiet --unit=keeper --uid=4242 --slice=user.slice -p Delegate=yes \
        -E HOME=/home/keeper -E XDG_RUNTIME_DIR=/run/user/4242 /lib/systemd/systemd --user
    for _ in $(seq 50); do [ -S /run/user/4242/systemd/private ] && break || sleep 0.2; done
    fires --user
    echo "fired twice"
    ;;
*)
    result=$(mktemp -d)
    trap 'rm -rf "$result"' EXIT
    timeout 600 unshare --fork --kill-child --pid --mount --uts --ipc --cgroup --propagation private \
        bash "$0" namespaces "$(realpath "$1")" "$result" || true
    cat "$result/said"
    grep -q '^fired twice$' "$result/said"
    ;;
esac
