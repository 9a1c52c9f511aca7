#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Keys of lxc.conf that need more of a kernel than a workshop's has: VLANs, ipvlan, ports of bridges that tell VLANs apart,
# core scheduling. Each is set, seen, cleared.
n=0 bad=0
check() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then echo "ok $n - $1"; else
		bad=1
		echo "not ok $n - $1: '$2', expected '$3'"
	fi
}
skip() { n=$((n + 1)) && echo "ok $n - $1 # SKIP $2"; }
name=keys$$
dir=/var/lib/lxc/$name
lxc-create -n $name -t busybox >/dev/null || exit 1
sed -i '/^lxc.net/d; /^lxc.apparmor/d' "$dir/config"
cp "$dir/config" "/tmp/$name.base"
with() {
	lxc-stop -k -n $name 2>/dev/null
	{ cat "/tmp/$name.base" && cat; } >"$dir/config"
	lxc-start -n $name 2>"/tmp/$name.err" || sed 's/^/# /' "/tmp/$name.err"
}
inside() { nsenter -t "$(lxc-info -n $name -pH)" -n "$@"; }
link() { inside ip -d -o link show "$1" 2>/dev/null; }

modprobe -q 8021q
ip link add par0 type dummy 2>/dev/null || ip link add par0 type veth peer name par1
ip link set par0 up
with <<E
lxc.net.0.type = vlan
lxc.net.0.link = par0
lxc.net.0.vlan.id = 77
lxc.net.0.flags = up
E
check "vlan.id" "$(link eth0 | grep -o 'vlan protocol 802.1Q id [0-9]*')" "vlan protocol 802.1Q id 77"

if modprobe -q ipvlan; then
	for mode in l2 l3s ""; do
		with <<E
lxc.net.0.type = ipvlan
lxc.net.0.link = par0
lxc.net.0.ipvlan.mode = l2
lxc.net.0.ipvlan.mode = $mode
lxc.net.0.ipvlan.isolation = bridge
E
		check "ipvlan.mode = $mode" "$(link eth0 | grep -o 'ipvlan  *mode [a-z0-9]*' | tr -s ' ')" "ipvlan mode ${mode:-l3}"
	done
	for isolation in private vepa ""; do
		with <<E
lxc.net.0.type = ipvlan
lxc.net.0.link = par0
lxc.net.0.ipvlan.mode = l3
lxc.net.0.ipvlan.isolation = private
lxc.net.0.ipvlan.isolation = $isolation
E
		check "ipvlan.isolation = $isolation" "$(link eth0 | grep -oE 'mode l3 (bridge|private|vepa)')" "mode l3 ${isolation:-bridge}"
	done
else
	skip ipvlan "no such module"
fi
lxc-stop -k -n $name
ip link del par0

ip link add brv0 type bridge vlan_filtering 1
ip link set brv0 up
port="lxc.net.0.type = veth
lxc.net.0.link = brv0
lxc.net.0.veth.pair = vk0"
vlans() { bridge -j vlan show dev vk0 | jq -r '.[0].vlans[] | "\(.vlan)\(if .flags then ":" + (.flags | sort | join(",")) else "" end)"' | tr '\n' ' '; }
with <<E
$port
lxc.net.0.veth.vlan.id = 42
lxc.net.0.veth.vlan.tagged.id = 50
lxc.net.0.veth.vlan.tagged.id = 51
E
check "veth.vlan.id and tagged.id" "$(vlans)" "42:Egress Untagged,PVID 50 51 "
with <<E
$port
lxc.net.0.veth.vlan.id = none
lxc.net.0.veth.vlan.tagged.id = 50
E
check "veth.vlan.id = none" "$(vlans)" "50 "
with <<E
$port
lxc.net.0.veth.vlan.id = 42
lxc.net.0.veth.vlan.id =
lxc.net.0.veth.vlan.tagged.id = 50
lxc.net.0.veth.vlan.tagged.id =
E
check "cleared: the bridge's own" "$(vlans)" "1:Egress Untagged,PVID "
lxc-stop -k -n $name
ip link set brv0 type bridge vlan_filtering 0
with <<E
$port
lxc.net.0.veth.vlan.id = 42
E
check "a bridge that does not tell them apart is refused" "$(lxc-info -n $name -sH) $(grep -c 'vlan_filtering 1' "/tmp/$name.err")" "STOPPED 1"
ip link del brv0

cookie() { python3 -c 'import ctypes, sys; v = ctypes.c_ulong(); print(ctypes.CDLL(None).prctl(62, 0, int(sys.argv[1]), 0, ctypes.byref(v)), int(v.value != 0))' "$1" 2>/dev/null; }
with <<E
lxc.net.0.type = empty
E
case $(cookie "$(lxc-info -n $name -pH)") in
"0 0")
	with <<E
lxc.net.0.type = empty
lxc.sched.core = 1
E
	if [ "$(lxc-info -n $name -sH)" = RUNNING ]; then
		check "sched.core" "$(cookie "$(lxc-info -n $name -pH)")" "0 1"
	else
		skip "sched.core" "this machine has no threads that share a core: $(head -n 1 "/tmp/$name.err")"
	fi
	;;
*) skip "sched.core" "this kernel has no CONFIG_SCHED_CORE (Debian builds none with it), or there is no python3" ;;
esac
lxc-stop -k -n $name 2>/dev/null
lxc-destroy -n $name
check "nothing is left" "$(creel doctor)" "nothing is left of dead containers"
rm -f "/tmp/$name".*
echo "1..$n"
exit $bad
