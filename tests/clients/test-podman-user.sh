#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: user
# podman as an ordinary user, with delegated ids and without control groups of his own.
. "${0%/*}/lib.sh"
need podman conmon newuidmap

make_tree "$T/tree" && tar -C "$T/tree" -cf "$T/tree.tar" . || exit 1
mkdir -p "$HOME/.config/containers"
cat >"$HOME/.config/containers/containers.conf" <<EOC
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
[containers]
log_driver = "k8s-file"
EOC
export PODMAN_IGNORE_CGROUPSV1_WARNING=1
PM=(podman --root "$T/podman" --runroot "$T/podman-run" --tmpdir "$T/podman-tmp" --runtime "$BIN/runc")
pm() { "${PM[@]}" "$@"; }
run() { pm run --network none "$@"; }
state() { pm inspect --format "{{.State.$2}}" "$1"; }
ended() { [ "$(state "$1" Status)" = exited ]; }
logged() { pm logs "$1" 2>&1 | grep -q "$2"; }
clean() {
	pm rm -fa -t 0
	pm unshare rm -rf "$T/podman" "$T/podman-run"
}

check "an image from a busybox tree" pm import -c 'CMD ["sh"]' -c 'ENV PATH=/bin:/sbin:/usr/bin' "$T/tree.tar" localhost/bb
works podman run --rm bb true

is "root inside is the user outside" "$(run --rm bb cat /proc/self/uid_map | xargs)" "0 $(id -u) 1 1 $(sub_start /etc/subuid) 65536"
gives "run prints" "hello 0" run --rm bb sh -c 'echo hello $(id -u)'
exits "run: the exit status" 7 run --rm bb sh -c 'exit 7'
exits "run: no such command" 127 run --rm bb nonesuch
exits "run: not executable" 126 run --rm bb /etc/passwd
is "run: standard input" "$(echo typed | run --rm -i bb cat)" typed
gives "run: user, groups, folder, environment, host name" "1000:2000 2000 3000 /tmp v h" run --rm --user 1000:2000 --group-add 3000 \
	--workdir /tmp --env K=v --hostname h bb sh -c 'echo $(id -u):$(id -g) $(id -G) $PWD $K $(hostname)'
mkdir "$T/volume" && echo outside >"$T/volume/file"
gives "run: a volume, and whose it is" "outside 0" run --rm -v "$T/volume:/v" bb sh -c 'echo $(cat /v/file) $(stat -c %u /v/file); echo inside >/v/new'
is "what is written there is the user's" "$(stat -c %u "$T/volume/new")" "$(id -u)"
gives "run: --userns=keep-id" "$(id -u)" run --rm --userns keep-id bb id -u
gives "run: --read-only" ro run --rm --read-only bb sh -c 'touch /x 2>/dev/null || echo ro'
like "run: seccomp" "$(run --rm bb grep Seccomp: /proc/self/status)" '2$'
like "run: capabilities" "$(run --rm --cap-drop all bb grep CapEff /proc/self/status)" '0000000000000000$'
gives "run: /sys cannot be written" ro run --rm bb sh -c 'mkdir /sys/fs/cgroup/pids/x 2>/dev/null || echo ro'
out=$(on_pty expect='# ' send='tty; echo $((6 * 7))\r' expect=42 send='exit 3\r' -- "${PM[@]}" run --rm -it --network none bb sh)
like "run -it is on a terminal" "$out" '/dev/(pts/0|console)'
unlike "which ends by itself" "$out" 'in vain'

check "run -d" run -d --name box bb sh -c 'trap "exit 4" TERM; echo up; while :; do sleep 0.1; done'
check "it runs" wait_for 10 logged box up
gives "exec" "0 v" pm exec -e K=v box sh -c 'echo $(id -u) $K'
gives "exec: user" 5:6 pm exec --user 5:6 box sh -c 'echo $(id -u):$(id -g)'
exits "exec: the exit status" 9 pm exec box sh -c 'exit 9'
out=$(on_pty expect='# ' send='tty; echo $((6 * 7))\r' expect=42 send='exit\r' -- "${PM[@]}" exec -it box sh)
like "exec -it is on a terminal" "$out" '/dev/pts/[0-9]'
like "top" "$(pm top box pid comm 2>&1)" '1 +sh'
check "stop" pm stop -t 10 box
is "its exit status" "$(state box ExitCode)" 4
check "start again" pm start box
check "kill" pm kill -s KILL box
check "it is dead" wait_for 10 ended box
is "with a signal's exit status" "$(state box ExitCode)" 137
check "rm" pm rm box
is "podman has nothing left" "$(pm ps -aq)" ""
is "the runtime neither" "$(pm unshare "$BIN/runc" list -q 2>/dev/null)" ""
