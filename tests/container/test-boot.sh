#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# What a host runs at its start and stop: lxc-net and lxc-containers with their variables, and the units that call them.
. "${0%/*}/lib.sh"
stage=$(dirname "$(dirname "$(command -v lxc-start)")")
net=$stage/libexec/lxc/lxc-net boot=$stage/libexec/lxc/lxc-containers
br=${CT}br
code() {
	"$@" >"$T/.out" 2>&1 </dev/null
	echo $?
}
out() { cat "$T/.out"; }
mkdir -p "$T/default" "$T/run-lxc" /run/lxc
mount --bind "$T/default" /etc/default && mount --bind "$T/run-lxc" /run/lxc || exit 1
cat >/etc/default/lxc <<'EOC'
USE_LXC_BRIDGE="false"
[ ! -f /etc/default/lxc-net ] || . /etc/default/lxc-net
EOC
cat >/etc/default/lxc-net <<EOC
USE_LXC_BRIDGE="true"
LXC_BRIDGE="$br"
LXC_ADDR="10.78.9.1"
LXC_NETWORK="10.78.9.0/24"
LXC_DHCP_RANGE="10.78.9.2,10.78.9.9"
EOC

# lxc-net
is "lxc-net: usage" "$(code "$net")" 2
like "says the verbs" "$(out)" '^Usage: .*lxc-net \{start\|stop\|restart\|reload\|force-reload\}$'
is "lxc-net stop: isn't running" "$(code "$net" stop) $(out)" "1 lxc-net isn't running"
if ! command -v dnsmasq >/dev/null || ! command -v nft >/dev/null; then
	skip "lxc-net start" "needs nft and dnsmasq"
else
	is "lxc-net start" "$(code "$net" start)" 0
	like "the bridge has its address" "$(ip -br addr show "$br")" "10.78.9.1/24"
	check "marker" test -f /run/lxc/network_up
	check "dnsmasq's pid where LXC has it" sh -c 'tr "\0" " " </proc/"$(cat /run/lxc/dnsmasq.pid)"/cmdline | grep -q 10.78.9.2'
	is "lxc-net start again" "$(code "$net" start) $(out)" "1 lxc-net is already running"
	is "lxc-net restart" "$(code "$net" restart)" 0
	check "is there again" ip link show "$br"
	is "lxc-net stop" "$(code "$net" stop)" 0
	refuse "is gone" ip link show "$br"
	check "and its files" sh -c "! ls /run/lxc/* /var/lib/misc/dnsmasq.$br.leases 2>/dev/null | grep ."
	echo 'LXC_ADDR=nonsense' >>/etc/default/lxc-net
	is "lxc-net start: what is wrong" "$(code "$net" start)" 1
	like "says where" "$(out)" "/etc/default/lxc-net:6: bad LXC_ADDR 'nonsense'"
	refuse "leaves no marker" test -e /run/lxc/network_up
fi
echo 'USE_LXC_BRIDGE="false"' >/etc/default/lxc-net
is "switched off: nothing, and no error" "$(code "$net" start)$(out)" 0
refuse "no bridge" ip link show "$br"

# lxc-containers
a=${CT}a b=${CT}b
make_container "$a" <<EOC
lxc.net.0.type = empty
lxc.start.auto = 1
EOC
make_container "$b" <<EOC
lxc.net.0.type = empty
lxc.start.auto = 1
lxc.group = onboot
EOC
echo "OPTIONS='-P $LXCPATH' STOPOPTS='-P $LXCPATH -a -A -s'" >>/etc/default/lxc
is "lxc-containers: usage" "$(code "$boot" now)" 2
is "lxc-containers start" "$(code "$boot" start)" 0
is "both groups" "$(lxc-ls -P "$LXCPATH" --running -1 | tr '\n' ' ')" "$a $b "
is "lxc-containers stop" "$(code "$boot" stop)" 0
is "none runs" "$(lxc-ls -P "$LXCPATH" --running -1)" ""
echo 'LXC_AUTO=false' >>/etc/default/lxc
is "LXC_AUTO=false" "$(code "$boot" start)$(lxc-ls -P "$LXCPATH" --running -1)" 0
echo 'LXC_AUTO=true BOOTGROUPS=other' >>/etc/default/lxc
is "BOOTGROUPS" "$(code "$boot" start)$(lxc-ls -P "$LXCPATH" --running -1)" 0

# What is installed
for u in lxc lxc-net lxc@ lxc-monitord; do
	check "$u.service: what it executes is there" sh -c \
		"sed -n 's/^Exec[A-Za-z]*=-*\([^ ]*\).*/\1/p' '$stage/lib/systemd/system/$u.service' | xargs -n 1 test -x"
done
if command -v systemd-analyze >/dev/null; then
	check "systemd understands them" systemd-analyze verify --man=no "$stage/lib/systemd/system/"{lxc,lxc-net,lxc-monitord,lxc@}.service
else
	skip "systemd understands them" "no systemd-analyze"
fi
check "init.lxc" "$stage/sbin/init.lxc" -n x -q -- sh -c 'exit 0'
is "init.lxc: the command's code" "$(code "$stage/sbin/init.lxc" -- sh -c 'exit 5')" 5
unset XDG_RUNTIME_DIR
for t in start attach; do
	is "lxc-unpriv-$t without a service manager" "$(XDG_RUNTIME_DIR=$T code "lxc-unpriv-$t" -n "$a")" 1
	like "says what to do" "$(out)" "lxc-unpriv-$t: there is no service manager .*"
done
umount /etc/default /run/lxc
rmdir /run/lxc 2>/dev/null
true
