#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
#
# The inventory of lxc.conf's keys, walked: each is set, seen by its effect on a running container (not by what says so),
# then cleared behind where it was set, and the default is seen. Keys are put together that do not disturb each other:
# a group of them is two starts. Whatever the manual page names and no row has is a failure.
. "${0%/*}/lib.sh"
P=(-P "$LXCPATH")
a=$CT-a
pid_of() { lxc-info "${P[@]}" -n "$1" -pH 2>/dev/null; }
make_container "$a" <<<""
root=$LXCPATH/$a/rootfs
echo "lxc.rootfs.path = dir:$root" >"$T/base"
declare -A done_keys
rows=()
plain="lxc.net.0.type = empty
lxc.mount.auto = proc:rw sys"
base=$plain
# row KEY VALUE WITH DEFAULT PROBE: PROBE, run with $p the first process, prints what matches WITH, later DEFAULT
# (extended regular expressions of the whole; empty: nothing is printed).
row() { rows+=("$1" "$2" "$3" "$4" "$5"); }
seen() { done_keys[$1]=1; }
# elsewhere KEY… -- WHY: this machine cannot show it; what can is named.
elsewhere() {
	local k keys=()
	while [ "$1" != -- ]; do keys+=("$1") && shift; done
	for k in "${keys[@]}"; do seen "$k" && skip "$k" "$2"; done
}
in_a() { in_ct "$a" /bin/sh -c "$1" 2>&1; }
# The name that the manual page has for it.
inventory_name() {
	sed -E 's/^lxc\.cgroup\.(dir|relative)/lxc.cgroup_\1/
		s/^(lxc\.(cgroup2?|prlimit|limit|sysctl|proc|namespace\.share))\..*/\1./; s/^lxc\.net\.[0-9]+/lxc.net.N/; s/cgroup_/cgroup./' <<<"$1"
}
matches() { if [ -z "$2" ]; then [ -z "$1" ]; else grep -Eqx -- "$2" <<<"$1"; fi; }
# probe_rows COLUMN WHAT
probe_rows() {
	local i got want
	p=$(pid_of "$a")
	for ((i = 0; i < ${#rows[@]}; i += 5)); do
		want=${rows[i + $1]}
		got=$(eval "${rows[i + 4]}" 2>&1)
		if matches "$got" "$want"; then ok "$2: ${rows[i]}"; else note "got '$got', wanted /$want/" && nok "$2: ${rows[i]}"; fi
	done
}
# group WHAT: with all rows collected so far.
group() {
	local i
	kill_ct "$a"
	{
		cat "$T/base" - <<<"$base"
		for ((i = 0; i < ${#rows[@]}; i += 5)); do echo "${rows[i]} = ${rows[i + 1]}"; done
	} >"$LXCPATH/$a/config"
	check "$1: starts" start_ct "$a"
	probe_rows 2 set
	kill_ct "$a"
	for ((i = 0; i < ${#rows[@]}; i += 5)); do
		echo "${rows[i]} ="
		seen "$(inventory_name "${rows[i]}")"
	done >>"$LXCPATH/$a/config"
	check "$1: starts without them" start_ct "$a"
	probe_rows 3 cleared
	kill_ct "$a"
	rows=() base=$plain
}
status() { awk -v k="$1:" '$1 == k {$1 = ""; print substr($0, 2)}' "/proc/$p/status"; }
cap() { echo $(((0x$(status CapBnd) >> $1) & 1)); }
env_of() { tr '\0' '\n' <"/proc/$p/environ" | grep "^$1="; }
mount_opts() { awk -v m="$1" '$5 == m {o = $6 " " $NF} END {print o}' "/proc/$p/mountinfo"; }

# --- the process -----------------------------------------------------------------------------------------------------

printf '#!/bin/sh\nenv >%s\n' "$T/hook-env" >"$T/hook"
chmod 755 "$T/hook"
base="$plain
lxc.hook.pre-start = $T/hook"
row lxc.uts.name keyed keyed "$(hostname)" 'in_a hostname'
row lxc.arch i686 '0*8' '0+' 'cat /proc/$p/personality'
row lxc.init.cwd /tmp /tmp / 'readlink /proc/$p/cwd'
row lxc.environment 'K1=a b' 'K1=a b' '' 'env_of K1'
row lxc.environment.runtime K2=c 'K2=c ' ' ' 'echo "$(env_of K2) $(grep ^K2= "$T/hook-env")"'
row lxc.environment.hooks K3=d ' K3=d' ' ' 'echo "$(env_of K3) $(grep ^K3= "$T/hook-env")"'
row lxc.no_new_privs 1 1 0 'status NoNewPrivs'
row lxc.prlimit.nofile 123:456 '123 456' "$(ulimit -Sn) $(ulimit -Hn)" 'awk "/open files/{print \$4, \$5}" /proc/$p/limits'
row lxc.sysctl.net.ipv4.ip_default_ttl 77 77 64 'in_a "cat /proc/sys/net/ipv4/ip_default_ttl"'
row lxc.proc.oom_score_adj 321 321 "$(cat /proc/self/oom_score_adj)" 'cat /proc/$p/oom_score_adj'
row lxc.time.offset.boot 100000s 'boottime +100000 +0' '(boottime +0 +0)?' 'grep boottime /proc/$p/timens_offsets'
row lxc.time.offset.monotonic -2m 'monotonic +-120 +0' '(monotonic +0 +0)?' 'grep monotonic /proc/$p/timens_offsets'
row lxc.cap.drop 'sys_module mac_admin' '0 0' '. .' 'echo "$(cap 16) $(cap 33)"'
row lxc.init.cmd '/bin/sh -c "echo mine >/run/mine; exec /sbin/init"' mine '' 'sleep 0.1; cat $root/run/mine 2>/dev/null; rm -f $root/run/mine'
group process

# --- ids, capabilities, hand-picked -----------------------------------------------------------------------------------

chmod 1777 "$root/tmp" "$root/run"
row lxc.init.uid 12 '12 12 12 12' '0 0 0 0' 'status Uid'
row lxc.init.gid 34 '34 34 34 34' '0 0 0 0' 'status Gid'
row lxc.init.groups 56,78 '56 78 ?' '' 'status Groups'
row lxc.cap.keep 'net_admin 16' '0000000000011000' '0.*[^1]' 'status CapBnd'
group ids

# --- terminals -------------------------------------------------------------------------------------------------------

row lxc.autodev.tmpfs.size 200000 '19[56]' '48[89]|49.' 'in_a "df -k /dev" | awk "END{print \$2}"'
row lxc.tty.max 3 3 0 'in_a "ls /dev" | grep -c ^tty[1-9]'
row lxc.tty.dir lxc yes '' 'in_a "test -d /dev/lxc && echo yes"'
row lxc.pty.max 8 'max=8' 'max=1024|' 'mount_opts /dev/pts | grep -o max=[0-9]*'
row lxc.console.logfile "$T/console.log" 1 0 'n=$RANDOM; in_a "echo said $n >/dev/console; sleep 0.2"; grep -c "said $n" "$T/console.log"'
row lxc.environment K=x 'K=x' '' 'env_of K'
group terminals
row lxc.autodev 0 '' tmpfs 'in_a "mount" | awk "\$3 == \"/dev\"{print \$5}"'
group autodev
row lxc.console.path none 'no' 'yes' 'in_a "test -c /dev/console && test -t 0 </dev/console && echo yes || echo no"'
group "no console"
base="$plain
lxc.console.logfile = $T/rotated"
flood() { in_a 'for i in 1 2 3 4 5 6 7 8 9; do echo 0123456789012345678901234567890123456789012345678901234567890; done >/dev/console' >/dev/null; }
row lxc.console.size 4096 '[0-9]+ (small|cut)' '[0-9]+ big' 'for n in 1 2 3 4 5 6 7 8 9; do flood; done; sleep 0.3; s=$(stat -c %s "$T/rotated"); echo "$s $([ $s -le 4096 ] && echo small || echo big)"'
row lxc.console.rotate 1 'rotated.1' '' 'cd "$T" && ls rotated.1 2>/dev/null; rm -f rotated.1'
group "console log"

# --- the log ---------------------------------------------------------------------------------------------------------

cat >"$T/syslogd.py" <<'E'
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
open(sys.argv[1] + ".up", "w")
while True:
	with open(sys.argv[1], "ab") as f: f.write(s.recv(4096) + b"\n")
E
syslogd=
if [ -e /dev/log ]; then
	elsewhere lxc.log.syslog -- "a syslog daemon is at work here"
else
	python3 "$T/syslogd.py" "$T/syslog" &
	syslogd=$!
	wait_for 5 test -e "$T/syslog.up"
	row lxc.log.syslog local3 '<158>.*creel\[[0-9]+\]: .*running, its first process is [0-9]+' '' 'sleep 0.1; tail -n 1 "$T/syslog" 2>/dev/null; rm -f "$T/syslog"'
fi
row lxc.log.file "$T/new/folder/ct.log" '.*running, its first process is [0-9]+' '' 'grep running "$T/new/folder/ct.log" 2>/dev/null; rm -rf "$T/new"'
row lxc.log.level INFO '.*INFO.*' '' 'lxc-info "${P[@]}" -n "$a" -c lxc.log.level | grep INFO'
group log
[ -z "$syslogd" ] || { kill "$syslogd" && rm -f /dev/log; }

# --- file systems ----------------------------------------------------------------------------------------------------

mkdir -p "$T/src" "$T/mnt" && echo host >"$T/src/f"
echo "$T/src mnt none bind 0 0" >"$T/fstab"
base="lxc.net.0.type = empty"
row lxc.mount.auto 'proc:mixed sys:ro' 'ro.*' '' 'mount_opts /proc/sys; '
row lxc.mount.entry "tmpfs tmp tmpfs size=64k 0 0" 'rw.*size=64k.*' '' 'mount_opts /tmp'
row lxc.mount.fstab "$T/fstab" host '' 'in_ct "$a" cat /mnt/f 2>/dev/null'
row lxc.rootfs.options 'ro,nosuid' 'ro,nosuid.*' 'rw,rel.*' 'mount_opts /'
row lxc.autodev 1 'rw.*size=.*' 'rw.*size=.*' 'mount_opts /dev'
printf '#!/bin/sh\necho "$LXC_ROOTFS_MOUNT" >%s\n' "$T/where" >"$T/where.sh" && chmod 755 "$T/where.sh"
base="$base
lxc.hook.pre-start = $T/where.sh"
row lxc.rootfs.mount "$T/mnt" "$T/mnt" '/run/creel/rootfs' 'cat "$T/where"'
group mounts
seen lxc.rootfs.path # All of this file: what is seen inside is what lies in there.
check "lxc.rootfs.path: what is inside lies there" test -e "$root/run/up"

# --- control groups --------------------------------------------------------------------------------------------------

# cg FILE…: what the first of these files says in the group of the container that the keys above made.
groups_of() { sed 's/^[^:]*:[^:]*://' "/proc/$1/cgroup" | sort -u; }
file_of() {
	local f g
	for f; do
		for g in $(groups_of "$p"); do
			cat /sys/fs/cgroup{,/unified,/pids,/memory}"$g"{,/..}"/$f" 2>/dev/null | head -n 1 && return
		done
	done
}
keeper_of() { awk '/^PPid/{print $2}' "/proc/$p/status"; }
cg_value() { lxc-cgroup "${P[@]}" -n "$a" "$1" 2>/dev/null; }
row lxc.cgroup2.pids.max 77 77 max 'cg_value pids.max'
row lxc.cgroup.memory.limit_in_bytes 64M 67108864 '[0-9]{10,}|max' 'cg_value memory.limit_in_bytes || cg_value memory.max'
row lxc.cgroup.dir "$CT-dir" ".*/$CT-dir/lxc.payload.$a" ".*/lxc.payload.$a" 'groups_of $p | grep payload | head -n 1'
row lxc.cgroup.dir.monitor "$CT-mon/x" "/$CT-mon/x" '' 'groups_of $(keeper_of) | grep -e -mon | head -n 1'
row lxc.cgroup.dir.monitor.pivot "$CT-piv" "" '' 'true'
group "control groups"
check "lxc.cgroup.dir.monitor.pivot: is where the keeper went" bash -c "compgen -G '/sys/fs/cgroup/*/$CT-piv' || compgen -G '/sys/fs/cgroup/$CT-piv'"
find /sys/fs/cgroup -depth -name "$CT-piv" -exec rmdir {} \;
row lxc.cgroup.dir.container "$CT-lim" "/$CT-lim/in" "/lxc.payload.$a" 'groups_of $p | grep -e "$CT" | head -n 1'
row lxc.cgroup.dir.container.inner in 'yes' '' 'groups_of $p | grep -q "$CT-lim/in$" && echo yes'
row lxc.cgroup2.pids.max 78 '78 max' 'max max' 'for d in /sys/fs/cgroup /sys/fs/cgroup/pids; do [ -e "$d/$CT-lim/pids.max" ] && echo $(cat "$d/$CT-lim/pids.max" "$d/$CT-lim/in/pids.max"); done; [ -e /sys/fs/cgroup/pids/$CT-lim ] || [ -e /sys/fs/cgroup/$CT-lim/pids.max ] || echo max max'
group "limits outside, init inside"
own=$(awk -F: '$2 ~ /(^|,)pids(,|$)/ || $1 == 0 {print $3; exit}' /proc/self/cgroup)
row lxc.cgroup.relative 1 "${own%/}/lxc.payload.$a" "/lxc.payload.$a" 'groups_of $p | grep payload | head -n 1'
group "relative"

# --- name spaces -----------------------------------------------------------------------------------------------------

same() { [ "$(readlink "/proc/$p/ns/$1")" = "$(readlink "/proc/${2-self}/ns/$1")" ] && echo "$1 shared" || echo "$1 own"; }
row lxc.namespace.keep 'ipc uts' 'ipc shared uts shared pid own' 'ipc own uts own pid own' 'echo $(same ipc; same uts; same pid)'
group "namespace.keep"
row lxc.namespace.clone 'mnt pid' 'ipc shared uts shared pid own' 'ipc own uts own pid own' 'echo $(same ipc; same uts; same pid)'
base="lxc.mount.auto = proc"
group "namespace.clone"
sleep 300 &
other=$!
unshare -i -u -n --kill-child sleep 300 &
wait_for 5 sh -c "[ \"\$(readlink /proc/$!/ns/ipc)\" != \"\$(readlink /proc/self/ns/ipc)\" ]"
there=$!
row lxc.namespace.share.ipc "$there" 'ipc shared' 'ipc own' 'same ipc $there'
row lxc.namespace.share.uts "/proc/$there/ns/uts" 'uts shared' 'uts own' 'same uts $there'
group "namespace.share"
kill $other $there
b=$CT-b
make_container "$b" <<<"lxc.net.0.type = empty"
base="lxc.mount.auto = proc"
start_ct "$b"
row lxc.namespace.share.net "$b" 'net shared' 'net own' 'same net $(pid_of $b)'
group "namespace.share with a container"
kill_ct "$b"
chown -R 300000:300000 "$root"
row lxc.idmap 'u 0 300000 65536' '0 300000 65536' '.*4294967295' 'echo $(cat /proc/$p/uid_map)'
rows+=(lxc.idmap 'g 0 300000 65536' '0 300000 65536' '.*4294967295' 'echo $(cat /proc/$p/gid_map)')
group idmap
chown -R 0:0 "$root"

# --- networks --------------------------------------------------------------------------------------------------------

br=br$$
ip link add "$br" type bridge && ip addr add 10.77.0.1/24 dev "$br" && ip addr add fd77::1/64 dev "$br" nodad && ip link set "$br" up
ip link add ph$$ type veth peer name pp$$
printf '#!/bin/sh\necho "$* $LXC_NET_TYPE $LXC_NET_PARENT $LXC_NET_PEER" >>%s\n' "$T/scripts" >"$T/script"
chmod 755 "$T/script"
peer() { ip -o link show vt$$ 2>/dev/null; }
base="lxc.mount.auto = proc:rw sys
lxc.net.0.type = veth
lxc.net.0.link = $br
lxc.net.1.type = empty"
row lxc.net.0.name inner0 inner0 eth0 'in_a "ls /sys/class/net" | grep -v lo'
row lxc.net.0.mtu 1300 1300 1500 'in_a "cat /sys/class/net/*0/mtu"'
row lxc.net.0.hwaddr 10:66:6a:xx:xx:xx '10:66:6a:.*' '([02468ace].|.[26ae]).*' 'in_a "cat /sys/class/net/*0/address"'
row lxc.net.0.flags up 'UP' '' 'in_a "ip -o link" | grep 0@ | grep -o ",UP," | tr -d ,'
row lxc.net.0.ipv4.address '10.77.0.7/24 10.77.0.99' '10.77.0.7/24 brd 10.77.0.99' '' 'in_a "ip -4 -o addr" | grep -o "10.77.* brd [0-9.]*"'
row lxc.net.0.ipv6.address 'fd77::7' 'fd77::7/64' '' 'in_a "ip -6 -o addr" | grep -o "fd77::7[^ ]*"'
row lxc.net.0.ipv4.gateway auto '.*via 10.77.0.1 .*' '' 'in_a "ip route" | grep default'
row lxc.net.0.ipv6.gateway fd77::1 '.*via fd77::1 .*' '' 'in_a "ip -6 route" | grep default'
row lxc.net.0.veth.pair vt$$ yes '' '[ -z "$(peer)" ] || echo yes'
row lxc.net.0.veth.n_rxqueues 3 3 '1|[0-9]+' 'in_a "ls /sys/class/net/*0/queues" | grep -c ^rx'
row lxc.net.0.veth.n_txqueues 4 4 '1|[0-9]+' 'in_a "ls /sys/class/net/*0/queues" | grep -c ^tx'
row lxc.net.0.veth.ipv4.route 10.88.0.0/24 '10.88.0.0/24 dev .*' '' 'ip route | grep 10.88'
row lxc.net.0.veth.ipv6.route fd88::/64 'fd88::/64 dev .*' '' 'ip -6 route | grep fd88'
row lxc.net.0.script.up "$T/script" ".*up veth $br vt$$.*" '' 'grep " up veth" "$T/scripts" 2>/dev/null; rm -f "$T/scripts"'
row lxc.net.1.script.up "$T/script" "" '' 'true'
group veth
seen lxc.net.N.type # of the links that were just looked at
seen lxc.net.N.link
base="lxc.net.0.type = veth
lxc.net.0.link = $br"
row lxc.net.0.script.down "$T/script" " *$a net down veth $br veth.*" '' 'kill_ct "$a"; sleep 0.2; cat "$T/scripts" 2>/dev/null; rm -f "$T/scripts"'
group "script.down"
base="lxc.mount.auto = proc sys
lxc.net.0.type = veth
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.99.0.7/32
lxc.net.0.veth.pair = vt$$"
row lxc.net.0.veth.mode router '.*10.99.0.7 dev vt.*' '' 'ip route | grep 10.99'
group "veth.mode"
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv4/conf/$br/forwarding
base="lxc.mount.auto = proc sys
lxc.net.0.type = veth
lxc.net.0.flags = up
lxc.net.0.link = $br
lxc.net.0.ipv4.address = 10.77.0.9/24
lxc.net.0.veth.pair = vt$$"
row lxc.net.0.l2proxy 1 '.*10.77.0.9.*' '' 'ip neigh show proxy | grep 10.77.0.9'
group "l2proxy"
base="lxc.mount.auto = proc sys
lxc.net.0.type = macvlan
lxc.net.0.link = $br"
row lxc.net.0.macvlan.mode vepa 'vepa' 'private' 'nsenter -t $p -n ip -d -o link | grep -o "macvlan mode [a-z]*" | cut -d" " -f3'
group macvlan
ip link del ph$$
ip link del "$br"
elsewhere lxc.net.N.veth.vlan.id lxc.net.N.veth.vlan.tagged.id lxc.net.N.vlan.id lxc.net.N.ipvlan.mode lxc.net.N.ipvlan.isolation -- \
	"this kernel has neither VLANs nor ipvlan: tests/vm/test-keys.sh"

# --- hooks and the ends of a life ------------------------------------------------------------------------------------

printf '#!/bin/sh\necho "$3" >>%s\n' "$T/hooks" >"$T/hook0"
printf '#!/bin/sh\necho "${3-none} ${LXC_HOOK_TYPE-}" >>%s\n' "$T/hooks" >"$T/hook1"
chmod 755 "$T/hook0" "$T/hook1" && touch "$T/hooks" && chmod 666 "$T/hooks"
for h in pre-start pre-mount mount autodev start-host; do
	row "lxc.hook.$h" "$T/hook0" 1 0 "grep -cx $h $T/hooks"
done
echo 'echo in >/run/started' >"$root/bin/started" && chmod 755 "$root/bin/started"
row lxc.hook.start "/bin/started" in '' 'cat $root/run/started 2>/dev/null; rm -f $root/run/started'
row lxc.environment HK=x 'HK=x' '' 'env_of HK; : >"$T/hooks"'
group "hooks of the start"
row lxc.hook.version 1 "none pre-start" 'pre-start ' 'cat "$T/hooks"; : >"$T/hooks"'
base="lxc.hook.pre-start = $T/hook1"
group "hook.version"
row lxc.hook.stop "$T/hook0" stop '' 'kill_ct "$a"; sleep 0.2; grep -x stop "$T/hooks"'
row lxc.hook.post-stop "$T/hook0" post-stop '' 'sleep 0.2; grep -x post-stop "$T/hooks"; : >"$T/hooks"'
group "hooks of the end"

# What they are told, in both versions: the stop hook's name spaces are the container's, and are let go after it.
cat >"$T/told" <<E
#!/bin/sh
net=\${LXC_NET_NS-}
for w in "\$@"; do case \$w in net:*) net=\${w#net:} ;; esac done
echo "\$# \$(readlink "\$net") \${LXC_TARGET-} \${LXC_HOOK_TYPE-} \${LXC_NAME-} \${LXC_ROOTFS_PATH-}" >$T/said
E
chmod 755 "$T/told"
for v in 0 1; do
	{ cat "$T/base" - <<<"$plain" && echo "lxc.hook.version = $v" && echo "lxc.hook.stop = $T/told"; } >"$LXCPATH/$a/config"
	start_ct "$a"
	net=$(readlink "/proc/$(pid_of "$a")/ns/net")
	kill_ct "$a"
	if [ $v = 0 ]; then
		is "stop hook, version 0" "$(cat "$T/said")" "9 $net stop  $a $root"
	else
		is "stop hook, version 1" "$(cat "$T/said")" "0 $net stop stop $a $root"
	fi
done

# What is the container's alone, without a key for it: its control groups' root, its mounts.
{ cat "$T/base" && echo "$plain"; } >"$LXCPATH/$a/config"
start_ct "$a"
is "a control group name space: its group is the root" "$(in_a 'cut -d: -f3 /proc/self/cgroup' | sort -u)" /
in_a 'mkdir -p /tmp/m && mount -t tmpfs tmpfs /tmp/m && touch /tmp/m/inside' >/dev/null
check "what it mounts is not seen outside" test ! -e "$root/tmp/m/inside"
kill_ct "$a"
{ cat "$T/base" && echo "lxc.hook.pre-start = $T/hook0" && echo "lxc.hook =" && echo "lxc.net.0.type = veth" && echo "lxc.net =" && echo "lxc.net.0.type = empty"; } >"$LXCPATH/$a/config"
check "lxc.hook and lxc.net without a value: starts" start_ct "$a"
is "lxc.hook =: none is left" "$(cat "$T/hooks")" ""
is "lxc.net =: none is left" "$(in_a 'cat /proc/net/dev' | grep -c :)" 1
kill_ct "$a"
seen lxc.hook && seen lxc.net.N.
: >"$T/hooks"
d=$CT-d
make_container "$d" <<<"lxc.hook.destroy = $T/hook0"
lxc-destroy "${P[@]}" -n "$d" >/dev/null 2>&1
is "set: lxc.hook.destroy" "$(cat "$T/hooks")" destroy
: >"$T/hooks"
make_container "$d" <<<"lxc.hook.destroy = $T/hook0
lxc.hook.destroy ="
lxc-destroy "${P[@]}" -n "$d" >/dev/null 2>&1
is "cleared: lxc.hook.destroy" "$(cat "$T/hooks")" ""
seen lxc.hook.destroy
make_container "$d" <<<"lxc.hook.clone = $T/hook0"
if command -v lxc-copy >/dev/null; then
	lxc-copy "${P[@]}" -n "$d" -N "$CT-e" >/dev/null 2>&1
	is "set: lxc.hook.clone" "$(cat "$T/hooks")" clone
	sed -i 's/^lxc.hook.clone.*/&\nlxc.hook.clone =/' "$LXCPATH/$d/config"
	: >"$T/hooks"
	lxc-copy "${P[@]}" -n "$d" -N "$CT-f" >/dev/null 2>&1
	is "cleared: lxc.hook.clone" "$(cat "$T/hooks")" ""
	seen lxc.hook.clone
else
	elsewhere lxc.hook.clone -- "no lxc-copy here"
fi

# The signals that reach init; it tells which it got.
cat >"$root/bin/tell" <<'E'
#!/bin/sh
for s in HUP INT QUIT USR1 USR2 TERM PWR; do trap "echo $s >>/run/got; exit 0" $s; done
: >/run/got
while :; do sleep 3600 & wait $!; done
E
chmod 755 "$root/bin/tell"
base="$plain
lxc.init.cmd = /bin/tell"
gets() { # gets OPTION…: what init got from lxc-stop
	wait_for 5 test -e "$root/run/got"
	timeout 20 lxc-stop "${P[@]}" -n "$a" "$@" >/dev/null 2>&1
	cat "$root/run/got"
	rm -f "$root/run/got"
}
tell=$base
row lxc.signal.halt SIGUSR1 USR1 PWR 'gets --nokill'
group "signal.halt"
base=$tell
row lxc.signal.reboot SIGUSR2 USR2 INT 'gets -r --nokill -t 5'
group "signal.reboot"
base=$tell
row lxc.signal.stop SIGTERM TERM '' 'gets -k'
group "signal.stop"
base=$plain
row lxc.monitor.signal.pdeath SIGTERM alive '' 'k=$(keeper_of); kill -9 $k; sleep 0.3; grep -q "State:.*[SR]" /proc/$p/status 2>/dev/null && echo alive'
base="$plain
lxc.init.cmd = /bin/sh -c \"trap '' TERM; while :; do sleep 1; done\""
group "monitor.signal.pdeath"
creel doctor --fix >/dev/null 2>&1
printf '#!/bin/sh\nmkdir -p %s && mount -t tmpfs tmpfs %s\n' "$T/hm" "$T/hm" >"$T/mounter" && chmod 755 "$T/mounter"
base="$plain
lxc.hook.pre-start = $T/mounter"
row lxc.monitor.unshare 1 '' yes 'mountpoint -q "$T/hm" && echo yes; umount -q "$T/hm"'
group "monitor.unshare"
make_container "$d" <<<"lxc.net.0.type = empty
lxc.ephemeral = 1
lxc.execute.cmd = /bin/echo executed"
is "set: lxc.execute.cmd" "$(lxc-execute "${P[@]}" -n "$d" </dev/null 2>&1 | tr -d '\r')" executed
check "set: lxc.ephemeral" test ! -e "$LXCPATH/$d"
make_container "$d" <<<"lxc.net.0.type = empty
lxc.ephemeral = 1
lxc.ephemeral =
lxc.execute.cmd = /bin/echo executed
lxc.execute.cmd ="
refuse "cleared: lxc.execute.cmd" lxc-execute "${P[@]}" -n "$d"
start_ct "$d" && kill_ct "$d"
check "cleared: lxc.ephemeral" test -e "$LXCPATH/$d/config"
seen lxc.ephemeral && seen lxc.execute.cmd
seen lxc.rootfs.managed
for v in 0 ""; do
	make_container "$d" <<<"" && mkdir -p "$T/elsewhere"
	printf 'lxc.rootfs.path = dir:%s\nlxc.rootfs.managed = 0\nlxc.rootfs.managed = %s\n' "$T/elsewhere" "$v" >"$LXCPATH/$d/config"
	lxc-destroy "${P[@]}" -n "$d" >/dev/null 2>&1
	is "lxc.rootfs.managed = $v: the storage stays" "$(ls -d "$T/elsewhere" 2>/dev/null)" "${v:+$T/elsewhere}"
done

# --- autostart -------------------------------------------------------------------------------------------------------

listed() { lxc-ls "${P[@]}" -f -F NAME,AUTOSTART,GROUPS | awk -v n="$d" '$1 == n {print $2, $3 $4}'; }
make_container "$d" <<<"lxc.start.auto = 1
lxc.start.delay = 7
lxc.start.order = -3
lxc.group = g1 g2"
is "set: lxc.start.auto, lxc.group" "$(listed)" "1 g1,g2"
if command -v lxc-autostart >/dev/null; then
	is "set: lxc.start.delay" "$(lxc-autostart "${P[@]}" -L -g g1 2>/dev/null | grep "^$d")" "$d 7"
	{ cat "$LXCPATH/$d/config" && printf 'lxc.start.order = 5\n'; } >"$T/later"
	make_container "$CT-0" <<<"lxc.start.auto = 1
lxc.group = g1"
	is "set: lxc.start.order" "$(lxc-autostart "${P[@]}" -L -g g1 2>/dev/null | cut -d' ' -f1 | tr '\n' ' ')" "$d $CT-0 "
	printf 'lxc.start.delay =\nlxc.start.order =\n' >>"$LXCPATH/$d/config"
	is "cleared: lxc.start.order, lxc.start.delay" "$(lxc-autostart "${P[@]}" -L -g g1 2>/dev/null | tr '\n' ',')" "$CT-0 0,$d 0,"
	seen lxc.start.delay && seen lxc.start.order
else
	elsewhere lxc.start.delay lxc.start.order -- "no lxc-autostart here"
fi
printf 'lxc.start.auto =\nlxc.group =\n' >>"$LXCPATH/$d/config"
is "cleared: lxc.start.auto, lxc.group" "$(listed)" "0 -"
seen lxc.start.auto && seen lxc.group
rm -rf "${LXCPATH:?}/$d"

# --- policy ----------------------------------------------------------------------------------------------------------

printf '2\ndenylist\nmkdir errno 55\nmkdirat errno 55\n' >"$T/policy"
row lxc.seccomp.profile "$T/policy" '2' '0' 'status Seccomp'
group seccomp
printf 'lxc.seccomp.profile = %s\n' "$T/policy" >"$T/seccomp.conf"

# A key of the caller's session keyring, seen inside or not.
cat >"$T/keyring.py" <<'E'
import ctypes, os, sys
c = ctypes.CDLL(None, use_errno=True)
if sys.argv[1:]:
	c.syscall(250, 1, None)
print(c.syscall(250, 0, -3, 0), flush=True)
if sys.argv[1:]:
	os.execvp(sys.argv[1], sys.argv[1:])
E
# In a container that shares the host's root: how many session keyrings there are with the caller's.
keyrings() { python3 "$T/keyring.py" lxc-execute "${P[@]}" -n "$CT-k" -s lxc.net.0.type=empty "$@" -- python3 "$T/keyring.py" </dev/null 2>/dev/null | sort -u | wc -l; }
is "set: lxc.keyring.session" "$(keyrings -s lxc.keyring.session=1)" 1
is "cleared: lxc.keyring.session" "$(keyrings -s lxc.keyring.session=1 -s lxc.keyring.session=)" 2
seen lxc.keyring.session
cat "$T/base" - <<<"$plain
lxc.sched.core = 1" >"$LXCPATH/$a/config"
if start_ct "$a" 2>"$T/.out"; then ok "set: lxc.sched.core"; else
	like "set: lxc.sched.core: what the kernel lacks is said" "$(cat "$T/.out")" 'core scheduling'
fi
kill_ct "$a"
elsewhere lxc.sched.core -- "a cookie shows where CONFIG_SCHED_CORE is: tests/vm/test-keys.sh"
elsewhere lxc.apparmor.profile lxc.apparmor.allow_incomplete lxc.apparmor.allow_nesting lxc.apparmor.raw -- \
	"no AppArmor here: tests/vm/test-apparmor.sh"
elsewhere lxc.selinux.context lxc.selinux.context.keyring -- "no SELinux here or there: tests/unit/test-lsm.c"
elsewhere lxc.seccomp.allow_nesting lxc.seccomp.notify.proxy lxc.seccomp.notify.cookie -- "tests/container/test-seccomp-proxy.sh"
elsewhere lxc.console.buffer.size -- "the API alone tells it: tests/unit/test-keeper.c"

# --- include, and names of old ---------------------------------------------------------------------------------------

mkdir "$T/inc.d" && echo "lxc.environment = I1=a" >"$T/inc.d/1.conf" && echo "lxc.environment = I2=b" >"$T/inc.d/2.conf" && echo "lxc.bogus = 1" >"$T/inc.d/3.txt"
echo "lxc.environment = I3=c" >"$T/inc"
{ cat "$T/base" && echo "$plain" && echo "lxc.include = $T/inc.d" && echo "lxc.include = $T/inc" && echo "lxc.include = $T/nothing.d/"; } >"$LXCPATH/$a/config"
check "lxc.include: starts" start_ct "$a"
p=$(pid_of "$a")
is "set: lxc.include, of a folder and a file" "$(env_of I1; env_of I2; env_of I3)" "I1=a
I2=b
I3=c"
kill_ct "$a"
seen lxc.include
base="lxc.network.type = empty
lxc.mount.auto = proc:rw
lxc.kmsg = 0
lxc.pivotdir = lxc_putold"
chmod 1777 "$root/tmp" "$root/run"
row lxc.utsname olden olden "$(hostname)" 'in_a hostname'
row lxc.tty 2 2 0 'in_a "ls /dev" | grep -c ^tty[1-9]'
row lxc.pts 9 'max=9' 'max=1024|' 'mount_opts /dev/pts | grep -o max=[0-9]*'
row lxc.devttydir old yes '' 'in_a "test -d /dev/old && echo yes"'
row lxc.mount "$T/fstab" host '' 'in_ct "$a" cat /mnt/f 2>/dev/null'
row lxc.init_cmd '/bin/sh -c "echo mine >/run/mine; exec /sbin/init"' mine '' 'sleep 0.1; cat $root/run/mine 2>/dev/null; rm -f $root/run/mine'
row lxc.limit.nofile 123:456 '123 456' '.*' 'awk "/open files/{print \$4, \$5}" /proc/$p/limits'
row lxc.loglevel INFO '.*' '.*' true
row lxc.logfile "$T/old.log" '.*running, its first process is [0-9]+' '' 'grep running "$T/old.log" 2>/dev/null; rm -f "$T/old.log"'
row lxc.seccomp "$T/policy" '2' '0' 'status Seccomp'
row lxc.init_uid 12 '12 12 12 12' '0 0 0 0' 'status Uid'
row lxc.init_gid 34 '34 34 34 34' '0 0 0 0' 'status Gid'
group "names of old"
row lxc.console none 'no' 'yes' 'in_a "test -c /dev/console && test -t 0 </dev/console && echo yes || echo no"'
group "lxc.console"
base=$tell
row lxc.haltsignal SIGUSR1 USR1 PWR 'gets --nokill'
group "lxc.haltsignal"
base=$tell
row lxc.rebootsignal SIGUSR2 USR2 INT 'gets -r --nokill -t 5'
group "lxc.rebootsignal"
base=$tell
row lxc.stopsignal SIGTERM TERM '' 'gets -k'
group "lxc.stopsignal"
chown -R 300000:300000 "$root"
row lxc.id_map 'u 0 300000 65536' '0 300000 65536' '.*4294967295' 'echo $(cat /proc/$p/uid_map)'
rows+=(lxc.id_map 'g 0 300000 65536' '0 300000 65536' '.*4294967295' 'echo $(cat /proc/$p/gid_map)')
group lxc.id_map
chown -R 0:0 "$root"
cp "$T/base" "$T/base.new"
printf 'lxc.rootfs = %s\nlxc.rootfs.backend = dir\n' "$root" >"$T/base"
base="lxc.network.type = veth
lxc.network.flags = up
lxc.network.name = old0
lxc.network.type = empty"
row lxc.network.0.mtu 1350 1350 1500 'in_a "cat /sys/class/net/old0/mtu" || true'
base="$base
lxc.mount.auto = sys"
group "lxc.rootfs, lxc.network"
cp "$T/base.new" "$T/base"
for k in lxc.rootfs lxc.rootfs.backend lxc.network. lxc.kmsg lxc.pivotdir; do seen $k; done
elsewhere lxc.aa_profile lxc.aa_allow_incomplete lxc.se_context -- "no security module here: tests/vm/test-apparmor.sh"
elsewhere lxc.syslog -- "shown above by its name of today"

# --- lxc.conf of the system ------------------------------------------------------------------------------------------

etc=$(realpath "$(dirname "$(command -v lxc-start)")/../../etc/lxc")
[ -d "$etc" ] || etc=/etc/lxc
cp -r "$etc" "$T/etc" && mount --bind "$T/etc" "$etc"
mkdir "$T/other"
cat >"$T/etc/lxc.conf" <<E
lxc.lxcpath = $T/other
lxc.default_config = $T/mine.conf
lxc.cgroup.pattern = $CT-pat/%n
lxc.bdev.lvm.vg = myvg
E
printf 'lxc.net.0.type = veth\nlxc.net.0.hwaddr = 10:66:6a:xx:xx:xx\nlxc.net.0.hwaddr = 10:66:6A:XX:aa:xx\n# a remark\nlxc.environment = KX=xx\n' >"$T/mine.conf"
is "lxc.lxcpath" "$(lxc-config lxc.lxcpath)" "$T/other"
is "lxc.bdev.lvm.vg" "$(lxc-config lxc.bdev.lvm.vg)" myvg
is "lxc.bdev.zfs.root, not said" "$(lxc-config lxc.bdev.zfs.root)" lxc
check "lxc.default_config: a container is made by it" lxc-create -n "$d" -t none
check "lxc.lxcpath: and lies there" test -e "$T/other/$d/config"
is "hwaddr: each x has become a digit, for good" "$(grep -Ecx 'lxc.net.0.hwaddr = 10:66:6[aA]:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}' "$T/other/$d/config")" 2
is "remarks and other keys stay" "$(grep -c -e '^# a remark' -e 'KX=xx' "$T/other/$d/config")" 2
# The template "none" makes no root: without one it would be the machine's own init that runs.
printf 'lxc.rootfs.path = dir:%s\nlxc.rootfs.managed = 0\n' "$root" >>"$T/other/$d/config"
sed -i 's/^lxc.net.0.type.*/lxc.net.0.type = empty/' "$T/other/$d/config"
lxc-start -n "$d"
p=$(lxc-info -n "$d" -pH)
like "lxc.cgroup.pattern" "$(groups_of "$p")" "/$CT-pat/$d\$"
lxc-stop -n "$d" -k
echo "lxc.cgroup.use = memory" >>"$T/etc/lxc.conf"
lxc-start -n "$d"
p=$(lxc-info -n "$d" -pH)
if [ -d /sys/fs/cgroup/memory ]; then
	like "lxc.cgroup.use: memory" "$(grep memory "/proc/$p/cgroup")" "/$CT-pat/$d\$"
	unlike "lxc.cgroup.use: and no other" "$(grep -e :pids: -e :cpu "/proc/$p/cgroup")" "$CT-pat"
else
	skip "lxc.cgroup.use" "version 2 has all controllers in one hierarchy"
fi
lxc-stop -n "$d" -k
sed -i 's/^lxc.cgroup.use.*/lxc.cgroup.use = nosuch/' "$T/etc/lxc.conf"
refuse "lxc.cgroup.use: one that is not there" lxc-start -n "$d"
like "is named" "$(cat "$T/.out")" nosuch
sed -i '/^lxc.cgroup.use/d' "$T/etc/lxc.conf"
echo "lxc.bogus = 1" >>"$T/etc/lxc.conf"
refuse "an item that nobody knows" lxc-ls
sed -i '/^lxc.bogus/d' "$T/etc/lxc.conf"
lxc-destroy -n "$d" >/dev/null
umount "$etc"

# --- what the manual page shows: several networks in one container, one's own mounts, limits ----------------------------

ip link add "$br" type bridge && ip link set "$br" up
ip link add ph$$ type veth peer name pp$$
mkdir -p "$T/lib"
{
	cat "$T/base"
	cat <<E
lxc.uts.name = complex
lxc.net.0.type = veth
lxc.net.0.flags = up
lxc.net.0.link = $br
lxc.net.0.hwaddr = 4a:49:43:49:79:bf
lxc.net.0.ipv4.address = 10.2.3.5/24 10.2.3.255
lxc.net.0.ipv6.address = 2003:db8:1:0:214:1234:fe0b:3597
lxc.net.1.type = macvlan
lxc.net.1.flags = up
lxc.net.1.link = pp$$
lxc.net.1.hwaddr = 4a:49:43:49:79:bd
lxc.net.1.ipv4.address = 10.2.4.4/24
lxc.net.2.type = phys
lxc.net.2.flags = up
lxc.net.2.link = ph$$
lxc.net.2.hwaddr = 4a:49:43:49:79:ff
lxc.net.2.ipv4.address = 10.2.5.6/24
lxc.cgroup2.pids.max = 50
lxc.cgroup2.devices.deny = a
lxc.cgroup2.devices.allow = c 1:3 rw
lxc.cgroup2.devices.allow = c 1:9 rw
lxc.cgroup2.devices.allow = c 5:* rwm
lxc.cgroup2.devices.allow = c 136:* rwm
lxc.cgroup2.devices.allow = c *:* m
lxc.mount.fstab = $T/fstab
lxc.mount.entry = $T/lib $root/libs none ro,bind,create=dir 0 0
lxc.cap.drop = sys_module mknod setuid net_raw
lxc.cap.drop = mac_override
E
} >"$LXCPATH/$a/config"
check "the manual's great example starts" start_ct "$a"
p=$(pid_of "$a")
is "its three interfaces" "$(in_a 'cat /sys/class/net/*/address 2>/dev/null || ip link' | grep -oE '4a:49:43:49:79:(bf|bd|ff)' | sort | tr '\n' ' ')" \
	"4a:49:43:49:79:bd 4a:49:43:49:79:bf 4a:49:43:49:79:ff "
is "with their addresses" "$(in_a 'ip -o addr' | grep -oE 'inet6? (10\.2|2003)[^ ]*' | cut -d' ' -f2 | sort | tr '\n' ' ')" \
	"10.2.3.5/24 10.2.4.4/24 10.2.5.6/24 2003:db8:1:0:214:1234:fe0b:3597/64 "
is "capabilities of two lines are dropped" "$(cap 16)$(cap 27)$(cap 7)$(cap 13)$(cap 32)" 00000
is "a target below the host's path of the root" "$(in_a 'test -d /libs && echo yes')" yes
kill_ct "$a"
wait_for 5 test -e "/sys/class/net/ph$$"
ip link del ph$$ && ip link del "$br"

# --- nothing is missing ----------------------------------------------------------------------------------------------

man=$(dirname "$(dirname "$(command -v lxc-start)")")/share/man/man5/lxc.container.conf.5
names() { sed -n 's/^\\fB\(lxc\.[^ ]*\)\\fR.*/\1/p' | sed 's/\\-/-/g; s/\.\(CONTROL\|LIMIT\|NAME\|FILE\|NS\|[A-Z]*\)$/./' | sort -u; }
{ zcat -f "$man" 2>/dev/null || cat "$man"; } | names >"$T/inventory"
check "the inventory is read" test "$(wc -l <"$T/inventory")" -gt 110
while read -r k; do [ -n "${done_keys[$k]-}" ] || nok "$k is in the manual page and not walked"; done <"$T/inventory"
