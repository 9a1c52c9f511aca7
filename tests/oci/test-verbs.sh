#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# runs: root
#
# Every verb of creel-oci on one container: what it prints, its exit code, what is true afterwards.
. "${0%/*}/lib.sh"
B=$T/b c=$CT-a

make_bundle "$B" "$(args sh -c 'echo began; exec sleep 1000')" '.annotations = {"org.example": "yes"}' \
	'.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["uselib"], "action": "SCMP_ACT_ERRNO"}]}'
check "create" creel-oci create -b "$B" --pid-file "$T/pid" "$c" # its output is not waited for: stdio is a file
is "create: the process waits" "$(cat "$T/.out")" ""
is "state: created" "$(status_of "$c")" created
like "pid file: digits alone" "$(cat "$T/pid")" '^[0-9]+$'
is "pid file has no newline" "$(wc -l <"$T/pid")" 0
is "state: its pid is that of the file" "$(oci state "$c" | jq .pid)" "$(cat "$T/pid")"
is "state: keys, in runc's order" "$(oci state "$c" | jq -r 'keys_unsorted | join(" ")')" \
	"ociVersion id pid status bundle rootfs created annotations owner"
is "state: bundle" "$(oci state "$c" | jq -r .bundle)" "$B"
is "state: rootfs" "$(oci state "$c" | jq -r .rootfs)" "$B/rootfs"
is "state: annotations" "$(oci state "$c" | jq -r '.annotations["org.example"]')" yes
like "state: created is RFC 3339 in UTC" "$(oci state "$c" | jq -r .created)" '^20[0-9-]{8}T[0-9:]{8}(\.[0-9]+)?Z$'
is "create: an id that is in use" "$(code_of creel-oci create -b "$B" "$c"; cat "$T/.out")" \
	"$(printf '1\n%s' "$(grep 'level=error msg="creel-oci create failed: container with given ID already exists"' "$T/.out")")"
is "run: an id that is in use" "$(code_of creel-oci run -b "$B" "$c")" 1
check "start" creel-oci start "$c"
is "state: running" "$(status_of "$c")" running
is "start: twice" "$(code_of creel-oci start "$c")" 1
like "start: twice, runc's words" "$(cat "$T/.out")" 'msg="cannot start an already running container"'
is "delete: while it runs" "$(code_of creel-oci delete "$c")" 1
like "delete: while it runs, runc's words" "$(cat "$T/.out")" "cannot delete container $c that is not stopped: running"
is "and it runs on" "$(status_of "$c")" running

# --- list ------------------------------------------------------------------------------------------------------------
like "list: heading" "$(oci list | head -n 1)" '^ID +PID +STATUS +BUNDLE +CREATED +OWNER$'
like "list: row" "$(oci list)" "^$c +[0-9]+ +running +$B +20[^ ]*Z +root$"
is "list -q" "$(oci list -q)" "$c"
is "list -f json" "$(oci list -f json | jq -r '.[0].id + " " + .[0].owner')" "$c root"
is "list: no such format" "$(code_of creel-oci list -f xml)" 1
is "list of another root: json" "$(oci --root "$T/nowhere" list -f json)" null
is "list of another root: table" "$(oci --root "$T/nowhere" list | wc -l)" 1

quiet creel-oci run -d -b "$B" ".$c"
is "list: an id may begin with a dot" "$(oci list -q | grep -Fxc ".$c")" 1
is "creel ps knows it, too" "$(creel ps -1 | grep -Fxc ".$c")" 1
check "delete it" creel-oci delete -f ".$c"

# --- ps --------------------------------------------------------------------------------------------------------------
is "ps -f json" "$(oci ps -f json "$c")" "[$(cat "$T/pid")]"
like "ps: the host's ps -ef" "$(oci ps "$c")" "$(cat "$T/pid").* sleep 1000"
is "ps: two lines" "$(oci ps "$c" | wc -l)" 2
is "ps with options of ps" "$(oci ps "$c" -o pid,args | tail -n 1 | tr -s ' ')" " $(cat "$T/pid") sleep 1000"
is "ps: no PID in sight" "$(code_of creel-oci ps "$c" -o args)" 1

# --- exec ------------------------------------------------------------------------------------------------------------
is "exec" "$(oci exec "$c" echo there)" there
is "exec: exit code" "$(code_of creel-oci exec "$c" sh -c 'exit 7')" 7
is "exec: signal" "$(code_of creel-oci exec "$c" sh -c 'kill -9 $$')" 137
is "exec: options behind the command are its own" "$(oci exec "$c" echo -t --env)" "-t --env"
is "exec --cwd" "$(oci exec --cwd /bin "$c" pwd)" /bin
is "exec --env" "$(oci exec -e A=1 --env B=2 "$c" sh -c 'echo $A$B')" 12
is "exec --user, groups" "$(oci exec -u 5:6 -g 7 --additional-gids 8 "$c" sh -c 'echo $(id -u) $(id -G)')" "5 6 7 8"
is "exec --cap" "$(($(oci exec --cap CAP_SYS_ADMIN "$c" sh -c 'grep CapEff /proc/self/status' | awk '{print "0x" $2}') >> 21 & 1))" 1
is "exec without" "$(($(oci exec "$c" sh -c 'grep CapEff /proc/self/status' | awk '{print "0x" $2}') >> 21 & 1))" 0
set_config "$B" .
jq '.process | .args = ["sh", "-c", "id -u; pwd"] | .user = {uid: 9, gid: 9} | .cwd = "/tmp"' "$B/config.json" >"$T/p.json"
is "exec --process" "$(oci exec -p "$T/p.json" "$c" | tr '\n' ' ')" "9 /tmp "
# What it leaves out is the container's, which has no member for its personality in there at all.
jq -n '{args: ["sh", "-c", "grep CapEff /proc/self/status; umask; ulimit -n; cat /proc/self/oom_score_adj; uname -m; id -u"],
	cwd: "/", env: ["PATH=/bin"]}' >"$T/p.json"
set_config "$B" '.linux.personality = {domain: "LINUX32"} | .process.user = {uid: 0, gid: 0, umask: 63} | .process.oomScoreAdj = 77'
quiet creel-oci run -d -b "$B" "$c-p"
like "exec --process: the rest is the container's" "$(oci exec -p "$T/p.json" "$c-p" | tr '\n' ' ')" \
	'^CapEff:.*0000020000420 0077 1024 77 i686 0 $'
jq '.capabilities = {} | .rlimits = [{type: "RLIMIT_NOFILE", soft: 99, hard: 99}] | .oomScoreAdj = 78 | .user.umask = 1' "$T/p.json" >"$T/p2.json"
like "exec --process: but what it says is not" "$(oci exec -p "$T/p2.json" "$c-p" | tr '\n' ' ')" \
	'^CapEff:.*0000000000000 0001 99 78 i686 0 $'
check "delete it" creel-oci delete -f "$c-p"
check "exec --detach" quiet creel-oci exec -d --pid-file "$T/epid" "$c" sleep 999
like "exec: pid file" "$(tr '\0' ' ' <"/proc/$(cat "$T/epid")/cmdline")" '^sleep 999'
is "exec: in the container's group" "$(oci ps -f json "$c" | jq length)" 2
kill -9 "$(cat "$T/epid")"
like "exec -t: a terminal of its own" "$(script -qec "creel-oci exec -t $c tty" /dev/null </dev/null | tr -d '\r\0')" '/dev/pts/0'
for bad in "$c" "-u root $c true" "-u 1:x $c true" "-g x $c true" "-p $T/nosuch $c" \
	"--cwd /nosuch $c true" "$c nosuch" "$c /nosuch" "nosuch true" "-t -d $c true" "--preserve-fds 9 $c true" \
	"--console-socket $T/s $c true" "--cgroup ../x $c true" "--cgroup nosuch $c true" "-d --pid-file /nosuch/p $c true"; do
	# shellcheck disable=SC2086 # words
	is "exec $bad" "$(code_of creel-oci exec $bad)" 255
done
is "exec: a wrong option" "$(code_of creel-oci exec --nosuch "$c" true)" 1
is "exec: nothing of those is left" "$(oci ps -f json "$c")" "[$(cat "$T/pid")]"

# --- pause, resume -----------------------------------------------------------------------------------------------------
check "pause" creel-oci pause "$c"
is "state: paused" "$(status_of "$c")" paused
is "pause: twice" "$(code_of creel-oci pause "$c")" 1
is "exec: paused" "$(code_of creel-oci exec "$c" true)" 255
check "resume" creel-oci resume "$c"
is "state: running again" "$(status_of "$c")" running
is "resume: twice" "$(code_of creel-oci resume "$c"; grep -o 'container not paused' "$T/.out")" "$(printf '1\ncontainer not paused')"

# --- update, events ------------------------------------------------------------------------------------------------------
limit() { creel-oci events --stats "$c" | jq .data.memory.usage.limit; }
check "update --memory, with a unit" creel-oci update --memory 40M --memory-swap -1 "$c"
is "it is that" "$(limit)" $((40 << 20))
check "update -r -" sh -c "echo '{\"memory\": {\"limit\": 33554432}}' | creel-oci update -r - $c"
is "it is that, too" "$(limit)" $((32 << 20))
echo '{"pids": {"limit": 50}}' >"$T/res.json"
check "update -r FILE" creel-oci update --resources "$T/res.json" "$c"
is "and that" "$(oci events --stats "$c" | jq .data.pids.limit)" 50
check "update: all flags" creel-oci update --cpu-period 100000 --cpu-quota 50000 --cpu-share 512 --cpuset-cpus 0 \
	--cpuset-mems 0 --memory 48M --memory-reservation 16M --pids-limit 60 --blkio-weight 0 --kernel-memory 0 "$c"
check "update: nothing" creel-oci update "$c"
# What is kept of it says so, too: the last word of each once, what failed not at all.
kept() { creel show --as oci -q "$c" | jq -c .linux.resources."$1"; }
is "what is kept says the last limits" "$(kept memory) $(kept pids.limit) $(kept cpu)" \
	'{"limit":50331648,"reservation":16777216,"swap":-1} 60 {"shares":512,"quota":50000,"period":100000,"cpus":"0","mems":"0"}'
is "and all that it said before" "$(creel show --as oci -q "$c" | jq -c .linux.seccomp.syscalls[0].names)" '["uselib"]'
is "each once" "$(creel show "$c" | grep -c memory.limit_in_bytes)" 1
is "what cannot be is not kept" "$(code_of creel-oci update --cpuset-cpus 4096 "$c") $(kept cpu.cpus)" '1 "0"'
for bad in "--memory 1x" "--cpu-quota abc" "--pids-limit x" "-r /nosuch" "--l3-cache-schema x" "--cpuset-cpus 4096"; do
	# shellcheck disable=SC2086 # words
	is "update $bad" "$(code_of creel-oci update $bad "$c")" 1
done
is "update: broken JSON" "$(echo '{"memory": {' | creel-oci update -r - "$c" >"$T/.out" 2>&1; echo $?)" 1
like "update: names the place" "$(cat "$T/.out")" '[0-9]:[0-9]+: '
like "update: says that it was standard input" "$(cat "$T/.out")" 'standard input:2:1: expected'
is "update: a wrong type" "$(echo '{"memory": {"limit": "x"}}' | creel-oci update -r - "$c" >"$T/.out" 2>&1; echo $?)" 1
like "update: names the field" "$(cat "$T/.out")" 'memory.limit'
is "events --stats: one object" "$(oci events --stats "$c" | jq -r '.type + " " + .id')" "stats $c"
is "events --stats: members" "$(oci events --stats "$c" | jq -r '.data | keys_unsorted | join(" ")')" \
	"cpu cpuset memory pids blkio hugetlb intel_rdt network_interfaces"
is "events: interval" "$(timeout 5 creel-oci events --interval 50ms "$c" </dev/null 2>/dev/null | head -n 3 | jq -r .type | tr '\n' ' ')" \
	"stats stats stats "
is "events: no interval" "$(code_of creel-oci events --interval 0s "$c")" 1

# --- kill, delete ----------------------------------------------------------------------------------------------------------
is "kill: unknown signal" "$(code_of creel-oci kill "$c" FOO)" 1
check "kill 0" creel-oci kill "$c" 0
check "kill SIGKILL" creel-oci kill "$c" SIGKILL
check "it stops" wait_for 5 is_status "$c" "" stopped
is "state: stopped has no pid" "$(oci state "$c" | jq .pid)" 0
is "state: stopped knows its annotations" "$(oci state "$c" | jq -r '.annotations["org.example"]')" yes
is "kill: stopped" "$(code_of creel-oci kill "$c"; grep -o 'container not running' "$T/.out")" "$(printf '1\ncontainer not running')"
check "kill --all: stopped" creel-oci kill -a "$c" KILL
is "exec: stopped" "$(code_of creel-oci exec "$c" true)" 255
is "start: stopped" "$(code_of creel-oci start "$c")" 1
is "pause: stopped" "$(code_of creel-oci pause "$c")" 1
is "update: stopped" "$(code_of creel-oci update --memory 50M "$c")" 1
is "events: stopped" "$(code_of creel-oci events --stats "$c")" 1
is "ps: stopped" "$(code_of creel-oci ps "$c")" 0
is "its id stays in use" "$(code_of creel-oci create -b "$B" "$c")" 1
check "delete" creel-oci delete "$c"
is "delete: nothing is left" "$(left_of "$c")" ""
is "delete: twice" "$(code_of creel-oci delete "$c"; grep -o 'container does not exist' "$T/.out")" "$(printf '1\ncontainer does not exist')"
is "delete --force: twice" "$(code_of creel-oci delete --force "$c")" 0
for v in state start pause resume ps events update kill; do
	is "$v: there is none" "$(code_of creel-oci $v "$c"; grep -o 'container does not exist' "$T/.out")" \
		"$(printf '1\ncontainer does not exist')"
done

# --- by regular expressions, as crun has them --------------------------------------------------------------------------------
for i in 1 2 3; do quiet creel-oci run -d -b "$B" "$c-r$i"; done
check "kill --regex" creel-oci kill --regex "^$c-r[12]\$" KILL
check "ends those" wait_for 5 is_status "$c-r1" "" stopped
check "and those" wait_for 5 is_status "$c-r2" "" stopped
is "and no other" "$(status_of "$c-r3")" running
is "kill --regex: one of them has stopped" "$(code_of creel-oci kill -r "^$c-r[23]\$" KILL)" 1
check "the other is killed" wait_for 5 is_status "$c-r3" "" stopped
check "delete --regex" creel-oci delete --regex "^$c-r"
is "nothing is left" "$(left_of "$c-r")" ""
is "kill --regex: none" "$(code_of creel-oci kill --regex '^nosuch$')" 0
is "kill --regex: no expression" "$(code_of creel-oci kill --regex '(')" 1

# --- run -------------------------------------------------------------------------------------------------------------------
make_bundle "$B" "$(args sh -c 'cat; echo "$$ $(hostname)"; exit 5')"
is "run: stdin, stdout" "$(echo in | creel-oci run -b "$B" "$c"; echo $?)" "$(printf 'in\n1 runc\n5')"
is "run: nothing is left" "$(left_of "$c")" ""
make_bundle "$B" "$(args sh -c 'kill -TERM $$')"
is "run: signal" "$(code_of creel-oci run -b "$B" "$c")" 0
make_bundle "$B" "$(args sleep 1000)"
(cd "$B" && quiet creel-oci run -d --pid-file "$T/pid" "$c")
is "run --detach in the bundle's folder" "$(status_of "$c")" running
check "delete --force of a running one" creel-oci delete -f "$c"
is "delete --force: nothing is left" "$(left_of "$c")" ""
is "and no process" "$(kill -0 "$(cat "$T/pid")" 2>/dev/null && grep -v zombie "/proc/$(cat "$T/pid")/status" | grep -c '^State:.[RSD]')" ""
creel-oci run -b "$B" "$c" </dev/null >"$T/fg" 2>&1 &
check "run in the foreground" wait_for 5 is_status "$c" "" running
kill -TERM $!
# An init that does not handle a signal is not killed by it; KILL is.
creel-oci kill "$c" KILL
wait $!
is "run: killed" $? 137
is "run: killed, nothing is left" "$(left_of "$c")" ""
make_bundle "$B" "$(args true)"
check "run --keep" creel-oci run --keep -b "$B" "$c"
is "run --keep: it is there" "$(status_of "$c")" stopped
check "delete" creel-oci delete "$c"
make_bundle "$B" "$(args sh -c 'trap "exit 3" USR1; echo up; while :; do sleep 0.05; done')"
creel-oci run -b "$B" "$c" </dev/null >"$T/fg" 2>&1 &
check "up" wait_for 5 grep -q up "$T/fg"
kill -USR1 $!
wait $!
is "run: signals go to init" $? 3
check "kill: a created one" sh -c "creel-oci create -b '$B' $c >/dev/null 2>&1 </dev/null && creel-oci kill $c KILL"
check "it stops" wait_for 5 is_status "$c" "" stopped
check "delete" creel-oci delete "$c"
quiet creel-oci create -b "$B" "$c"
check "delete: a created one" creel-oci delete "$c"
is "nothing is left" "$(left_of "$c")" ""

# --- fds -----------------------------------------------------------------------------------------------------------------
make_bundle "$B" "$(args sh -c 'cat <&3; ls /proc/self/fd | wc -l')"
echo kept >"$T/kept"
is "--preserve-fds" "$(creel-oci run --preserve-fds 1 -b "$B" "$c" 3<"$T/kept" </dev/null | tr '\n' ' ')" "kept 5 "
make_bundle "$B" "$(args sh -c 'ls /proc/self/fd | wc -l')"
is "no others" "$(creel-oci run -b "$B" "$c" 7<"$T/kept" 9</dev/null </dev/null)" 4
is "--preserve-fds: what is not there" "$(code_of creel-oci run --preserve-fds 1 -b "$B" "$c")" 1
is "nothing is left" "$(left_of "$c")" ""
