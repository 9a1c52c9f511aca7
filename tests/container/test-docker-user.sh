#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: user
# Images and their containers of an ordinary user: everything in his own home, in a user name space of his, without root.
. "${0%/*}/lib.sh"
unset CREEL_ROOT XDG_DATA_HOME
DATA=$HOME/.local/share/creel RUN=$XDG_RUNTIME_DIR/creel
N=(--network none)
first=$(sub_start /etc/subuid)
d() { creel docker "$@"; }
gives() { is "$1" "$(d "${@:3}" 2>"$T/.err" </dev/null)" "$2"; }
says() { like "$1" "$(d "${@:3}" 2>&1 >/dev/null </dev/null)" "$2"; }
exits() {
	d "${@:3}" >"$T/.out" 2>&1 </dev/null
	is "$1" $? "$2"
}
owner() { stat -c '%u:%g' "$@"; }
clean() {
	local all
	all=$(d ps -aq 2>/dev/null)
	# shellcheck disable=SC2086 # several ids
	[ -z "$all" ] || d rm -fv $all >/dev/null 2>&1
}
trap 'clean; finish' EXIT

# --- an image whose files have several owners ----------------------------------------------------------------------------

make_rootfs "$T/tree" || exit 1
mkdir -p "$T/tree/srv/joe" "$T/tree/old/below"
echo 'joe:x:1000:1000::/srv/joe:/bin/sh' >>"$T/tree/etc/passwd"
echo data >"$T/tree/old/below/file"
ln "$T/tree/old/below/file" "$T/tree/old/hard"
tar -C "$T/tree" --owner=0 --group=0 -cf "$T/t.tar" --exclude=./srv/joe . &&
	tar -C "$T/tree" --owner=1000 --group=1000 -rf "$T/t.tar" ./srv/joe
like "import" "$(d import -c 'CMD ["sh"]' -c 'ENV PATH=/bin:/sbin' - bb <"$T/t.tar")" '^sha256:[0-9a-f]{64}$'
check "what is kept is in the home" test -f "$DATA/creel.db"
is "where nobody else comes to, for there are set-user-id programs of his" "$(stat -c %a "$DATA")" 700
check "and nothing of root's" test ! -e /run/creel/locks
gives "images" "bb latest" images --format '{{.Repository}} {{.Tag}}'
gives "overlay" overlay2 info -f '{{.Driver}}'
layer=$(dirname "$(find "$DATA/layers/overlay" -name joe -path '*/srv/joe' | head -n 1)")/..
is "root's files are the user's" "$(owner "$layer/etc/passwd")" "$(id -u):$(id -g)"
is "another's are a delegated id's" "$(owner "$layer/srv/joe")" "$((first + 999)):$((first + 999))"

# --- containers -----------------------------------------------------------------------------------------------------------

gives "run: root inside" "0:0 0:0 1000:1000" run --rm "${N[@]}" bb sh -c 'echo $(id -u):$(id -g) $(stat -c %u:%g /etc/passwd /srv/joe)'
like "run: by the maps of the user" "$(d run --rm "${N[@]}" bb cat /proc/self/uid_map)" "^ +0 +$(id -u) +1"
gives "run: as another" "1000 rw" run --rm "${N[@]}" -u joe bb sh -c 'echo $(id -u) $(touch /srv/joe/x && echo rw)'
exits "run: the exit status" 7 run --rm "${N[@]}" bb sh -c 'exit 7'
exits "run: no such command" 127 run --rm "${N[@]}" bb nonesuch
is "run -i" "$(echo typed | d run --rm -i "${N[@]}" bb cat)" typed
like "run -it" "$("${0%/*}/pty-talk.py" -t 20 expect='# ' send='echo $((6 * 7))\r' expect=42 send='exit 3\r' -- creel run --rm -it "${N[@]}" bb sh; echo "=$?")" '=3$'
is "--network host" "$(d run --rm --network host bb readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
check "which has a /sys" d run --rm --network host bb test -d /sys/class/net/lo
gives "run: --ulimit" 100 run --rm "${N[@]}" --ulimit nofile=100:100 bb sh -c 'ulimit -n'
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
	skip "run -m on v1" "this host has v2 alone: tests/vm/test-rootless.sh"
else
	says "run -m" "Resource limits are not supported and ignored on cgroups V1 rootless systems" run --rm "${N[@]}" -m 64m bb true
fi
mkdir "$T/bound" && echo outside >"$T/bound/file" && chmod 755 "$T/bound"
gives "run -v" outside run --rm "${N[@]}" -v "$T/bound:/v" bb sh -c 'cat /v/file; touch /v/new'
is "what root makes there is the user's" "$(owner "$T/bound/new")" "$(id -u):$(id -g)"

d run -d --name "$CT-a" "${N[@]}" bb sh -c 'echo hello; echo x >/made; chown 1000 /made; rm -r /old; mkdir /old; exec sleep 1000' >/dev/null
is "run -d" $? 0
check "state is where the user's is" test -d "$RUN/$(d inspect -f '{{.Id}}' "$CT-a")"
wait_for 10 sh -c "creel docker exec $CT-a test ! -e /old/hard -a -d /old"
gives "ps" "$CT-a" ps --format '{{.Names}}'
gives "logs" hello logs "$CT-a"
gives "exec" "0" exec "$CT-a" id -u
gives "exec: as another" "1000" exec -u joe "$CT-a" id -u
is "a file that took its output is still the user's" "$(owner "$T/.err")" "$(id -u):$(id -g)"
like "top" "$(d top "$CT-a")" 'sleep 1000'
like "lxc-ls" "$(lxc-ls --active)" "$CT-a"
d exec -d -u joe "$CT-a" sleep 500
# One who is in the same name space may signal what another command has started, under whatever id.
d run -d --name "$CT-b" "${N[@]}" -u joe bb sh -c 'trap "exit 4" TERM; while :; do sleep 0.1; done' >/dev/null
is "all are in one user name space" "$(stat -Lc %i "/proc/$(d inspect -f '{{.State.Pid}}' "$CT-a")/ns/user")" \
	"$(stat -Lc %i "/proc/$(d inspect -f '{{.State.Pid}}' "$CT-b")/ns/user")"
sleep 0.3
check "stop" d stop -t 5 "$CT-b"
gives "its code" 4 inspect -f '{{.State.ExitCode}}' "$CT-b"
check "start again" d start "$CT-b"
check "kill" d kill "$CT-b"
gives "wait" 137 wait "$CT-b"
echo copied >"$T/c"
check "cp in" d cp "$T/c" "$CT-a:/srv/joe/c"
check "cp out" d cp "$CT-a:/made" "$T/made"
is "is the user's" "$(cat "$T/made") $(owner "$T/made")" "x $(id -u):$(id -g)"
like "diff" "$(d diff "$CT-a" | sort | tr '\n' ' ')" 'A /made A /srv/joe/c .*D /old/hard '
check "commit" d commit "$CT-a" cc
gives "run of that: owners, and a folder that hides the one below" "1000 empty" run --rm "${N[@]}" cc sh -c 'echo $(stat -c %u /made) $(ls /old | grep . || echo empty)'
check "save" d save -o "$T/saved.tar" cc
check "rmi" d rmi -f cc
check "load" d load -i "$T/saved.tar"
gives "is the same" "1000 empty" run --rm "${N[@]}" cc sh -c 'echo $(stat -c %u /made) $(ls /old | grep . || echo empty)'
printf 'FROM bb\nRUN echo x >/new && rm -r /old && mkdir /old && chown 33:33 /new\nCOPY --chown=5:6 bin/busybox /copied\n' >"$T/Df"
check "build" d build -q -t built -f "$T/Df" "$T/tree"
gives "run of that" "33:33 5:6 empty" run --rm "${N[@]}" built sh -c 'echo $(stat -c %u:%g /new /copied) $(ls /old | grep . || echo empty)'
check "volume" d volume create vol
gives "is written to" joe run --rm "${N[@]}" -v vol:/srv/joe -u joe bb sh -c 'echo joe >/srv/joe/f; cat /srv/joe/f'
is "by a delegated id" "$(owner "$DATA/volumes/vol/_data/f" 2>/dev/null || as_files stat -c %u "$DATA/volumes/vol/_data/f")" "$((first + 999)):$((first + 999))"

# --- networks ---------------------------------------------------------------------------------------------------------------

says "a network of one's own" "needs root of the host" network create mine
if ! ip route show default | grep -q .; then
	skip "bridge" "no way out of this host, whose addresses pasta would take"
elif command -v pasta >/dev/null; then
	like "bridge: by pasta" "$(d run --rm bb ip -o addr show scope global)" 'inet [0-9.]+/'
	d run -d --name "$CT-p" -p 127.0.0.1:18080:80 bb sh -c 'mkdir /www; echo served >/www/index.html; exec httpd -f -p 80 -h /www' >/dev/null
	is "run -p" $? 0
	check "answers" wait_for 10 sh -c 'busybox wget -q -O - http://127.0.0.1:18080/ | grep -x served'
	gives "port" "80/tcp -> 127.0.0.1:18080" port "$CT-p"
	pid=$(cat "$RUN/$(d inspect -f '{{.Id}}' "$CT-p")/usernet.pid")
	check "rm -f" d rm -f "$CT-p"
	check "pasta has gone" test ! -e "/proc/$pid"
else
	says "bridge without a helper" "install the package passt|needs pasta or slirp4netns" run --rm bb true
fi

# --- beside LXC's ------------------------------------------------------------------------------------------------------------

chmod 711 "$HOME"
echo lxc.net.0.type = empty | make_container "$CT-l"
mkdir -p "$HOME/.config/lxc"
echo "lxc.lxcpath = $LXCPATH" >"$HOME/.config/lxc/lxc.conf"
check "a container of LXC's" start_ct "$CT-l"
like "is in ps" "$(creel ps)" "$CT-l"
is "exec in it" "$(creel exec "$CT-l" id -u </dev/null)" 0
check "stop" creel stop -t 1 "$CT-l"
d create --name "$CT-two" "${N[@]}" bb sleep 1000 >/dev/null
gives "start of both kinds by one command" "$(printf '%s\n%s' "$CT-two" "$CT-l")" start "$CT-two" "$CT-l"
gives "inspect of both" "$(printf 'running\nrunning')" inspect -f '{{.State.Status}}' "$CT-two" "$CT-l"
is "a name in the words of a command is no container" "$(d exec "$CT-two" echo "$CT-l")" "$CT-l"
check "restart of both" d restart -t 1 "$CT-l" "$CT-two"
gives "kill of both" "$(printf '%s\n%s' "$CT-l" "$CT-two")" kill -s KILL "$CT-l" "$CT-two"
gives "wait says what they have ended with" "$(printf '137\n137')" wait "$CT-l" "$CT-two"
exits "one that is not there among them" 1 stop "$CT-l" nosuch "$CT-two"
d rm "$CT-two" >/dev/null
lxc-destroy -n "$CT-l"

# --- killed ------------------------------------------------------------------------------------------------------------------

for t in 0.02 0.05 0.1 0.15; do
	timeout -s KILL $t creel docker load -i "$T/saved.tar" >/dev/null 2>&1
	timeout -s KILL $t creel docker run --name "$CT-k$t" "${N[@]}" bb true >/dev/null 2>&1
	timeout -s KILL $t creel docker rm -f "$CT-k$t" >/dev/null 2>&1
done
clean
is "no container is left of those killed" "$(d ps -aq)" ""
gives "and the image still runs" ok run --rm "${N[@]}" bb echo ok

# --- ids beyond the map ------------------------------------------------------------------------------------------------------

tar -C "$T/tree" --owner=100000 --group=0 -cf "$T/far.tar" ./etc
like "an id beyond the map" "$(d import - far <"$T/far.tar" 2>&1)" 'give etc.* to 100000:0: Invalid argument'
like "with the cure" "$(d import - far <"$T/far.tar" 2>&1)" 'subuid'

# --- nobody is in the name space, and many come at once --------------------------------------------------------------------

clean
for i in 1 2 3 4 5 6; do
	d run --rm "${N[@]}" bb sh -c 'readlink /proc/self/ns/user; sleep 1' >"$T/ns.$i" 2>&1 </dev/null &
	all[i]=$!
done
wait "${all[@]}"
is "all are in one user name space" "$(sort "$T"/ns.? | uniq -c | sed 's/[0-9]*]//')" "      6 user:["

# --- one id ------------------------------------------------------------------------------------------------------------------

clean
(
	: >"$T/subuid"
	: >"$T/subgid"
	export CREEL_ROOT=$T/one
	tar -C "$T/tree" --owner=0 --group=0 -c . | d import - one >"$T/one.out"
	d run --rm "${N[@]}" one /bin/sh -c 'echo $(/bin/id -u) $(/bin/busybox awk "{print \$1, \$3}" /proc/self/uid_map)' </dev/null
	d import - two <"$T/t.tar" 2>&1 | grep -c 'to 1000:1000: Invalid argument'
	d system prune -af >/dev/null
	rm -rf "$T/one" && echo gone
) >"$T/single" 2>&1
echo "$(id -un):$first:65536" | tee "$T/subuid" >"$T/subgid"
is "without ids in /etc/subuid: root alone" "$(cat "$T/single")" "0 0 1
1
gone"

# --- nothing stays -----------------------------------------------------------------------------------------------------------

check "system prune" d system prune -af --volumes
check "volume rm" sh -c 'creel docker volume rm vol 2>/dev/null || ! creel docker volume ls -q | grep -q .'
# shellcheck disable=SC2046 # several ids
d rmi -f $(d images -q) >/dev/null 2>&1
d system prune -af >/dev/null
is "no file of another id is left" "$(find "$HOME" ! -user "$(id -un)" | wc -l)" 0
is "nor layer, root, blob or volume" "$(find "$DATA"/layers/overlay "$DATA/layers/roots" "$DATA/blobs/blobs/sha256" "$DATA"/volumes -mindepth 1 -maxdepth 1 ! -name .bottom 2>/dev/null)" ""
is "nor a container's state" "$(find "$RUN" -mindepth 1 -maxdepth 1 ! -name locks ! -name rootfs ! -name net | wc -l)" 0
check "and the user can remove the rest" rm -rf "$DATA"
