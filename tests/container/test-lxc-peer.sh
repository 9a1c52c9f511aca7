#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root user vm-root
# Programs with LXC's own library on containers that creel runs: the distribution's lxc-* tools, unpacked and not installed,
# with the liblxc.so.1 that they were built for, and the protocol beneath them, command by command.
# prepares: with the machine's network
debs=${LXC_CACHE_PATH:-${T:?}}/peer-lxc
if [ "${1-}" = prepare ]; then
	cd "${0%/*}/../.." && . tools/lib/packages.sh
	unpack_packages "$debs" lxc liblxc1 liblxc-common
	exit
fi
. "${0%/*}/lib.sh"
here=$(cd "${0%/*}" && pwd)
c=$CT-peer
# Theirs: never ours by mistake.
peer() {
	local tool=$1
	shift
	LD_LIBRARY_PATH=$debs/usr/lib/$arch timeout 30 "$debs/usr/bin/$tool" -P "$LXCPATH" "$@" </dev/null
}
arch=
for lib in "$debs"/usr/lib/*/liblxc.so.1; do
	[ ! -e "$lib" ] || arch=$(basename "${lib%/*}")
done
make_container "$c" <<END
lxc.tty.max = 2
lxc.console.buffer.size = 64kB
lxc.environment = A=B
END
check "started by creel" start_ct "$c"
wait_for 10 test -e "/proc/$(lxc-info -P "$LXCPATH" -n "$c" -pH)/root/run/up"
pid=$(lxc-info -P "$LXCPATH" -n "$c" -pH)
keeper=$(awk '/^PPid/ {print $2}' "/proc/$pid/status")
is "its socket is where LXC has it" "$(grep -c "@$LXCPATH/$c/command$" /proc/net/unix)" 1

# --- the protocol ----------------------------------------------------------------------------------------------------------
NAME=$c PID=$pid python3 "$here/lxc-command.py" "$LXCPATH/$c/command" >"$T/py.out" 2>&1 || echo "not ok it ended with $?" >>"$T/py.out"
while read -r line; do
	case $line in
	"ok "*) ok "${line#ok }" ;;
	"not ok "*) nok "${line#not ok }" ;;
	*) note "$line" ;;
	esac
done <"$T/py.out"
like "all of it ran" "$(tail -n 1 "$T/py.out")" '^done$'

# --- the distribution's tools ----------------------------------------------------------------------------------------------
if [ -z "$arch" ]; then
	skip "LXC's own tools" "the packages lxc and liblxc1 could not be fetched"
	exit 0
fi
is "lxc-info: its state" "$(peer lxc-info -n "$c" -sH)" RUNNING
is "lxc-info: its first process" "$(peer lxc-info -n "$c" -pH)" "$pid"
is "lxc-info: a running item" "$(peer lxc-info -n "$c" -c lxc.uts.name)" "lxc.uts.name = $c"
is "lxc-ls: running" "$(peer lxc-ls --running -1)" "$c"
is "lxc-ls: active" "$(peer lxc-ls --active -1)" "$c"
like "lxc-ls -f" "$(peer lxc-ls -f)" "^$c +RUNNING"
is "lxc-wait: what is reached" "$(peer lxc-wait -n "$c" -s RUNNING -t 5 && echo yes)" yes
is "lxc-wait: what is not" "$(peer lxc-wait -n "$c" -s STOPPED -t 1 2>/dev/null || echo no)" no
is "lxc-attach" "$(peer lxc-attach -n "$c" -- /bin/hostname)" "$c"
if is_root; then
	group() { grep -m 1 freezer "/proc/$1/cgroup" || cat "/proc/$1/cgroup"; }
	peer lxc-attach -n "$c" -- /bin/sh -c 'sleep 77 >/dev/null 2>&1 &' >/dev/null
	in=$(pgrep -n -f '^sleep 77$')
	is "lxc-attach: in its control group" "$(group "$in")" "$(group "$pid")"
	is "lxc-cgroup" "$(peer lxc-cgroup -n "$c" pids.max)" max
	check "lxc-freeze" peer lxc-freeze -n "$c"
	is "creel sees it" "$(state_of "$c")" FROZEN
	is "so does LXC" "$(peer lxc-info -n "$c" -sH)" FROZEN
	check "lxc-unfreeze" peer lxc-unfreeze -n "$c"
	is "creel sees that too" "$(state_of "$c")" RUNNING
	check "frozen by creel" lxc-freeze -P "$LXCPATH" -n "$c"
	is "LXC sees it" "$(peer lxc-info -n "$c" -sH)" FROZEN
	check "thawed by LXC" peer lxc-unfreeze -n "$c"
fi
like "lxc-start does not start it once more" "$(peer lxc-start -n "$c" 2>&1)" "already running"
# A state that comes later, told to a client that waits for it.
peer lxc-wait -n "$c" -s STOPPED -t 20 &
waiter=$!
sleep 0.3
check "lxc-stop -k" peer lxc-stop -n "$c" -k
check "lxc-wait hears of it" wait $waiter
is "it has stopped" "$(state_of "$c")" STOPPED
is "its socket has gone with its keeper" "$(wait_for 5 test ! -e "/proc/$keeper" && grep -c "@$LXCPATH/$c/command$" /proc/net/unix)" 0
check "started once more" start_ct "$c"
wait_for 10 test -e "/proc/$(lxc-info -P "$LXCPATH" -n "$c" -pH)/root/run/up"
check "lxc-stop, by a signal to init" peer lxc-stop -n "$c" -t 20
is "it has stopped, too" "$(state_of "$c")" STOPPED

# --- the other way round: creel keeps away from what LXC runs -------------------------------------------------------------
# It answers as LXC does, by which it is known at once: no start waits for it to leave.
python3 - "$LXCPATH/$c/command" "$T/asked" <<'END' &
import socket, struct, sys, time
s = socket.socket(socket.AF_UNIX)
while True:
    try:
        s.bind("\0" + sys.argv[1])
        break
    except OSError:  # the last keeper's, for a moment
        time.sleep(0.01)
s.listen()
open(sys.argv[2], "w").close()
while True:
    client = s.accept()[0]
    cmd, length, arg = struct.unpack("iiQ", client.recv(16))
    client.sendall(struct.pack("iiQ", 0, 0, 2))
    with open(sys.argv[2], "a") as f:
        print(cmd, length, arg, file=f)
    client.close()
END
other=$!
wait_for 10 test -e "$T/asked"
refuse "what another program runs is not started" start_ct "$c"
like "it says why" "$(cat "$T/.out")" 'run by another program.*@'
is "it was asked for its state, once" "$(cat "$T/asked")" "3 0 0"
kill $other
wait $other 2>/dev/null
check "without that one it starts" start_ct "$c"
kill_ct "$c"

# --- in the foreground, and under a long name ------------------------------------------------------------------------------
lxc-start -P "$LXCPATH" -n "$c" -F </dev/null >/dev/null 2>&1 &
wait_for 10 lxc-wait -P "$LXCPATH" -n "$c" -s RUNNING -t 1
is "one in the foreground answers" "$(peer lxc-info -n "$c" -sH)" RUNNING
check "… and is stopped" peer lxc-stop -n "$c" -k
wait
long=$LXCPATH/$(printf 'long%.0s' $(seq 20))
mkdir "$long"
chmod 755 "$long"
mv "$LXCPATH/$c" "$long/$c"
sed -i "s|$LXCPATH/|$long/|" "$long/$c/config"
LXCPATH=$long
check "a long path" start_ct "$c"
is "a hash names its socket" "$(peer lxc-info -n "$c" -sH)" RUNNING
is "… by which it is found" "$(peer lxc-ls --active -1)" "$c"
check "… and stopped" peer lxc-stop -n "$c" -k
LXCPATH=${long%/*}
mv "$long/$c" "$LXCPATH/$c" && rmdir "$long"
