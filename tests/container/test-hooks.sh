#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# The hooks that are installed, by their effect: with the real programs, and with others in their place where a machine has
# no such device, client or file system.
. "${0%/*}/lib.sh"
hooks=$(realpath "$(dirname "$(command -v creel)")/../share/lxc/hooks")
make_rootfs "$T/root"
mkdir "$T/bin" "$T/outside"
# Every command, with our folder of containers.
for c in start stop destroy info attach execute copy; do
	printf '#!/bin/sh\nexec %s -P "$LXCPATH" "$@"\n' "$(command -v lxc-$c)" >"$T/bin/lxc-$c"
	chmod 755 "$T/bin/lxc-$c"
done
mkdir "$T/real" && mv "$T"/bin/* "$T/real/"
PATH=$T/real:$PATH
# refused WHAT REGEX COMMAND…: with that text
refused() {
	local what=$1 re=$2 out
	shift 2
	out=$("$@" 2>&1 </dev/null) && note "it went well"
	like "$what" "$out" "$re"
}
# new NAME LINE…: a container of busybox with these lines
new() {
	local name=$1
	shift
	mkdir -p "$LXCPATH/$CT-$name" && cp -a "$T/root" "$LXCPATH/$CT-$name/rootfs"
	printf '%s\n' "lxc.uts.name = $CT-$name" "lxc.rootfs.path = dir:$LXCPATH/$CT-$name/rootfs" "lxc.tty.max = 0" "$@" >"$LXCPATH/$CT-$name/config"
}
gone() {
	lxc-stop -k -n "$CT-$1" >/dev/null 2>&1
	lxc-destroy -n "$CT-$1" >/dev/null 2>&1
}
root() { echo "$LXCPATH/$CT-$1/rootfs"; }
# --- dhclient -------------------------------------------------------------------------------------------------------------

# A bridge with a server of addresses, as of the host.
ip link add br0 type bridge && ip addr add 10.77.0.1/24 dev br0 && ip link set br0 up
dnsmasq -u root --conf-file=/dev/null --pid-file="$T/dnsmasq.pid" --interface=br0 --bind-interfaces --port=0 --dhcp-range=10.77.0.50,10.77.0.60 \
	--dhcp-option=option:router,10.77.0.1 --dhcp-option=option:dns-server,10.77.0.9 --dhcp-option=option:domain-search,test.example \
	--dhcp-leasefile="$T/leases" --dhcp-authoritative --no-ping --log-facility="$T/dnsmasq.log" --log-dhcp
net=("lxc.net.0.type = veth" "lxc.net.0.link = br0" "lxc.net.0.flags = up" "lxc.net.0.name = eth0")
both=("lxc.hook.start-host = $hooks/dhclient" "lxc.hook.stop = $hooks/dhclient")
address() { ip -n "$1" -4 -o addr show dev eth0 2>&1; }
in_net() { nsenter -t "$(lxc-info -n "$CT-$1" -pH)" -n "${@:2}"; }
if busybox --list | grep -qx udhcpc && ! command -v dhclient >/dev/null; then
	new dhcp "${net[@]}" "${both[@]}"
	# Its resolv.conf leads out of it.
	ln -s "$T/outside" "$(root dhcp)/etc/net" && echo host >"$T/outside/resolv.conf" && ln -sf net/resolv.conf "$(root dhcp)/etc/resolv.conf"
	check "dhclient: a start" lxc-start -n "$CT-dhcp"
	like "dhclient: an address, when the start returns" "$(in_net dhcp ip -4 -o addr show dev eth0)" ' 10\.77\.0\.[56][0-9]/24'
	like "dhclient: a way out" "$(in_net dhcp ip route)" '^default via 10.77.0.1 dev eth0'
	is "dhclient: name servers, in the container's file" "$(lxc-attach -n "$CT-dhcp" -- cat /etc/resolv.conf | xargs) $(cat "$T/outside/resolv.conf")" \
		"search test.example nameserver 10.77.0.9 host"
	pid=$(cat "$LXCPATH/$CT-dhcp/hook/dhclient.pid")
	check "dhclient: its client stays, in the container's network" [ "/proc/$pid/ns/net" -ef "/proc/$(lxc-info -n "$CT-dhcp" -pH)/ns/net" ]
	reason=BOUND6 interface=eth0 new_dhcp6_name_servers=10.9.9.9 ROOTFS=/proc/$(lxc-info -n "$CT-dhcp" -pH)/root "$hooks/dhclient-script"
	unlike "dhclient: a client of another network, whose container has gone, writes nothing" "$(lxc-attach -n "$CT-dhcp" -- cat /etc/resolv.conf)" '10\.9\.9\.9'
	lxc-stop -n "$CT-dhcp" -t 10
	check "dhclient: the client has gone" wait_for 5 test ! -d "/proc/$pid"
	check "dhclient: the lease was given back" wait_for 5 grep -q DHCPRELEASE "$T/dnsmasq.log"
	is "dhclient: nothing is left of it" "$(ls "$LXCPATH/$CT-dhcp/hook")" ''
	# Another version of hooks, mapped ids.
	sed -i 's/^lxc.uts/lxc.hook.version = 1\nlxc.uts/' "$LXCPATH/$CT-dhcp/config"
	check "dhclient: in hooks of version 1" lxc-start -n "$CT-dhcp"
	pid=$(cat "$LXCPATH/$CT-dhcp/hook/dhclient.pid")
	lxc-stop -k -n "$CT-dhcp"
	check "dhclient: which end it, too" wait_for 5 test ! -d "/proc/$pid"
	gone dhcp
	new mapped "${net[@]}" "${both[@]}" "lxc.idmap = u 0 100000 65536" "lxc.idmap = g 0 100000 65536"
	chown -hR 100000:100000 "$(root mapped)" && rm -f "$(root mapped)/etc/resolv.conf"
	check "dhclient: mapped ids" lxc-start -n "$CT-mapped"
	is "dhclient: the file is the container's root's" "$(stat -c %u "$(root mapped)/etc/resolv.conf" 2>&1)" 100000
	gone mapped
	kill "$(cat "$T/dnsmasq.pid")"
	new none "${net[@]}" "${both[@]}"
	refused "dhclient: nobody answers" "start-host" timeout 60 lxc-start -F -n "$CT-none" -l INFO -o "$T/none.log"
	like "dhclient: and says so" "$(cat "$T/none.log")" "dhclient: no address for $CT-none"
	gone none
else
	kill "$(cat "$T/dnsmasq.pid")"
	skip "dhclient: by udhcpc" "busybox has no udhcpc here, or there is a dhclient"
fi
# ISC's client, as it would be called and would call.
mount -t tmpfs tmpfs /usr/local/sbin
cat >/usr/local/sbin/dhclient <<END
#!/bin/bash
echo "\$@" >>"$T/dhclient.log"
while [ \$# -gt 0 ]; do
	case \$1 in
	-e) export "\$2" && shift ;;
	-sf) script=\$2 && shift ;;
	-pf) pf=\$2 && shift ;;
	-r) reason=RELEASE ;;
	esac
	shift
done
export interface=eth0 reason=\${reason:-BOUND} new_ip_address=10.77.0.70 new_subnet_mask=255.255.255.0 new_routers=10.77.0.1
export new_domain_name=test.example new_domain_name_servers="10.77.0.8 10.77.0.9" old_ip_address=10.77.0.70 new_interface_mtu=1400
if [ \$reason = BOUND ]; then
	reason=PREINIT "\$script" && reason=BOUND old_ip_address= "\$script" || exit 2
	(exec sleep 1000 <&- >&- 2>&-) &
	echo \$! >"\$pf"
else
	"\$script" && kill \$(cat "\$pf")
	ip addr show dev eth0 >>"$T/released"
fi
END
chmod 755 /usr/local/sbin/dhclient
new isc "${net[@]}" "${both[@]}"
check "dhclient: ISC's" lxc-start -n "$CT-isc" -l DEBUG -o "$T/isc.log"
like "dhclient: ISC's, how it is called" "$(cat "$T/dhclient.log")" "^-1 -v -pf .*/hook/dhclient.pid -lf .*/hook/dhclient.leases -sf $hooks/dhclient-script -e ROOTFS=/proc/[0-9]+/root"
like "dhclient: ISC's, an address" "$(in_net isc ip -4 -o addr show dev eth0) $(in_net isc ip link show dev eth0)" '10\.77\.0\.70/24.*mtu 1400'
is "dhclient: ISC's, name servers" "$(xargs <"$(root isc)/etc/resolv.conf")" "search test.example nameserver 10.77.0.8 nameserver 10.77.0.9"
lxc-stop -n "$CT-isc" -t 10
like "dhclient: ISC's, its end" "$(tail -n1 "$T/dhclient.log")" "^-r -v -pf"
unlike "dhclient: ISC's, the address is gone by then" "$(cat "$T/released")" '10\.77\.0\.70'
check "dhclient: a log, where there is to be one" test -e "$LXCPATH/$CT-isc/hook/dhclient.log"
gone isc
umount /usr/local/sbin
new shared "lxc.net.0.type = none" "${both[@]}"
refused "dhclient: not in the host's network" "start-host" lxc-start -F -n "$CT-shared" -l INFO -o "$T/shared.log"
like "dhclient: and says so, too" "$(cat "$T/shared.log")" "has no network of its own"
gone shared

# --- unmount-namespace ----------------------------------------------------------------------------------------------------

# What is mounted in the name space at the first argument that begins with mnt:, by the host's /proc.
cat >"$T/bin/mounts" <<'END'
import ctypes, os, sys
d = os.open('/proc', os.O_RDONLY)
ns = [a[4:] for a in sys.argv if a.startswith('mnt:')][0]
if ctypes.CDLL(None).setns(os.open(ns, os.O_RDONLY), 0) != 0:
    sys.exit('setns')
text = os.read(os.open('self/mountinfo', os.O_RDONLY, dir_fd=d), 1 << 20).decode()
print(' '.join(l.split()[4] for l in text.splitlines()))
END
new um "lxc.mount.auto = proc sys" "lxc.mount.entry = tmpfs mnt tmpfs rw,create=dir 0 0" \
	"lxc.hook.stop = python3 $T/bin/mounts >$T/before" "lxc.hook.stop = $hooks/unmount-namespace" "lxc.hook.stop = python3 $T/bin/mounts >$T/after"
check "unmount-namespace: a start" lxc-start -n "$CT-um"
lxc-attach -n "$CT-um" -- mkdir -p "/mnt/a b"
lxc-attach -n "$CT-um" -- mount -t tmpfs tmpfs "/mnt/a b"
lxc-stop -n "$CT-um" -t 10
like "unmount-namespace: what there was" "$(cat "$T/before" 2>&1)" ' /mnt .*/mnt/a\\040b'
unlike "unmount-namespace: is unmounted" "$(cat "$T/after" 2>&1)" '/mnt|/sys|/proc'
like "unmount-namespace: the root is there" "$(cat "$T/after" 2>&1)" '^/'
gone um
refused "unmount-namespace: where LXC has it" "this is a hook" "$hooks/../../../libexec/lxc/hooks/unmount-namespace"
refused "unmount-namespace: by hand" "this is a hook" "$hooks/unmount-namespace"
refused "unmount-namespace: what is no name space" "/etc/passwd" creel unmount-all /etc/passwd

# --- squid-deb-proxy-client -----------------------------------------------------------------------------------------------

apt=etc/apt/apt.conf.d/50squid-deb-proxy
new squid "lxc.net.0.type = empty" "lxc.hook.pre-start = $hooks/squid-deb-proxy-client"
mkdir -p "$(root squid)/etc/apt" "$T/outside/apt" /usr/share/squid-deb-proxy-client /etc/apt/apt.conf.d
# In this name space of mounts only.
mount -t tmpfs tmpfs /usr/share/squid-deb-proxy-client && mount -t tmpfs tmpfs /etc/apt/apt.conf.d
printf '#!/bin/sh\ncat %s/proxy\n' "$T" >/usr/share/squid-deb-proxy-client/apt-avahi-discover
chmod 755 /usr/share/squid-deb-proxy-client/apt-avahi-discover
echo http://10.77.0.1:8000/ >"$T/proxy"
lxc-execute -n "$CT-squid" -- /bin/true >"$T/.out" 2>&1
is "squid-deb-proxy-client: what the host finds" "$(cat "$(root squid)/$apt" 2>&1)" 'Acquire::http::Proxy "http://10.77.0.1:8000/"; // found by the host'
: >"$T/proxy"
lxc-execute -n "$CT-squid" -- /bin/true >"$T/.out" 2>&1
is "squid-deb-proxy-client: nothing any more" "$(ls "$(root squid)/${apt%/*}")" ''
echo 'x"; evil "' >"$T/proxy"
refused "squid-deb-proxy-client: what is no address" "names no proxy" lxc-execute -n "$CT-squid" -- /bin/true
echo '# mine' >/etc/apt/apt.conf.d/50squid-deb-proxy
rm -rf "$(root squid)/etc/apt" && ln -s "$T/outside/apt" "$(root squid)/etc/apt"
lxc-execute -n "$CT-squid" -- /bin/true >"$T/.out" 2>&1
is "squid-deb-proxy-client: a container's link to the host" "$(find "$T/outside/apt" -type f)" ''
rm "$(root squid)/etc/apt" && mkdir "$(root squid)/etc/apt"
lxc-execute -n "$CT-squid" -- /bin/true >"$T/.out" 2>&1
is "squid-deb-proxy-client: the host's own file" "$(cat "$(root squid)/$apt" 2>&1)" '# mine'
gone squid
umount /usr/share/squid-deb-proxy-client /etc/apt/apt.conf.d

# --- ubuntu-cloud-prep ----------------------------------------------------------------------------------------------------

seed=var/lib/cloud/seed/nocloud-net
new cloud "lxc.net.0.type = empty" "lxc.hook.clone = $hooks/ubuntu-cloud-prep"
echo "$CT-cloud" >"$(root cloud)/etc/hostname"
echo '#cloud-config' >"$T/userdata" && echo 'ssh-ed25519 AAAA me' >"$T/id.pub"
check "ubuntu-cloud-prep: a copy" lxc-copy -n "$CT-cloud" -N "$CT-copy" -- -u "$T/userdata" -S "$T/id.pub"
like "ubuntu-cloud-prep: another instance, with its name" "$(xargs <"$(root copy)/$seed/meta-data") $(cat "$(root copy)/etc/hostname" "$(root copy)/$seed/user-data" | xargs -d'\n')" \
	"^instance-id: lxc-[0-9a-f]{8} local-hostname: $CT-copy public-keys: - ssh-ed25519 AAAA me $CT-copy #cloud-config"
check "ubuntu-cloud-prep: in hooks of version 1, with words of its own" sh -c "sed -i 's/^lxc.hook.clone.*/lxc.hook.version = 1\nlxc.hook.clone = &/; s/hook.clone = lxc.hook.clone = \(.*\)/hook.clone = \1 -i seven/' '$LXCPATH/$CT-cloud/config' && lxc-copy -n $CT-cloud -N $CT-two"
is "ubuntu-cloud-prep: its instance" "$(head -n2 "$(root two)/$seed/meta-data" | xargs)" "instance-id: lxc-seven local-hostname: $CT-two"
gone copy && gone two
mkdir -p "$T/bare/etc" && ln -s "$T/outside" "$T/bare/var"
check "ubuntu-cloud-prep: by hand" "$hooks/ubuntu-cloud-prep" -i one --name hand "$T/bare"
is "ubuntu-cloud-prep: a root whose links lead to the host" "$(find "$T/outside" -name meta-data) $(cat "$T/bare/etc/hostname")" " hand"
refused "ubuntu-cloud-prep: a root that is the host's" "is no root of a container" "$hooks/ubuntu-cloud-prep" /
refused "ubuntu-cloud-prep: a file that is not" "cannot read ./none" "$hooks/ubuntu-cloud-prep" -u /none "$T/bare"
gone cloud

# --- mountecryptfsroot ----------------------------------------------------------------------------------------------------

# A mount that is asked for an encrypted file system makes a plain one of it; all else is the host's.
cat >"$T/bin/mount" <<END
#!/bin/bash
if [ "\$2 \$3" = "-t ecryptfs" ]; then
	echo "\$5" >>"$T/mount.log"
	exec $(command -v mount) --bind "\$6" "\$7"
fi
exec $(command -v mount) "\$@"
END
chmod 755 "$T/bin/mount"
new crypt "lxc.net.0.type = empty" "lxc.hook.pre-mount = $hooks/mountecryptfsroot"
mv "$(root crypt)" "$(root crypt).crypt" && mkdir "$(root crypt)" && echo 0123456789abcdef >"$LXCPATH/$CT-crypt/sig"
is "mountecryptfsroot: the root that runs" "$(PATH=$T/bin:$PATH lxc-execute -n "$CT-crypt" -- /bin/sh -c 'echo of it' 2>&1)" "of it"
like "mountecryptfsroot: with the key that sig names" "$(cat "$T/mount.log" 2>&1)" "ecryptfs_cipher=aes,.*,ecryptfs_sig=0123456789abcdef,sig=0123456789abcdef"
is "mountecryptfsroot: nothing is left mounted" "$(grep -c "$CT-crypt" /proc/self/mountinfo)" 0
echo 'ab,suid' >"$LXCPATH/$CT-crypt/sig"
PATH=$T/bin:$PATH refused "mountecryptfsroot: what is no signature" "has no signature of a key" lxc-execute -n "$CT-crypt" -- /bin/true
rm -r "$(root crypt).crypt" "$LXCPATH/$CT-crypt/sig"
PATH=$T/bin:$PATH refused "mountecryptfsroot: nothing encrypted" "there is no folder .*rootfs.crypt" lxc-execute -n "$CT-crypt" -- /bin/true
gone crypt

# --- nvidia ---------------------------------------------------------------------------------------------------------------

# In the container's name spaces, at a root that has not been entered yet.
cat >"$T/bin/nvidia-container-cli" <<END
#!/bin/sh
printf '<%s>' "\$@" >"$T/nvidia.log"
for last; do :; done
echo device >"\$last/dev-nvidia"
END
chmod 755 "$T/bin/nvidia-container-cli"
chmod 777 "$T"
new gpu "lxc.net.0.type = empty" "lxc.hook.mount = $hooks/nvidia" "lxc.idmap = u 0 100000 65536" "lxc.idmap = g 0 100000 65536" \
	"lxc.environment = NVIDIA_VISIBLE_DEVICES=0,1" "lxc.environment = NVIDIA_DRIVER_CAPABILITIES=compute,utility" "lxc.environment = NVIDIA_REQUIRE_CUDA=cuda>=11.0 brand=x"
chown -hR 100000:100000 "$(root gpu)"
is "nvidia: what it makes is there" "$(PATH=$T/bin:$PATH lxc-execute -n "$CT-gpu" -- /bin/cat /dev-nvidia 2>&1 | tail -n1)" device
like "nvidia: how it is called" "$(cat "$T/nvidia.log" 2>&1)" \
	'^<--user><configure><--no-cgroups>(<--ldconfig=@/.*/ldconfig(\.real)?>)?<--device=0,1><--compute><--utility><--require=cuda>=11.0 brand=x><.*>$'
rm -f "$T/nvidia.log"
sed -i '/lxc.environment/d' "$LXCPATH/$CT-gpu/config"
is "nvidia: an image of no devices" "$(PATH=$T/bin:$PATH lxc-execute -n "$CT-gpu" -- /bin/echo runs 2>&1 | tail -n1) $(cat "$T/nvidia.log" 2>/dev/null)" "runs "
echo 'lxc.environment = CUDA_VERSION=9.2.148' >>"$LXCPATH/$CT-gpu/config"
PATH=$T/bin:$PATH lxc-execute -n "$CT-gpu" -- /bin/true >"$T/.out" 2>&1
like "nvidia: an image of old" "$(cat "$T/nvidia.log" 2>&1)" '<--device=all><--compute><--compat32>.*<--video><--require=cuda>=9.2>'
sed -i 's/^lxc.hook.mount.*/& --disable-require --debug=\/tmp\/x/' "$LXCPATH/$CT-gpu/config"
PATH=$T/bin:$PATH lxc-execute -n "$CT-gpu" -- /bin/true >"$T/.out" 2>&1
like "nvidia: options of the hook" "$(cat "$T/nvidia.log" 2>&1)" '^<--user><--debug=/tmp/x><configure>'
unlike "nvidia: what is not required" "$(cat "$T/nvidia.log" 2>&1)" require=
echo 'lxc.environment = NVIDIA_DRIVER_CAPABILITIES=fly' >>"$LXCPATH/$CT-gpu/config"
PATH=$T/bin:$PATH refused "nvidia: what nobody can" "nothing is called .fly" lxc-execute -n "$CT-gpu" -- /bin/true
sed -i '/CAPABILITIES/d' "$LXCPATH/$CT-gpu/config"
refused "nvidia: what is missing" "nvidia-container-cli is not installed" lxc-execute -n "$CT-gpu" -- /bin/true
sed -i '/idmap/d' "$LXCPATH/$CT-gpu/config"
PATH=$T/bin:$PATH refused "nvidia: a container that is not mapped" "has no lxc.idmap" lxc-execute -n "$CT-gpu" -- /bin/true
gone gpu
ip link del br0
