#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# runs: root
#
# What few bundles ask for: no process, no control group or that of others, an empty environment for a hook; clocks, memory policies and
# groups of exec by what the processes see of them; an event of a container that runs out of memory.
. "${0%/*}/lib.sh"
B=$T/b c=$CT-c
groups_of() { find /sys/fs/cgroup -type d -name "$1" -path "*$c*" 2>/dev/null; }

# --- no process: required of who starts it only -----------------------------------------------------------------------------
make_bundle "$B" 'del(.process)' '.hooks.startContainer = [{path: "/bin/touch", args: ["touch", "/started"]}]' '.root.readonly = false'
check "create without a process" creel-oci create -b "$B" "$c"
is "it is created" "$(status_of "$c")" created
is "start fails" "$(code_of creel-oci start "$c")" 1
like "and says why" "$(cat "$T/.out")" 'level=error msg="process: it is not set, there is nothing to start"'
check "it has stopped" wait_for 5 is_status "$c" "" stopped
is "no hook of the start has run" "$(ls "$B/rootfs/started" 2>/dev/null)" ""
check "delete" creel-oci delete "$c"
is "run fails" "$(code_of creel-oci run -b "$B" "$c")" 1
like "and says why" "$(cat "$T/.out")" 'run failed: process: it is not set'
is "nothing is left" "$(left_of "$c")" ""

# --- a hook's environment: the caller's where nothing is said, none where an empty one is ------------------------------------
hook() { printf '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "cat /proc/$$/environ >%s"] %s}]' "$T/env" "$1"; }
make_bundle "$B" "$(args true)" "$(hook ', env: []')"
SECRET=ours creel-oci run -b "$B" "$c" </dev/null
is "env: []" "$(wc -c <"$T/env")" 0
set_config "$B" "$(hook ', env: ["A=1"]')"
SECRET=ours creel-oci run -b "$B" "$c" </dev/null
is "env: A" "$(tr '\0' ' ' <"$T/env")" "A=1 "
set_config "$B" "$(hook '')"
SECRET=ours creel-oci run -b "$B" "$c" </dev/null
is "no env" "$(tr '\0' '\n' <"$T/env" | grep SECRET)" "SECRET=ours"

# --- no control group: crun's --cgroup-manager=disabled ---------------------------------------------------------------------
make_bundle "$B" "$(args sh -c 'cat /proc/self/cgroup; sleep 1000')" '.linux.resources.memory.limit = 1000'
creel-oci --cgroup-manager=disabled run -d -b "$B" "$c" >"$T/out" 2>&1 </dev/null
check "it runs" wait_for 5 test -s "$T/out"
is "in the group of its caller" "$(cat "$T/out")" "$(cat /proc/self/cgroup)"
is "there is none of its own" "$(groups_of "$c")" ""
is "nor limits that it had not" "$(creel show --as oci -q "$c" | jq -c .linux.resources.memory)" null
is "exec" "$(oci exec "$c" echo there)" there
is "exec --cgroup" "$(code_of creel-oci exec --cgroup x "$c" true)" 255
like "says why" "$(cat "$T/.out")" 'no control group'
for v in pause ps update\ --memory\ 100M "events --stats"; do
	# shellcheck disable=SC2086 # words
	is "$v needs one" "$(code_of creel-oci $v "$c"; grep -o 'no control group' "$T/.out")" "$(printf '1\nno control group')"
done
check "kill --all" creel-oci kill --all "$c" KILL
check "ends it" wait_for 5 is_status "$c" "" stopped
check "delete" creel-oci delete "$c"
is "nothing is left" "$(left_of "$c")" ""

# --- labels of mounts ------------------------------------------------------------------------------------------------------------
if [ ! -e /sys/fs/selinux/enforce ]; then
	make_bundle "$B" "$(args echo yes)" '.linux.mountLabel = "system_u:object_r:container_file_t:s0:c1,c2"' \
		'.mounts += [{destination: "/new", type: "tmpfs", source: "tmpfs"}]'
	is "mountLabel without SELinux" "$(creel-oci run -b "$B" "$c" </dev/null 2>"$T/err")" yes
	like "is warned of" "$(cat "$T/err")" 'level=warning msg="linux.mountLabel: mounts are not labelled'
else
	skip "mountLabel without SELinux" "SELinux is there"
fi

# --- what is bound from the host is a device, and nothing else ---------------------------------------------------------------------
make_bundle "$B" "$(args cat /proc/self/mountinfo)" '.linux.namespaces += [{type: "user"}]' \
	'.linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings' \
	'.linux.devices = [{path: "/dev/of/mine", type: "c", major: 1, minor: 5}] | .linux.maskedPaths = ["/proc/version"]'
creel-oci run -b "$B" "$c" >"$T/mounts" 2>"$T/err" </dev/null || note "$(cat "$T/err")"
for d in /dev/null /dev/of/mine /proc/version; do
	like "$d: nosuid, noexec" "$(awk -v d="$d" '$5 == d { print $6 }' "$T/mounts")" 'nosuid.*noexec'
done

# --- CPUs: all that there are, however few the caller keeps to ---------------------------------------------------------------------
cpus='grep Cpus_allowed_list /proc/self/status'
all=$($cpus)
if command -v taskset >/dev/null && [ "$(nproc)" -gt 1 ]; then
	make_bundle "$B" "$(args sh -c "$cpus; exec sleep 1000")"
	taskset -c 0 creel-oci run -d -b "$B" "$c" >"$T/out" 2>&1 </dev/null
	check "it runs" wait_for 5 test -s "$T/out"
	is "run by one that keeps to a CPU" "$(cat "$T/out")" "$all"
	# shellcheck disable=SC2086 # words
	is "exec by one" "$(taskset -c 0 creel-oci exec "$c" $cpus </dev/null)" "$all"
	check "delete --force" creel-oci delete -f "$c"
	set_config "$B" '.linux.resources.cpu = {cpus: "1"} | .process.execCPUAffinity = {initial: "0"}'
	taskset -c 0 creel-oci run -d -b "$B" "$c" >"$T/out" 2>&1 </dev/null
	check "it runs" wait_for 5 test -s "$T/out"
	like "those of its group" "$(cat "$T/out")" '[[:space:]]1$'
	# shellcheck disable=SC2086 # words
	like "exec with a place to begin only" "$(oci exec "$c" $cpus)" '[[:space:]]1$'
	check "delete --force" creel-oci delete -f "$c"
else
	skip "CPUs" "there is one CPU, or no taskset"
fi

# --- an empty HOME is looked up, as none is ------------------------------------------------------------------------------------------
make_bundle "$B" "$(args env)" '.process.env = ["PATH=/bin", "HOME=/x", "HOME="]'
is "HOME=" "$(creel-oci run -b "$B" "$c" </dev/null | tr '\n' ' ')" "PATH=/bin HOME=/root "

# --- a hook inside has the command's environment, not ours -----------------------------------------------------------------------------
make_bundle "$B" "$(args cat /env)" '.process.env = ["PATH=/bin", "A=1"]' '.root.readonly = false' \
	'.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "cat /proc/$$/environ >/env; true"]}]'
is "startContainer without env" "$(SECRET=ours creel-oci run -b "$B" "$c" </dev/null | tr '\0' ' ')" "PATH=/bin A=1 HOME=/root "

# --- exec --cap: ambient, too, where it is inheritable -----------------------------------------------------------------------------------
make_bundle "$B" "$(args sleep 1000)" '.process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN", "CAP_SYSLOG"],
	permitted: ["CAP_KILL"], effective: ["CAP_KILL"], inheritable: ["CAP_CHOWN"]}'
creel-oci run -d -b "$B" "$c" >/dev/null 2>&1 </dev/null
caps() { oci exec "$@" "$c" grep -E '^Cap(Inh|Amb)' /proc/self/status | sed 's/.*\(..\)$/\1/' | tr '\n' ' '; }
is "exec --cap: one that is inheritable" "$(caps --cap CAP_CHOWN)" "01 01 "
is "exec --cap: one that is not" "$(caps --cap CAP_SYSLOG)" "01 00 "
check "delete --force" creel-oci delete -f "$c"

# --- one that was never started ends when it is told to ------------------------------------------------------------------------------------
for sig in TERM INT HUP QUIT; do
	make_bundle "$B" "$(args sleep 1000)"
	quiet creel-oci create -b "$B" "$c"
	check "kill $sig of one that waits" creel-oci kill "$c" $sig
	check "ends it" wait_for 5 is_status "$c" "" stopped
	check "delete" creel-oci delete "$c"
done
quiet creel-oci create -b "$B" "$c"
check "kill 0 does not" creel-oci kill "$c" 0
check "start" creel-oci start "$c"
creel-oci kill "$c" TERM
is "its command, the first process, does not hear it" "$(sleep 0.2; status_of "$c")" running
is "and has no signal blocked or caught" "$(awk '/^Sig(Blk|Cgt)/ {print $2}' "/proc/$(creel-oci state "$c" | jq .pid)/status" | uniq)" 0000000000000000
check "delete --force" creel-oci delete -f "$c"

# --- masks: each path once, all directories by one empty file system --------------------------------------------------------------------------
make_bundle "$B" "$(args sh -c 'grep -c " /bin/sub " /proc/self/mountinfo; stat -c %d /bin/sub /usr /etc | sort -u | wc -l; ls /usr')" \
	'.linux.maskedPaths = ["/bin/sub", "/usr", "/etc", "/bin/sub", "/nosuch"]'
mkdir -p "$B/rootfs/bin/sub" "$B/rootfs/usr/x" "$B/rootfs/etc"
is "masked directories" "$(creel-oci run -b "$B" "$c" </dev/null | tr '\n' ' ')" "1 1 "

# --- a program without its interpreter -----------------------------------------------------------------------------------------------------------
make_bundle "$B" "$(args /run.sh)"
printf '#!/nosuch\n' >"$B/rootfs/run.sh" && chmod 755 "$B/rootfs/run.sh"
is "a script without its interpreter" "$(code_of creel-oci run -b "$B" "$c")" 1
like "is said so in runc's words" "$(cat "$T/.out")" 'exec /run.sh: no such file or directory'

# --- others live on without their init, where they are in the host's pid name space ------------------------------------------------------
make_bundle "$B" "$(args sh -c 'sleep 1000 & sleep 1000 & exec sleep 1000')" 'del(.linux.namespaces[] | select(.type == "pid"))'
creel-oci run -d -b "$B" "$c" >/dev/null 2>&1 </dev/null
check "three processes" wait_for 5 sh -c "[ \"\$(creel-oci ps -f json $c | jq length)\" = 3 ]"
kill -9 "$(creel-oci state "$c" | jq .pid)"
check "its init is gone" wait_for 5 is_status "$c" "" stopped
is "kill TERM finds nobody to tell" "$(code_of creel-oci kill "$c" TERM)" 1
check "kill KILL ends the others" creel-oci kill "$c" KILL
check "they are gone" wait_for 5 sh -c "[ \"\$(creel-oci ps -f json $c | jq length)\" = 0 ]"
is "then there is nobody" "$(code_of creel-oci kill "$c" KILL)" 1
check "delete" creel-oci delete "$c"

# --- a mount with the ids of a user name space that is joined -------------------------------------------------------------------------
make_bundle "$B" "$(args sleep 1000)" '.linux.namespaces += [{type: "user"}]' \
	'.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
chown -R 100000:100000 "$B/rootfs" && mkdir -p "$T/ids" && touch "$T/ids/f" && chown 5:6 "$T/ids/f"
quiet creel-oci run -d -b "$B" "$c"
set_config "$B" ".linux.namespaces |= map(if .type == \"user\" then .path = \"/proc/$(creel-oci state "$c" | jq .pid)/ns/user\" else . end)"
set_config "$B" "del(.linux.uidMappings, .linux.gidMappings) | $(args stat -c '%u:%g' /mnt/f)"
set_config "$B" ".mounts += [{source: \"$T/ids\", destination: \"/mnt\", options: [\"rbind\", \"idmap\"]}]"
is "idmap of a joined user name space" "$(creel-oci run -b "$B" "$c-2" 2>&1 </dev/null)" 5:6
check "delete --force" creel-oci delete -f "$c"

# --- clocks -------------------------------------------------------------------------------------------------------------------
if [ -e /proc/self/ns/time ]; then
	make_bundle "$B" "$(args sh -c 'cut -d. -f1 /proc/uptime; tr -s " " </proc/self/timens_offsets; sleep 1000')" \
		'.linux.namespaces += [{type: "time"}]' '.linux.timeOffsets = {monotonic: {secs: 172800, nanosecs: 5}, boottime: {secs: 86400}}'
	before=$(cut -d. -f1 /proc/uptime)
	creel-oci run -d -b "$B" "$c" >"$T/out" 2>&1 </dev/null
	check "it runs" wait_for 5 grep -q boottime "$T/out"
	up=$(head -n 1 "$T/out")
	is "a day more since boot" "$((up - before >= 86400 && up - before < 86430))" 1
	is "as the kernel has them" "$(tail -n +2 "$T/out" | tr '\n' ' ')" "monotonic 172800 5 boottime 86400 0 "
	up=$(oci exec "$c" cut -d. -f1 /proc/uptime)
	is "for exec, too" "$((up - before >= 86400 && up - before < 86430))" 1
	check "delete --force" creel-oci delete -f "$c"
else
	skip "clocks" "this kernel has no time name spaces"
fi

# --- memory policy --------------------------------------------------------------------------------------------------------------
if [ -e /proc/self/numa_maps ]; then
	for policy in '{mode: "MPOL_BIND", nodes: "0"}=bind:0' '{mode: "MPOL_PREFERRED", nodes: "0"}=prefer:0' \
		'{mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}=interleave=static:0'; do
		make_bundle "$B" "$(args sh -c 'cut -d" " -f2 /proc/self/numa_maps | sort -u')" ".linux.memoryPolicy = ${policy%%=*}"
		is "memoryPolicy: ${policy#*=}" "$(creel-oci run -b "$B" "$c" </dev/null 2>&1)" "${policy#*=}"
	done
else
	skip "memory policies" "this kernel has no NUMA"
fi

# --- groups of exec --------------------------------------------------------------------------------------------------------------
make_bundle "$B" "$(args sleep 1000)" '.linux.resources.memory = {limit: 33554432, swap: 33554432}' '.linux.resources.pids.limit = 200'
quiet creel-oci run -d -b "$B" "$c"
hierarchies=$(groups_of "$c" | wc -l)
groups_of "$c" | while read -r dir; do mkdir "$dir/sub"; done
check "there are groups" test "$hierarchies" -gt 0
in_group() { oci exec --cgroup "$1" "$c" sh -c "cat /proc/self/cgroup" | grep -c "/$2\$"; }
is "exec --cgroup: below the container's, in all hierarchies" "$(in_group sub "$c/sub")" "$hierarchies"
is "exec: in the container's" "$(oci exec "$c" cat /proc/self/cgroup | grep -c "/$c\$")" "$hierarchies"
if [ -d /sys/fs/cgroup/pids ]; then
	is "exec --cgroup CONTROLLER:PATH: in one hierarchy" "$(in_group pids:sub "$c/sub")" 1
	is "and in the container's of the others" "$(in_group pids:sub "$c")" $((hierarchies - 1))
else
	skip "one controller's" "this host has the second version alone"
fi
is "exec --cgroup: there is none" "$(code_of creel-oci exec --cgroup nosuch "$c" true)" 255
groups_of sub | while read -r dir; do rmdir "$dir"; done

# --- a group that others are in: it is said, and shared ---------------------------------------------------------------------------
make_bundle "$T/b2" "$(args sleep 1000)" ".linux.cgroupsPath = \"/$c-shared\"" '.linux.resources.pids.limit = 100'
for first in 1 2; do
	quiet creel-oci run -d -b "$T/b2" "$c-1"
	creel-oci run -d -b "$T/b2" "$c-2" </dev/null >"$T/out" 2>&1
	is "a second one in its group" "$? $(status_of "$c-2")" "0 running"
	like "of which it is warned" "$(cat "$T/out")" "level=warning msg=.container's cgroup is not empty: 1 process.es. found"
	is "in one group" "$(oci ps -f json "$c-1")" "$(oci ps -f json "$c-2")"
	check "the end of one ($first)" creel-oci delete -f "$c-$first"
	is "is not the other's" "$(status_of "$c-$((3 - first))")" running
	is "whose group it still is" "$(oci ps -f json "$c-$((3 - first))" | jq length)" 1
	check "the end of the other" creel-oci delete -f "$c-$((3 - first))"
	is "takes the group away" "$(left_of "$c-")" ""
done
# Of somebody who is no container.
g=$(findmnt -nro TARGET -t cgroup -O pids | head -n 1)
g=${g:-/sys/fs/cgroup}/$c-shared
mkdir "$g"
sleep 1000 &
p=$!
echo $p >"$g/cgroup.procs"
quiet creel-oci run -d -b "$T/b2" "$c-1"
is "a container in a group of somebody's" "$(status_of "$c-1")" running
is "with him" "$(grep -c . "$g/cgroup.procs")" 2
check "its end" creel-oci delete -f "$c-1"
is "is not his" "$(kill -0 $p && cat "$g/cgroup.procs")" "$p"
is "what was made for it is gone" "$(left_of "$c-")" "$g"
{ kill -9 $p && wait $p; } 2>/dev/null
wait_for 5 rmdir "$g"

# --- for callers of crun, who say what it alone knows ------------------------------------------------------------------------------
make_bundle "$B" "$(args sh -c 'ls /proc/self/fd | tr "\n" " "')"
like "--preserve-fds beyond what is open" "$(creel-oci --cgroup-manager cgroupfs run --preserve-fds 9 -b "$B" "$c-k" 5</dev/null </dev/null 2>&1)" ' 5 '
is "is an error for those of runc" "$(code_of creel-oci run --preserve-fds 9 -b "$B" "$c-k")" 1
creel-oci --root "$T/root" --cgroup-manager cgroupfs create -b "$B" "$c-k" </dev/null >"$T/out" 2>&1
is "crun's file of the state" "$(jq -r '[.pid, .bundle, (.external_descriptors | fromjson | .[0])] | join(" ")' "$T/root/$c-k/status")" \
	"$(creel-oci --root "$T/root" state "$c-k" | jq .pid) $B /dev/null"
check "delete" creel-oci --root "$T/root" delete -f "$c-k"

# --- no room for what is kept of it ------------------------------------------------------------------------------------------------
# With and without hooks: it is written before the first process is made, or while that sets itself up.
mkdir "$T/small"
mount -t tmpfs -o size=24k tmpfs "$T/small"
for hooks in '{}' '{"poststop": [{"path": "/bin/true"}]}'; do
	make_bundle "$T/full" "$(args sleep 1000)" ".annotations = {\"a\": (\"x\" * 40000)} | .hooks = $hooks"
	is "create where its spec has no room" "$(code_of creel-oci --root "$T/small" create -b "$T/full" "$c-f")" 1
	like "says so" "$(cat "$T/.out")" 'No space left'
	is "leaves nothing" "$(left_of "$c-f"; find "$T/small" -mindepth 1; pgrep -f "$c-f")" ""
done
umount "$T/small"

# --- out of memory --------------------------------------------------------------------------------------------------------------------
if [ -d /sys/fs/cgroup/memory ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
	creel-oci events --interval 1h "$c" >"$T/events" 2>&1 </dev/null &
	events=$!
	listens() { [ -n "$(find "/proc/$events/fd" -lname '*eventfd*' -o -lname '*inotify*')" ] && grep -q poll "/proc/$events/wchan"; }
	check "events listens" wait_for 10 listens
	# A shell's variable of 200 MB, in a container of 32.
	is "who takes too much is killed" "$(code_of creel-oci exec "$c" sh -c 'echo 1000 >/proc/self/oom_score_adj; x=$(head -c 200000000 /dev/zero | tr "\0" x); echo ${#x}')" 137
	check "events says so" wait_for 5 grep -q '"oom"' "$T/events"
	is "one line of JSON" "$(grep '"oom"' "$T/events" | head -n 1 | jq -c '[.type, .id]')" "[\"oom\",\"$c\"]"
	is "the container lives on" "$(status_of "$c")" running
	check "delete --force" creel-oci delete -f "$c"
	check "events ends with it" wait_for 5 sh -c "! kill -0 $events 2>/dev/null"
else
	skip "out of memory" "no memory controller here"
	check "delete --force" creel-oci delete -f "$c"
fi
is "nothing is left" "$(left_of "$c")" ""
