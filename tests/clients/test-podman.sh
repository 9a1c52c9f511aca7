#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# podman on the runtime under test: containers, terminals, pods, limits, user name spaces.
. "${0%/*}/lib.sh"
need podman conmon

make_tree "$T/tree" && tar -C "$T/tree" -cf "$T/tree.tar" . || exit 1
rm -f /etc/cni/net.d/*
cat >/etc/containers/containers.conf <<EOC
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
[containers]
log_driver = "k8s-file"
# Not every machine lets podman raise them.
default_ulimits = ["nofile=1000:1000", "nproc=500:500"]
EOC
# Ids for --userns=auto.
echo "containers:2000000:1000000" | tee -a /etc/subuid >>/etc/subgid
export PODMAN_IGNORE_CGROUPSV1_WARNING=1
PM=(podman --root "$T/podman" --runroot "$T/podman-run" --tmpdir "$T/podman-tmp" --runtime "$BIN/runc")
RUN=("${PM[@]}" run --cgroup-parent "$CGROUP")
pm() { "${PM[@]}" "$@"; }
run() { "${RUN[@]}" "$@"; }
clean() {
	pm pod rm -fa -t 0
	pm rm -fa -t 0
	pm rmi -fa
}
state() { pm inspect --format "{{.State.$2}}" "$1"; }
runs() { [ "$(state "$1" Status)" = running ]; }
ended() { [ "$(state "$1" Status)" = exited ]; }
logged() { pm logs "$1" 2>&1 | grep -q "$2"; }

check "an image from a busybox tree" pm import -c 'CMD ["sh"]' -c 'ENV PATH=/bin:/sbin:/usr/bin' "$T/tree.tar" localhost/bb
works podman run --rm --network none bb true

# --- run -------------------------------------------------------------------------------------------------------------

gives "run prints" hello run --rm bb echo hello
exits "run gives the exit status" 7 run --rm --network none bb sh -c 'exit 7'
exits "no such command" 127 run --rm --network none bb nonesuch
exits "a command that is not executable" 126 run --rm --network none bb /etc/passwd
is "standard input" "$(echo from outside | run --rm -i --network none bb cat)" "from outside"
gives "user, groups, folder, environment, host name" "1000:2000 2000 3000 /tmp v h" run --rm --network none --user 1000:2000 \
	--group-add 3000 --workdir /tmp --env K=v --hostname h bb sh -c 'echo $(id -u):$(id -g) $(id -G) $PWD $K $(hostname)'
gives "its own process ids" 1 run --rm --network none bb sh -c 'echo $$'
gives "a network of its own" eth0 run --rm bb sh -c 'ip -o link show eth0 | cut -d" " -f2 | cut -d@ -f1'
mkdir "$T/volume" && echo on the host >"$T/volume/file"
gives "volumes, read-only too" "on the host ro" run --rm --network none -v "$T/volume:/v:ro" bb sh -c 'echo $(cat /v/file) $(touch /v/x 2>/dev/null || echo ro)'
gives "--read-only, but not /tmp" "ro rw" run --rm --network none --read-only bb \
	sh -c 'echo $(touch /x 2>/dev/null || echo ro) $(touch /tmp/x && echo rw)'
gives "--tmpfs, --ulimit, --sysctl, --shm-size" "tmpfs 100 5 1024" run --rm --network none --tmpfs /t:size=1m --ulimit nofile=100:100 --ulimit nproc=500:500 \
	--sysctl kernel.msgmni=5 --shm-size 1m bb \
	sh -c 'echo $(stat -f -c %T /t) $(ulimit -n) $(cat /proc/sys/kernel/msgmni) $(df -k /dev/shm | awk "NR == 2 {print \$2}")'
like "capabilities are those of podman" "$(run --rm --network none --cap-drop all --cap-add chown bb grep Cap /proc/self/status)" 'CapBnd:.*0000000000000001$'
like "no new privileges" "$(run --rm --network none --security-opt no-new-privileges bb grep NoNewPrivs /proc/self/status)" '1$'
like "the default seccomp profile" "$(run --rm --network none bb grep Seccomp: /proc/self/status)" '2$'
echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":95}]}' >"$T/seccomp"
gives "a seccomp profile of one's own" "mkdir: can't create directory '/x': Not supported" run --rm --network none \
	--security-opt "seccomp=$T/seccomp" bb sh -c 'mkdir /x 2>&1 | sed s/Operation.not.supported/Not\ supported/'
gives "masked and read-only paths" "0 ro" run --rm --network none bb sh -c 'echo $(wc -c </proc/timer_list) $(echo >/proc/sys/kernel/domainname 2>/dev/null || echo ro)'
gives "--privileged" "0000000000000000 rw" run --rm --network none --privileged bb \
	sh -c 'echo $(printf %016x $((0x$(awk "/CapBnd/ {print \$2}" /proc/self/status) & 0x200000 ^ 0x200000))) $(mkdir /sys/fs/cgroup/pids/sub && rmdir /sys/fs/cgroup/pids/sub && echo rw)'
gives "--device" "character special file 1 3" run --rm --network none --device /dev/null:/dev/nothing bb stat -c '%F %t %T' /dev/nothing
gives "--pid=host sees this machine" "$$" run --rm --network none --pid host bb sh -c "[ -d /proc/$$ ] && echo $$"
if [ -x /usr/libexec/podman/catatonit ]; then
	gives "--init" 1 run --rm --network none --init bb sh -c 'grep -c init /proc/1/cmdline'
else
	skip "--init" "no catatonit on this machine"
fi
gives "descriptors are passed" "by 3" bash -c 'exec 3<<<"by 3"; "$@"' - "${RUN[@]}" --rm --network none --preserve-fds 1 bb sh -c 'cat <&3'

# --- what reaches deeper into the runtime ------------------------------------------------------------------------------

gives "name spaces of this machine" "$(hostname) $(readlink /proc/self/ns/net)" run --rm --network host --pid host --ipc host --uts host bb \
	sh -c 'echo $(hostname) $(readlink /proc/self/ns/net)'
gives "a control group name space" / run --rm --network none --cgroupns private bb awk -F: '$2 == "pids" {print $3}' /proc/self/cgroup
gives "resources" "0 100 33554432 10 100" run --rm --network none --cpuset-cpus 0 --cpu-shares 100 --memory-reservation 32m \
	--memory-swappiness 10 --oom-score-adj 100 bb sh -c 'cd /sys/fs/cgroup; echo $(cat cpuset/cpuset.cpus cpu/cpu.shares \
		memory/memory.soft_limit_in_bytes memory/memory.swappiness /proc/self/oom_score_adj)'
gives "a masked folder is empty, to ordinary users too" 0 run --rm --network none --user 5 bb sh -c 'ls /sys/firmware | wc -l'
mkdir "$T/hooks"
printf '#!/bin/sh\necho $1 $(sed "s/.*status.:.//; s/[^a-z].*//") >>%s/hooked\n' "$T" >"$T/hook" && chmod 755 "$T/hook"
for n in prestart createRuntime poststart; do
	echo "{\"version\":\"1.0.0\",\"hook\":{\"path\":\"$T/hook\",\"args\":[\"hook\",\"$n\"]},\"when\":{\"always\":true},\"stages\":[\"$n\"]}" >"$T/hooks/$n.json"
done
check "hooks" pm --hooks-dir "$T/hooks" run --rm --network none --cgroup-parent "$CGROUP" bb true
like "each at its time" "$(xargs <"$T/hooked")" '^prestart creat(ing|ed) createRuntime creating poststart (created|running)$'
if "$BIN/runc" features 2>/dev/null | tr -d ' \n' | grep -q '"idmap":{"enabled":true'; then
	chown 3:4 "$T/volume/file"
	gives "a volume with mapped ids" "3 4" run --rm --network none --userns=auto -v "$T/volume:/v:idmap" bb stat -c '%u %g' /v/file
else
	skip "a volume with mapped ids" "this runtime has no idmapped mounts"
fi
ln -sfn "$RUNTIME" "$BIN/crun"
gives "by crun's name" "by crun" podman --root "$T/podman" --runroot "$T/podman-run" --tmpdir "$T/podman-tmp" --runtime "$BIN/crun" run --rm \
	--network none --cgroup-parent "$CGROUP" bb echo by crun
gives "without control groups" "by crun" podman --root "$T/podman" --runroot "$T/podman-run" --tmpdir "$T/podman-tmp" --runtime "$BIN/crun" run --rm \
	--network none --cgroups disabled bb echo by crun

# --- a container in the background, and what is done to it ---------------------------------------------------------------

check "run -d" run -d --name box --network none --memory 64m --pids-limit 50 --cpus 0.5 --stop-signal USR1 bb \
	sh -c 'trap "echo bye; exit 4" USR1; echo up; while :; do sleep 0.1; done'
check "it runs" wait_for 10 logged box up
is "the runtime is the one under test" "$(pm inspect --format '{{.OCIRuntime}}' box)" "$BIN/runc"
is "inspect has its process" "$(cat "/proc/$(state box Pid)/comm")" sh
gives "exec" "0 50" pm exec box sh -c 'echo $(id -u) $(cat /sys/fs/cgroup/pids/pids.max)'
is "limits of memory and processor" "$(pm exec box sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us' | xargs)" "67108864 50000"
gives "exec: user, folder, environment" "5:6 /tmp v" pm exec --user 5:6 --workdir /tmp --env K=v box sh -c 'echo $(id -u):$(id -g) $PWD $K'
is "exec: standard input" "$(echo typed | pm exec -i box cat)" typed
exits "exec: the exit status" 9 pm exec box sh -c 'exit 9'
exits "exec: a signal" 143 pm exec box sh -c 'kill $$; sleep 5'
exits "exec: no such command" 127 pm exec box nonesuch
exits "exec: not executable" 126 pm exec box /etc/passwd
check "exec -d" pm exec -d box sh -c 'echo $$ >/detached; exec sleep 300'
check "which stays" wait_for 10 pm exec box sh -c 'kill -0 $(cat /detached)'
like "exec -it is on a terminal" "$(on_pty expect='# ' send='tty; echo $((6 * 7))\r' expect=42 send='stty size\r' expect='[0-9]+ [0-9]+' send='exit 3\r' -- "${PM[@]}" exec -it box sh)" '/dev/pts/[0-9]'
like "top" "$(pm top box pid comm 2>&1)" '1 +sh'
like "stats" "$(pm stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' box 2>&1)" '^box [1-9].* / 67.11MB$'
check "cp into it" pm cp "$T/volume/file" box:/copied
gives "which is seen there" "on the host" pm exec box cat /copied
check "pause" pm pause box
is "it is paused" "$(state box Status)" paused
fails "nothing is entered that is paused" pm exec box true
check "unpause" pm unpause box
gives "it goes on" alive pm exec box echo alive
like "ps" "$(pm ps --format '{{.Names}} {{.Status}}')" '^box Up'
fails "what runs is not removed" pm rm box
check "stop, by its own signal" pm stop -t 10 box
is "which it took, and its exit status" "$(pm logs box 2>&1 | tail -n 1) $(state box ExitCode)" "bye 4"
check "start again" pm start box
check "it runs again" wait_for 10 runs box
check "restart" pm restart -t 0 box
check "kill" pm kill -s KILL box
check "it is dead" wait_for 10 ended box
is "with a signal's exit status" "$(state box ExitCode)" 137
check "commit" pm commit -q box localhost/committed
gives "what was committed" "on the host" run --rm --network none localhost/committed cat /copied
check "rm" pm rm box
fails "it is gone" pm inspect box
check "run -d --rm" run -d --rm --name short --network none bb sleep 300
check "rm -f" pm rm -f -t 0 short

# --- memory --------------------------------------------------------------------------------------------------------------

exits "too much memory" 137 run --name hog --network none --memory 16m --memory-swap 16m bb sh -c 'tail -c 64m /dev/zero | wc -c; exit 137'
like "the kernel ended it" "$(state hog OOMKilled) $(pm logs hog 2>&1)" 'true|Killed'
pm rm hog >/dev/null

# --- terminals ---------------------------------------------------------------------------------------------------------

out=$(on_pty expect='# ' send='tty; stty size; echo $((6 * 7))\r' expect=42 send='exit 3\r' -- "${RUN[@]}" --rm -it --network none bb sh)
like "run -it is on a terminal" "$out" '/dev/(pts/0|console)'
unlike "it ended by itself" "$out" 'in vain'
check "run -dit, for later" run -dit --name term --network none bb sh
out=$(on_pty send='\r' expect='# ' send='echo $((6 * 7))\r' expect=42 send='\x10' sleep=0.3 send='\x11' -- "${PM[@]}" attach term)
like "attach, and detach by its keys" "$out" '42'
unlike "and out again" "$out" 'in vain'
check "it still runs" runs term
check "and is stopped" pm rm -f -t 0 term

# --- user name spaces ----------------------------------------------------------------------------------------------------

is "--userns=auto" "$(run --rm --network none --userns=auto bb cat /proc/self/uid_map | xargs)" "0 2000000 1024"
gives "its files are its own" "0 0" run --rm --network none --userns=auto bb stat -c '%u %g' /bin/busybox
check "in the background" run -d --name mapped --network none --userns=auto:size=4096 bb sleep 300
gives "exec into it" "0 4096" pm exec mapped sh -c 'echo $(id -u) $(awk "{print \$3}" /proc/self/uid_map)'
is "on the host it is nobody" "$(stat -c %u "/proc/$(state mapped Pid)" | cut -c 1-3)" 200
check "and removed" pm rm -f -t 0 mapped

# --- health --------------------------------------------------------------------------------------------------------------

check "with a health check" run -d --name ill --network none --health-cmd 'test -e /well' --health-interval disable --health-retries 1 bb sleep 300
fails "unhealthy" pm healthcheck run ill
pm exec ill touch /well
check "healthy" pm healthcheck run ill
check "and removed" pm rm -f -t 0 ill

# --- pods ----------------------------------------------------------------------------------------------------------------

if [ -x /usr/libexec/podman/catatonit ]; then
	check "a pod" pm pod create --name pod --cgroup-parent "$CGROUP" --hostname inpod
	client_groups+=("$(pm pod inspect -f '{{.ID}}' pod)") # which podman forgets in hierarchies that it does not know
	check "a container in it" pm run -d --pod pod --name one bb sh -c 'echo here | nc -l -p 99'
	wait_for 5 pm exec one sh -c 'netstat -tln | grep -q :99'
	gives "another, which shares its network and name" "inpod here" pm run --rm --pod pod bb sh -c 'echo $(hostname) $(nc 127.0.0.1 99 </dev/null)'
	check "pause the pod" pm pod pause pod
	check "unpause the pod" pm pod unpause pod
	like "ps of the pod" "$(pm pod ps --format '{{.Name}} {{.NumberOfContainers}}')" '^pod 2'
	check "stop the pod" pm pod stop -t 0 pod
	check "rm the pod" pm pod rm -f pod
else
	skip "pods" "no catatonit on this machine"
fi

# --- the end -------------------------------------------------------------------------------------------------------------

is "podman has no container left" "$(pm ps -aq)" ""
is "the runtime neither" "$("$BIN/runc" list -q 2>/dev/null)" ""
