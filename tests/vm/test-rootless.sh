#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# An ordinary user's containers where systemd delegates control groups to him: OCI's with one id and with many, by his own
# groups and by his service manager's units; and LXC's.
if [ -z "${CT-}" ]; then
	uid=$(id -u tester)
	loginctl enable-linger tester || systemctl start "user@$uid.service"
	export CT="r$$" T=/tmp/creel-rootless LXCPATH=/tmp/creel-rootless/lxc
	mkdir -p "$LXCPATH" "$T/cache"
	chown -R tester: "$T"
	# Half a minute on a busy host.
	for _ in $(seq 60); do
		[ ! -S "/run/user/$uid/systemd/private" ] || break
		sleep 1
	done
	setpriv --reuid tester --regid tester --init-groups env HOME=/home/tester USER=tester LOGNAME=tester \
		"XDG_RUNTIME_DIR=/run/user/$uid" bash "$0"
	status=$?
	# A system's service of that user, with a group of its own to divide.
	systemd-run -q --wait --pipe --uid=tester --working-directory="$PWD" -p Delegate=yes -p MemoryMax=1G -E PATH -E "XDG_RUNTIME_DIR=$T" -E CT -E T -E LXCPATH \
		-E IN_SERVICE=1 -E CREEL_IN_VM=1 bash "$0" || status=1
	rm -rf "$T"
	exit $status
fi
. tests/oci/lib.sh
B=$T/b
show() { systemctl --user show -p "$2" --value -- "$1"; }
gone() { [ "$(show "$1" ActiveState)" = inactive ] && [ -z "$(find /sys/fs/cgroup -type d -name "$1")" ]; }
# The group that a container's first process is in, as the host sees it.
group_of() { sed 's/^0:://' "/proc/$(creel-oci state "$1" | jq .pid)/cgroup"; }
# scope COMMAND…: in a scope of its own that is ours to divide.
scope() { systemd-run --user --scope -q -p Delegate=yes -- "$@" </dev/null; }
# shellcheck disable=SC2034 # by its name, below
one='.linux.uidMappings = [{"containerID": 0, "hostID": '$(id -u)', "size": 1}] | .linux.gidMappings = [{"containerID": 0, "hostID": '$(id -g)', "size": 1}]'
sub=$(sub_start /etc/subuid)
many='.linux.uidMappings = [{"containerID": 0, "hostID": '$(id -u)', "size": 1}, {"containerID": 1, "hostID": '$sub', "size": 65536}]
	| .linux.gidMappings = [{"containerID": 0, "hostID": '$(id -g)', "size": 1}, {"containerID": 1, "hostID": '$sub', "size": 65536}]'
limits='.linux.resources = {"memory": {"limit": 67108864}, "pids": {"limit": 40}}'
rootless_bundle() {
	mkdir -p "$B"
	[ -d "$B/rootfs" ] || make_rootfs "$B/rootfs"
	rm -f "$B/config.json"
	creel-oci spec --rootless -b "$B"
	set_config "$B" "$(printf '%s | ' '.process.terminal = false' '.linux.namespaces += [{"type": "cgroup"}]' "$@") ."
}

if [ -n "${IN_SERVICE-}" ]; then
	own=/sys/fs/cgroup$(sed 's/^0:://' /proc/self/cgroup)
	# As any service does that divides its group: its own processes go into a leaf.
	mkdir "$own/self"
	echo $$ >"$own/self/cgroup.procs"
	rootless_bundle "$(args sleep 1000)" "$many" "$limits"
	check "a service's user: run" quiet creel-oci run -d -b "$B" "$CT-v"
	is "the group is beside our own" "/sys/fs/cgroup$(group_of "$CT-v")" "$own/$CT-v"
	is "with its limits" "$(cat "$own/$CT-v/memory.max" "$own/$CT-v/pids.max" | tr '\n' ' ')" "67108864 40 "
	is "exec" "$(oci exec "$CT-v" cat /proc/self/cgroup)" 0::/
	check "delete" creel-oci delete -f "$CT-v"
	check "the group has gone" test ! -e "$own/$CT-v"
	exit
fi

# --- groups of the user's own ----------------------------------------------------------------------------------------
for kind in one many; do
	c=$CT-$kind
	rootless_bundle "$(args sleep 1000)" "${!kind}" "$limits"
	check "$kind: run in a delegated scope" quiet scope creel-oci run -d -b "$B" "$c"
	g=/sys/fs/cgroup$(group_of "$c")
	like "$kind: in a group of its own" "$g" "/user@$(id -u).service/.*/$c\$"
	is "$kind: memory.max and pids.max" "$(cat "$g/memory.max" "$g/pids.max" | tr '\n' ' ')" "67108864 40 "
	is "$kind: its root" "$(oci exec "$c" sh -c 'echo $(id -u) $(awk "{n += \$3} END {print n}" /proc/self/uid_map)')" \
		"0 $([ $kind = one ] && echo 1 || echo 65537)"
	like "$kind: /sys cannot be written" "$(oci exec "$c" sh -c 'mkdir /sys/fs/cgroup/x; echo 1 >/sys/kernel/profiling' 2>&1 | tr '\n' ' ')" \
		'Read-only file system.*(Read-only file system|ermission denied)'
	[ $kind = one ] || is "many: other ids" "$(oci exec -u 7:8 "$c" sh -c 'echo $(id -u) $(id -g)')" "7 8"
	check "$kind: update" creel-oci update --memory 128M "$c"
	is "$kind: the kernel has it" "$(cat "$g/memory.max")" 134217728
	is "$kind: exec from another session" "$(oci exec "$c" echo there)" there
	check "$kind: pause, resume" sh -c "creel-oci pause $c && creel-oci resume $c"
	check "$kind: kill and delete" sh -c "creel-oci kill $c KILL && sleep 1 && creel-oci delete $c"
	check "$kind: its group has gone" test ! -e "$g"
	oci delete -f "$c" 2>/dev/null
done

# --- units of the user's service manager: by its own socket, then by the bus ---------------------------------------------
sd=$XDG_RUNTIME_DIR/systemd
for way in socket bus; do
	c=$CT-$way unit=creel-$CT-$way.scope
	[ $way = socket ] || mv "$sd/private" "$sd/private.away"
	rootless_bundle "$(args sleep 1000)" "$many" "$limits" '.linux.resources.cpu = {"shares": 2048}'
	check "$way: run --systemd-cgroup" quiet creel-oci --systemd-cgroup run -d -b "$B" "$c"
	[ $way = socket ] || mv "$sd/private.away" "$sd/private"
	g=/sys/fs/cgroup$(show "$unit" ControlGroup)
	is "$way: the unit" "$(show "$unit" ActiveState) $(show "$unit" Slice) $(show "$unit" MemoryMax) $(show "$unit" TasksMax)" \
		"active user.slice 67108864 40"
	is "$way: its first process is in it" "/sys/fs/cgroup$(group_of "$c")" "$g"
	is "$way: the kernel's limits" "$(cat "$g/memory.max" "$g/pids.max" | tr '\n' ' ')" "67108864 40 "
	is "$way: exec is in it" "$(oci exec "$c" cat /proc/self/cgroup)" 0::/
	check "$way: update" creel-oci update --memory 128M "$c"
	is "$way: update, both have it" "$(show "$unit" MemoryMax) $(cat "$g/memory.max")" "134217728 134217728"
	check "$way: delete" creel-oci delete -f "$c"
	check "$way: the unit has gone" wait_for 5 gone "$unit"
done
rm -rf "$B" 2>/dev/null || unshare -U --map-auto --map-root-user rm -rf "$B"

# --- LXC ---------------------------------------------------------------------------------------------------------------
c=$CT-lxc
printf 'lxc.cgroup2.memory.max = 64M\nlxc.mount.auto = proc:mixed sys:rw cgroup:rw:force\nlxc.cgroup2.pids.max = 60\nlxc.init.cmd = /sbin/init\n' | make_container "$c"
check "lxc-start, by whom nothing is delegated to here" start_ct "$c"
check "it runs" wait_for 10 in_ct "$c" test -e /run/up
g=/sys/fs/cgroup$(sed 's/^0:://' "/proc/$(lxc-info -P "$LXCPATH" -n "$c" -pH)/cgroup")
like "below the user's service manager" "$g" "/user@$(id -u).service/"
is "with its limits" "$(cat "$g/memory.max" "$g/pids.max" | tr '\n' ' ')" "67108864 60 "
is "lxc-cgroup" "$(lxc-cgroup -P "$LXCPATH" -n "$c" memory.max)" 67108864
check "lxc-cgroup sets" lxc-cgroup -P "$LXCPATH" -n "$c" memory.max 96M
is "and the kernel has it" "$(cat "$g/memory.max")" 100663296
is "what enters is in it" "$(in_ct "$c" cat /proc/self/cgroup)" "$(in_ct "$c" cat /proc/1/cgroup)"
divide='cd /sys/fs/cgroup && mkdir -p a/b leaf && for p in $(cat cgroup.procs); do echo $p >leaf/cgroup.procs; done 2>/dev/null; echo +memory >cgroup.subtree_control && cat a/cgroup.controllers'
is "its root divides it" "$(in_ct "$c" sh -c "$divide" 2>&1)" memory
is "whose that is" "$(stat -c %u:%g "$g" "$g/a" "$g/a/b" | tr '\n' ' ')" "$(id -u):$sub $sub:$sub $sub:$sub "
check "lxc-stop" lxc-stop -P "$LXCPATH" -n "$c" -t 20
check "its group has gone" wait_for 5 test ! -e "$g"
check "lxc-start in a delegated scope" scope lxc-start -P "$LXCPATH" -n "$c" -d
g=/sys/fs/cgroup$(sed 's/^0:://' "/proc/$(lxc-info -P "$LXCPATH" -n "$c" -pH)/cgroup")
is "with its limits there, too" "$(cat "$g/memory.max" "$g/pids.max" | tr '\n' ' ')" "67108864 60 "
check "lxc-stop -k" lxc-stop -P "$LXCPATH" -n "$c" -k
check "its group has gone, too" wait_for 5 test ! -e "$g"
unshare -U --map-auto --map-root-user rm -rf "$LXCPATH/$c"
