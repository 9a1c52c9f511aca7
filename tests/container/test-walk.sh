#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root vm
# prepares: Debian in the cache, from its mirror
#
# What the documentation of LXC 1.0 teaches, typed as it is printed there: check, create, start, console, ls, attach,
# limit, name, capabilities, system calls, network, stop, kill, destroy. The configuration is in the words of that time.
if [ "${1-}" = prepare ]; then
	for made in "${LXC_CACHE_PATH:-/var/cache/lxc}"/debian/rootfs-*.made; do
		[ ! -e "$made" ] || exit 0
	done
	lxc-create -P "$LXCPATH" -n prepare -t debian && lxc-destroy -P "$LXCPATH" -n prepare
	exit
fi
. "${0%/*}/lib.sh"
talk=${0%/*}/pty-talk.py
name=debianCT

# The commands are typed without -P: their default folder is a scratch folder here.
default=$(lxc-config lxc.lxcpath)
if [ -z "${CREEL_IN_VM-}" ]; then
	made=''
	for d in "${default%/*}" "$default"; do
		[ -d "$d" ] || { mkdir "$d" && made="$d ${made-}"; }
	done
	mount --bind "$LXCPATH" "$default"
else
	LXCPATH=$default
fi
if [ -e "$LXCPATH/$name" ]; then
	skip "the walk" "there is a container $name already"
	exit
fi
stop_all() { lxc-stop -n $name -k >/dev/null 2>&1; lxc-destroy -n $name >/dev/null 2>&1; creel net down >/dev/null 2>&1; }
tidy() {
	local status=$?
	stop_all
	if [ -z "${CREEL_IN_VM-}" ]; then
		umount "$default"
		# shellcheck disable=SC2086 # words
		[ -z "$made" ] || rmdir $made
	fi
	return $status
}
trap 'tidy; finish' EXIT

check "creel net up" creel net up
check "lxc-checkconfig" lxc-checkconfig
like "says what the kernel has" "$(lxc-checkconfig 2>&1)" 'Pid namespace.*enabled'
check "lxc-create -t debian -n debianCT" lxc-create -t debian -n $name
if [ ! -e "$LXCPATH/$name/config" ]; then
	exit
fi
like "lxc-ls lists it" "$(lxc-ls)" "$name"
is "lxc-ls --active does not" "$(lxc-ls --active)" ""
# Else systemd takes that name as soon as it runs.
rm -f "$LXCPATH/$name/rootfs/etc/hostname"
printf '2\nblacklist\n[all]\nlinkat errno 1\nlink errno 1\n' >"$LXCPATH/$name/policy"
cat >>"$LXCPATH/$name/config" <<E
lxc.utsname = walker
lxc.cgroup.memory.limit_in_bytes = 256M
lxc.cap.drop = sys_module
lxc.seccomp = $LXCPATH/$name/policy
E
check "lxc-start -n debianCT -d" lxc-start -n $name -d
is "it is RUNNING" "$(lxc-info -n $name -sH)" RUNNING
is "lxc-ls --active" "$(lxc-ls --active -1)" $name
like "lxc-ls --fancy" "$(lxc-ls --fancy)" "^$name +RUNNING"
booted() { lxc-attach -n $name -- systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded'; }
check "it boots" wait_for 90 booted
failed=$(lxc-attach -n $name -- systemctl --failed --no-legend --plain 2>/dev/null </dev/null)
is "and no unit of it failed" "$failed" ""

# Two consoles at once: each waits for the other to have seen its prompt.
"$talk" -t 60 'expect=Connected to tty 1' 'send=\r' 'expect=login:' "touch=$T/one" "until=$T/two" 'send=\x01q' -- \
	lxc-console -n $name >"$T/console1" 2>&1 &
first=$!
wait_for 60 test -e "$T/one"
"$talk" -t 60 'expect=Connected to tty 2' 'send=\r' 'expect=login:' "touch=$T/two" 'send=\x01q' -- \
	lxc-console -n $name >"$T/console2" 2>&1
is "the second lxc-console gets tty2, sees the login prompt, and leaves by Ctrl-a q" $? 0
wait $first
is "so does the first, on tty1" $? 0
grep -q 'in vain' "$T/console1" "$T/console2" && note "$(cat "$T/console1" "$T/console2")"
"$talk" -t 60 'expect=Connected to tty 1' 'send=\x01q' -- lxc-console -n $name >/dev/null 2>&1
is "then tty1 is free again" $? 0

inside() { lxc-attach -n $name -- "$@" </dev/null 2>&1; }
like "lxc-attach" "$(inside cat /etc/debian_version)" '^[0-9a-z]'
is "lxc-attach passes exit codes on" "$(inside sh -c 'exit 7'; echo $?)" 7
like "lxc-attach on a terminal" "$("$talk" 'expect=# ' 'send=tty\r' 'expect=/dev/pts/' 'send=exit\r' -- lxc-attach -n $name)" '/dev/pts/[0-9]+'
is "lxc.utsname is seen inside" "$(inside uname -n)" walker
inside tail /dev/zero >"$T/hog"
is "a hog is killed at 256 MB" $? 137
is "and the rest lives" "$(lxc-info -n $name -sH)" RUNNING
inside sh -c 'head -c 100M /dev/zero | tail -c 50M | wc -c' >"$T/hog"
is "50 MB are granted" "$(cat "$T/hog")" 52428800

inside sh -c 'echo no module >/root/x.ko'
if [ -e /proc/modules ]; then
	like "insmod is refused" "$(inside /sbin/insmod /root/x.ko)" 'Operation not permitted'
else
	skip "insmod is refused" "this kernel has no modules at all"
fi
bound=$(inside awk '/^CapBnd/{print $2}' /proc/self/status)
is "sys_module is in no set" $(((0x$bound >> 16) & 1)) 0
bound=$(inside awk '/^CapBnd/{print $2}' /proc/1/status)
is "for init, too" $(((0x$bound >> 16) & 1)) 0
inside sh -c 'echo >/root/a; rm -f /root/b'
like "the seccomp policy refuses link(2)" "$(inside ln /root/a /root/b)" 'Operation not permitted'
check "but not symlink(2)" inside ln -s /root/a /root/b

address() { lxc-info -n $name -iH | grep -m1 -E '^10\.'; }
check "it gets an address by DHCP" wait_for 60 address
addr=$(address)
gw=$(ip -4 -o addr show lxcbr0 | awk '{sub("/.*", "", $4); print $4; exit}')
check "ping from inside out" inside ping -c 2 -i 0.3 -W 3 "$gw"
check "ping from outside in" ping -c 2 -i 0.3 -W 3 "$addr"
note "$(lxc-info -n $name)"
veth=$(lxc-info -n $name | awk '$1 == "Link:" {print $2; exit}')
check "its veth is on the bridge" test -e "/sys/class/net/lxcbr0/brif/$veth"
like "lxc-info" "$(lxc-info -n $name)" '^Memory use: +[0-9.]+ [KM]iB'

t=$SECONDS
check "lxc-stop" lxc-stop -n $name
is "is in order: systemd shuts down" $((SECONDS - t < 50)) 1
is "it is STOPPED" "$(lxc-info -n $name -sH)" STOPPED
check "start it again" lxc-start -n $name -d
check "it boots again" wait_for 90 booted
check "lxc-stop -k" lxc-stop -n $name -k
is "it is STOPPED" "$(lxc-info -n $name -sH)" STOPPED
check "lxc-destroy" lxc-destroy -n $name
is "lxc-ls lists nothing" "$(lxc-ls)" ""
check "its folder is gone" test ! -e "$LXCPATH/$name"
check "its veth is gone" test ! -e "/sys/class/net/$veth"
check "creel net down" creel net down
is "no firewall rule is left" "$(nft list ruleset)" ""
