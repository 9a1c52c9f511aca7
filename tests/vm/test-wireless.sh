#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# A wireless interface goes into a container with its radio, and comes back: two radios that the kernel simulates.
# kernel: linux-image-amd64 mac80211_hwsim
[ -n "${CT-}" ] || exec tests/container/run "$0"
. tests/container/lib.sh
c=$CT-w
# Radios are seen where they are.
radios() { for r in /sys/class/ieee80211/*; do [ ! -e "$r" ] || basename "$r"; done | tr '\n' ' '; }
wait_for 30 test -e /sys/class/ieee80211/phy1
is "the simulated radios" "$(radios)" "phy0 phy1 "
first=(/sys/class/ieee80211/phy0/device/net/*) second=(/sys/class/ieee80211/phy1/device/net/*)
name=${first[0]##*/} other=${second[0]##*/}
mac=$(cat "/sys/class/net/$name/address")
in_there() { in_ct "$c" cat "/sys/class/net/$1/address"; }
make_container "$c" <<END
lxc.mount.auto = proc:mixed sys:ro
lxc.net.0.type = phys
lxc.net.0.link = $name
lxc.net.0.name = air
lxc.net.0.hwaddr = 02:00:00:00:77:01
END
cp "$LXCPATH/$c/config" "$T/good"
check "lxc-start" start_ct "$c"
is "it is in there, by its new name and address" "$(in_there air)" 02:00:00:00:77:01
is "with its radio" "$(in_ct "$c" ls /sys/class/ieee80211)" phy0
is "which the host has no more" "$(radios)" "phy1 "
check "lxc-stop" lxc-stop -P "$LXCPATH" -n "$c" -k
check "the radio comes back" wait_for 10 test -e /sys/class/ieee80211/phy0
check "the interface has its name" wait_for 10 test -e "/sys/class/net/$name"
is "and its address" "$(cat "/sys/class/net/$name/address")" "$mac"
grep -v hwaddr "$T/good" >"$LXCPATH/$c/config"
check "once more, with its own address" start_ct "$c"
is "that is in there" "$(in_there air)" "$mac"
check "another by lxc-device" lxc-device -P "$LXCPATH" -n "$c" add "$other" wave
check "it is in there, too" in_there wave
is "with its radio as well" "$(radios)" ""
check "and back by lxc-device" lxc-device -P "$LXCPATH" -n "$c" del wave "$other"
is "with its radio" "$(radios)" "phy1 "
check "by its name" test -e "/sys/class/net/$other"
# Its keeper is killed, and the name space ends with the container: the kernel brings the radio home, the next start its name.
pid=$(lxc-info -P "$LXCPATH" -n "$c" -pH)
kill -9 "$(awk '/^PPid/ {print $2}' "/proc/$pid/status")"
kill -9 "$pid"
creel doctor --fix >"$T/doctor" 2>&1
check "after a kill of all: its radio is here" wait_for 10 test -e /sys/class/ieee80211/phy0
check "and its name" wait_for 10 test -e "/sys/class/net/$name"
