#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Class E: lxc-user-nic, the setuid helper. What it gives, to whom, how many; and what it refuses.
. "${0%/*}/../container/lib.sh"

stage=$(command -v lxc-start) && nic=${stage%/bin/*}/libexec/lxc/lxc-user-nic
usernet=$("$nic" 2>&1 | sed -n 's/.* far as \(.*\) allows.*/\1/p')
findmnt -no OPTIONS -T "$nic" | grep -q nosuid && echo "1..0 # SKIP $nic lies on a nosuid file system" && trap - EXIT && exit 77
cp /etc/passwd "$T/passwd" && cp /etc/group "$T/group"
printf 'alice:x:4301:4301::/:/bin/sh\nbob:x:4302:4302::/:/bin/sh\n777:x:4303:4303::/:/bin/sh\n' >>"$T/passwd"
printf 'alice:x:4301:\nbob:x:4302:\nnetters:x:4310:carol\n' >>"$T/group"
: >"$T/usernet"
chmod 644 "$T"/{passwd,group,usernet}
mount --bind "$T/passwd" /etc/passwd && mount --bind "$T/group" /etc/group && mount --bind "$T/usernet" "$usernet" || exit 1
mkdir -p /run/lxc && mount -t tmpfs -o mode=755 tmpfs /run/lxc || exit 1
residue_snapshot >"$T/.before"
db=/run/lxc/nics
ip link add brE type bridge && ip link set brE up mtu 1440
pids=()
as() { # USER COMMAND…
	local id
	id=$(id -u "$1" 2>/dev/null || echo "$1")
	shift
	if [ -n "${groups-}" ]; then set -- --groups "$groups" "$@"; else set -- --clear-groups "$@"; fi
	# with be='exec' the process itself, which a pid is of.
	${be-} setpriv --reuid "$id" --regid "$id" "$@" </dev/null
}
# netns USER: the pid of a process in a user and network name space of the user's.
netns() {
	local p
	be='exec' as "$1" unshare -Urn sleep 1000 >/dev/null 2>&1 &
	p=$!
	pids+=("$p")
	wait_for 5 grep -q sleep "/proc/$p/comm"
	PID=$p
}
chmod 711 "$T"
nic_as() { as "$1" "$nic" "${@:2}" 2>&1; }
inner() { nsenter -n -t "$1" ip -br link | awk '{sub("@.*", "", $1); print $1}' | sort | tr '\n' ' '; }
host() { ip -br link | awk '{sub("@.*", "", $1); print $1}' | grep ^veth | sort | tr '\n' ' '; }
allow() { printf '%s\n' "$@" >"$T/usernet"; }
netns alice && A=$PID
netns bob && B=$PID

# --- what it is for -------------------------------------------------------------------------------------------------------
like "nothing is allowed at first" "$(nic_as alice create /x c1 "$A" veth brE eth0)" 'alice may have no veth on .brE.'
allow '# comment' '  alice veth brE 2' 'bob veth brE 1' 'alice veth none 1' 'root veth brE 9'
out=$(nic_as alice create /x c1 "$A" veth brE eth0)
like "create prints what it made" "$out" '^eth0:[0-9]+:veth4301_[A-Za-z0-9]{4}:[0-9]+$'
H=$(cut -d: -f3 <<<"$out")
is "its end is inside" "$(inner "$A")" "eth0 lo "
check "the host's is on the bridge" test -e "/sys/class/net/brE/brif/$H"
is "the indexes are right" "$(cut -d: -f2,4 <<<"$out")" "$(nsenter -n -t "$A" ip -o link show eth0 | cut -d: -f1):$(cat "/sys/class/net/$H/ifindex")"
is "the bridge's mtu" "$(cat "/sys/class/net/$H/mtu")" 1440
like "the database" "$(cat $db)" "^alice veth brE $H alice fe:"
is "a database that others may read and not write" "$(stat -c '%a %U' $db)" "644 root"
like "without a name the kernel picks one" "$(nic_as alice create /x c1 "$A" veth brE)" '^eth1:'
like "quota" "$(nic_as alice create /x c1 "$A" veth brE eth9)" 'Quota reached'
like "no bridge at all is counted by itself" "$(nic_as alice create /x c1 "$A" veth none lone0)" '^lone0:'
like "delete" "$(nic_as alice delete /x c1 "/proc/$A/ns/net" veth brE "$H" && echo gone)" '^gone$'
check "the interface is gone" test ! -e "/sys/class/net/$H"
unlike "and its line" "$(cat $db)" "$H"
like "so there is room again" "$(nic_as alice create /x c1 "$A" veth brE eth5)" '^eth5:'
kill "$A" && wait "$A" 2>/dev/null
wait_for 5 test -z "$(host)"
netns alice && A=$PID
wait_for 5 eval 'test -z "$(host)"'
like "what went with its name space counts no more" "$(nic_as alice create /x c1 "$A" veth brE eth0)" '^eth0:'
is "its lines are cleaned" "$(grep -c alice $db)" 1

# --- groups -----------------------------------------------------------------------------------------------------------------
allow '@netters veth brE 1' '@4310 veth brE 9'
like "not a member" "$(nic_as bob create /x c2 "$B" veth brE eth0)" 'may have no veth'
like "a member" "$(groups=4310 nic_as bob create /x c2 "$B" veth brE eth0)" '^eth0:'
like "a group's quota is shared" "$(groups=4310 nic_as alice create /x c1 "$A" veth brE eth7)" 'Quota reached'
GH=$(awk '$1 == "@netters" {print $4}' $db)
like "CVE-2026-39402: another member does not delete it" "$(groups=4310 nic_as alice delete /x c2 "/proc/$A/ns/net" veth brE "$GH")" 'no interface of yours'
check "it is still there" test -e "/sys/class/net/$GH"
allow '777 veth brE 5' '4302 veth brE 5'
like "numbers are no names" "$(nic_as bob create /x c2 "$B" veth brE ethN)" 'may have no veth'
allow 'alice veth brE 9' 'bob veth brE 9'

# --- CVE-2017-5985: whose name space is it --------------------------------------------------------------------------------
deny='no network name space of yours'
like "CVE-2017-5985: the host's" "$(nic_as alice create /x c1 $$ veth brE evil0)" "$deny"
like "of process 1" "$(nic_as alice create /x c1 1 veth brE evil0)" "$deny"
like "another user's" "$(nic_as alice create /x c1 "$B" veth brE evil0)" "$deny"
be='exec' as alice sleep 100 &
own=$!
pids+=("$own")
like "a process of one's own, in the host's" "$(nic_as alice create /x c1 "$own" veth brE evil0)" "$deny"
unshare -n sleep 100 &
rootns=$!
pids+=("$rootns")
wait_for 5 grep -q sleep "/proc/$rootns/comm"
like "a name space of root's" "$(nic_as alice create /x c1 "$rootns" veth brE evil0)" "$deny"
unlike "nothing of it came anywhere" "$(ip -br link; inner "$B"; inner "$rootns")" evil0

# --- CVE-2018-6556, CVE-2022-47952: what is learned of files one may not see --------------------------------------------------
mkdir -m 700 "$T/closed" && echo x >"$T/closed/there"
H=$(awk '$2 == "veth" && $5 == "alice" {print $4; exit}' $db)
text() { nic_as alice delete /x c1 "$1" veth brE "$H" | sed "s,$1,PATH,g"; }
is "CVE-2018-6556: one answer for what is there and what is not" "$(text "$T/closed/there")" "$(text "$T/closed/not-there")"
is "CVE-2022-47952: below /proc, too" "$(text "/proc/1/fd/0")" "$(text "/proc/1/fd/99999")"
is "and by a detour" "$(text "/proc/../$T/closed/there")" "$(text "/proc/1/root/nothing")"
mkfifo -m 666 "$T/fifo"
like "a FIFO is not opened" "$(timeout 5 setpriv --reuid 4301 --regid 4301 --clear-groups "$nic" delete /x c1 "$T/fifo" veth brE "$H" 2>&1)" "$deny"
check "the interface is still there" test -e "/sys/class/net/$H"
like "the host's name space does not do for a delete" "$(nic_as alice delete /x c1 /proc/self/ns/net veth brE "$H")" "$deny"
like "nor another user's" "$(nic_as alice delete /x c1 "/proc/$B/ns/net" veth brE "$H")" "$deny"
like "an interface of the host's" "$(nic_as alice delete /x c1 "/proc/$A/ns/net" veth brE brE)" 'no interface of yours'
like "another user's interface" "$(nic_as bob delete /x c1 "/proc/$B/ns/net" veth brE "$H")" 'no interface of yours'
# Somebody else's interface has the name by now.
ip link del "$H" && ip link add "$H" type veth peer name other0
like "an interface that only has the name" "$(nic_as alice delete /x c1 "/proc/$A/ns/net" veth brE "$H"; echo)" '^$'
check "stays" test -e "/sys/class/net/$H"
unlike "and counts no more" "$(cat $db)" "$H"
ip link del "$H"

# --- words ---------------------------------------------------------------------------------------------------------------------
n=0
for bad in 'create' 'destroy /x c1 1 veth brE' "create /x c1 $A macvlan brE eth0" "create /x c1 $A phys brE eth0" "create /x c1 -1 veth brE" \
	"create /x c1 0 veth brE" "create /x c1 99999999999 veth brE" "create /x c1 1x veth brE" "create /x c1 $A veth ../brE" \
	"create /x c1 $A veth brE a/b" "create /x c1 $A veth brE 0123456789abcdef" "create /x c1 $A veth brE eth%d" \
	"create /x c1 $A veth nosuch0 eth0" "create /x c1 $A veth lo eth0" "create /x c1 $A veth -x eth0" "create /x c1 $A veth brE -n" "delete /x c1 $A veth brE" "--help a b c d e f"; do
	# shellcheck disable=SC2086
	as alice "$nic" $bad >/dev/null 2>"$T/why"
	if [ $? != 1 ] || [ ! -s "$T/why" ]; then n=1 && note "$bad: $(cat "$T/why")"; fi
done
is "wrong words are refused, each with a reason" $n 0
is "a line break in a name makes no second entry" "$(nic_as alice create /x c1 "$A" veth $'brE\nbob veth brE 9 x' eth0 | grep -c 'interface that is none'; grep -c 'bob veth brE 9' $db)" $'1\n0'
unlike "after all that nothing is inside" "$(inner "$A")" 'eth'

# --- the environment -------------------------------------------------------------------------------------------------------------
mkdir "$T/bin" && printf '#!/bin/sh\nid >%s/ran\n' "$T" >"$T/bin/ovs-vsctl" && chmod 755 "$T/bin/ovs-vsctl"
chmod 777 "$T"
ip tuntap add dev tapE mode tap
allow 'alice veth brE 9' 'alice veth tapE 9'
as alice env PATH="$T/bin" LD_PRELOAD="$T/bin/ovs-vsctl" LD_LIBRARY_PATH="$T/bin" OVS_RUNDIR="$T" "$nic" create /x c1 "$A" veth tapE eth0 >/dev/null 2>&1
check "a program of the caller's does not run as root" test ! -e "$T/ran"
ip link del tapE
chmod 711 "$T"
as alice bash -c 'exec "$0" "$@" >&- 2>&- <&-' "$nic" create /x c1 "$A" veth brE eth0
like "closed standard streams do not make the database a stream" "$(cat $db)" '^alice veth brE veth4301_'
unlike "nothing was printed into it" "$(cat $db)" ':veth'
as alice bash -c 'ulimit -f 0; exec "$0" "$@"' "$nic" create /x c1 "$A" veth brE eth6 >/dev/null 2>&1
unlike "a file that cannot be written gives no interface" "$(inner "$A")" eth6
like "and spoils none" "$(cat $db)" '^alice veth brE veth4301_'
is "no temporary file is left" "$(find /run/lxc -type f | sort | tr '\n' ' ')" "/run/lxc/nics /run/lxc/nics.lock "
chmod 777 /run/lxc
like "a database's folder that others can write to is refused" "$(nic_as alice create /x c1 "$A" veth brE eth6)" 'written to by others'
chmod 755 /run/lxc
# Twenty at once, for an allowance of five.
allow 'bob veth brE 5'
for i in {1..20}; do nic_as bob create /x c2 "$B" veth brE "b$i" >/dev/null & j[i]=$!; done
wait "${j[@]}" 2>/dev/null
is "twenty at once: as many as are allowed" "$(inner "$B" | tr ' ' '\n' | grep -c '^b[0-9]')" 5
is "and a line for each" "$(grep -c '^bob' $db)" 5
kill "${pids[@]}" 2>/dev/null
wait 2>/dev/null
wait_for 5 eval 'test -z "$(host)"'
ip link del brE
