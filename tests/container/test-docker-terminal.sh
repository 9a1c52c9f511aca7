#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Docker's command line on a terminal: the keys that leave it, its size, attach and start -ai, the live view of stats, and what
# of them config.json says.
. "${0%/*}/lib.sh"
. "${0%/*}/docker.sh"
N=(--network none)
here=$(realpath "${0%/*}")
# tty STEP... -- ARG...: creel docker on a terminal; what it showed in $out, its code in $code.
tty() {
	local steps=()
	while [ "$1" != -- ]; do steps+=("$1") && shift; done
	shift
	out=$("$here/pty-talk.py" -t "${limit:-20}" "${steps[@]}" -- creel docker "$@" 2>&1)
	code=$?
	out=$(tr -d '\r' <<<"$out")
}
runs() { dk top "$1" | grep -q "$2"; }
state() { dk inspect -f '{{.State.Status}}' "$1"; }
base_image >/dev/null || exit 1

# --- exec ------------------------------------------------------------------------------------------------------------------

dk run -d --name box "${N[@]}" base sleep 1000 >/dev/null
tty expect='# ' send='sleep 77\r' sleep=0.5 send='\x10\x11' -- exec -it box sh
like "exec -it: the keys are said" "$out" 'read escape sequence$'
is "and its code is 1, as Docker's" "$code" 1
check "what it ran goes on" runs box 'sleep 77'
dk exec box sh -c 'kill $(pidof sleep | tr " " "\n" | grep -vx 1)' >/dev/null 2>&1
tty expect='# ' send='echo $((40 + 2))\r' expect=42 send='\x01' sleep=0.2 send='x' -- exec --detach-keys ctrl-a,x -it box sh
is "exec: keys of --detach-keys" "$code" 1
tty expect='# ' send='echo \x10$((40 + 2))\r' expect=42 send='exit 6\r' -- exec -it --detach-keys ctrl-a box sh
is "then ctrl-p is a key like any other" "$code" 6
mkdir -p "$DOCKER_CONFIG"
echo '{"detachKeys": "ctrl-e,e", "psFormat": "{{.Names}}={{.State}}"}' >"$DOCKER_CONFIG/config.json"
tty expect='# ' send='\x05e' -- exec -it box sh
is "exec: detachKeys of config.json" "$code" 1
is "ps: psFormat of config.json" "$(dk ps)" "box=running"
like "ps: --format goes before it" "$(dk ps --format table | head -n 1)" '^CONTAINER ID'
rm "$DOCKER_CONFIG/config.json"
like "exec: keys that are none" "$(dk exec --detach-keys foo box true 2>&1)" 'Invalid escape keys \(foo\) provided'
tty expect='# ' send='exit 3\r' -- exec -it box sh
is "exec -it: the code" "$code" 3
out=$("$here/pty-talk.py" -t 20 expect='READY' sleep=0.5 -- sh -c \
	'stty rows 33 cols 101; (sleep 1; stty rows 44 cols 122 </dev/tty; kill -WINCH $PPID) & echo READY
	exec creel docker exec -t box sh -c "stty size; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do sleep 0.1; done; stty size"' | tr -d '\r')
like "exec -t has the terminal's size" "$out" '^33 101$'
like "and follows it" "$out" '^44 122$'
dk exec -dt box sh -c 'tty >/tty-of-d; sleep 1; echo on >>/tty-of-d'
check "exec -dt has one that nobody looks at" wait_for 10 dk exec box grep -q on /tty-of-d

# --- run, attach, start ------------------------------------------------------------------------------------------------------

tty expect='# ' send='echo $((40 + 2))\r' expect=42 send='\x10\x11' -- run -it --name term "${N[@]}" base sh
is "run -it: the keys end it with 0" "$code $(state term)" "0 running"
tty sleep=0.3 send='echo $((50 + 2))\r' expect=52 send='\x10\x11' -- attach term
is "attach: with 1" "$code $(state term)" "1 running"
like "and says so" "$out" 'read escape sequence$'
tty sleep=0.3 send='\x01x' -- attach --detach-keys ctrl-a,x term
is "attach --detach-keys" "$code $(state term)" "1 running"
tty sleep=0.3 send='exit 4\r' -- attach term
is "attach: the container's code" "$code $(state term)" "4 exited"
tty expect='# ' send='\x10\x11' -- start -ai term
is "start -ai: the keys end it with 0" "$code $(state term)" "0 running"
limit=3 tty sleep=0.3 send='exit 9\r' -- attach --no-stdin term
like "attach --no-stdin types nothing" "$(state term)" running
dk rm -f term >/dev/null
out=$("$here/pty-talk.py" -t 20 expect='READY' sleep=0.5 -- sh -c 'stty rows 33 cols 101; (sleep 1.5; stty rows 44 cols 122 </dev/tty) & echo READY
	exec creel docker run --rm -it --network none base sh -c "sleep 0.3; stty size; trap \"stty size; exit\" WINCH; while :; do sleep 0.1; done"' | tr -d '\r')
like "run -it has the terminal's size" "$out" '^33 101$'
like "and follows it, with a signal" "$out" '^44 122$'
like "run -it: TERM" "$(tty expect=END -- run --rm -it "${N[@]}" base sh -c 'echo $TERM END'; echo "$out")" 'xterm END'

"$here/pty-talk.py" -t 20 expect=up sleep=2 -- sh -c 'creel docker run --rm -t --network none base sh -c "trap \"exit 6\" TERM; echo up; while :; do sleep 0.1; done" &
	sleep 1; kill -TERM $!; wait $!; exit $?' >/dev/null
is "run -t: signals are passed on, too" $? 6

# --- attach without a terminal -------------------------------------------------------------------------------------------------

dk run -d --name tick "${N[@]}" base sh -c 'trap "echo usr1" USR1; trap "exit 5" TERM; while :; do echo tick; sleep 0.1; done' >/dev/null
timeout 5 creel docker attach tick >"$T/ticks" 2>&1 &
job=$!
wait_for 5 grep -q tick "$T/ticks"
pkill -USR1 -P $job 2>/dev/null || kill -USR1 $job
check "attach: signals are the container's" wait_for 5 grep -q usr1 "$T/ticks"
dk exec tick true
pkill -TERM -P $job 2>/dev/null || kill -TERM $job
wait $job
is "and its code ours" $? 5
dk start tick >/dev/null
creel docker attach --sig-proxy=false tick >"$T/ticks" 2>&1 &
job=$!
wait_for 5 grep -q tick "$T/ticks"
kill -TERM $job
wait $job 2>/dev/null
is "attach --sig-proxy=false: they are not" "$(state tick)" running

# --- stats ------------------------------------------------------------------------------------------------------------------------

out=$("$here/pty-talk.py" -t 6 expect='CONTAINER ID' expect='tick' expect='CONTAINER ID' -- timeout 5 creel docker stats)
like "stats clears the terminal for each round" "$(cat -v <<<"$out" | grep -o '\^\[\[[HJ2]*[HJ]' | sort -u | head -n 1)" '\['
is "stats --no-stream: one round" "$(dk stats --no-stream | grep -c 'CONTAINER ID')" 1
like "stats --format json" "$(dk stats --no-stream --format json tick)" '^\{"BlockIO":.*"CPUPerc":"[0-9.]+%","Container":"tick","ID":"[0-9a-f]{12}","MemPerc":.*"Name":"tick".*"PIDs":"[1-9][0-9]*"\}$'
like "stats without a terminal" "$(timeout 4 creel docker stats tick | head -n 2 | tail -n 1)" '^[0-9a-f]{12} +tick +[0-9.]+% '
