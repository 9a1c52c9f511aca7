#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# What the configuration's keys do, seen by their effect inside: mounts, hooks, ids, limits, name spaces, networks.
. "${0%/*}/lib.sh"
P=(-P "$LXCPATH")
a=$CT-a
pid_of() { lxc-info "${P[@]}" -n "$1" -pH 2>/dev/null; }
make_container "$a" <<<"lxc.net.0.type = empty"
cp "$LXCPATH/$a/config" "$T/good"
root=$LXCPATH/$a/rootfs
# with WHAT: starts the container with the lines of standard input added.
with() {
	kill_ct "$a"
	{ cat "$T/good" && cat; } >"$LXCPATH/$a/config"
	check "$1: starts" start_ct "$a"
}
in_a() { in_ct "$a" /bin/sh -c "$1" 2>&1; }
# opt MOUNT-POINT: how it is mounted: ro or rw.
opt() { in_a "awk '\$5 == \"$1\" {o = \$6} END {sub(\",.*\", \"\", o); print o}' /proc/self/mountinfo"; }

# --- lxc.mount.auto --------------------------------------------------------------------------------------------------

with "proc:mixed sys:ro" <<<"lxc.mount.auto = proc:mixed sys:ro"
is "proc:mixed: /proc" "$(opt /proc)" rw
is "proc:mixed: /proc/sys" "$(opt /proc/sys)" ro
[ ! -e /proc/sysrq-trigger ] || is "proc:mixed: /proc/sysrq-trigger" "$(opt /proc/sysrq-trigger)" ro
is "proc:mixed: /proc/sys/net" "$(opt /proc/sys/net)" rw
is "sys:ro" "$(opt /sys)" ro
with "proc:rw sys:rw" <<<"lxc.mount.auto = proc:rw sys:rw"
is "proc:rw: /proc" "$(opt /proc)" rw
is "proc:rw: /proc/sys is no mount" "$(opt /proc/sys)" ""
is "sys:rw" "$(opt /sys)" rw
with "sys:mixed" <<<"lxc.mount.auto = proc sys:mixed"
is "sys:mixed: /sys" "$(opt /sys)" ro
is "sys:mixed: /sys/devices/virtual/net" "$(opt /sys/devices/virtual/net)" rw
# With a control group name space they are left to init, unless forced.
for c in cgroup:ro:force cgroup:rw:force cgroup:mixed:force cgroup-full:rw:force; do
	with "$c" <<<"lxc.mount.auto = proc sys $c"
	like "$c: is mounted" "$(in_a 'ls -d /sys/fs/cgroup/*' | head -n 3)" '^/sys/fs/cgroup/.'
	case $c in
	cgroup:ro:*) unlike "$c: nothing can be made" "$(in_a 'for d in $(find /sys/fs/cgroup -name cgroup.procs | sed s,/cgroup.procs,,); do mkdir $d/x 2>/dev/null && echo MADE; rmdir $d/x 2>/dev/null; done')" MADE ;;
	cgroup:rw:* | cgroup:mixed:*) like "$c: a group can be made in its own" "$(in_a 'for d in $(find /sys/fs/cgroup -name "cgroup.procs" | sed s,/cgroup.procs,,); do mkdir $d/x 2>/dev/null && echo MADE; rmdir $d/x 2>/dev/null; done')" MADE ;;
	esac
done
mkdir "$T/shm"
if [ -z "${CREEL_IN_VM-}" ]; then mount -t tmpfs tmpfs "$T/shm" && mount --make-shared "$T/shm"; fi
with "shmounts" <<<"lxc.mount.auto = proc shmounts:$T/shm:/shared"
is "shmounts" "$(in_a 'ls -d /shared')" /shared
if [ -z "${CREEL_IN_VM-}" ]; then
	mkdir "$T/shm/x" && mount -t tmpfs tmpfs "$T/shm/x" && touch "$T/shm/x/seen"
	is "shmounts: what the host mounts there is seen inside" "$(in_a 'ls /shared/x')" seen
	umount "$T/shm/x"
fi
kill_ct "$a"
[ -n "${CREEL_IN_VM-}" ] || umount "$T/shm"

# --- lxc.mount.entry -------------------------------------------------------------------------------------------------

mkdir -p "$T/src/sub" "$root/inner"
echo from the host >"$T/src/f"
echo from inside >"$root/inner/f"
with "mount entries" <<E
lxc.mount.auto = proc
lxc.mount.entry = tmpfs new/dir tmpfs rw,size=64k,create=dir 0 0
lxc.mount.entry = $T/src/f new/file none bind,create=file 0 0
lxc.mount.entry = $T/src mnt none bind,ro 0 0
lxc.mount.entry = /no/such/thing new/opt none bind,optional,create=dir 0 0
lxc.mount.entry = inner new/rel none bind,relative,create=dir 0 0
lxc.mount.entry = $T/src $root/new/abs none bind,create=dir 0 0
E
is "create=dir" "$(in_a 'df -k /new/dir | tail -n 1 | tr -s " " | cut -d " " -f 2')" 64
is "create=file" "$(in_a 'cat /new/file')" "from the host"
is "bind,ro" "$(in_a 'cat /mnt/f; : >/mnt/g')" "$(printf 'from the host\n/bin/sh: can'\''t create /mnt/g: Read-only file system')"
is "optional" "$(state_of "$a")" RUNNING
is "relative" "$(in_a 'cat /new/rel/f')" "from inside"
is "a target below the root's path on the host" "$(in_a 'cat /new/abs/f')" "from the host"
printf '%s\n' "$T/src mnt none bind 0 0" "tmpfs tmp tmpfs rw 0 0" >"$T/fstab"
with "lxc.mount.fstab" <<<"lxc.mount.fstab = $T/fstab"
is "fstab" "$(in_a 'cat /mnt/f')" "from the host"
with "a read-only root" <<<"lxc.rootfs.options = ro"
like "cannot be written to" "$(in_a ': >/file')" 'Read-only'
kill_ct "$a"

# --- processes -------------------------------------------------------------------------------------------------------

with "what init is" <<E
lxc.mount.auto = proc:rw
lxc.environment = A=b c
lxc.init.cwd = /tmp
lxc.prlimit.nofile = 123:456
lxc.sysctl.net.ipv4.ip_default_ttl = 77
lxc.proc.oom_score_adj = 321
lxc.time.offset.boot = 100000s
E
p=$(pid_of "$a")
like "lxc.environment" "$(tr '\0' '\n' <"/proc/$p/environ")" '^A=b c$'
is "container=lxc" "$(tr '\0' '\n' <"/proc/$p/environ" | grep ^container=)" container=lxc
is "lxc.init.cwd" "$(readlink "/proc/$p/cwd")" /tmp
like "lxc.prlimit" "$(grep 'open files' "/proc/$p/limits")" '123 +456'
is "lxc.sysctl" "$(in_a 'cat /proc/sys/net/ipv4/ip_default_ttl')" 77
is "lxc.proc" "$(cat "/proc/$p/oom_score_adj")" 321
up=$(in_a 'cut -d . -f 1 /proc/uptime')
is "lxc.time.offset.boot ($up s)" $((up >= 100000)) 1
kill_ct "$a"
chmod 1777 "$root/tmp" "$root/run"
with "lxc.init.uid, gid, groups" <<E
lxc.init.uid = 12
lxc.init.gid = 34
lxc.init.groups = 56,78
E
is "are init's" "$(awk '/^(Uid|Gid|Groups):/{print $2, $3}' "/proc/$(pid_of "$a")/status" | tr '\n' ' ')" "12 12 34 34 56 78 "
kill_ct "$a"
cat "$T/good" >"$LXCPATH/$a/config"
is "lxc.execute.cmd" "$(lxc-execute "${P[@]}" -n "$a" -s 'lxc.execute.cmd=/bin/echo words "with blanks"' </dev/null 2>&1 | tr -d '\r')" "words with blanks"

# --- hooks -----------------------------------------------------------------------------------------------------------

cat >"$T/hook" <<E
#!/bin/sh
echo "\$* | \${LXC_HOOK_TYPE-} \${LXC_HOOK_SECTION-} \${LXC_NAME-} \${LXC_HOOK_VERSION-} \${LXC_TARGET-}" >>"$T/hooks"
echo "\$CALLER \${LXC_PID+pid} \${LXC_ROOTFS_MOUNT+mount}" >>"$T/hooks.env"
E
chmod 755 "$T/hook"
hooks="pre-start pre-mount mount autodev start-host stop post-stop"
order() { sed 's/.*| //; s/ .*//' "$T/hooks" | tr '\n' ' '; }
for v in 0 1; do
	rm -f "$T/hooks" "$T/hooks.env"
	# Of those that run in the container's mount name space, the host's paths are still there for all but start.
	CALLER=me with "hooks, version $v" <<E
lxc.hook.version = $v
$(for h in $hooks; do echo "lxc.hook.$h = $T/hook arg"; done)
E
	lxc-stop "${P[@]}" -n "$a" -t 10 >/dev/null 2>&1
	is "hooks, version $v: the environment of who started it, in those of the end too" "$(tr '\n' ',' <"$T/hooks.env")" \
		"$(for h in $hooks; do case $h in sto* | start* | post*) printf 'me pid mount,' ;; *) printf 'me  mount,' ;; esac done)"
	if [ $v = 0 ]; then
		is "hooks, version 0: order and arguments" "$(sed 's/ |.*//; s, [a-z]*:/proc/[0-9]*/fd/[0-9]*,,g' "$T/hooks" | tr '\n' ',')" \
			"$(for h in $hooks; do printf '%s,' "arg $a lxc $h"; done)"
	else
		is "hooks, version 1: order" "$(order)" "$hooks "
		like "hooks, version 1: arguments and environment" "$(head -n 1 "$T/hooks")" "^arg \| pre-start lxc $a 1"
	fi
done
rm -f "$T/hooks" "$T/hooks.env"
kill_ct "$a"
{ cat "$T/good" && echo "lxc.hook.pre-start = /bin/false"; } >"$LXCPATH/$a/config"
refuse "a hook that fails ends the start" start_ct "$a"
like "and is named" "$(cat "$T/.out")" '/bin/false'

# --- ids -------------------------------------------------------------------------------------------------------------

m=$CT-m
make_container "$m" <<E
lxc.net.0.type = empty
lxc.mount.auto = proc sys
lxc.idmap = u 0 300000 65536
lxc.idmap = g 0 300000 65536
E
chown -R 300000:300000 "$LXCPATH/$m/rootfs"
check "id-mapped, by root" start_ct "$m"
is "root inside" "$(in_ct "$m" id -u)" 0
is "is 300000 outside" "$(stat -c %u "/proc/$(pid_of "$m")")" 300000
in_ct "$m" touch /tmp/mine
is "and so is what it makes" "$(stat -c %u "$LXCPATH/$m/rootfs/tmp/mine" 2>/dev/null)" 300000
kill_ct "$m"
chown -R 0:0 "$LXCPATH/$m/rootfs"
check "lxc.rootfs.options = idmap=container" start_ct "$m" -s lxc.rootfs.options=idmap=container
in_ct "$m" touch /tmp/mapped
is "the tree on disk belongs to root" "$(stat -c %u "$LXCPATH/$m/rootfs/tmp/mapped" 2>/dev/null)" 0
kill_ct "$m"
like "with a pre-mount hook it is refused" "$(start_ct "$m" -s lxc.rootfs.options=idmap=container -s lxc.hook.pre-mount=/bin/true 2>&1)" \
	'do not go together'
mkdir "$T/data" && touch "$T/data/f"
check "lxc.mount.entry with idmap=container" start_ct "$m" -s lxc.rootfs.options=idmap=container \
	-s "lxc.mount.entry=$T/data mnt none bind,idmap=container 0 0"
is "maps that mount" "$(in_ct "$m" stat -c %u /mnt/f)" 0
kill_ct "$m"
cat "$T/good" >"$T/user.conf"
u=$CT-u
mkdir -p "$T/home/lxc" && cp -r "$root" "$T/home/rootfs" && chown -R 65534:65534 "$T/home" && chmod 711 "$T"
mkdir -m 700 "$T/home/run" && chown 65534:65534 "$T/home/run"
out=$(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$T/home" XDG_RUNTIME_DIR="$T/home/run" \
	lxc-execute -P "$T/home/lxc" -n "$u" -s "lxc.rootfs.path=$T/home/rootfs" -s "lxc.idmap=u 0 65534 1" -s "lxc.idmap=g 0 65534 1" \
	-s lxc.net.0.type=empty -s lxc.mount.auto=proc -- /bin/sh -c 'id -u; echo $$' </dev/null 2>&1)
like "an ordinary user, one id" "$(tr '\n' ' ' <<<"$out")" '^0 [0-9]+ $'
out=$(unshare -Urm env XDG_RUNTIME_DIR="$T/run2" HOME="$T/run2" sh -c "mkdir -p $T/run2/lxc; exec lxc-execute -P '$T/run2/lxc' -n '$u' \
	-s 'lxc.rootfs.path=$root' -s lxc.net.0.type=empty -s lxc.mount.auto=proc -- /bin/sh -c 'id -u; echo \$\$'" </dev/null 2>&1)
like "inside unshare -Urm" "$(tr '\n' ' ' <<<"$out")" '^0 [0-9]+ $'

# --- networks --------------------------------------------------------------------------------------------------------

br=br$$
ip link add "$br" type bridge && ip addr add 10.77.0.1/24 dev "$br" && ip link set "$br" up
ip link add ph$$ type veth peer name pp$$ && ip link set ph$$ mtu 1400
sed -i '/^lxc.net/d' "$T/good"
links() { in_ct "$a" ip -o link | awk -F': ' '{sub("@.*", "", $2); print $2}' | sort | tr '\n' ' '; }
with "net empty" <<<"lxc.net.0.type = empty"
is "empty: lo alone" "$(links)" "lo "
like "and it is up" "$(in_ct "$a" ip -o link show lo)" 'LOOPBACK,UP'
with "net none" <<<"lxc.net.0.type = none"
is "none: the host's" "$(readlink "/proc/$(pid_of "$a")/ns/net")" "$(readlink /proc/self/ns/net)"
with "net veth" <<E
lxc.net.0.type = veth
lxc.net.0.link = $br
lxc.net.0.flags = up
lxc.net.0.name = inner0
lxc.net.0.mtu = 1300
lxc.net.0.hwaddr = 10:66:6a:xx:xx:xx
lxc.net.0.ipv4.address = 10.77.0.7/24
lxc.net.0.ipv4.gateway = auto
lxc.net.0.veth.pair = vt$$
E
is "veth: its name" "$(links)" "inner0 lo "
like "its mtu and hardware address" "$(in_ct "$a" ip -o link show inner0)" 'mtu 1300 .*10:66:6a:[0-9a-f:]{8} '
like "its address" "$(in_ct "$a" ip -o addr show inner0)" '10\.77\.0\.7/24'
like "gateway auto is the bridge" "$(in_ct "$a" ip route)" 'default via 10\.77\.0\.1'
check "its end on the host is on the bridge" test -e "/sys/class/net/$br/brif/vt$$"
check "ping out" in_ct "$a" ping -c 1 -W 3 10.77.0.1
check "ping in" ping -c 1 -W 3 10.77.0.7
kill_ct "$a"
check "veth is gone" test ! -e "/sys/class/net/vt$$"
with "net macvlan" <<E
lxc.net.0.type = macvlan
lxc.net.0.macvlan.mode = bridge
lxc.net.0.link = $br
lxc.net.0.flags = up
E
is "macvlan: eth0" "$(links)" "eth0 lo "
with "net phys" <<E
lxc.net.0.type = phys
lxc.net.0.link = ph$$
lxc.net.0.name = eth0
lxc.net.0.mtu = 1200
lxc.net.0.flags = up
E
is "phys: is inside" "$(links)" "eth0 lo "
check "and not outside" test ! -e "/sys/class/net/ph$$"
lxc-stop "${P[@]}" -n "$a" -t 10 >/dev/null 2>&1
check "phys: comes back" test -e "/sys/class/net/ph$$"
like "as it was" "$(ip -o link show ph$$ 2>&1)" 'mtu 1400 '
with "phys, killed" <<E
lxc.net.0.type = phys
lxc.net.0.link = ph$$
E
kill_ct "$a"
check "comes back, too" test -e "/sys/class/net/ph$$"
ip link del ph$$ 2>/dev/null
ip link del "$br"

# --- lxc-attach ------------------------------------------------------------------------------------------------------

with "attach" <<E
lxc.net.0.type = empty
lxc.mount.auto = proc sys
lxc.cap.drop = sys_module
E
at() { lxc-attach "${P[@]}" -n "$a" "$@" </dev/null 2>&1; }
at -- /no/such/program >/dev/null
is "attach: not found: 127" $? 127
at -- /etc/passwd >/dev/null
is "attach: not executable: 126" $? 126
at -- /bin/sh -c 'kill -KILL $$' >/dev/null
is "attach: killed: 128 + 9" $? 137
at -- /bin/sh -c 'exit 9' >/dev/null
is "attach: 9" $? 9
is "attach: the caller's environment" "$(OUTER=x at -- /bin/sh -c 'echo $OUTER')" x
is "attach --clear-env" "$(OUTER=x at --clear-env -- /bin/sh -c 'echo "$OUTER"')" ""
is "attach --clear-env --keep-var" "$(OUTER=x at --clear-env --keep-var OUTER -- /bin/sh -c 'echo "$OUTER"')" x
is "attach -v" "$(at -v NEW=1 -- /bin/sh -c 'echo $NEW')" 1
is "attach -u -g" "$(at -u 5 -g 6 -- /bin/sh -c 'id -u; id -g' | tr '\n' ' ')" "5 6 "
is "attach -s NETWORK: the host's root" "$(at -s NETWORK -- readlink /proc/self/ns/mnt)" "$(readlink /proc/self/ns/mnt)"
is "attach -s NETWORK: the container's network" "$(at -s NETWORK -- readlink /proc/self/ns/net)" "$(readlink "/proc/$(pid_of "$a")/ns/net")"
is "attach -s 'NETWORK|PID' -R: /proc shows the container" "$(at -s 'NETWORK|PID' -R -- readlink /proc/1/ns/net)" "$(readlink "/proc/$(pid_of "$a")/ns/net")"
caps() { at "$@" -- cat /proc/self/status | awk '/^CapBnd/{print $2}'; }
is "attach: the container's capabilities" $(((0x$(caps) >> 16) & 1)) 0
is "attach -e: the caller's" $(((0x$(caps -e) >> 16) & 1)) $(((0x$(awk '/^CapBnd/{print $2}' /proc/self/status) >> 16) & 1))
kill_ct "$a"
