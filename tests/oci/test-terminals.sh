#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# runs: root
#
# Terminals: handed over a socket, or relayed in the foreground; and the other things that go over sockets.
. "${0%/*}/lib.sh"
B=$T/b c=$CT-t
recv() { "${0%/*}/recv-fd.py" "$1" "$2" & }

make_bundle "$B" "$(args sh -c 'tty; [ -t 0 ] && [ -t 2 ] && echo all; stty size 2>/dev/null; sleep 0.2')" '.process.terminal = true' \
	'.process.consoleSize = {"height": 33, "width": 77}'
recv "$T/console" "$T/got"
wait_for 5 test -S "$T/console"
check "create --console-socket" creel-oci create --console-socket "$T/console" --pid-file "$T/pid" -b "$B" "$c"
check "start" creel-oci start "$c"
wait
like "one message: the terminal, named" "$(head -n 1 "$T/got")" '^/dev/p[^ ]* terminal$'
like "its first process's streams are that" "$(tr -d '\r' <"$T/got" | tr '\n' ' ')" '/dev/(pts/0|console) all '
check "it ends" wait_for 5 is_status "$c" "" stopped
check "delete" creel-oci delete "$c"

is "run in the foreground: relayed, with its exit code" \
	"$(script -qec "creel-oci run -b $B $c; echo rc=\$?" /dev/null </dev/null | tr -d '\r\0' | grep -c -e all -e rc=0)" 2
is "nothing is left" "$(left_of "$c")" ""
set_config "$B" "$(args sh -c 'read x; echo "said $x"')"
is "what is typed arrives" "$(echo hello | script -qec "creel-oci run -b $B $c" /dev/null | tr -d '\r' | grep -c 'said hello')" 1

make_bundle "$B" "$(args sleep 1000)"
recv "$T/pidfd" "$T/got"
wait_for 5 test -S "$T/pidfd"
quiet creel-oci run -d --pidfd-socket "$T/pidfd" -b "$B" "$c"
wait
like "--pidfd-socket" "$(cat "$T/got")" '^pidfd .*pidfd'
rm -f "$T/console"
recv "$T/console" "$T/got"
wait_for 5 test -S "$T/console"
check "exec --console-socket" creel-oci exec -t -d --console-socket "$T/console" "$c" sh -c 'tty; echo by exec; sleep 0.2'
wait
like "exec's terminal" "$(tr -d '\r' <"$T/got" | tr '\n' ' ')" 'terminal /dev/pts/0 by exec'
recv "$T/pidfd2" "$T/got"
wait_for 5 test -S "$T/pidfd2"
check "exec --pidfd-socket" creel-oci exec -d --pidfd-socket "$T/pidfd2" "$c" sleep 0.2
wait
like "exec's pidfd" "$(cat "$T/got")" '^pidfd .*pidfd'
is "exec: a terminal and a socket that is not there" "$(code_of creel-oci exec -t -d --console-socket /nosuch "$c" sleep 999)" 255
alone() { [ "$(oci ps -f json "$c" | jq length)" = 1 ]; }
check "and no process of it" wait_for 5 alone
check "delete --force" creel-oci delete -f "$c"
is "nothing is left" "$(left_of "$c")" ""

# LISTEN_FDS: what an activation hands over goes through.
make_bundle "$B" "$(args sh -c 'echo "$LISTEN_FDS $LISTEN_PID $(cat <&3)"')"
echo activated >"$T/kept"
is "LISTEN_FDS" "$(LISTEN_FDS=1 creel-oci run -b "$B" "$c" 3<"$T/kept" </dev/null)" "1 1 activated"

# What we are told is init's to hear, while the terminal is relayed, too.
make_bundle "$B" "$(args sh -c 'trap "echo got TERM" TERM; trap "echo got HUP; exit 7" HUP; echo ready; while :; do sleep 0.05; done')" '.process.terminal = true'
shown() { tr -d '\r' <"$T/out" | grep -qx "$1"; }
said() { [ "$(cat "$T/rc" 2>/dev/null)" = "$1" ]; }
# at_terminal COMMAND
at_terminal() {
	rm -f "$T/rc" "$T/init"
	script -qec "$1; echo \$? >$T/rc" /dev/null >"$T/out" 2>&1 < <(sleep 60) &
	check "$2" wait_for 5 shown ready
	wait_for 5 test -s "$T/init"
	ours=$(ps -o ppid= "$(cat "$T/init")" | tr -d " ")
}
at_terminal "creel-oci run --pid-file $T/init -b $B $c" "run at a terminal"
check "SIGTERM to us" kill -TERM "$ours"
check "is heard inside" wait_for 5 shown "got TERM"
check "SIGHUP to us" kill -HUP "$ours"
check "and its exit code is ours" wait_for 5 said 7
is "nothing is left" "$(left_of "$c")" ""
make_bundle "$B" "$(args sleep 1000)"
quiet creel-oci run -d -b "$B" "$c"
at_terminal "creel-oci exec -t --pid-file $T/init $c sh -c 'trap \"exit 6\" USR1; echo ready; while :; do sleep 0.05; done'" "exec at a terminal"
check "SIGUSR1" kill -USR1 "$ours"
check "is heard there as well" wait_for 5 said 6
check "delete --force" creel-oci delete -f "$c"
jobs -p | xargs -r kill 2>/dev/null
