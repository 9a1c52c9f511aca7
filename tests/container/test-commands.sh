#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root vm
# What the commands print and answer about a container that runs, as LXC's do.
. "${0%/*}/lib.sh"
c=${CT}a
f=${CT}b
make_container "$c" <<EOC
lxc.net.0.type = veth
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.77.0.2/24
lxc.net.0.ipv6.address = fd77::2/64
lxc.tty.max = 2
EOC
make_container "$f" <<EOC
lxc.net.0.type = empty
EOC
P=(-P "$LXCPATH")
# The code of a command, with what it printed in $T/.out.
code() {
	"$@" >"$T/.out" 2>&1 </dev/null
	echo $?
}
out() { cat "$T/.out"; }

is "lxc-wait: a stopped one is STOPPED" "$(code lxc-wait "${P[@]}" "$c" -s STOPPED -t 0)" 0
check "start" lxc-start "${P[@]}" "$c"
is "start again: exit 0" "$(code lxc-start "${P[@]}" "$c")" 0
like "and says so" "$(out)" 'Container is already running'
is "lxc-execute: refused while it runs" "$(code lxc-execute "${P[@]}" "$c" -- true)" 1

# lxc-info
pid=$(lxc-info "${P[@]}" "$c" -pH)
check "lxc-info -p is a process" test -d "/proc/$pid"
is "lxc-info -sH" "$(lxc-info "${P[@]}" "$c" -sH)" RUNNING
is "lxc-info -i: version 4 first" "$(lxc-info "${P[@]}" "$c" -iH | tr '\n' ' ')" "10.77.0.2 fd77::2 "
lxc-info "${P[@]}" "$c" >"$T/info"
is "lxc-info: the lines and their order" "$(sed 's/:.*/:/; s/^ //' "$T/info" | uniq | tr '\n' ' ')" \
	"$(echo Name: State: PID: IP: 'CPU use:' 'BlkIO use:' 'Memory use:' 'KMem use:' Link: 'TX bytes:' 'RX bytes:' 'Total bytes: ' |
		if grep -q KMem "$T/info"; then cat; else sed 's/KMem use: //'; fi |
		if grep -q BlkIO "$T/info"; then cat; else sed 's/BlkIO use: //'; fi)"
is "lxc-info: two columns of 15" "$(grep -c '^.\{15\} [^ ]' "$T/info")" "$(wc -l <"$T/info")"
is "lxc-info -SH: numbers" "$(lxc-info "${P[@]}" "$c" -SH | grep -v Link | grep -cv ' [0-9]*$')" 0
check "lxc-info --format json is json" sh -c "lxc-info ${P[*]} $c --format json | python3 -m json.tool"

# lxc-ls
is "lxc-ls --active" "$(lxc-ls "${P[@]}" --active -1)" "$c"
is "lxc-ls --stopped" "$(lxc-ls "${P[@]}" --stopped -1)" "$f"
is "lxc-ls -f" "$(lxc-ls "${P[@]}" -f -F NAME,STATE,PID,INTERFACE,IPV4,IPV6 "^$c\$" | tail -n 1 | tr -s ' ')" \
	"$c RUNNING $pid eth0, lo 10.77.0.2 fd77::2 "
check "lxc-ls --format json is json" sh -c "lxc-ls ${P[*]} --format json | python3 -m json.tool"
like "creel ps" "$(creel ps "${P[@]}")" "^$c +running +$pid +[0-9]+s +10.77.0.2, fd77::2"

# lxc-attach
is "attach: the command's code" "$(code lxc-attach "${P[@]}" "$c" -- sh -c 'exit 7')" 7
is "attach: 128 + signal" "$(code lxc-attach "${P[@]}" "$c" -- sh -c 'kill -9 $$')" 137
is "attach: not found" "$(code lxc-attach "${P[@]}" "$c" -- /nosuch)" 127
is "attach: cleared environment" \
	"$(X=1 lxc-attach "${P[@]}" "$c" --clear-env -v A=b --keep-var X -- env </dev/null | grep -v ^PATH= | sort | tr '\n' ' ')" \
	"A=b X=1 container=lxc "
# A command's streams that are no terminals are its own to read and to write, whatever terminal is beside them.
cat >"$T/piped" <<'E'
for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
	got=$(echo 'echo hi' | lxc-attach "$@" --)
	[ "$got" = hi ] || printf "bad '%s'" "$got"
done
got=$(lxc-attach "$@" -- sh -c 'test -t 2 && echo two')
echo "and $got"
set -m
lxc-attach "$@" -- sh -c 'echo from behind >&2' </dev/null >/dev/null &
wait $!
echo "ended $?"
E
like "attach: a pipe beside a terminal, and in the background" \
	"$("${0%/*}/pty-talk.py" -t 30 -- bash "$T/piped" "${P[@]}" "$c" | tr -d '\r' | tr '\n' ' ')" '^and two (.*from behind.*)?ended 0'
is "attach: ids" "$(lxc-attach "${P[@]}" "$c" -u 5 -g 6 -- sh -c 'id -u; id -g' </dev/null | tr '\n' ' ')" "5 6 "
is "attach: one name space" "$(lxc-attach "${P[@]}" "$c" -s NETWORK -- cat /sys/class/net/../../kernel/hostname /proc/sys/kernel/hostname \
	2>/dev/null </dev/null)" "$(cat /proc/sys/kernel/hostname)"
is "creel exec: options belong to the command" "$(creel exec "${P[@]}" "$c" sh -c 'echo $1' - -l </dev/null)" "-l"

# lxc-cgroup
check "cgroup: set in the words of version 1" lxc-cgroup "${P[@]}" "$c" memory.limit_in_bytes 64M
is "cgroup: read in the words of version 2" "$(lxc-cgroup "${P[@]}" "$c" memory.max)" 67108864
is "cgroup: no such object" "$(code lxc-cgroup "${P[@]}" "$c" memory.nosuch)" 1

# freezing and waiting
check "freeze" lxc-freeze "${P[@]}" "$c"
is "FROZEN" "$(state_of "$c")" FROZEN
check "freeze again" lxc-freeze "${P[@]}" "$c"
is "lxc-ls --frozen" "$(lxc-ls "${P[@]}" --frozen -1)" "$c"
is "wait: one of two" "$(code lxc-wait "${P[@]}" "$c" -s 'STOPPED|FROZEN' -t 2)" 0
check "unfreeze" lxc-unfreeze "${P[@]}" "$c"
is "unfreeze again" "$(code lxc-unfreeze "${P[@]}" "$c")" 0
is "wait: time-out" "$(code lxc-wait "${P[@]}" "$c" -s STOPPED -t 1)" 1
lxc-wait "${P[@]}" "$c" -s STOPPED -t 20 &
waiter=$!

# What a dry run says, and that it changes nothing.
for cmd in "lxc-stop" "lxc-stop -k" "lxc-freeze" "lxc-destroy -f" "creel stop" "lxc-cgroup" "lxc-attach"; do
	arg=()
	[ "$cmd" != lxc-cgroup ] || arg=(memory.max 1G)
	# shellcheck disable=SC2086
	is "$cmd --dry-run" "$(code $cmd "${P[@]}" --dry-run "$c" "${arg[@]}")" 0
	like "$cmd --dry-run says something" "$(out)" .
done
is "and it still runs" "$(state_of "$c")" RUNNING
is "with its limit" "$(lxc-cgroup "${P[@]}" "$c" memory.max)" 67108864

# lxc-console: the first call gets tty1, the second tty2, a third nothing; Ctrl-a q leaves.
lxc-attach "${P[@]}" "$c" -- sh -c 'for t in 1 2; do setsid sh -c "exec </dev/tty$t >/dev/tty$t; echo hello from tty$t; sleep 60" & done' \
	</dev/null >/dev/null 2>&1
cat >"$T/consoles.py" <<'EOC'
import os, pty, select, sys, time

def open_console():
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp("lxc-console", ["lxc-console"] + sys.argv[1:])
    return pid, fd

def read(fd, until, seconds=5):
    text, end = b"", time.time() + seconds
    while until not in text and time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try:
                text += os.read(fd, 4096)
            except OSError:
                break
    return text.decode()

first = open_console()
print("Connected to tty 1" in read(first[1], b"itself"))
second = open_console()
print("Connected to tty 2" in read(second[1], b"itself"))
third = open_console()
print("in use" in read(third[1], b"in use"), os.waitstatus_to_exitcode(os.waitpid(third[0], 0)[1]))
os.write(first[1], b"\x01q")
print(os.waitstatus_to_exitcode(os.waitpid(first[0], 0)[1]))
again = open_console()
print("Connected to tty 1" in read(again[1], b"itself"))
for pid, fd in (again, second):
    os.write(fd, b"\x01q")
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOC
is "consoles" "$(timeout 30 python3 "$T/consoles.py" "${P[@]}" "$c" | tr '\n' ' ')" "True True True 1 0 True 0 0 "

# The end.
is "destroy: refused while it runs" "$(code lxc-destroy "${P[@]}" "$c")" 1
is "create: it exists" "$(code lxc-create "${P[@]}" "$c" -t none)" 1
check "stop" lxc-stop "${P[@]}" "$c" -t 10
is "stop again: 2" "$(code lxc-stop "${P[@]}" "$c")" 2
wait $waiter
is "who waited was told" $? 0

# lxc-execute and lxc-start in the foreground
is "execute: the command's code" "$(code lxc-execute "${P[@]}" "$f" -- sh -c 'exit 3')" 3
is "execute: 128 + signal" "$(code lxc-execute "${P[@]}" "$f" -- sh -c 'kill -9 $$')" 137
is "start -F: 0 whatever init returned" "$(code lxc-start "${P[@]}" "$f" -F -- sh -c 'exit 5')" 0
is "start: no such program" "$(code lxc-start "${P[@]}" "$f" -- /nosuch)" 1
like "with the cause" "$(out)" 'execute /nosuch: No such file'
is "still stopped" "$(state_of "$f")" STOPPED
check "destroy" lxc-destroy "${P[@]}" "$f"
is "destroy again" "$(code lxc-destroy "${P[@]}" "$f")" 1
like "because" "$(out)" 'Container is not defined'
