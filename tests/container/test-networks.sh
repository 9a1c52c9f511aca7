#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Every type of interface in every mode, seen from the host, from inside, and after the end.
. "${0%/*}/lib.sh"

a=$CT-a
P=(-P "$LXCPATH")
make_container "$a" </dev/null
cp "$LXCPATH/$a/config" "$T/good"
# with WHAT: starts $a with the configuration on standard input.
with() {
	kill_ct "$a"
	{ cat "$T/good" && cat; } >"$LXCPATH/$a/config"
	check "start: $1" start_ct "$a"
}
# bad WHAT REGEX: it does not start, says so, and leaves no interface.
bad() {
	local out before
	kill_ct "$a"
	before=$(host_links)
	{ cat "$T/good" && cat; } >"$LXCPATH/$a/config"
	out=$(start_ct "$a" 2>&1) && out="it started"
	like "$1" "$out" "$2"
	wait_for 3 same_links "$before" || nok "$1: links are left"
}
host_links() { ip -br link | awk '{sub("@.*", "", $1); print $1}' | sort; }
same_links() { [ "$(host_links)" = "$1" ]; }
links() { in_ct "$a" ip -o link | awk -F': ' '{sub("@.*", "", $2); print $2}' | sort | tr '\n' ' '; }
inside() { in_ct "$a" "$@" 2>&1; }
halt() { lxc-stop "${P[@]}" -n "$a" -k >/dev/null 2>&1; }
get() { lxc-info "${P[@]}" -n "$a" -H -c "$1" 2>&1; }
detail() { ip -d link show "$1" 2>&1 | tr '\n' ' '; }
inner_pid() { lxc-info "${P[@]}" -n "$a" -pH; }
inner_detail() { nsenter -n -t "$(inner_pid)" ip -d link show "$1" 2>&1 | tr '\n' ' '; }

ip link add brA type bridge && ip addr add 10.78.0.1/24 dev brA && ip -6 addr add fd78::1/64 dev brA nodad && ip link set brA up mtu 1450
ip link add pA type veth peer name pB && ip link set pA up && ip link set pB up
before=$(host_links)

# --- several, with gaps ----------------------------------------------------------------------------------------------
with "three interfaces, with gaps between their numbers" <<E
lxc.net.7.type = veth
lxc.net.7.link = brA
lxc.net.7.name = seven
lxc.net.7.flags = up
lxc.net.3.type = veth
lxc.net.3.link = brA
lxc.net.3.flags = up
lxc.net.3.hwaddr = 10:66:6a:xx:xx:xx
lxc.net.3.ipv4.address = 10.78.0.33/24
lxc.net.3.ipv4.address = 10.78.0.34/24 10.78.0.127
lxc.net.3.ipv6.address = fd78::33
lxc.net.3.ipv4.gateway = auto
lxc.net.3.ipv6.gateway = auto
lxc.net.9.type = macvlan
lxc.net.9.link = pA
E
is "names: the given one, and the first free" "$(links)" "eth0 eth1 lo seven "
like "addresses, the class's broadcast and the given one" "$(inside ip -o addr show eth0 | tr '\n' ' ')" '10.78.0.33/24 brd 10.78.0.255.*10.78.0.34/24 brd 10.78.0.127.*fd78::33/64'
like "gateway auto, IPv4" "$(inside ip route)" 'default via 10.78.0.1 dev eth0'
like "gateway auto, IPv6" "$(inside ip -6 route)" 'default via fd78::1 dev eth0'
like "the bridge's mtu, where none is said" "$(inside ip -o link show eth0)" 'mtu 1450 '
unlike "without flags it stays down" "$(inside ip -o link show eth1)" ',UP|<UP'
like "what was left to chance is shown of the running one: its name" "$(get lxc.net.3.veth.pair)" '^veth[A-Za-z0-9]{6}$'
check "and that is the host's end" test -e "/sys/class/net/brA/brif/$(get lxc.net.3.veth.pair)"
is "and its address" "$(get lxc.net.3.hwaddr)" "$(inside ip -o link show eth0 | sed 's/.*ether \([^ ]*\).*/\1/')"
check "ping out" in_ct "$a" ping -c 1 -W 3 10.78.0.1
# To an address that nobody has: it is not answered.
ip neigh replace 10.78.0.200 lladdr "$(get lxc.net.3.hwaddr)" dev brA
for _ in 1 2 3 4 5 6; do printf '%060000d' 0 >/dev/udp/10.78.0.200/9; done
stats=$(lxc-info "${P[@]}" -n "$a" -SH)
is "lxc-info: a Link for each" "$(grep -c '^Link' <<<"$stats")" 3
like "one that lies on a device is called after it" "$stats" '^Link: +pA$'
tx=$(awk -v l="$(get lxc.net.3.veth.pair)" '$1 == "Link:" {on = $2 == l} on && $1 == "TX" {print $3}' <<<"$stats")
rx=$(awk -v l="$(get lxc.net.3.veth.pair)" '$1 == "Link:" {on = $2 == l} on && $1 == "RX" {print $3}' <<<"$stats")
check "what it received is RX" test "${rx:-0}" -gt 200000
check "what it sent is TX" test "${tx:-999999}" -lt 100000
halt
check "all are gone" wait_for 3 same_links "$before"

# --- router mode ------------------------------------------------------------------------------------------------------
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
# The host answers for a gateway that it reaches by another device.
ip route add 169.254.0.0/16 dev pA
with "veth in router mode, with routes and queues" <<E
lxc.net.0.type = veth
lxc.net.0.veth.mode = router
lxc.net.0.link = pA
lxc.net.0.flags = up
lxc.net.0.veth.pair = rout0
lxc.net.0.veth.n_rxqueues = 4
lxc.net.0.veth.n_txqueues = 2
lxc.net.0.ipv4.address = 10.79.0.5/32
lxc.net.0.ipv4.gateway = 169.254.0.1
lxc.net.0.ipv6.address = fd79::5/128
lxc.net.0.ipv6.gateway = fd79::ffff
lxc.net.0.veth.ipv4.route = 10.99.0.0/16
lxc.net.0.veth.ipv6.route = fd99::/48
E
like "the host's routes to the container, and through it" "$(ip route show dev rout0 | tr '\n' ' ')" '10.79.0.5 .*10.99.0.0/16 |10.99.0.0/16 .*10.79.0.5 '
like "of IPv6, too" "$(ip -6 route show dev rout0 | tr '\n' ' ')" 'fd79::5 .*fd99::/48'
like "the host answers for the gateway" "$(ip neigh show proxy dev rout0; ip -6 neigh show proxy dev rout0)" '169.254.0.1'
like "queues" "$(inner_detail eth0)" 'numtxqueues 2 .*numrxqueues 4 '
like "on the host they are the other way round" "$(detail rout0)" 'numtxqueues 4 .*numrxqueues 2 '
check "ping in" ping -c 1 -W 3 10.79.0.5
halt
check "router: gone" wait_for 3 same_links "$before"
is "and its routes" "$(ip route | grep -c -e 10.99 -e 10.79)" 0

with "l2proxy in router mode" <<E
lxc.net.0.type = veth
lxc.net.0.veth.mode = router
lxc.net.0.link = pA
lxc.net.0.l2proxy = 1
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.79.0.6/32
lxc.net.0.ipv4.gateway = dev
E
like "gateway dev" "$(inside ip route)" 'default dev eth0'
like "the uplink answers for the container" "$(ip neigh show proxy dev pA)" '10.79.0.6'
halt
wait_for 3 same_links "$before"
is "l2proxy: gone" "$(ip neigh show proxy dev pA)" ""

# --- macvlan -----------------------------------------------------------------------------------------------------------
for mode in private vepa bridge passthru; do
	with "macvlan, $mode" <<E
lxc.net.0.type = macvlan
lxc.net.0.link = pA
lxc.net.0.macvlan.mode = $mode
lxc.net.0.mtu = 1300
lxc.net.0.flags = up
E
	like "macvlan: mode $mode, mtu" "$(inner_detail eth0)" "mtu 1300 .*macvlan mode $mode "
done
halt
check "macvlan: gone" wait_for 3 same_links "$before"

# --- phys --------------------------------------------------------------------------------------------------------------
ip link set pB mtu 1420 down
pamac=$(cat /sys/class/net/pA/address)
pbmac=$(cat /sys/class/net/pB/address)
with "phys by a pattern" <<E
lxc.net.0.type = phys
lxc.net.0.link = pB+
lxc.net.0.name = ethX
lxc.net.0.mtu = 1290
lxc.net.0.hwaddr = 02:00:00:aa:bb:cc
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.80.0.9/24
E
is "phys: is inside, under its name" "$(links)" "ethX lo "
like "phys: mtu, address, up" "$(inner_detail ethX)" ',UP.*mtu 1290 .*02:00:00:aa:bb:cc'
is "lxc-info names the device of the host" "$(lxc-info "${P[@]}" -n "$a" -SH | awk '/^Link/ {print $2}')" pB
# Somebody renames it inside, and the container is killed.
inside ip link set ethX down && inside ip link set ethX name other0
halt
check "phys: back under its name whatever it was called inside" wait_for 3 same_links "$before"
is "with its address" "$(cat /sys/class/net/pB/address)" "$pbmac"
is "and mtu" "$(cat /sys/class/net/pB/mtu)" 1420

with "two of the host's, by a start that fails" </dev/null
halt
bad "the second has a name that is taken" "same0|File exists" <<E
lxc.net.0.type = phys
lxc.net.0.link = pA
lxc.net.0.name = same0
lxc.net.1.type = phys
lxc.net.1.link = pB
lxc.net.1.name = same0
E
is "each is back as itself" "$(cat /sys/class/net/pA/address /sys/class/net/pB/address | tr '\n' ' ')" "$pamac $pbmac "
ip link set pA up

# --- vlan and ipvlan: this kernel may have neither -----------------------------------------------------------------------
for type in vlan ipvlan; do
	if ip link add pr0 link pA type $type ${type/#vlan/vlan id 5} 2>/dev/null || ip link add link pA name pr0 type $type 2>/dev/null; then
		ip link del pr0
		skip "$type without the kernel's support" "this kernel has it: see tests/vm"
	else
		bad "$type is refused with the module's name" "modprobe" <<E
lxc.net.0.type = $type
lxc.net.0.link = pA
$([ $type = ipvlan ] || echo lxc.net.0.vlan.id = 5)
E
	fi
done

# --- what is wrong -------------------------------------------------------------------------------------------------------
bad "VLANs of a bridge that filters none" "VLAN" <<E
lxc.net.0.type = veth
lxc.net.0.link = brA
lxc.net.0.veth.vlan.id = 10
E
bad "a veth on what is no bridge" "'pA' is not a bridge" <<E
lxc.net.0.type = veth
lxc.net.0.link = pA
E
bad "the second of two fails: the first is taken back" "interface 'nope0' does not exist" <<E
lxc.net.0.type = veth
lxc.net.0.link = brA
lxc.net.1.type = macvlan
lxc.net.1.link = nope0
E
bad "a name that is taken on the host" "create veth 'pB'.*File exists" <<E
lxc.net.0.type = veth
lxc.net.0.link = brA
lxc.net.0.veth.pair = pB
E
bad "two of one name inside" "create veth .*'same0'.*File exists|same0" <<E
lxc.net.0.type = veth
lxc.net.0.name = same0
lxc.net.1.type = veth
lxc.net.1.name = same0
E

# --- scripts ---------------------------------------------------------------------------------------------------------------
cat >"$T/net.sh" <<'E'
#!/bin/sh
out=$1; shift
{ echo "args $*"; env | grep ^LXC_ | sort; ls /sys/class/net | tr '\n' ' '; echo; } >>"$out"
E
chmod 755 "$T/net.sh"
scripts() { # VERSION
	: >"$T/said"
	with "scripts, hook version $1" <<E
lxc.hook.version = $1
lxc.net.0.type = veth
lxc.net.0.link = brA
lxc.net.0.veth.pair = scr0
lxc.net.0.script.up = $T/net.sh $T/said
lxc.net.0.script.down = $T/net.sh $T/said
lxc.net.1.type = empty
lxc.net.1.script.up = $T/net.sh $T/said
lxc.net.2.type = macvlan
lxc.net.2.link = pA
lxc.net.2.script.up = $T/net.sh $T/said
E
	pid=$(inner_pid)
	halt
	wait_for 3 same_links "$before"
}
scripts 0
is "version 0: arguments" "$(grep ^args "$T/said" | tr '\n' ';')" \
	"args $a net up veth brA scr0;args $a net up empty;args $a net up macvlan pA;args $a net down veth brA scr0;"
is "LXC_PID, of all" "$(grep -c "^LXC_PID=$pid$" "$T/said")" 4
like "LXC_NAME, LXC_HOOK_VERSION" "$(tr '\n' ' ' <"$T/said")" "LXC_HOOK_VERSION=0 .*LXC_NAME=$a "
is "the device is there at the end, too" "$(grep -c scr0 <(grep -v ^args "$T/said" | grep -v ^LXC))" 4
scripts 1
is "version 1: arguments" "$(grep ^args "$T/said" | tr '\n' ';')" "args veth brA scr0;args empty;args macvlan pA;args veth brA scr0;"
is "the same in the environment" "$(grep -e LXC_NET -e HOOK_TYPE -e HOOK_SECTION "$T/said" | tail -5 | tr '\n' ' ')" \
	"LXC_HOOK_SECTION=net LXC_HOOK_TYPE=down LXC_NET_PARENT=brA LXC_NET_PEER=scr0 LXC_NET_TYPE=veth "
bad "a script that fails" "network script '/bin/false.*' failed with status 1" <<E
lxc.net.0.type = veth
lxc.net.0.link = brA
lxc.net.0.script.up = /bin/false
E

# --- while it runs ---------------------------------------------------------------------------------------------------------
dev() { lxc-device "${P[@]}" -n "$a" "$@" </dev/null 2>&1; }
ip link add hotA mtu 1410 type veth peer name hotB && ip link set hotA up && ip link set hotB up
hotmac=$(cat /sys/class/net/hotA/address)
before=$(host_links)
with "a container with a veth" <<E
lxc.net.0.type = veth
lxc.net.0.link = brA
lxc.net.0.veth.pair = hotP
E
check "attach" dev add hotA lan0
is "is inside under its name" "$(links)" "eth0 lan0 lo "
check "and not outside" test ! -e /sys/class/net/hotA
check "can be used" in_ct "$a" sh -c 'ip addr add 10.82.0.2/24 dev lan0 && ip link set lan0 up'
ip addr add 10.82.0.1/24 dev hotB
check "packets pass" ping -c 1 -W 3 10.82.0.2
like "a name that is taken inside" "$(dev add hotB eth0)" "hotB.*File exists|eth0.*exist"
check "leaves it where it was" test -e /sys/class/net/hotB
like "one that is not there" "$(dev add nosuch0)" "nosuch0"
like "lo is not given away" "$(dev add lo)" "lo"
like "a name that the host has" "$(dev del lan0 hotB)" "has an interface 'hotB' already"
is "stays inside then" "$(links)" "eth0 lan0 lo "
check "detach" dev del lan0
check "is back under the host's name" test -e /sys/class/net/hotA
is "as it was" "$(cat /sys/class/net/hotA/address /sys/class/net/hotA/mtu | tr '\n' ' ')" "$hotmac 1410 "
check "attach under its own name" dev add hotA
check "detach under another" dev del hotA hotC
check "is called so" test -e /sys/class/net/hotC
ip link set hotC down && ip link set hotC name hotA
check "attach once more" dev add hotA lan1
inside ip link set lan1 name odd1
halt
check "at the end it is back, renamed inside or not" wait_for 3 same_links "$(grep -v hotP <<<"$before")"
is "with its mtu" "$(cat /sys/class/net/hotA/mtu)" 1410
like "not of one that is stopped" "$(dev add hotA lan0)" 'not running'
with "a container with the host's network" <<<"lxc.net.0.type = none"
like "which needs no interface of it" "$(dev add hotA lan0)" 'shares our network name space'
halt
ip link del hotA
before=$(host_links)

# --- Open vSwitch ----------------------------------------------------------------------------------------------------------
ovs_up() {
	command -v ovs-vswitchd >/dev/null || return 1
	export OVS_RUNDIR=$T/ovs OVS_LOGDIR=$T/ovs OVS_DBDIR=$T/ovs OVS_SYSCONFDIR=$T/ovs
	mkdir "$T/ovs"
	ovsdb-tool create "$T/ovs/conf.db" /usr/share/openvswitch/vswitch.ovsschema &&
		ovsdb-server "$T/ovs/conf.db" --remote="punix:$T/ovs/db.sock" --pidfile="$T/ovs/db.pid" --detach --log-file=/dev/null &&
		ovs-vsctl --no-wait init &&
		ovs-vswitchd "unix:$T/ovs/db.sock" --pidfile="$T/ovs/sw.pid" --detach --log-file=/dev/null &&
		timeout 20 ovs-vsctl add-br ovsbr0 -- set bridge ovsbr0 datapath_type=netdev &&
		ip link set ovsbr0 up && ip addr add 10.81.0.1/24 dev ovsbr0
}
if ! ovs_up >"$T/.ovs" 2>&1; then
	skip "Open vSwitch" "no ovs-vswitchd that runs here (openvswitch-switch)"
else
	before=$(host_links)
	with "a bridge of Open vSwitch, with VLANs" <<E
lxc.net.0.type = veth
lxc.net.0.link = ovsbr0
lxc.net.0.veth.pair = ovsp0
lxc.net.0.veth.vlan.id = 10
lxc.net.0.veth.vlan.tagged.id = 20
lxc.net.0.veth.vlan.tagged.id = 30
E
	is "the port's VLANs" "$(ovs-vsctl get port ovsp0 vlan_mode tag trunks | tr '\n' ' ')" 'native-untagged 10 [20, 30] '
	is "the port" "$(ovs-vsctl list-ports ovsbr0)" ovsp0
	halt
	check "the port is gone" wait_for 5 test -z "$(ovs-vsctl list-ports ovsbr0)"
	with "and an access port" <<E
lxc.net.0.type = veth
lxc.net.0.link = ovsbr0
lxc.net.0.veth.pair = ovsp1
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.81.0.7/24
E
	check "ping through the switch" ping -c 1 -W 3 10.81.0.7
	halt
	bad "none needs tagged ones" "needs a veth.vlan.tagged.id" <<E
lxc.net.0.type = veth
lxc.net.0.link = ovsbr0
lxc.net.0.veth.vlan.id = none
E
	is "no port is left" "$(ovs-vsctl list-ports ovsbr0)" ""
	ip tuntap add dev nobr0 mode tap
	bad "a tap that is no bridge" "'nobr0' is not a bridge" <<E
lxc.net.0.type = veth
lxc.net.0.link = nobr0
E
	ip link del nobr0
	kill "$(cat "$T/ovs/sw.pid")" "$(cat "$T/ovs/db.pid")"
	wait_for 5 test ! -e "$T/ovs/db.pid"
	ip link del ovsbr0 2>/dev/null
	ip link del ovs-netdev 2>/dev/null
fi
ip link del pA
ip link del brA
