#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# creel-oci --systemd-cgroup where systemd is process 1: the unit, its slices and limits, what a container may do in it,
# whose it is, and what is left of it.
[ -n "${CT-}" ] || exec tests/container/run "$0"
. tests/oci/lib.sh
B=$T/b c=$CT-s sl=creel${CT}

rt() { creel-oci --systemd-cgroup "$@" </dev/null; }
show() { systemctl show -p "$2" --value -- "$1"; }
# shows UNIT PROPERTY=VALUE…: one call, since each takes long here.
shows() {
	local unit=$1 p args=()
	shift
	for p; do args+=(-p "${p%%=*}"); done
	is "systemctl show $unit" "$(systemctl show "${args[@]}" -- "$unit" | sort | tr '\n' ' ')" "$(printf '%s\n' "$@" | sort | tr '\n' ' ')"
}
gone() { [ "$(show "$1" ActiveState)" = inactive ] && [ -z "$(find /sys/fs/cgroup -type d -name "$1")" ]; }

# --- slice:prefix:name, limits ---------------------------------------------------------------------------------------
unit=pre-$CT.scope dir=/sys/fs/cgroup/$sl.slice/$sl-a.slice/$sl-a-b.slice/pre-$CT.scope
make_bundle "$B" "$(args sleep 1000)" ".linux.cgroupsPath = \"$sl-a-b.slice:pre:$CT\"" \
	'.linux.resources.memory = {"limit": 67108864, "swap": 100663296, "reservation": 33554432}' \
	'.linux.resources.cpu = {"shares": 2048, "quota": 20000, "period": 100000, "cpus": "0", "mems": "0"}' \
	'.linux.resources.pids = {"limit": 50}' '.linux.resources.unified = {"memory.high": "50331648"}' \
	'.annotations = {"org.systemd.property.TimeoutStopUSec": "uint64 7000000", "org.systemd.property.CollectMode": "'"'inactive-or-failed'"'"}'
check "create in nested slices" rt create -b "$B" --pid-file "$T/pid" "$c"
shows "$unit" ActiveState=active "Slice=$sl-a-b.slice" Delegate=yes MemoryMax=67108864 MemorySwapMax=33554432 MemoryLow=33554432 \
	MemoryHigh=50331648 CPUQuotaPerSecUSec=200ms AllowedCPUs=0 AllowedMemoryNodes=0 TasksMax=50 TimeoutStopUSec=7s \
	CollectMode=inactive-or-failed "ControlGroup=${dir#/sys/fs/cgroup}"
is "the kernel has the same" "$(cd "$dir" && cat memory.max memory.swap.max memory.low memory.high cpu.max cpuset.cpus pids.max | tr '\n' ' ')" \
	"67108864 33554432 33554432 50331648 20000 100000 0 50 "
is "so does the weight" "$(show "$unit" CPUWeight)" "$(cat "$dir/cpu.weight")"
is "its process is in it, and nobody else" "$(cat "$dir/cgroup.procs")" "$(cat "$T/pid")"
check "start" rt start "$c"
is "exec is in it" "$(rt exec "$c" cat /proc/1/cgroup)" "$(rt exec "$c" cat /proc/self/cgroup)"
like "devices are governed there" "$(rt exec "$c" sh -c 'mknod /dev/mem2 c 1 1; cat /dev/mem2' 2>&1)" 'not permitted|Read-only'
check "update" rt update --memory 134217728 --memory-swap 201326592 --pids-limit 60 --cpu-quota 40000 "$c"
shows "$unit" MemoryMax=134217728 MemorySwapMax=67108864 TasksMax=60 CPUQuotaPerSecUSec=400ms
systemctl daemon-reload
is "and that stays when systemd reads its units again" "$(cd "$dir" && cat memory.max memory.swap.max pids.max cpu.max | tr '\n' ' ')" \
	"134217728 67108864 60 40000 100000 "
is "/dev/null too" "$(rt exec "$c" sh -c 'echo x >/dev/null && echo written')" written
check "pause" rt pause "$c"
is "it is frozen" "$(sed -n 's/^frozen //p' "$dir/cgroup.events")" 1
check "resume" rt resume "$c"
is "the other commands see it" "$(creel exec "$c" cat /proc/self/cgroup </dev/null)" "0::${dir#/sys/fs/cgroup}"
is "an id of another in the same unit is refused" "$(code_of rt create -b "$B" "$c-2")" 1
like "in runc's words" "$(cat "$T/.out")" "container's cgroup is not empty: 1 process"
is "and the first lives on" "$(status_of "$c")" running
is "of the second nothing is there" "$(left_of "$c-2")" ""
check "kill" rt kill "$c" KILL
wait_for 5 is_status "$c" "" stopped
check "delete" creel-oci delete "$c"
check "the unit has gone, and its group" wait_for 5 gone "$unit"
# What systemd made above it stays, as with any scope of its.
systemctl stop "$sl.slice"

# --- without a path; its groups are its own -------------------------------------------------------------------------
make_bundle "$B" "$(args sh -c 'trap "exit 0" TERM; while :; do sleep 1; done')" '.linux.namespaces += [{"type": "cgroup"}]' \
	'.process.capabilities.bounding += ["CAP_SYS_ADMIN"] | .process.capabilities.effective += ["CAP_SYS_ADMIN"] | .process.capabilities.permitted += ["CAP_SYS_ADMIN"]' \
	'(.mounts[] | select(.type == "cgroup") | .options) = ["nosuid", "noexec", "nodev", "rw"]'
check "run, without a path" quiet rt run -d -b "$B" "$c"
shows "creel-$c.scope" ActiveState=active Slice=system.slice Delegate=yes
dir=/sys/fs/cgroup/system.slice/creel-$c.scope
is "it sees its own group as the root" "$(rt exec "$c" cat /proc/self/cgroup)" 0::/
check "it makes groups, moves there and passes controllers on" rt exec "$c" sh -ec \
	'cd /sys/fs/cgroup; mkdir init; for p in $(cat cgroup.procs); do echo $p >init/cgroup.procs || :; done
	mkdir work; echo "+memory +pids" >cgroup.subtree_control; echo 5 >work/pids.max; test "$(cat work/pids.max)" = 5'
is "exec goes where its first process went" "$(rt exec "$c" cat /proc/self/cgroup)" 0::/init
is "exec into another of its groups" "$(rt exec --cgroup work "$c" cat /proc/self/cgroup)" 0::/work
check "the limits of the whole are still ours" rt update --memory 96M "$c"
is "as the kernel has them" "$(cat "$dir/memory.max")" 100663296
is "events: its groups are counted in" "$(rt events --stats "$c" | jq '.data.pids.current >= 1')" true
check "delete, by force" rt delete -f "$c"
check "the unit has gone, and all groups" wait_for 5 gone "creel-$c.scope"

# --- who else has units -----------------------------------------------------------------------------------------------
# In another slice, so that the place of the group that we would make is free.
systemd-run -q --slice="$sl-other.slice" --unit="creel-$c.scope" --scope sleep 1000 &
p=$!
wait_for 10 systemctl -q is-active "creel-$c.scope"
pid=$(cat "/sys/fs/cgroup$(show "creel-$c.scope" ControlGroup)/cgroup.procs")
is "a unit of somebody else's is refused" "$(code_of rt create -b "$B" "$c")" 1
like "by name" "$(cat "$T/.out")" "container's cgroup is not empty: systemd has a unit creel-$c.scope"
check "its processes live" kill -0 "$pid"
check "so does the unit" systemctl -q is-active "creel-$c.scope"
is "of ours nothing is left" "$(ls -d "/run/creel/$c"* 2>/dev/null)" ""
kill "$pid"
wait $p
wait_for 10 gone "creel-$c.scope"
systemctl stop "$sl.slice"
for bad in /plain a.slice:b nodots:pre:name a--b.slice:pre:name 'a.slice:p:na/me'; do
	set_config "$B" ".linux.cgroupsPath = \"$bad\""
	is "cgroupsPath $bad is refused" "$(code_of rt create -b "$B" "$c") $(grep -c 'linux.cgroupsPath' "$T/.out")" "1 1"
done
set_config "$B" "del(.linux.cgroupsPath) | .annotations = {\"org.systemd.property.NoSuchThing\": \"true\"}"
is "a property that systemd does not know" "$(code_of rt create -b "$B" "$c") $(grep -c NoSuchThing "$T/.out")" "1 1"
is "leaves no unit" "$(show "creel-$c.scope" ActiveState) $(left_of "$c")" "inactive "
set_config "$B" "del(.annotations) | .process.args = [\"/no/such\"]"
is "a container that fails late" "$(code_of rt run -b "$B" "$c")" 1
check "leaves no unit either" wait_for 5 gone "creel-$c.scope"

# --- kill -9 of the runtime -------------------------------------------------------------------------------------------
make_bundle "$B" "$(args sleep 1000)"
s=$(date +%s%N)
quiet rt create -b "$B" "$c"
took=$((($(date +%s%N) - s) / 1000000))
rt delete -f "$c"
bad=0 journalled=0
for i in 2 4 6 8 10; do
	creel-oci --systemd-cgroup create -b "$B" "$c" </dev/null >/dev/null 2>&1 &
	p=$!
	sleep "$(awk -v ms=$((took * (i + 1) / 12)) 'BEGIN {print ms / 1000}')"
	kill -9 $p 2>/dev/null
	wait $p 2>/dev/null
	[ ! -s "/run/creel/$c/journal" ] || journalled=$((journalled + 1))
	creel doctor --fix >"$T/.k" 2>&1 </dev/null
	# One that came to be may live on.
	creel-oci delete -f "$c" 2>/dev/null
	if ! wait_for 2 gone "creel-$c.scope" || [ -n "$(left_of "$c")" ]; then
		bad=$((bad + 1))
		note "kill $i: $(systemctl show -p ActiveState "creel-$c.scope") $(left_of "$c") $(cat "$T/.k")"
		systemctl stop "creel-$c.scope" 2>/dev/null
	fi
done
is "five kills of create, nothing left" $bad 0
note "$journalled of them after the journal was begun; a create takes $took ms"
