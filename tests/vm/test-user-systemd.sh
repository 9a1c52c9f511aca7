#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Debian with systemd as an ordinary user's container, on cgroup v2 alone: it divides the group that its user lends it.
# prepares: Debian
if [ -z "${CT-}" ]; then
	uid=$(id -u tester)
	loginctl enable-linger tester || systemctl start "user@$uid.service"
	export CT="u$$" T=/tmp/creel-user-systemd LXCPATH=/tmp/creel-user-systemd/lxc
	mkdir -p "$LXCPATH"
	chown -R tester: "$T"
	for _ in $(seq 60); do
		[ ! -S "/run/user/$uid/systemd/private" ] || break
		sleep 1
	done
	setpriv --reuid tester --regid tester --init-groups env HOME=/home/tester USER=tester LOGNAME=tester \
		"XDG_RUNTIME_DIR=/run/user/$uid" bash "$0"
	status=$?
	rm -rf "$T"
	exit $status
fi
. tests/container/lib.sh
c=$CT-deb dir=$LXCPATH/$CT-deb
cache=$(compgen -G '/var/cache/lxc/debian/rootfs-*.made' | head -n 1)
[ -n "$cache" ] || { skip "a Debian" "there is none in the cache" && exit 0; }
sub=$(sub_start /etc/subuid)
maps=(-m "u:0:$sub:65536" -m "g:0:$(sub_start /etc/subgid):65536")
chmod 755 "$T" "$LXCPATH"
mkdir -p "$dir/rootfs" && chmod 755 "$dir"
own_by_container "$dir/rootfs"
tar -C "${cache%.made}" --numeric-owner --exclude='./dev/*' -c . 2>"$T/tar.err" |
	lxc-usernsexec "${maps[@]}" -- tar -C "$dir/rootfs" --numeric-owner -xp 2>>"$T/tar.err" || note "$(tail -n 3 "$T/tar.err")"
# A tree of the cache has no keys for its ssh, which lxc-create would make.
lxc-usernsexec "${maps[@]}" -- ln -s /dev/null "$dir/rootfs/etc/systemd/system/ssh.service"
# There is no eth0 to wait for.
lxc-usernsexec "${maps[@]}" -- sh -c "printf 'auto lo\niface lo inet loopback\n' >'$dir/rootfs/etc/network/interfaces'"
conf=${CREEL_STAGE:-}/usr/share/lxc/config
{
	echo "lxc.include = $conf/debian.common.conf"
	echo "lxc.include = $conf/debian.userns.conf"
	echo "lxc.uts.name = deb"
	echo "lxc.rootfs.path = dir:$dir/rootfs"
	echo "lxc.net.0.type = empty"
	own_ids
} >"$dir/config"
check "lxc-start" start_ct "$c"
g=/sys/fs/cgroup$(sed 's/^0:://' "/proc/$(lxc-info -P "$LXCPATH" -n "$c" -pH)/cgroup")
up() { case $(in_ct "$c" systemctl is-system-running) in running | degraded) ;; *) return 1 ;; esac }
check "it comes up" wait_for 90 up
is "all of it" "$(in_ct "$c" systemctl is-system-running)" running
note "$(in_ct "$c" systemctl --failed --no-legend)"
is "multi-user.target" "$(in_ct "$c" systemctl is-active multi-user.target)" active
check "its services have groups of their own" test -d "$g/system.slice/systemd-journald.service"
is "no complaints about groups" "$(in_ct "$c" journalctl -b --no-pager -p warning | grep -i cgroup)" ""
check "lxc-stop" lxc-stop -P "$LXCPATH" -n "$c" -t 60
is "its groups have gone" "$(test -e "$g" && find "$g" -type d)" ""
lxc-usernsexec "${maps[@]}" -- find "$dir/rootfs" -mindepth 1 -delete
rmdir "$dir/rootfs"
