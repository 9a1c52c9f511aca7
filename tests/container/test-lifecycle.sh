#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root user vm
# The life of a container: every way to start it, every way to stop it, its states and what is said of them.
. "${0%/*}/lib.sh"
export PS4='# '
talk=${0%/*}/pty-talk.py
P=(-P "$LXCPATH")
a=$CT-a b=$CT-b

pid_of() { lxc-info "${P[@]}" -n "$1" -pH 2>/dev/null; }
keeper_of() { awk '/^PPid:/{print $2}' "/proc/$(pid_of "$1")/status"; }
in_state() { [ "$(state_of "$1")" = "$2" ]; }
ready() { wait_for 10 test -e "/proc/$(pid_of "$1")/root/run/up"; }
# Its init says so once it listens to signals: not by what an earlier one has left.
up() { as_files rm -f "$LXCPATH/$1/rootfs/run/up" && start_ct "$@" && ready "$1"; }
new_init() { as_files tee "$LXCPATH/$a/rootfs/sbin/init" >/dev/null; }
alive() { [ -d "/proc/${1:-none}" ]; }

make_container "$a" <<E
lxc.tty.max = 2
lxc.pty.max = 16
lxc.mount.auto = proc sys
lxc.net.0.type = empty
E

# --- starting --------------------------------------------------------------------------------------------------------

check "start -d" start_ct "$a" -p "$T/pid"
is "it is RUNNING" "$(state_of "$a")" RUNNING
is "the pid file holds init's pid" "$(cat "$T/pid")" "$(pid_of "$a")"
like "init is the container's" "$(tr '\0' ' ' <"/proc/$(pid_of "$a")/cmdline")" /sbin/init
check "a second start of a running container leaves it alone" start_ct "$a"
is "and it has the same init" "$(cat "$T/pid")" "$(pid_of "$a")"
ready "$a"
check "stop by the halt signal" lxc-stop "${P[@]}" -n "$a" -t 20
is "it is STOPPED" "$(state_of "$a")" STOPPED
unlike "the pid file is gone" "$(ls "$T")" '^pid$'
lxc-stop "${P[@]}" -n "$a" >/dev/null 2>&1
is "stop of what does not run: 2" $? 2
lxc-stop "${P[@]}" -n "$CT-none" >/dev/null 2>&1
is "stop of what is not defined: 2" $? 2

check "start by creel start" creel start "${P[@]}" "$a"
check "stop by creel stop" creel stop "${P[@]}" -t 0 "$a"
is "and it is down" "$(state_of "$a")" STOPPED

out=$(timeout 20 lxc-start "${P[@]}" -n "$a" -F -- /bin/sh -c 'echo to the pipe; echo aside >&2; cat; exit 7' 2>"$T/err" <<<'from the pipe')
is "start -F with pipes: 0, whatever init returned" $? 0
like "its output" "$out" 'to the pipe'
like "its input" "$out" 'from the pipe'
out=$("$talk" 'expect=ready' 'send=echo $((20+3))\r' 'expect=23' 'send=tty; stty size; exit\r' -- lxc-start "${P[@]}" -n "$a" -F -- \
	/bin/sh -c 'echo ready; exec /bin/sh -i')
is "start -F on a terminal" $? 0
like "with a console that is a terminal" "$out" '/dev/(console|pts/[0-9]+)'
lxc-start "${P[@]}" -n "$a" -F -c "$T/device" -- /bin/sh -c 'echo to the device >/dev/console' >"$T/out" 2>&1 </dev/null
is "start -F with a device for its console" "$? $(tr -d '\r' <"$T/device")" "0 to the device"
refuse "a device that is in no folder" lxc-start "${P[@]}" -n "$a" -F -c "$T/none/device" -- /bin/true
lxc-start "${P[@]}" -n "$a" -F -- /no/such/program >"$T/out" 2>&1 </dev/null
is "a program that is not there: 1" $? 1
like "and it is named" "$(cat "$T/out")" '/no/such/program.*(No such file|not found)'
is "nothing runs then" "$(state_of "$a")" STOPPED
lxc-start "${P[@]}" -n "$a" -d -- /no/such/program >"$T/out" 2>&1 </dev/null
is "with -d likewise: 1" $? 1
like "and it is named" "$(cat "$T/out")" '/no/such/program'

# What says that it runs yet is right; a keeper that is about to leave is nobody else.
n=0
for _ in $(seq 60); do
	lxc-execute "${P[@]}" -n "$a" -d -- /no/such/program >"$T/out" 2>&1 </dev/null || grep -q 'already running' "$T/out" || { n=$((n + 1)) && note "$(cat "$T/out")"; }
done
is "a life as soon as the last one has ended" "$n" 0
wait_for 10 lxc-wait "${P[@]}" -n "$a" -s STOPPED -t 5
check "console log" lxc-start "${P[@]}" -n "$a" -L "$T/console" -- /bin/sh -c 'echo words for the log; exec sleep 60'
check "it fills" wait_for 10 grep -q 'words for the log' "$T/console"
refuse "attach -a with what is no architecture" lxc-attach "${P[@]}" -n "$a" -a vax -- /bin/true
check "attach -a with one" lxc-attach "${P[@]}" -n "$a" -a linux32 -- /bin/true
kill_ct "$a"
check "-s defines" lxc-start "${P[@]}" -n "$a" -s lxc.uts.name=defined -s lxc.environment=A=b
is "a name" "$(in_ct "$a" hostname)" defined
like "a variable" "$(in_ct "$a" cat /proc/1/environ | tr '\0' '\n')" '^A=b$'
kill_ct "$a"
refuse "-s of an unknown key" lxc-start "${P[@]}" -n "$a" -s lxc.uts.nam=x
like "names the nearest" "$(cat "$T/.out")" 'lxc\.uts\.name'
sed "s/^lxc.uts.name.*/lxc.uts.name = elsewhere/" "$LXCPATH/$a/config" >"$T/other.conf"
check "-f: another configuration" lxc-start "${P[@]}" -n "$a" -f "$T/other.conf"
is "is the one in force" "$(in_ct "$a" hostname)" elsewhere
kill_ct "$a"

# --- the ways down ---------------------------------------------------------------------------------------------------

up "$a"
cp "$LXCPATH/$a/rootfs/sbin/init" "$T/init"
new_init <<'E'
#!/bin/sh
trap 'reboot -f' INT
trap 'poweroff -f' PWR
echo up >/run/up; date +%s%N >>/run/starts
while :; do sleep 3600 & wait $!; done
E
kill_ct "$a"
cp "$LXCPATH/$a/config" "$T/config"
echo "lxc.environment = OF_CALLER" >>"$LXCPATH/$a/config"
TERM=vt100 OF_CALLER=x up "$a"
p=$(pid_of "$a") k=$(keeper_of "$a")
in_ct "$a" rm /run/up
in_ct "$a" reboot -f >/dev/null 2>&1
again() { local n; n=$(pid_of "$a") && [ -n "$n" ] && [ "$n" != "$p" ] && [ -e "/proc/$n/root/run/up" ]; }
check "reboot from inside starts it again" wait_for 15 again
is "under the same keeper" "$(keeper_of "$a")" "$k"
is "what it has of its caller's environment it has again" \
	"$(in_ct "$a" cat /proc/1/environ | tr '\0' '\n' | grep -E '^(TERM|OF_CALLER)=' | sort | tr '\n' ' ')" "OF_CALLER=x TERM=vt100 "
p=$(pid_of "$a")
in_ct "$a" rm -f /run/up
check "lxc-stop -r asks init to reboot" lxc-stop "${P[@]}" -n "$a" -r -t 15
check "and it is up again" wait_for 15 again
"$talk" 'expect=Connected to tty 1' 'send=\x01q' -- lxc-console "${P[@]}" -n "$a" >"$T/out"
is "it has its terminals again" $? 0
in_ct "$a" poweroff -f >/dev/null 2>&1
check "power-off from inside stops it" wait_for 15 in_state "$a" STOPPED
check "the keeper ends with it" wait_for 5 eval "! alive $k"
cp "$T/config" "$LXCPATH/$a/config"

new_init <"$T/init"
up "$a"
check "exit status: init exits by the reboot signal's trap" kill -INT "$(pid_of "$a")"
check "it ends" wait_for 10 in_state "$a" STOPPED
like "its exit status is kept" "$(lxc-info "${P[@]}" -n "$a" --format json)" '"exit_status": *42'

new_init <<'E'
#!/bin/sh
trap '' PWR TERM INT
echo up >/run/up
while :; do sleep 3600 & wait $!; done
E
up "$a"
s=$(date +%s%N)
check "an init that ignores the halt signal is killed after the time-out" lxc-stop "${P[@]}" -n "$a" -t 1
t=$((($(date +%s%N) - s) / 1000000))
[ $t -ge 900 ] && [ $t -lt 8000 ]
is "after one second ($t ms)" $? 0
up "$a"
refuse "--nokill only asks" lxc-stop "${P[@]}" -n "$a" -t 1 --nokill
is "and it goes on" "$(state_of "$a")" RUNNING
check "--nowait does not wait" timeout 5 lxc-stop "${P[@]}" -n "$a" -W
is "and it goes on" "$(state_of "$a")" RUNNING
check "-k kills" lxc-stop "${P[@]}" -n "$a" -k
is "and it is down" "$(state_of "$a")" STOPPED

if command -v python3 >/dev/null && [ -n "$(command -v cc || command -v gcc)" ]; then
	cat >"$T/sdinit.c" <<'E'
#include <sys/signalfd.h>
#include <signal.h>
#include <fcntl.h>
#include <unistd.h>
int main(void)
{
	struct signalfd_siginfo si;
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &s, 0);
	close(open("/run/up", O_CREAT | O_WRONLY, 0600));
	return read(signalfd(-1, &s, 0), &si, sizeof(si)) != sizeof(si);
}
E
	"$(command -v cc || command -v gcc)" -static -o "$T/sdinit" "$T/sdinit.c" || nok "compile an init"
	new_init <"$T/sdinit"
	up "$a"
	s=$SECONDS
	check "an init that waits for SIGRTMIN+3, as systemd does, gets that" lxc-stop "${P[@]}" -n "$a" -t 20 --nokill
	is "and it is down" "$(state_of "$a")" STOPPED
else
	skip "an init that waits for SIGRTMIN+3" "no C compiler"
fi
new_init <"$T/init"
check "lxc.signal.halt" start_ct "$a" -s lxc.signal.halt=SIGTERM
ready "$a"
check "is what stop sends" lxc-stop "${P[@]}" -n "$a" -t 20 --nokill

# --- states ----------------------------------------------------------------------------------------------------------

up "$a"
# An ordinary user's container has a group of its own where one was delegated to him.
group=1
if ! is_root && lxc-freeze "${P[@]}" -n "$a" 2>&1 | grep -q 'no control group of its own'; then group=; fi
[ -z "$group" ] || lxc-unfreeze "${P[@]}" -n "$a" 2>/dev/null
if [ -n "$group" ]; then
	check "freeze" lxc-freeze "${P[@]}" -n "$a"
	is "FROZEN" "$(state_of "$a")" FROZEN
	is "lxc-ls --frozen" "$(lxc-ls "${P[@]}" --frozen -1)" "$a"
	check "wait -s FROZEN" lxc-wait "${P[@]}" -n "$a" -s FROZEN -t 1
	check "unfreeze" lxc-unfreeze "${P[@]}" -n "$a"
	is "RUNNING" "$(state_of "$a")" RUNNING
	lxc-freeze "${P[@]}" -n "$a"
	check "a frozen container can be killed" lxc-stop "${P[@]}" -n "$a" -k
	is "and is down" "$(state_of "$a")" STOPPED
	up "$a"
	lxc-freeze "${P[@]}" -n "$a"
	check "and can be stopped" lxc-stop "${P[@]}" -n "$a" -t 10
else
	skip "freeze" "no control group is delegated to this user"
	check "stop" lxc-stop "${P[@]}" -n "$a" -t 10
fi
lxc-wait "${P[@]}" -n "$a" -s RUNNING -t 1
is "wait that times out: 1" $? 1
check "wait -s STOPPED" lxc-wait "${P[@]}" -n "$a" -s STOPPED -t 1
lxc-wait "${P[@]}" -n "$a" -s RUNNING -t 20 &
w=$!
sleep 0.2
start_ct "$a"
wait $w
is "wait -s RUNNING while it is being started" $? 0
lxc-wait "${P[@]}" -n "$a" -s 'STOPPED|FROZEN' -t 20 &
w=$!
sleep 0.2
if [ -n "$group" ]; then lxc-freeze "${P[@]}" -n "$a"; else kill_ct "$a"; fi
wait $w
is "wait for one of several" $? 0
if [ -n "$group" ]; then lxc-unfreeze "${P[@]}" -n "$a"; else start_ct "$a"; fi
lxc-wait "${P[@]}" -n "$a" -s STOPPED -t 20 &
w=$!
sleep 0.2
kill_ct "$a"
wait $w
is "wait -s STOPPED while it is being stopped" $? 0
refuse "wait for a state that is none" lxc-wait "${P[@]}" -n "$a" -s SLEEPING -t 1

# --- what is said of them --------------------------------------------------------------------------------------------

up "$a" -s lxc.group=g1 -s lxc.start.auto=1
is "ls --active" "$(lxc-ls "${P[@]}" --active -1)" "$a"
is "ls --running" "$(lxc-ls "${P[@]}" --running -1)" "$a"
is "ls --stopped" "$(lxc-ls "${P[@]}" --stopped -1)" ""
like "ls -f" "$(lxc-ls "${P[@]}" -f)" "^$a +RUNNING "
like "info names the pid" "$(lxc-info "${P[@]}" -n "$a")" "^PID: +$(pid_of "$a")\$"
[ -z "$group" ] || like "info -S tells memory" "$(lxc-info "${P[@]}" -n "$a" -S)" '^Memory use: +[0-9.]+'
for c in "lxc-ls --format json" "lxc-info -n $a --format json" "creel ps -a --format json"; do
	# shellcheck disable=SC2086 # words
	check "$c: JSON" sh -c "$c -P '$LXCPATH' | python3 -m json.tool"
done
if [ -n "$group" ]; then
	if [ -d /sys/fs/cgroup/memory ]; then f=memory.limit_in_bytes; else f=memory.max; fi
	check "cgroup set" lxc-cgroup "${P[@]}" -n "$a" $f 67108864
	is "cgroup get" "$(lxc-cgroup "${P[@]}" -n "$a" $f)" 67108864
	refuse "cgroup of a file that is none" lxc-cgroup "${P[@]}" -n "$a" no.such
fi

# --- sharing, executing, ephemeral -----------------------------------------------------------------------------------

make_container "$b" <<E
lxc.net.0.type = empty
E
ns() { readlink "/proc/$(pid_of "$1")/ns/$2"; }
if is_root; then
	for n in net ipc uts pid; do
		check "--share-$n=$a" start_ct "$b" "--share-$n=$a"
		is "is the same" "$(ns "$b" $n)" "$(ns "$a" $n)"
		unlike "and mnt is not" "$(ns "$b" mnt)" "^$(ns "$a" mnt | tr '[]' ..)\$"
		kill_ct "$b"
	done
	check "lxc.namespace.share.net by pid" start_ct "$b" -s "lxc.namespace.share.net=$(pid_of "$a")"
	is "is the same" "$(ns "$b" net)" "$(ns "$a" net)"
	kill_ct "$b"
else
	refuse "a name space of another user name space" start_ct "$b" "--share-net=$a"
fi
refuse "--share-net of nothing" start_ct "$b" --share-net="$CT-none"
kill_ct "$a"

for n in 0 3 77; do
	lxc-execute "${P[@]}" -n "$b" -- /bin/sh -c "exit $n" </dev/null >/dev/null 2>&1
	is "execute: exit code $n" $? $n
done
# shellcheck disable=SC2016 # the shell inside
lxc-execute "${P[@]}" -n "$b" -- /bin/sh -c 'kill -TERM $$' </dev/null >/dev/null 2>&1
is "execute: killed by SIGTERM" $? 143
is "execute -u -g" "$(lxc-execute "${P[@]}" -n "$b" -u 12 -g 34 -- id -u </dev/null)" 12
if is_root; then
	out=$(lxc-execute "${P[@]}" -n "$CT-host" -s lxc.net.0.type=empty -- /bin/sh -c 'echo on the host root; ls -d /etc' </dev/null)
	like "execute of what is not defined, on the host's root" "$out" 'on the host root'
	is "is gone afterwards" "$(lxc-ls "${P[@]}" -1 --filter "$CT-host")" ""
fi
timeout -s TERM -k 10 3 lxc-execute "${P[@]}" -n "$b" -- sleep 1000 </dev/null >/dev/null 2>&1
check "execute that is terminated leaves nothing running" wait_for 5 in_state "$b" STOPPED

make_container "$CT-eph" <<E
lxc.ephemeral = 1
lxc.net.0.type = empty
E
check "an ephemeral container starts" up "$CT-eph"
lxc-stop "${P[@]}" -n "$CT-eph" -t 10 >/dev/null 2>&1
check "and is destroyed when it stops" wait_for 10 eval "[ ! -e '$LXCPATH/$CT-eph' ]"

# A virtual machine is slow.
many=40 late=20
[ -z "${CREEL_IN_VM-}" ] || many=16 late=6

# Who fails late is out of the way of the next one.
new_init <<'E'
#!/no/such/interpreter
E
for _ in $(seq $late); do start_ct "$a"; done >"$T/late" 2>&1
is "$late starts that fail in a row: all for the same reason" "$(grep -c 'execute.*No such file' "$T/late")" $late

# --- many at once ---------------------------------------------------------------------------------------------------

for n in $(seq $many); do
	mkdir "$LXCPATH/$CT-p$n"
	printf '%s\n' "lxc.uts.name = p$n" "lxc.rootfs.path = $LXCPATH/$b/rootfs" "lxc.rootfs.managed = 0" "lxc.net.0.type = empty" \
		"lxc.mount.entry = tmpfs run tmpfs rw 0 0" "$(own_ids)" >"$LXCPATH/$CT-p$n/config"
	start_ct "$CT-p$n" >"$T/p$n.out" 2>&1 &
	pids[n]=$!
done
failed=0
for n in $(seq $many); do
	wait "${pids[n]}" || { failed=$((failed + 1)) && note "p$n: $(cat "$T/p$n.out")"; }
done
is "$many starts at once: failures" $failed 0
# Who comes second finds it running, which is what he wants.
lxc-stop "${P[@]}" -n "$CT-p1" -k
for n in 1 2 3 4 5 6 7 8; do start_ct "$CT-p1" >>"$T/eight.out" 2>&1 & pids[n]=$!; done
for n in 1 2 3 4 5 6 7 8; do wait "${pids[n]}" || failed=$((failed + 1)); done
is "eight starts of one at once: failures" $failed 0
is "seven of them hear that it runs" "$(grep -c 'already running' "$T/eight.out")" 7
is "$many run" "$(lxc-ls "${P[@]}" --running -1 | grep -c "$CT-p")" $many
for n in $(seq $many); do kill_ct "$CT-p$n" & pids[n]=$!; done
for n in $(seq $many); do wait "${pids[n]}" || failed=$((failed + 1)); done
is "$many stops at once: failures" $failed 0
is "none runs" "$(lxc-ls "${P[@]}" --running -1 | grep -c "$CT-p")" 0
for n in $(seq $many); do lxc-destroy "${P[@]}" -n "$CT-p$n" >/dev/null 2>&1 || failed=$((failed + 1)); done
is "all are destroyed: failures" $failed 0
check "what was not theirs is still there" test -x "$LXCPATH/$b/rootfs/bin/busybox"
