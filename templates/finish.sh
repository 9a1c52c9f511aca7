# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# What every finished tree gets, whatever distribution it is; sourced, never run. generalize makes a tree that is the
# same for every container and of no host; personalize makes it one container's.
#
# A tree may have links to anywhere: every path of it goes through inside, which takes them for what they are in there.

# inside PATH: $real is where PATH of the tree $t is, as a path of ours without links, whether it exists or not.
inside() {
	todo=$1/ real=$t hops=0
	while [ -n "$todo" ]; do
		part=${todo%%/*} todo=${todo#*/}
		case $part in
		'' | .) continue ;;
		..)
			[ "$real" = "$t" ] || real=${real%/*}
			continue
			;;
		esac
		if [ -L "$real/$part" ]; then
			hops=$((hops + 1))
			[ $hops -lt 40 ] || die "$1 of the tree is a loop of links"
			link=$(readlink -- "$real/$part")
			case $link in
			/*) real=$t ;;
			esac
			todo=$link/$todo
		else
			real=$real/$part
		fi
	done
}

# room PATH: a place for a new PATH, $real; what stood there is gone, and never followed.
room() {
	case ${1##*/} in
	'' | . | ..) die "'$1' of the tree is no name of a file" ;;
	esac
	inside "${1%/*}"
	mkdir -p -- "$real" || die "cannot make $real"
	real=$real/${1##*/}
	rm -f -- "$real"
}

# put PATH: a file of what is on standard input. place PATH TARGET: a link. drop PATH: gone.
put() {
	room "$1"
	cat >"$real"
}

place() {
	room "$1"
	ln -s -- "$2" "$real"
}

drop() {
	inside "${1%/*}"
	rm -rf --one-file-system -- "${real:?}/${1##*/}"
}

has() {
	inside "$1"
	[ -e "$real" ]
}

# with_devices TREE COMMAND...: while TREE has /proc, a few devices and the host's name server, none of which stays.
with_devices() {
	# shellcheck disable=SC2016 # for the inner shell
	contained env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
		sh -ec '
			r=$1
			shift
			for d in proc dev; do
				[ ! -L "$r/$d" ] || { echo "error: /$d of the tree is a link" && exit 1; }
				mkdir -p "$r/$d"
			done
			mount -t proc proc "$r/proc"
			mount -t tmpfs -o mode=755 dev "$r/dev"
			for n in null zero full random urandom; do
				: >"$r/dev/$n"
				mount --bind "/dev/$n" "$r/dev/$n"
			done
			ln -s /proc/self/fd "$r/dev/fd"
			c=$r/etc/resolv.conf
			if [ -s /etc/resolv.conf ] && [ ! -L "$r/etc" ] && [ -f "$c" ] && [ ! -L "$c" ]; then
				mount --bind /etc/resolv.conf "$c"
			fi
			exec "$@"' with-devices "$@"
}

# in_root COMMAND...: in the new root.
in_root() {
	with_devices "$t" chroot "$t" "$@"
}

# --- of every container alike ----------------------------------------------------------------------------------------

generalize() {
	t=$1
	make_work
	for f in /etc/hostname /var/lib/dbus/machine-id; do
		drop "$f"
	done
	inside /etc/ssh
	rm -f -- "$real"/ssh_host_*_key*
	# Empty: made at the first start. A tree without it would be "first boot" for systemd, with questions.
	put /etc/machine-id </dev/null
	put /etc/resolv.conf </dev/null
	echo '# The container manager mounts what there is to mount.' | put /etc/fstab
	drop /dev
	for d in proc sys; do
		[ ! -L "$t/$d" ] || rm -f -- "$t/$d"
	done
	mkdir -p "$t/dev/pts" "$t/dev/shm" "$t/proc" "$t/sys"
	network_"$network"
	if has /lib/systemd/systemd || has /usr/lib/systemd/systemd; then
		configure_systemd
	elif has /sbin/openrc || has /usr/bin/openrc; then
		configure_openrc
	elif has /etc/runit/1; then
		configure_runit
	elif has /etc/inittab && [ "$dist" != cirros ]; then
		configure_inittab
	fi
	if has /etc/securetty; then
		for n in console tty1 tty2 tty3 tty4 lxc/console lxc/tty1 lxc/tty2 lxc/tty3 lxc/tty4 pts/0; do
			grep -qx "$n" "$real" || echo "$n" >>"$real"
		done
	fi
	# Login by password is for those who set one: no template makes a password that others know.
	if has /etc/shadow; then
		sed -i 's/^root:[^:]*:/root:*:/' "$real"
	fi
}

network_ifupdown() {
	put /etc/network/interfaces <<-'END'
	auto lo
	iface lo inet loopback

	auto eth0
	iface eth0 inet dhcp

	source-directory /etc/network/interfaces.d
	END
}

network_alpine() {
	put /etc/network/interfaces <<-'END'
	auto lo
	iface lo inet loopback

	auto eth0
	iface eth0 inet dhcp
	END
}

network_networkd() {
	put /etc/systemd/network/eth0.network <<-'END'
	[Match]
	Name=eth0

	[Network]
	DHCP=yes
	END
	enable_unit multi-user.target systemd-networkd.service
	enable_unit sockets.target systemd-networkd.socket
	if has /lib/systemd/system/systemd-resolved.service || has /usr/lib/systemd/system/systemd-resolved.service; then
		enable_unit multi-user.target systemd-resolved.service
		place /etc/resolv.conf ../run/systemd/resolve/stub-resolv.conf
	fi
}

network_networkmanager() {
	put /etc/NetworkManager/system-connections/eth0.nmconnection <<-'END'
	[connection]
	id=eth0
	type=ethernet
	interface-name=eth0

	[ipv4]
	method=auto

	[ipv6]
	method=auto
	END
	# Others may not read it, or it is not read at all.
	chmod 0600 "$real"
	# veth devices are left alone unless somebody says so.
	put /etc/NetworkManager/conf.d/container.conf <<-'END'
	[device-eth0]
	match-device=interface-name:eth0
	managed=1
	END
	enable_unit multi-user.target NetworkManager.service
}

network_etcnet() {
	printf 'TYPE=eth\nBOOTPROTO=dhcp\nONBOOT=yes\nCONFIG_IPV4=yes\n' | put /etc/net/ifaces/eth0/options
}

network_pld() {
	printf 'DEVICE=eth0\nONBOOT=yes\nBOOTPROTO=dhcp\n' | put /etc/sysconfig/interfaces/ifcfg-eth0
}

network_gentoo() {
	if has /usr/lib/systemd/systemd || has /lib/systemd/systemd; then
		network_networkd
		return
	fi
	echo 'config_eth0="dhcp"' | put /etc/conf.d/net
	place /etc/init.d/net.eth0 net.lo
	place /etc/runlevels/default/net.eth0 /etc/init.d/net.eth0
}

network_runit() {
	! has /etc/sv/dhcpcd || place /etc/runit/runsvdir/default/dhcpcd /etc/sv/dhcpcd
}

network_slackware() {
	printf 'IFNAME[0]="eth0"\nUSE_DHCP[0]="yes"\n' | put /etc/rc.d/rc.inet1.conf
}

# The image's own boot asks for its network.
network_own() {
	:
}

enable_unit() {
	for d in /lib/systemd/system /usr/lib/systemd/system; do
		if has "$d/$2"; then
			place "/etc/systemd/system/$1.wants/$2" "$d/$2"
			return
		fi
	done
}

configure_systemd() {
	u=/etc/systemd/system
	place $u/default.target /lib/systemd/system/multi-user.target
	# The container manager's way to say that the power goes.
	place $u/sigpwr.target /lib/systemd/system/poweroff.target
	for n in 1 2 3 4; do
		place $u/getty.target.wants/container-getty@$n.service /lib/systemd/system/container-getty@.service
	done
	put $u/container-getty@.service.d/tty.conf <<-'END'
	# The container's terminals are /dev/tty1 and up, as many as its configuration says.
	[Unit]
	ConditionPathExists=
	ConditionPathExists=/dev/tty%I

	[Service]
	ExecStart=
	ExecStart=-/sbin/agetty --noreset --noclear --keep-baud tty%I 115200,38400,9600 linux
	TTYPath=/dev/tty%I
	StandardInput=tty
	StandardOutput=tty
	END
	put $u/networking.service.d/wait.conf <<-'END'
	# No DHCP server must not keep a shutdown waiting for minutes.
	[Service]
	TimeoutStartSec=60
	END
	# What belongs to the host's hardware or kernel and could only fail in here.
	for n in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udev-trigger.service \
		systemd-modules-load.service systemd-remount-fs.service dev-hugepages.mount sys-kernel-debug.mount \
		sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount \
		proc-sys-fs-binfmt_misc.automount proc-sys-fs-binfmt_misc.mount systemd-journald-audit.socket; do
		place "$u/$n" /dev/null
	done
}

configure_openrc() {
	if has /etc/inittab; then
		configure_inittab
	fi
	# No hardware, no kernel, no consoles of its own; "container" keeps away what is for machines only.
	if has /etc/rc.conf; then
		sed -i '/^rc_sys=/d' "$real"
		echo 'rc_sys="lxc"' >>"$real"
	fi
	for n in bootmisc hostname networking syslog; do
		! has "/etc/init.d/$n" || place "/etc/runlevels/boot/$n" "/etc/init.d/$n"
	done
	for n in hwclock hwdrivers modules modloop mdev devfs sysfs dmesg; do
		for l in sysinit boot default shutdown; do
			drop "/etc/runlevels/$l/$n"
		done
	done
}

configure_runit() {
	for n in 1 2 3 4; do
		! has /etc/sv/agetty-tty$n || place /etc/runit/runsvdir/default/agetty-tty$n /etc/sv/agetty-tty$n
	done
	! has /etc/sv/agetty-console || place /etc/runit/runsvdir/default/agetty-console /etc/sv/agetty-console
	for n in agetty-tty5 agetty-tty6 udevd; do
		drop /etc/runit/runsvdir/default/$n
	done
}

# Gettys on the terminals that there are, and the end that the container manager asks for.
configure_inittab() {
	getty=/sbin/getty
	has $getty || getty=/sbin/agetty
	inside /etc/inittab
	sed -i -e '/getty/d' -e '/:ctrlaltdel:/d' -e '/:powerfail:/d' "$real"
	if grep -q '^[^#:]*::' "$real"; then
		for n in 1 2 3 4; do
			echo "tty$n::respawn:$getty 38400 tty$n linux"
		done
		echo "console::respawn:$getty 38400 console"
		echo '::ctrlaltdel:/sbin/reboot'
	else
		for n in 1 2 3 4; do
			echo "$n:2345:respawn:$getty 38400 tty$n linux"
		done
		echo "c0:2345:respawn:$getty 38400 console"
		echo 'p6:0123456:ctrlaltdel:/sbin/init 6'
		echo 'p0:0123456:powerfail:/sbin/init 0'
	fi >"$work/inittab"
	cat "$work/inittab" >>"$real"
}

# --- of one container ------------------------------------------------------------------------------------------------

personalize() {
	t=$1
	echo "$name" | put /etc/hostname
	# A full name has the short one as its first part.
	printf '127.0.0.1\tlocalhost\n127.0.1.1\t%s\n\n::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n' \
		"${fqdn:+$fqdn }$name" | put /etc/hosts
	! has /etc/sysconfig/network || [ -d "$real" ] || {
		sed -i '/^HOSTNAME=/d' "$real"
		echo "HOSTNAME=${fqdn:-$name}" >>"$real"
	}
	[ -z "$fqdn" ] || echo "$fqdn" | put /etc/hostname
	# Slackware's place for it.
	! has /etc/HOSTNAME || echo "$name" | put /etc/HOSTNAME
	if has /usr/bin/ssh-keygen; then
		in_root ssh-keygen -A || complain "cannot make SSH host keys"
	fi
	if [ "$mask_tmp" = 1 ]; then
		place /etc/systemd/system/tmp.mount /dev/null
	fi
	[ -z "$auth_key" ] || [ -n "$user" ] || [ "$authorize_root" = 0 ] || authorize /root "$auth_key"
}

# authorize HOME KEY-FILE
authorize() {
	inside "$1/.ssh"
	install -d -m 0700 "$real"
	inside "$1/.ssh/authorized_keys"
	cat -- "$2" >>"$real"
	chmod 0600 "$real"
}

# set_password USER PASSWORD: by standard input, where nobody can read it in a list of processes.
authorize_root=1
set_password() {
	make_work
	(umask 077 && printf '%s:%s\n' "$1" "$2" >"$work/password")
	input=$work/password
	in_root chpasswd || complain "cannot set the password of $1"
	input=/dev/null
	rm -f -- "$work/password"
}
