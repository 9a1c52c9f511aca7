#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Interfaces on top of another: vlan, every mode and isolation of ipvlan, every mode of macvlan. What the kernel says of
# them, and who can be reached: a neighbour on the same interface, and a machine at the other end of the wire.
[ -n "${CT-}" ] || exec tests/container/run "$0"
. tests/container/lib.sh

a=$CT-a b=$CT-b far=$CT-far
in_far() { ip netns exec "$far" "$@"; }
modprobe -a 8021q ipvlan macvlan
ip netns add "$far"
ip link add wire type veth peer name far netns "$far"
ip link set wire up
in_far ip link set lo up
in_far ip link set far up
in_far ip addr add 10.79.0.1/24 dev far
before=$(ip -br link | awk '{print $1}' | sort)
for c in "$a" "$b"; do
	make_container "$c" </dev/null
	cp "$LXCPATH/$c/config" "$T/$c.good"
done
# one TYPE LINE…, both TYPE LINE…: starts a (10.79.0.11), and b (10.79.0.12), with such an interface each.
one() { begin "$a" -- "$@"; }
both() { begin "$a" "$b" -- "$@"; }
begin() {
	local c which=()
	kill_ct "$a"
	kill_ct "$b"
	while [ "$1" != -- ]; do
		which+=("$1")
		shift
	done
	shift
	for c in "${which[@]}"; do
		{
			cat "$T/$c.good"
			printf 'lxc.net.0.%s\n' "type = $1" "link = wire" "flags = up" "name = eth0" "${@:2}"
			echo "lxc.net.0.ipv4.address = 10.79.0.$([ "$c" = "$a" ] && echo 11 || echo 12)/24"
		} >"$LXCPATH/$c/config"
		check "$*: start" start_ct "$c"
	done
}
says() { like "$1: the kernel has it" "$(nsenter -n -t "$(lxc-info -P "$LXCPATH" -n "$a" -pH)" ip -d link show eth0 | tr '\n' ' ')" "$2"; }
reaches() { if in_ct "$a" ping -c 1 -W "${2:-5}" "10.79.0.$1" >/dev/null 2>&1; then echo yes; else echo no; fi; }
# reached NAME NEIGHBOUR FAR: whether it reaches them. What is not answered is not waited for long.
reached() {
	is "$1: the neighbour" "$(reaches 12 "$([ "$2" = yes ] && echo 5 || echo 1)")" "$2"
	is "$1: the far end" "$(reaches 1 "$([ "$3" = yes ] && echo 5 || echo 1)")" "$3"
}

# --- vlan --------------------------------------------------------------------------------------------------------------
in_far ip link add link far name far.42 type vlan id 42
in_far ip link set far.42 up
in_far ip addr add 10.80.0.1/24 dev far.42
one vlan "vlan.id = 42" "mtu = 1400" "ipv4.address = 10.80.0.11/24"
says vlan 'mtu 1400 .*vlan protocol 802.1Q id 42 '
check "vlan: the far end of the same id" in_ct "$a" ping -c 1 -W 5 10.80.0.1
sed -i 's/vlan.id = 42/vlan.id = 43/' "$LXCPATH/$a/config"
kill_ct "$a"
check "vlan: another id" start_ct "$a"
says "another id" 'vlan protocol 802.1Q id 43 '
is "another id does not reach it" "$(in_ct "$a" ping -c 1 -W 1 10.80.0.1 >/dev/null 2>&1 && echo yes || echo no)" no
in_far ip link del far.42
kill_ct "$a"
sed -i 's/vlan.id = 43/vlan.id = 4095/' "$LXCPATH/$a/config"
refuse "vlan: an id that there is not" start_ct "$a"

# --- ipvlan ------------------------------------------------------------------------------------------------------------
both ipvlan "ipvlan.mode = l2"
says "ipvlan l2" 'ipvlan +mode l2 bridge'
reached "ipvlan l2" yes yes
both ipvlan "ipvlan.mode = l2" "ipvlan.isolation = private"
says "ipvlan l2 private" 'ipvlan +mode l2 private'
reached "ipvlan l2 private" no yes
# Routed, so nobody answers who asks for the address: the far end is told.
in_far ip neigh replace 10.79.0.11 lladdr "$(cat /sys/class/net/wire/address)" dev far
both ipvlan "ipvlan.mode = l3"
says "ipvlan l3" 'ipvlan +mode l3 bridge'
reached "ipvlan l3" yes yes
both ipvlan "ipvlan.mode = l3s" "ipvlan.isolation = vepa"
says "ipvlan l3s vepa" 'ipvlan +mode l3s vepa'
is "ipvlan l3s vepa: the neighbour, which only a switch could lead to" "$(reaches 12 1)" no

# --- macvlan -----------------------------------------------------------------------------------------------------------
in_far ip neigh del 10.79.0.11 dev far
both macvlan "macvlan.mode = bridge"
says "macvlan bridge" 'macvlan mode bridge'
reached "macvlan bridge" yes yes
both macvlan "macvlan.mode = private"
says "macvlan private" 'macvlan mode private'
reached "macvlan private" no yes
both macvlan "macvlan.mode = vepa"
says "macvlan vepa" 'macvlan mode vepa'
reached "macvlan vepa" no yes
kill_ct "$a"
kill_ct "$b"
sed -i 's/macvlan.mode = vepa/macvlan.mode = passthru/' "$LXCPATH/$a/config" "$LXCPATH/$b/config"
check "macvlan passthru: start" start_ct "$a"
says "macvlan passthru" 'macvlan mode passthru'
is "macvlan passthru: the far end" "$(reaches 1)" yes
refuse "macvlan passthru: it has the device for itself" start_ct "$b"
kill_ct "$a"
as_before() { [ "$(ip -br link | awk '{print $1}' | sort)" = "$before" ]; }
check "all of them are gone" wait_for 5 as_before
ip link del wire
ip netns del "$far"
# What ip made of the folder for it.
umount /run/netns || :
