#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# The network of an ordinary user's container, which lxc-user-nic gives it. Root has made the bridge and allowed one.
. "${0%/*}/lib.sh"
stage=$(dirname "$(dirname "$(command -v lxc-start)")") && helper=$stage/libexec/lxc/lxc-user-nic
usernet=$("$helper" 2>&1 | sed -n 's/.* far as \(.*\) allows.*/\1/p')
findmnt -no OPTIONS -T "$helper" | grep -q nosuid && echo "1..0 # SKIP $helper lies on a nosuid file system" && trap - EXIT && exit 77
br=${CT}br
cp /etc/passwd "$T/passwd" && cp /etc/group "$T/group" || exit 1
echo 'alice:x:4301:4301::/:/bin/sh' >>"$T/passwd"
echo 'alice:x:4301:' >>"$T/group"
echo "alice veth $br 1" >"$T/usernet"
chmod 644 "$T"/{passwd,group,usernet} && chmod 711 "$T"
mkdir -p /run/lxc "$T/run"
mount --bind "$T/passwd" /etc/passwd && mount --bind "$T/group" /etc/group && mount --bind "$T/usernet" "$usernet" &&
	mount --bind "$T/run" /run/lxc && ip link add "$br" type bridge && ip link set "$br" up &&
	ip link add "${CT}other" type bridge || exit 1

mkdir -p "$T/alice/c" "$T/alice-run" && make_rootfs "$T/alice/c/rootfs"
cat >"$T/alice/c/config" <<EOC
lxc.rootfs.path = dir:$T/alice/c/rootfs
lxc.idmap = u 0 4301 1
lxc.idmap = g 0 4301 1
lxc.net.0.type = veth
lxc.net.0.link = $br
lxc.net.0.flags = up
lxc.net.0.hwaddr = 10:66:6a:12:34:56
lxc.net.0.ipv4.address = 10.79.1.2/24
lxc.net.0.veth.pair = notthis
EOC
chown -R 4301:4301 "$T/alice" "$T/alice-run" && chmod 700 "$T/alice-run"
lxc() {
	setpriv --reuid 4301 --regid 4301 --init-groups env HOME=/ USER=alice XDG_RUNTIME_DIR="$T/alice-run" \
		"lxc-$1" -P "$T/alice" -n c "${@:2}" </dev/null
}
ends() { ip -o link show master "$br" | cut -d: -f2 | cut -d@ -f1 | tr -d ' '; }
check "starts" lxc start
like "its address" "$(lxc attach -- ip -o addr show dev eth0)" "10.79.1.2/24"
like "its hardware address" "$(lxc attach -- ip -o link show dev eth0)" "10:66:6a:12:34:56"
like "the host's end is on the bridge, and not called as it likes" "$(ends)" '^veth'
is "written down" "$(awk '{print $1, $2, $3, $4}' /run/lxc/nics)" "alice veth $br $(ends)"
like "lxc-info knows it" "$(lxc info -S)" "Link: +$(ends)"
check "stops" lxc stop -k
gone() { [ -z "$(ends)" ]; }
check "nothing is left of it" wait_for 5 gone
check "starts again: what is gone does not count" lxc start
check "stops again" lxc stop -k
wait_for 5 gone
printf 'lxc.net.1.type = veth\nlxc.net.1.link = %s\n' "${CT}other" >>"$T/alice/c/config"
out=$(lxc start 2>&1)
is "one on a bridge that is not his: fails" $? 1
like "says why" "$out" "lxc-start: c: interface 'eth1' on '${CT}other': alice may have no veth on"
like "and the cure" "$out" "^hint: root allows it by a line in .*lxc-usernet: alice veth ${CT}other"
check "and leaves nothing" wait_for 5 gone

# --- what he can not have, and a bridge of Open vSwitch --------------------------------------------------------------------
cp "$T/alice/c/config" "$T/good" && sed -i '/^lxc.net/d' "$T/good"
bad() { # WHAT REGEX LINES…
	printf '%s\n' "${@:3}" | cat "$T/good" - >"$T/alice/c/config"
	like "$1" "$(lxc start 2>&1)" "$2"
}
bad "macvlan" 'type macvlan needs root.*|ordinary user' "lxc.net.0.type = macvlan" "lxc.net.0.link = $br"
bad "phys" 'type phys needs root' "lxc.net.0.type = phys" "lxc.net.0.link = $br"
bad "router mode" 'veth.mode = router needs root' "lxc.net.0.type = veth" "lxc.net.0.veth.mode = router"
bad "a route on the host" 'veth.ipv4.route needs root' "lxc.net.0.type = veth" "lxc.net.0.link = $br" "lxc.net.0.veth.ipv4.route = 10.9.0.0/24"
bad "no bridge at all, not allowed" "alice may have no veth on 'none'" "lxc.net.0.type = veth"
echo "alice veth none 1" >>"$T/usernet"
check "no bridge at all, allowed" lxc start
like "it has an interface" "$(lxc attach -- ip -o link show dev eth0)" 'eth0@'
lxc stop -k
ovs_up() {
	command -v ovs-vswitchd >/dev/null || return 1
	mkdir -p /run/openvswitch && mount -t tmpfs tmpfs /run/openvswitch || return 1
	local d=/run/openvswitch
	ovsdb-tool create $d/conf.db /usr/share/openvswitch/vswitch.ovsschema &&
		ovsdb-server $d/conf.db --remote=punix:$d/db.sock --pidfile=$d/db.pid --detach --log-file=/dev/null &&
		ovs-vsctl --no-wait init &&
		ovs-vswitchd unix:$d/db.sock --pidfile=$d/sw.pid --detach --log-file=/dev/null &&
		timeout 20 ovs-vsctl add-br ovsU -- set bridge ovsU datapath_type=netdev
}
if ovs_up >"$T/ovs.log" 2>&1; then
	echo "alice veth ovsU 1" >>"$T/usernet"
	printf '%s\n' "lxc.net.0.type = veth" "lxc.net.0.link = ovsU" | cat "$T/good" - >"$T/alice/c/config"
	check "a bridge of Open vSwitch" lxc start
	like "the port" "$(ovs-vsctl list-ports ovsU)" '^veth4301_'
	check "stops" lxc stop -k
	no_port() { [ -z "$(ovs-vsctl list-ports ovsU)" ]; }
	check "the port goes" wait_for 5 no_port
	kill "$(cat /run/openvswitch/sw.pid)" "$(cat /run/openvswitch/db.pid)"
	wait_for 5 test ! -e /run/openvswitch/db.pid
	ip link del ovsU 2>/dev/null
	ip link del ovs-netdev 2>/dev/null
	umount /run/openvswitch
	rmdir /run/openvswitch 2>/dev/null
else
	skip "Open vSwitch" "no ovs-vswitchd that runs here (openvswitch-switch)"
fi
umount /run/lxc "$usernet" /etc/group /etc/passwd
ip link del "$br"
ip link del "${CT}other"
rmdir /run/lxc 2>/dev/null
true
