# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
# Debian and what is made of it, by mmdebstrap or debootstrap. Sourced by distribution.sh.

arch_names='amd64=amd64 x86_64=amd64 i386=i386 i486=i386 i586=i386 i686=i386 aarch64=arm64 arm64=arm64 armv7l=armhf
	armhf=armhf armel=armel ppc64le=ppc64el ppc64el=ppc64el riscv64=riscv64 s390x=s390x loong64=loong64 mips64el=mips64el'
common_config=debian.common.conf userns_config=debian.userns.conf
mirror_given=0

host_id() {
	sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" /etc/os-release 2>/dev/null
}

# host_mirror PATTERN: the first archive of the host's own package sources whose address ends so.
host_mirror() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
		sed -n -e 's/^URIs:[[:space:]]*//p' -e 's/^deb[[:space:]]\{1,\}\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p' |
		tr ' ' '\n' | grep -E "^https?://.*$1/?\$" | head -n1
}

set_release() {
	if [ -z "$release" ] && [ "$(host_id ID)" = "$dist" ]; then
		release=$(host_id VERSION_CODENAME)
	fi
	[ -n "$release" ] || release=$default_release
	case $release in
	*[!a-z0-9-]* | '') die "--release: '$release' is no name of a $title release" ;;
	esac
	case $variant in
	*[!a-z-]* | '') die "--variant: '$variant' is no kind of tree" ;;
	esac
}

# The environment counts after the options, then what the host itself uses.
set_mirrors() {
	[ -n "$mirror" ] || mirror=${MIRROR:-}
	[ -n "$security" ] || security=${SECURITY_MIRROR:-}
	[ -n "$keyring" ] || keyring=${KEYRING:-}
	[ -z "$mirror" ] || mirror_given=1
	[ -n "$mirror" ] || mirror=$(host_mirror "/$dist") || true
	[ -n "$mirror" ] || mirror=$default_mirror
	case $dist in
	debian)
		[ -n "$security" ] || security=$(host_mirror /debian-security) || true
		[ -n "$security" ] || security=http://deb.debian.org/debian-security
		;;
	ubuntu)
		case $arch in
		amd64 | i386) ;;
		*) [ "$mirror_given" = 1 ] || mirror=http://ports.ubuntu.com/ubuntu-ports ;;
		esac
		;;
	esac
	[ -n "$security" ] || security=$mirror
	mirror=${mirror%/} security=${security%/}
	check_url "$mirror"
	check_url "$security"
	if [ -n "$keyring" ]; then
		[ -r "$keyring" ] || die "--keyring: cannot read '$keyring'"
		keyring=$(realpath -- "$keyring")
	elif [ -r "${keys%% *}" ]; then
		# The host's own distribution is verified with all that the host trusts.
		[ "$(host_id ID)" = "$dist" ] || keyring=${keys%% *}
	elif [ "$clean" = 0 ] && [ "$(host_id ID)" != "$dist" ]; then
		die "the keys of $title are not here (package ${keys#* }, or --keyring=FILE)"
	fi
}

components() {
	case $dist$non_free in
	debian1 | devuan1 | kali1) echo main contrib non-free non-free-firmware ;;
	ubuntu*) echo main universe ;;
	*) echo main ;;
	esac
}

# The lines of a sources.list, one a line.
sources() {
	c=$(components)
	echo "deb $mirror $release $c"
	case $dist-$release in
	kali-* | *-sid | *-unstable | *-experimental | *-ceres) ;;
	debian-buster)
		echo "deb $mirror $release-updates $c"
		echo "deb $security $release/updates $c"
		;;
	*)
		echo "deb $mirror $release-updates $c"
		echo "deb $security $release-security $c"
		;;
	esac
}

# Asks the mirror before half of a tree is built: the errors of a builder are far from the cause.
ask_mirror() {
	helper=/usr/lib/apt/apt-helper
	[ -x $helper ] || return 0
	answer=$(mktemp -d)
	if ! said=$($helper -o APT::Sandbox::User=root -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
		download-file "$mirror/dists/$release/Release" "$answer/Release" 2>&1); then
		rm -rf -- "$answer"
		said=$(echo "$said" | sed -n 's/^E: //p' | head -n1)
		case $said in
		*404* | *'File not found'*) die "mirror $mirror has no release '$release'" ;;
		*) die "cannot reach mirror $mirror: ${said:-no answer} (another one: --mirror=URL)" ;;
		esac
	fi
	codename=$(sed -n 's/^Codename: *//p' "$answer/Release")
	archs=$(sed -n 's/^Architectures: *//p' "$answer/Release")
	rm -rf -- "$answer"
	case " $archs " in
	*" $arch "*) ;;
	*) die "mirror $mirror has no '$arch' of release '$release' (it has: $archs)" ;;
	esac
	case $codename in
	*[!a-z0-9-]* | '') die "mirror $mirror: $release has no code name" ;;
	esac
	release=$codename
}

resolve_release() {
	[ "$clean" = 1 ] || refuse_userns "$title"
	case $release in
	stable | oldstable | oldoldstable | testing | unstable) ask_mirror ;;
	*) [ "$clean" = 1 ] || [ -e "$cache/rootfs-$release-$arch.made" ] || ask_mirror ;;
	esac
}

made_of() {
	[ "$variant" = minbase ] || printf 'variant=%s ' "$variant"
	# As it always was, so that the caches of earlier versions are good.
	echo "release=$release arch=$arch format=1 packages=$(base_packages) "
}

build_with_mmdebstrap() {
	set -- --mode=root --variant="$variant" --architectures="$arch" --include="$(base_packages | tr ' ' ',')" \
		--aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "3"' \
		--skip=check/empty
	[ -z "$keyring" ] || set -- "$@" --keyring="$keyring"
	# shellcheck disable=SC2016 # $1 is the builder's
	[ -z "$interpreter" ] || set -- "$@" \
		--setup-hook="install -D '$interpreter' \"\$1$interpreter\""
	sources >"$work/sources.list"
	contained mmdebstrap "$@" "$release" "$work/tree" "$work/sources.list"
}

build_with_debootstrap() {
	set -- --variant="$variant" --arch="$arch" --include="$(base_packages | tr ' ' ',')"
	[ -z "$keyring" ] || set -- "$@" --keyring="$keyring"
	contained debootstrap "$@" "$release" "$work/tree" "$mirror"
}

build_tree() {
	if command -v mmdebstrap >/dev/null; then
		builder=mmdebstrap
	elif command -v debootstrap >/dev/null; then
		builder=debootstrap
	else
		die "neither mmdebstrap nor debootstrap is installed (package mmdebstrap)"
	fi
	"build_with_$builder" || complain "$builder could not build $title $release ($arch) from $mirror"
	t=$work/tree
	rm -rf "$t/var/lib/apt/lists" "$t/var/cache/apt/archives" "$t"/var/cache/apt/*.bin "$t"/var/log/*.log \
		"$t/var/log/apt" "$t"/var/cache/ldconfig
	mkdir -p "$t/var/lib/apt/lists/partial" "$t/var/cache/apt/archives/partial" "$t/var/log/apt"
	generalize "$t"
}

in_tree_packages() {
	in_root apt-get -q -o Acquire::Languages=none update || complain "cannot read the package lists of $mirror"
	# shellcheck disable=SC2086 # a list
	in_root apt-get -qy -o Dpkg::Use-Pty=0 install --no-install-recommends -- $packages ||
		complain "--packages: cannot install $packages"
	in_root apt-get clean || true
}

# After the tree is copied: the mirror is this container's own.
add_account() {
	if [ -n "$interpreter" ] && [ ! -e "$rootfs$interpreter" ]; then
		install -D -- "$interpreter" "$rootfs$interpreter"
	fi
	[ -n "$user$bindhome" ] || return 0
	set -- -m -s /bin/bash
	if [ -n "$bindhome" ]; then
		entry=$(getent passwd "$bindhome") || die "--bindhome: the host has no account '$bindhome'"
		user=$bindhome
		home=$(echo "$entry" | cut -d: -f6)
		set -- -M -s /bin/bash -d "$home" -u "$(echo "$entry" | cut -d: -f3)"
		mkdir -p -- "$rootfs$home"
	fi
	in_root useradd "$@" -G sudo -- "$user" || complain "--user: cannot make the account $user"
	[ -z "$password" ] || set_password "$user" "$password"
	[ -z "$auth_key" ] || [ -n "$bindhome" ] || {
		authorize "/home/$user" "$auth_key"
		in_root chown -R "$user:" "/home/$user/.ssh"
	}
	[ -z "$bindhome" ] || echo "lxc.mount.entry = $home ${home#/} none bind 0 0" | append_config
}
