#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Docker's command line on the real engine: what scripts type at docker, its output and its exit codes.
. "${0%/*}/lib.sh"
export CREEL_ROOT=$T/data
N=(--network none)
d() { creel docker "$@"; }
# exits WHAT CODE ARG…: the exit code of a command; gives WHAT OUTPUT ARG…: what it prints on standard output
exits() {
	d "${@:3}" >"$T/.out" 2>&1 </dev/null
	is "$1" $? "$2"
}
gives() { is "$1" "$(d "${@:3}" 2>"$T/.err" </dev/null)" "$2"; }
says() { like "$1" "$(d "${@:3}" 2>&1 >/dev/null </dev/null)" "$2"; }
in_state() { [ "$(d inspect -f '{{.State.Status}}' "$1")" = "$2" ]; }
clean() {
	local all
	all=$(creel ps -aq)
	# shellcheck disable=SC2086 # several ids
	[ -z "$all" ] || creel rm -fv $all >/dev/null
}
trap 'clean; finish' EXIT

make_rootfs "$T/tree" || exit 1
like "import" "$(tar -C "$T/tree" -c . | d import -c 'CMD ["sh"]' -c 'ENV FROM=image PATH=/bin:/sbin' -m made - bb)" '^sha256:[0-9a-f]{64}$'
gives "images" "bb latest" images --format '{{.Repository}} {{.Tag}}'
like "images -q" "$(d images -q)" '^[0-9a-f]{12}$'
like "images, the table" "$(d images | head -n 1)" '^REPOSITORY +TAG +IMAGE ID +CREATED +SIZE$'
check "tag" d tag bb other:2
gives "rmi takes a name away" "Untagged: other:2" rmi other:2
like "history" "$(d history bb)" '^[0-9a-f]{12} +.* ago .* made'

# --- run -------------------------------------------------------------------------------------------------------------

gives "run" "hello image" run --rm "${N[@]}" bb sh -c 'echo hello $FROM'
exits "run: the exit status" 7 run --rm "${N[@]}" bb sh -c 'exit 7'
exits "run without --rm: the same" 9 run --name kept "${N[@]}" bb sh -c 'echo out; echo err >&2; exit 9'
exits "run: no such command" 127 run --rm "${N[@]}" bb nonesuch
exits "run: not executable" 126 run --rm "${N[@]}" bb /etc/passwd
exits "run: no such image" 125 run --rm --pull never nosuch:1 true
says "which says so" "No such image: nosuch:1" run --rm --pull never nosuch:1 true
exits "run: a wrong option" 125 run --nonesuch bb
is "run: standard input" "$(echo typed | d run --rm -i "${N[@]}" bb cat)" typed
is "run: a long stream arrives whole" "$(head -c 3000000 /dev/zero | d run --rm -i "${N[@]}" bb sh -c 'cat | cat' | wc -c)" 3000000
gives "run: user, folder, environment, host name" "1000 /tmp v h" run --rm "${N[@]}" -u 1000 -w /tmp -e K=v -h h bb \
	sh -c 'echo $(id -u) $PWD $K $(hostname)'
gives "run: --entrypoint, --read-only, --tmpfs" "ro rw" run --rm "${N[@]}" --read-only --tmpfs /t --entrypoint sh bb \
	-c 'echo $(touch /x 2>/dev/null || echo ro) $(touch /t/x && echo rw)'
mkdir "$T/volume" && echo outside >"$T/volume/file"
gives "run: -v" "outside ro" run --rm "${N[@]}" -v "$T/volume:/v:ro" bb sh -c 'echo $(cat /v/file) $(touch /v/x 2>/dev/null || echo ro)'
gives "run: --mount" outside run --rm "${N[@]}" --mount "type=bind,src=$T/volume,dst=/v,readonly" bb cat /v/file
gives "run: --ulimit" 100 run --rm "${N[@]}" --ulimit nofile=100:100 bb sh -c 'ulimit -n'
like "run: --cap-drop" "$(d run --rm "${N[@]}" --cap-drop all bb grep CapBnd /proc/self/status)" '0{16}$'
is "run: --network host" "$(d run --rm --network host bb readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
says "run: no such runtime" "unknown or invalid runtime name: foo" run --rm --runtime foo bb true
says "run: no such log driver" 'plugin "syslog" not found' run --rm --log-driver syslog bb true
says "run: no limit of a root's size" "storage-opt is not supported" run --rm --storage-opt size=1G bb true
check "run: --cidfile" d run --rm "${N[@]}" --cidfile "$T/cid" bb true
like "which holds the id" "$(cat "$T/cid")" '^[0-9a-f]{64}$'
says "and must not be there" "container ID file found" run --rm "${N[@]}" --cidfile "$T/cid" bb true
is "run --rm leaves nothing" "$(creel ps -aq | wc -l)" 1
out=$("${0%/*}/pty-talk.py" -t 20 expect='# ' send='tty; echo $((6 * 7))\r' expect=42 send='exit 3\r' -- creel run --rm -it "${N[@]}" bb sh)
is "run -it: the code comes back" $? 3
like "and it is on a terminal" "$(tr -d '\r' <<<"$out")" '/dev/(pts/0|console)'
says "-t without one" "the input device is not a TTY" run --rm -it "${N[@]}" bb sh
creel docker run --rm --name "$CT-sig" "${N[@]}" bb sh -c 'trap "exit 5" USR1; echo up; while :; do sleep 0.1; done' >"$T/sig.out" 2>&1 &
job=$!
wait_for 10 grep -q up "$T/sig.out"
kill -USR1 $job
wait $job
is "signals are passed on" $? 5

# --- a container in the background ---------------------------------------------------------------------------------------

gives "logs" "out" logs kept
is "logs: standard error" "$(d logs kept 2>&1 >/dev/null)" err
like "logs -t" "$(d logs -t --tail 1 kept 2>&1)" '^20[0-9-]+T[0-9:.]+Z err$'
exits "start -a: its code" 9 start -a kept
gives "wait on one that has ended" 9 wait kept
like "diff of what it changed: nothing" "x$(d diff kept)" '^x$'
like "run -d prints the id" "$(d run -d --name box -l a=b "${N[@]}" bb sleep 1000)" '^[0-9a-f]{64}$'
gives "ps" "box running bb a=b" ps --format '{{.Names}} {{.State}} {{.Image}} {{.Labels}}'
gives "ps: a label" b ps --format '{{.Label "a"}}'
gives "ps: filters" box ps -a -f name=box -f status=running --format '{{.Names}}'
gives "ps: json" '"box"' ps -f name=box --format '{{json .Names}}'
like "ps, the table" "$(d ps | head -n 1)" '^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES$'
says "ps: a wrong filter" "bad format of filter" ps -f nonsense
gives "inspect" "true /box none" inspect -f '{{.State.Running}} {{.Name}} {{.HostConfig.NetworkMode}}' box
gives "inspect: what the API leaves out" "none" inspect -f '{{if .State.Health}}health{{else}}none{{end}}' box
is "inspect is JSON" "$(d inspect box | python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["Name"])')" /box
exits "inspect: no such thing" 1 inspect nosuch
is "which still is a list" "$(d inspect nosuch 2>/dev/null)" "[]"
says "and says" "^Error: No such object: nosuch$" inspect nosuch
exits "exec: the exit status" 3 exec box sh -c 'exit 3'
exits "exec: no such command" 127 exec box nonesuch
gives "exec: folder, environment, user" "/tmp v 1000" exec -w /tmp -e K=v -u 1000 box sh -c 'echo $PWD $K $(id -u)'
is "exec -i" "$(echo typed | d exec -i box cat)" typed
is "exec without -i reads nothing" "$(echo typed | d exec box cat)" ""
says "exec: no such container" "^Error response from daemon: No such container: nosuch$" exec nosuch true
like "top" "$(d top box)" 'sleep 1000'
like "stats" "$(d stats --no-stream --format '{{.Name}} {{.PIDs}}' box)" '^box [1-9]'
echo in >"$T/in"
check "cp into it" d cp "$T/in" box:/tmp/there
gives "which is there" in exec box cat /tmp/there
mkdir "$T/out"
check "cp out of it" d cp box:/tmp/there "$T/out"
is "under its name" "$(cat "$T/out/there")" in
check "cp out, under another" d cp box:/tmp/there "$T/out/other"
is "which it has" "$(cat "$T/out/other")" in
mkdir -p "$T/tree2/sub" && echo deep >"$T/tree2/sub/file"
check "cp of what is in a folder" d cp "$T/tree2/." box:/tmp
gives "is there" deep exec box cat /tmp/sub/file
is "cp as a stream" "$(d cp box:/tmp/sub - | tar -xO sub/file)" deep
check "rename" d rename box box2
check "pause" d pause box2
gives "which ps shows" paused ps -f name=box2 --format '{{.State}}'
check "unpause" d unpause box2
like "commit" "$(d commit -c 'CMD ["cat","/tmp/there"]' box2 snap:1)" '^sha256:'
gives "run of what was committed" in run --rm "${N[@]}" snap:1
check "export" d export -o "$T/export.tar" box2
like "has all of it" "$(tar -tf "$T/export.tar")" 'tmp/there$'
says "rm of one that runs" "container is running" rm box2
exits "stop" 0 stop -t 1 box2
check "is stopped" in_state box2 exited
exits "start" 0 start box2
check "runs" in_state box2 running
exits "kill" 0 kill box2
check "events" bash -c "creel events --since 10m --until 0s --filter container=box2 | grep -q 'container die'"
says "start of what is not there" "Error: failed to start containers: nosuch" start nosuch
exits "rm -f of what is not there" 0 rm -f nosuch
check "save" d save -o "$T/save.tar" snap:1
cp "$T/save.tar" "$T/save.was"
exits "save of what is not there" 1 save -o "$T/save.tar" snap:1 nosuch
check "leaves the file that was" cmp "$T/save.tar" "$T/save.was"
exits "export of what is not there, too" 1 export -o "$T/save.tar" nosuch
check "and no other" bash -c "cmp '$T/save.tar' '$T/save.was' && ! compgen -G '$T/save.tar.new*'"
exits "save into a pipe" 0 save -o >(cat >"$T/piped.tar") snap:1
check "writes to it" wait_for 5 cmp "$T/piped.tar" "$T/save.tar"
says "save into a folder that is not there" "invalid output path: directory \"/nosuch\" does not exist" save -o /nosuch/x.tar snap:1
check "rm" d rm -f box2 kept
check "rmi" d rmi snap:1
like "load" "$(d load -i "$T/save.tar")" '^Loaded image: snap:1$'

# --- volumes, networks, the whole --------------------------------------------------------------------------------------------

gives "volume create" v1 volume create --label x=y v1
check "a volume keeps" d run --rm "${N[@]}" -v v1:/d bb sh -c 'echo kept >/d/f'
gives "what is written" kept run --rm "${N[@]}" -v v1:/d bb cat /d/f
gives "volume ls" "local v1" volume ls --format '{{.Driver}} {{.Name}}'
gives "volume inspect" y volume inspect -f '{{index .Labels "x"}}' v1
gives "volume rm" v1 volume rm v1
like "network create" "$(d network create "$CT-net")" '^[0-9a-f]{64}$'
like "network ls" "$(d network ls --format '{{.Name}} {{.Driver}}')" "^$CT-net bridge$"
gives "network rm" "$CT-net" network rm "$CT-net"
like "system df" "$(d system df)" '^Images +[0-9]+ '
like "info" "$(d info --format '{{.DefaultRuntime}} {{.Images}}')" '^creel [0-9]'
mkfifo "$T/asked"
like "version" "$(d version --format '{{.Client.ApiVersion}}')" '^1\.[0-9]+$'
like "--version" "$(d --version)" '^Docker version [0-9.]+, build '
exits "version: there are both sides" 0 version
like "prune asks" "$(d container prune </dev/null)" 'continue\? \[y/N\]'
for sig in INT TERM; do
	creel docker volume prune <"$T/asked" >"$T/asks.$sig" 2>&1 &
	job=$!
	exec 9<>"$T/asked"
	wait_for 10 grep -q 'y/N' "$T/asks.$sig"
	kill -$sig $job
	wait $job
	is "who goes away by SIG$sig when asked has failed in nothing" "$? $(wc -l <"$T/asks.$sig")" "0 2"
	exec 9>&-
done
like "system prune" "$(d system prune -f)" 'Total reclaimed space: '
is "container ls is ps" "$(d container ls -aq)" ""

# --- both kinds of containers by one command ------------------------------------------------------------------------------------

make_container "$CT-lxc" </dev/null
check "start of an LXC container by the older words" creel start -P "$LXCPATH" "$CT-lxc"
like "ps -P" "$(creel ps -P "$LXCPATH")" "^$CT-lxc +running"
is "exec -P" "$(creel exec -P "$LXCPATH" "$CT-lxc" hostname </dev/null)" "$CT-lxc"
check "stop -P" creel stop -P "$LXCPATH" -t 1 "$CT-lxc"
is "the programs for LXC map no library of images" "$(ldd "$(command -v creel)" 2>&1 | grep -cE 'curl|sqlite|crypto|isal')" 0
