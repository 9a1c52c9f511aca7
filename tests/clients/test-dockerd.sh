#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Docker with the runtime under test as its default.
. "${0%/*}/lib.sh"
need dockerd containerd docker
docker=/usr/bin/docker # another of that name may come first on PATH
[ -x $docker ] || docker=$(command -v docker)

export DOCKER_HOST=unix://$T/docker.sock DOCKER_CONFIG=$T/docker-config
DOCKER=("$docker")
d() { "${DOCKER[@]}" "$@"; }
run() { d run "$@"; }
state() { d inspect --format "{{.State.$2}}" "$1"; }
has() { [ "$(state "$1" "$2")" = "$3" ]; }
logged() { d logs "$1" 2>&1 | grep -q "$2"; }
clean() {
	local c
	for c in $(d ps -aq); do d rm -f "$c"; done
}
start_dockerd() {
	daemon "$T/dockerd.log" dockerd --data-root "$T/docker" --exec-root "$T/docker-run" --pidfile "$T/docker.pid" -H "$DOCKER_HOST" \
		--config-file "$T/daemon.json" --add-runtime "creel=$BIN/creel-oci" --default-runtime creel \
		--exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$CGROUP"
	wait_for 30 d version
}

echo '{"live-restore": true, "debug": false}' >"$T/daemon.json"
if ! start_dockerd; then
	note "$(tail -n 5 "$T/dockerd.log")"
	skip_file "dockerd does not start on this machine: $(tail -n 1 "$T/dockerd.log")"
fi
is "creel is the default runtime" "$(d info --format '{{.DefaultRuntime}} {{(index .Runtimes "creel").Path}}')" "creel $BIN/creel-oci"
make_tree "$T/tree"
is "import" "$(tar -C "$T/tree" -c . | d import -c 'CMD ["sh"]' -c 'ENV FROM=image PATH=/bin:/sbin' - bb | cut -d: -f1)" sha256
works Docker run --rm bb true

# --- run -------------------------------------------------------------------------------------------------------------

gives "run" "hello image" run --rm bb sh -c 'echo hello $FROM'
is "run is by creel" "$(c=$(d create bb) && d inspect --format '{{.HostConfig.Runtime}}' "$c" && d rm "$c" >/dev/null)" creel
exits "run: the exit status" 7 run --rm bb sh -c 'exit 7'
exits "run: no such command" 127 run --rm bb nonesuch
exits "run: not executable" 126 run --rm bb /etc/passwd
is "run: standard input" "$(echo typed | run --rm -i bb cat)" typed
gives "run: user, groups, folder, environment, host name" "1000:2000 2000 3000 /tmp v h" run --rm --user 1000:2000 --group-add 3000 \
	--workdir /tmp --env K=v --hostname h bb sh -c 'echo $(id -u):$(id -g) $(id -G) $PWD $K $(hostname)'
like "run: a network of its own" "$(run --rm bb ip -o addr)" 'eth0.*172\.'
gives "run: no network" 1 run --rm --network none bb sh -c 'ip -o link | wc -l'
mkdir "$T/volume" && echo outside >"$T/volume/file"
gives "run: volumes, read-only too" "outside ro" run --rm -v "$T/volume:/v:ro" bb sh -c 'echo $(cat /v/file) $(touch /v/x 2>/dev/null || echo ro)'
gives "run: --read-only, --tmpfs" "ro rw" run --rm --read-only --tmpfs /t bb sh -c 'echo $(touch /x 2>/dev/null || echo ro) $(touch /t/x && echo rw)'
gives "run: --ulimit, --sysctl, --shm-size" "100 5 1024" run --rm --ulimit nofile=100:100 --sysctl kernel.msgmni=5 --shm-size 1m bb \
	sh -c 'echo $(ulimit -n) $(cat /proc/sys/kernel/msgmni) $(df -k /dev/shm | awk "NR == 2 {print \$2}")'
like "run: capabilities" "$(run --rm --cap-drop all --cap-add chown bb grep CapBnd /proc/self/status)" '0000000000000001$'
like "run: Docker's seccomp profile" "$(run --rm bb grep Seccomp: /proc/self/status)" '2$'
fails "which refuses name spaces" run --rm bb unshare -U true
gives "run: without it" ok run --rm --security-opt seccomp=unconfined bb unshare -U echo ok
like "run: no new privileges" "$(run --rm --security-opt no-new-privileges bb grep NoNewPrivs /proc/self/status)" '1$'
gives "run: masked and read-only paths" "0 ro" run --rm bb sh -c 'echo $(wc -c </proc/timer_list) $(echo >/proc/sys/kernel/domainname 2>/dev/null || echo ro)'
if all_caps; then
	gives "run: --privileged" rw run --rm --privileged bb sh -c 'mount -t tmpfs x /mnt && echo rw'
else
	skip "run: --privileged" "root of this machine has not got every capability, and Docker asks for every one"
fi
gives "run: --device" "character special file 1 3" run --rm --device /dev/null:/dev/nothing bb stat -c '%F %t %T' /dev/nothing
if command -v docker-init >/dev/null; then
	gives "run: --init" 1 run --rm --init bb sh -c 'grep -c init /proc/1/cmdline'
else
	skip "run: --init" "no docker-init on this machine"
fi
out=$(on_pty expect='# ' send='tty; echo $((6 * 7))\r' expect=42 send='exit 3\r' -- "${DOCKER[@]}" run --rm -it bb sh)
like "run -it is on a terminal" "$out" '/dev/(pts/0|console)'
unlike "which ends by itself" "$out" 'in vain'

# --- a container in the background ---------------------------------------------------------------------------------------

check "run -d" run -d --name box --memory 64m --memory-swap 64m --pids-limit 50 --cpus 0.5 --stop-signal USR1 bb \
	sh -c 'trap "echo bye; exit 4" USR1; echo up; while :; do sleep 0.1; done'
check "logs" wait_for 10 logged box up
gives "limits" "67108864 50 50000" d exec box sh -c \
	'cd /sys/fs/cgroup; echo $(cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us)'
gives "exec: user, folder, environment" "5:6 /tmp v" d exec --user 5:6 --workdir /tmp --env K=v box sh -c 'echo $(id -u):$(id -g) $PWD $K'
is "exec: standard input" "$(echo typed | d exec -i box cat)" typed
exits "exec: the exit status" 9 d exec box sh -c 'exit 9'
like "exec: no such command" "$(d exec box nonesuch 2>&1; echo $?)" '^(126|127)$'
check "exec -d" d exec -d box sh -c 'echo $$ >/detached; exec sleep 300'
check "which stays" wait_for 10 d exec box sh -c 'kill -0 $(cat /detached)'
out=$(on_pty expect='# ' send='tty; stty size; echo $((6 * 7))\r' expect=42 send='exit 3\r' -- "${DOCKER[@]}" exec -it box sh)
like "exec -it is on a terminal" "$out" '/dev/pts/[0-9]'
unlike "which ends by itself, too" "$out" 'in vain'
like "top" "$(d top box 2>&1)" 'sleep 300'
like "top, with options of ps" "$(d top box -o pid,comm 2>&1)" "$(state box Pid) +sh"
like "stats" "$(d stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' box)" '^box [1-9].* / 64MiB$'
check "cp into it" d cp "$T/volume/file" box:/copied
gives "which is seen there" outside d exec box cat /copied
like "diff" "$(d diff box)" '^A /copied'
check "update" d update --memory 96m --memory-swap 96m --pids-limit 60 --cpus 0.25 --cpu-shares 512 box
gives "which is so inside" "100663296 60 25000 512" d exec box sh -c \
	'cd /sys/fs/cgroup; echo $(cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us cpu/cpu.shares)'
check "pause" d pause box
is "it is paused" "$(state box Status)" paused
fails "nothing is entered that is paused" d exec box true
check "unpause" d unpause box
gives "it goes on" alive d exec box echo alive
gives "another container may join its network and processes" "sh eth0" run --rm --network container:box --pid container:box bb \
	sh -c 'echo $(cat /proc/1/comm) $(ip -o link show eth0 | cut -d" " -f2 | cut -d@ -f1)'
fails "what runs is not removed" d rm box
check "stop, by its own signal" d stop -t 10 box
is "which it took, and its exit status" "$(d logs box 2>&1 | tail -n 1) $(state box ExitCode)" "bye 4"
check "start again" d start box
check "restart" d restart -t 0 box
check "kill" d kill box
is "with a signal's exit status" "$(state box ExitCode)" 137
is "commit" "$(d commit box committed | cut -d: -f1)" sha256
gives "what was committed" outside run --rm committed cat /copied
check "rm" d rm box
check "run -dit" run -dit --name term bb sh
out=$(on_pty sleep=0.5 send='\r' expect='# ' send='echo $((6 * 7))\r' expect=42 send='\x10' sleep=0.3 send='\x11' -- "${DOCKER[@]}" attach term)
unlike "attach, and detach by its keys" "$out" 'in vain'
is "it still runs" "$(state term Status)" running
check "rm -f" d rm -f term
exits "too much memory" 137 run --name hog --memory 16m --memory-swap 16m bb sh -c 'exec tail -c 64m /dev/zero'
is "and Docker knows it" "$(state hog OOMKilled)" true
d rm hog >/dev/null
check "a health check" run -d --name ill --health-cmd 'test -e /well' --health-interval 0.3s --health-retries 1 bb sleep 300
check "unhealthy" wait_for 15 has ill Health.Status unhealthy
d exec ill touch /well
check "healthy" wait_for 15 has ill Health.Status healthy
d rm -f ill >/dev/null

# --- restart policies, and a daemon that goes and comes ------------------------------------------------------------------

check "restart on failure" run -d --name failing --restart on-failure:2 bb sh -c 'exit 5'
check "ends after two more" wait_for 20 eval 'has failing Status exited && [ "$(d inspect -f {{.RestartCount}} failing)" = 2 ]'
d rm failing >/dev/null
check "restart always" run -d --name always --restart always bb sleep 300
pid=$(state always Pid)
kill -9 "$pid"
check "starts what was killed" wait_for 20 eval "has always Running true && ! has always Pid $pid"
pid=$(state always Pid)
kill "$(cat "$T/docker.pid")"
wait_for 10 eval "! d version"
check "it outlives the daemon" kill -0 "$pid"
wait_for 10 eval '! kill -0 "${client_pids[0]}"'
if start_dockerd; then ok "the daemon comes back"; else nok "the daemon comes back" && note "$(tail -n 5 "$T/dockerd.log")"; fi
is "and knows the container" "$(state always Pid) $(state always Status)" "$pid running"
gives "exec into it" alive d exec always echo alive
check "rm -f" d rm -f always

is "Docker has nothing left" "$(d ps -aq)" ""

# --- a daemon whose containers' root is nobody here ----------------------------------------------------------------------

kill "$(cat "$T/docker.pid")"
wait_for 10 eval '! kill -0 "${client_pids[1]}"'
echo '{"userns-remap": "creel"}' >"$T/daemon.json"
echo "creel:x:4242:4242::/:/bin/false" >>/etc/passwd
echo "creel:x:4242:" >>/etc/group
echo "creel:3000000:65536" | tee -a /etc/subuid >>/etc/subgid
if start_dockerd; then
	tar -C "$T/tree" -c . | d import - bb >/dev/null
	gives "userns-remap" "0 3000000 65536" run --rm bb sh -c 'echo $(cat /proc/self/uid_map)'
	check "run -d" run -d --name mapped --memory 64m bb sleep 300
	gives "exec" 0 d exec mapped id -u
	is "on the host it is nobody" "$(stat -c %u "/proc/$(state mapped Pid)")" 3000000
	check "rm -f" d rm -f mapped
else
	nok "userns-remap"
	note "$(tail -n 5 "$T/dockerd.log")"
fi
is "the runtime has nothing left" "$(find "$T/docker-run" -path '*runtime-*' -mindepth 3 -maxdepth 3 2>/dev/null)" ""
