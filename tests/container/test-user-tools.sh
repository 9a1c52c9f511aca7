#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: user
# Tools of an ordinary user: user name spaces by newuidmap, autostart, monitor and top on containers of his own.
. "${0%/*}/lib.sh"
P=(-P "$LXCPATH")
me=$(id -u) first=$(sub_start /etc/subuid)
maps() { tr -s ' \n' ' ' | sed 's/^ //'; }
is "usernsexec: the ids of /etc/subuid by default" "$(lxc-usernsexec -- cat /proc/self/uid_map | maps)" "0 $first 65536 "
is "usernsexec -s: and our own behind them" "$(lxc-usernsexec -s -- cat /proc/self/uid_map | maps)" "0 $first 65536 65536 $me 1 "
is "usernsexec: only our own ids" \
	"$(lxc-usernsexec -m "u:0:$me:1" -m "g:0:$(id -g):1" -- sh -c 'id -u; id -g' | maps)" "0 0 "
is "usernsexec: both" \
	"$(lxc-usernsexec -m "u:0:$me:1" -m "g:0:$(id -g):1" -m "b:1:$first:9" -- sh -c 'id -u; cat /proc/self/gid_map' | maps)" \
	"0 0 $(id -g) 1 1 $first 9 "
refuse "usernsexec: somebody else's ids" lxc-usernsexec -m b:0:0:10 -- true
touch "$T/mine" && lxc-usernsexec -s -- chown 5:5 "$T/mine"
is "files of the container's users" "$(stat -c %u "$T/mine")" $((first + 5))
lxc-usernsexec -s -- rm "$T/mine"
is "unshare with a user name space" "$(lxc-unshare -s 'USER|UTSNAME' -u 0 -H mine -- sh -c 'id -u; hostname' | maps)" "0 mine "
refuse "unshare without" lxc-unshare -s UTSNAME -- true

make_container "${CT}a" <<EOC
lxc.net.0.type = empty
lxc.start.auto = 1
EOC
lxc-monitor "${P[@]}" >"$T/monitor" &
monitor=$!
sleep 0.2
check "autostart" lxc-autostart "${P[@]}"
is "runs" "$(state_of "${CT}a")" RUNNING
like "top -b" "$(timeout 1 lxc-top "${P[@]}" -b)" "^[0-9]+,${CT}a(,[0-9]+){8}\$"
check "autostart -k" lxc-autostart "${P[@]}" -k
stopped() { grep -q "'${CT}a' changed state to .STOPPED" "$T/monitor"; }
check "monitor" wait_for 5 stopped
kill $monitor
is "device: refused" "$(lxc-device "${P[@]}" "${CT}a" add /dev/null 2>&1)" "lxc-device: ${CT}a: devices are root's to give
hint: run it as root"
