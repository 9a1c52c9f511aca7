#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root user vm
# One life: defined, started, entered, listed, frozen, limited, stopped in an orderly way and by force, destroyed. An ordinary
# user's container lives in a user name space; what takes rights that he has not been given is left out there.
. "${0%/*}/lib.sh"
c=$CT-life
P=(-P "$LXCPATH" -n "$c")
if is_root; then
	make_container "$c" <<EOF
lxc.cgroup.memory.limit_in_bytes = 48M
lxc.mount.auto = proc:mixed sys:ro
lxc.net.0.type = veth
lxc.net.0.ipv4.address = 10.99.1.2/24
lxc.net.0.flags = up
EOF
else
	make_container "$c" <<EOF
lxc.mount.auto = proc:mixed sys:ro
lxc.net.0.type = empty
EOF
fi
is "defined" "$(lxc-ls -P "$LXCPATH" -1)" "$c"
is "stopped before the first start" "$(state_of "$c")" STOPPED
refuse "no stop of what is not running" lxc-stop "${P[@]}"
check "the plan can be read" creel plan -P "$LXCPATH" "$c"
check "start" start_ct "$c"
is "RUNNING" "$(state_of "$c")" RUNNING
like "no second start" "$(start_ct "$c" 2>&1)" "already running"
is "its name inside" "$(in_ct "$c" hostname)" "$c"
is "init is process 1 there" "$(in_ct "$c" cat /proc/1/comm)" init
is "the working directory is the same there" "$(cd /etc && in_ct "$c" pwd)" /etc
is "the exit status of a command comes back" "$(in_ct "$c" sh -c 'exit 7'; echo $?)" 7
if is_root; then
	like "its address" "$(in_ct "$c" ip -4 addr show eth0)" '10\.99\.1\.2/24'
else
	is "a network of its own" "$(in_ct "$c" ls /sys/class/net)" lo
	is "root inside" "$(in_ct "$c" id -u)" 0
	is "is an id of the user's outside" "$(stat -c %u "/proc/$(lxc-info "${P[@]}" -pH)")" "$(sub_start /etc/subuid)"
fi
like "/sys is read-only" "$(in_ct "$c" sh -c ': > /sys/kernel/uevent_helper' 2>&1)" 'Read-only'
if is_root; then
	in_ct "$c" dd if=/dev/zero of=/dev/null bs=120M count=1 >/dev/null 2>&1
	is "the memory limit kills a hog" $? 137
	is "and the container lives on" "$(state_of "$c")" RUNNING
	check "freeze" lxc-freeze "${P[@]}"
	is "FROZEN" "$(state_of "$c")" FROZEN
	check "unfreeze" lxc-unfreeze "${P[@]}"
else
	skip "memory limit and freezer" "no control group is delegated to this user"
fi
check "an orderly stop" lxc-stop "${P[@]}" -t 10 --nokill
is "STOPPED" "$(state_of "$c")" STOPPED
check "start again" start_ct "$c"
check "stop by force" lxc-stop "${P[@]}" -k
check "destroy" lxc-destroy "${P[@]}"
is "gone" "$(lxc-ls -P "$LXCPATH" -1)" ""
[ ! -e "$LXCPATH/$c" ]
is "its folder too" $? 0
