# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Debian packages by purpose, and the function that installs what is missing. docs/dependencies.md has the reasons.
# shellcheck disable=SC2034 # read by those who source this

PKG_BUILD="gcc libc6-dev musl-tools linux-libc-dev meson ninja-build pkg-config
	libseccomp-dev libcap-dev libjson-c-dev
	libsqlite3-dev libssl-dev libisal-dev libzstd-dev liblzma-dev libbz2-dev libcurl4-openssl-dev libmicrohttpd-dev libcrypt-dev"
PKG_RUN="nftables dnsmasq-base iproute2 uidmap debootstrap busybox-static ca-certificates tar xz-utils"
PKG_TRY="iputils-ping procps passt"
PKG_CHECK_QUICK="git python3 pmccabe clang-format-14 codespell shellcheck"
PKG_CHECK="clang clang-tidy cppcheck libclang-rt-dev strace mmdebstrap iputils-ping procps jq libcap2-bin
	qemu-system-x86 e2fsprogs btrfs-progs cpio zstd attr apparmor mypy
	curl gpg gpg-agent gpgv rpm createrepo-c dnf zypper skopeo openssh-server openvswitch-switch
	lua5.2 lua-filesystem"
PKG_CLIENTS="podman conmon netavark aardvark-dns catatonit buildah containerd containernetworking-plugins docker.io
	iptables runc crun python3-grpcio umoci docker-registry"
# From Debian 13 on the command is a package of its own.
grep -q '^VERSION_ID="12"' /etc/os-release 2>/dev/null || PKG_CLIENTS="$PKG_CLIENTS docker-cli"

# Debian 13 has no clang-format 14; the gate that needs it skips there and says so.
pkg_installed() {
	dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'
}

# install_packages WHY NAME…: installs what is missing, says so, and fails only for names that the distribution has.
install_packages() {
	local why=$1 p missing=() r policy=/usr/sbin/policy-rc.d
	shift
	for p in "$@"; do
		pkg_installed "$p" || missing+=("$p")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ]; then
		echo "missing for $why: ${missing[*]} (run as root to install them)" >&2
		return 1
	fi
	echo "installing for $why: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -o DPkg::Lock::Timeout=300 update -qq </dev/null >/dev/null || true
	local known=()
	for p in "${missing[@]}"; do
		if apt-cache show "$p" >/dev/null 2>&1; then
			known+=("$p")
		else
			echo "  no package $p in this distribution; what needs it is skipped"
		fi
	done
	[ ${#known[@]} -gt 0 ] || return 0
	# Services of packages are not started: the tests start what they need, for themselves.
	if [ -e $policy ]; then policy=; else printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy; fi
	apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${known[@]}" </dev/null >/tmp/creel-apt.$$ 2>&1
	r=$?
	[ -z "$policy" ] || rm -f "$policy"
	[ $r = 0 ] || tail -5 "/tmp/creel-apt.$$"
	rm -f "/tmp/creel-apt.$$"
	return $r
}

# unpack_packages DIR NAME…: their files below DIR, without installing them or what they depend on. Kept there.
unpack_packages() {
	local dir=$1 p
	shift
	mkdir -p "$dir" && dir=$(cd "$dir" && pwd) || return 1
	for p in "$@"; do
		[ -e "$dir/.$p" ] && continue
		(cd "$dir" && { apt-get download -qq "$p" || { apt-get -o DPkg::Lock::Timeout=300 update -qq && apt-get download -qq "$p"; }; } &&
			dpkg -x "${p}"_*.deb . && rm -f "${p}"_*.deb && : >".$p") </dev/null || return 1
	done
}
