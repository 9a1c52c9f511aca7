# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# Distributions that publish a finished root file system as an archive. Sourced by distribution.sh.
#
# Each says where its images lie ($dir), which file has their checksums ($sums), which of them it is ($pattern), and how
# many leading folders its archive has ($strip). Where checksums and signatures are an image's own (SUFFIXES of it), a file
# names the image of today ($index).

case $dist in
ubuntu-cloud) arch_names='x86_64=amd64 amd64=amd64 aarch64=arm64 arm64=arm64 armv7l=armhf armhf=armhf ppc64le=ppc64el
	ppc64el=ppc64el s390x=s390x riscv64=riscv64' ;;
archlinux) arch_names='x86_64=x86_64 amd64=x86_64' ;;
voidlinux) arch_names='x86_64=x86_64 amd64=x86_64 aarch64=aarch64 arm64=aarch64 i386=i686 i686=i686 armv7l=armv7l' ;;
gentoo) arch_names='x86_64=amd64 amd64=amd64 aarch64=arm64 arm64=arm64 i386=x86 i486=x86 i586=x86 i686=x86 x86=x86' ;;
altlinux) arch_names='x86_64=x86_64 amd64=x86_64 aarch64=aarch64 arm64=aarch64 i386=i586 i586=i586 i686=i586' ;;
cirros) arch_names='x86_64=x86_64 amd64=x86_64 aarch64=aarch64 arm64=aarch64 armv7l=arm arm=arm ppc64le=ppc64le' ;;
esac
strip=0 index='' settings=common
[ "$dist" != gentoo ] || variant=openrc
# cloud-init of these images does what -S asks for.
case $dist in
ubuntu-cloud | cirros) authorize_root=0 ;;
esac

find_image() {
	case $dist in
	archlinux)
		dir=$mirror/iso/$release sums=sha256sums.txt strip=1
		pattern="archlinux-bootstrap(-[0-9.]+)?-$arch\.tar\.(zst|gz)"
		;;
	altlinux)
		dir=$mirror/$release/images/cloud/$arch sums=SHA256SUM
		pattern="alt-$release-rootfs-$profile-$arch\.tar\.xz"
		;;
	cirros)
		dir=$mirror/$release sums=MD5SUMS
		pattern="cirros-$release-$arch-(lxc|rootfs)\.tar\.(xz|gz)"
		;;
	gentoo)
		stage=stage3-$arch-$variant
		[ "$arch" != x86 ] || stage=stage3-i686-$variant
		dir=$mirror/releases/$arch/autobuilds/current-$stage index=latest-$stage.txt pattern="$stage-[0-9TZ]+\.tar\.xz"
		;;
	voidlinux)
		dir=$mirror/$release sums=sha256sum.txt
		pattern="void-$arch-ROOTFS-[0-9]+\.tar\.xz"
		;;
	ubuntu-cloud)
		sums=SHA256SUMS pattern="[a-z0-9.-]*-cloudimg-$arch-root\.tar\.xz"
		case $stream in
		released | release) dir=$mirror/releases/$release/release ;;
		daily) dir=$mirror/$release/current ;;
		*) die "--stream: '$stream' is neither released nor daily" ;;
		esac
		;;
	esac
	case $profile$variant in
	*[!a-z0-9-]*) die "'$profile$variant' is no name of a kind of tree" ;;
	esac
}

made_of() {
	made_of_image
}

made_of_image() {
	echo "release=$release arch=$arch format=1 image=${tarball:-$dir $pattern}"
}

resolve_release() {
	resolve_image
}

resolve_image() {
	case $dist in
	voidlinux) common_config=voidlinux.common.conf ;;
	gentoo)
		common_config=gentoo.$settings.conf
		[ -f "$LXC_TEMPLATE_CONFIG/$common_config" ] || die "--settings: there is no $LXC_TEMPLATE_CONFIG/$common_config"
		;;
	esac
	find_image
	case $tarball in
	'' | *://*) ;;
	*)
		is_file "$tarball" || die "--tarball: cannot read '$tarball'"
		tarball=$(realpath -- "$tarball")
		;;
	esac
}

get_image() {
	if [ -n "$tarball" ]; then
		trusted_url "$tarball" || die "--tarball: $tarball can be forged on its way: use https"
		fetch "$tarball" "$work/image" || die "--tarball: cannot get $tarball: $why"
		file=$tarball
		return
	fi
	file=''
	if [ -n "$index" ]; then
		fetch "$dir/$index" "$work/index" || no_image
		file=$(sed -n -E "s,^(.*/)?($pattern)( .*)?\$,\2,p" "$work/index" | head -n1)
		[ -n "$file" ] || die "no $title ($arch) at $dir: its $index names no such image"
		sums=$file.sha256
	fi
	fetch "$dir/$sums" "$work/sums" || no_image
	ring=$keyring
	[ -n "$ring" ] || [ ! -r "${keys%% *}" ] || ring=${keys%% *}
	[ -n "$ring" ] || trusted_url "$dir" || die "$dir can be forged on its way: use https"
	[ -z "$ring" ] || [ -n "$index" ] || signed_by "$ring" "$sums" "$work/sums" .gpg
	[ -n "$file" ] || file=$(sed -n -E "s,^.*[ *(/](($pattern))\)?( = [0-9a-f]*)?\$,\1,p" "$work/sums" | head -n1)
	[ -n "$file" ] || die "no $title $release ($arch) at $dir: its $sums lists no such image"
	fetch "$dir/$file" "$work/image" || die "cannot get $dir/$file: $why"
	check_sum "$work/image" "$(listed_sum "$work/sums" "$file")" || die "$dir/$file is not what $sums says: wrong checksum"
	[ -z "$ring" ] || [ -z "$index" ] || signed_by "$ring" "$file" "$work/image" .asc
}

no_image() {
	die "no $title $release ($arch) at $dir: ${why:-no answer} (another one: --mirror=URL)"
}

# signed_by KEYRING NAME FILE SUFFIX: FILE is the mirror's NAME, whose signature is beside it.
signed_by() {
	fetch "$dir/$2$4" "$work/signature" || die "cannot get $dir/$2$4, its signature: $why"
	check_signature "$3" "$work/signature" "$1" || die "$dir/$2 has no good signature of $1"
}

unpack_image() {
	set --
	! in_userns || set -- --no-devices
	get_image
	unpack "$work/image" "$work/tree" --strip=$strip "$@" || die "$file: $why"
	rm -f -- "$work/image"
}

build_tree() {
	unpack_image
	generalize "$work/tree"
}

# --- ALT Linux -------------------------------------------------------------------------------------------------------

finish_altlinux() {
	i=/etc/net/ifaces/eth0
	[ -z "$ipv4$ipv6" ] ||
		printf 'TYPE=eth\nBOOTPROTO=static\nONBOOT=yes\nCONFIG_IPV4=yes\nCONFIG_IPV6=yes\n' | put $i/options
	[ -z "$ipv4" ] || echo "$ipv4" | put $i/ipv4address
	[ -z "$ipv6" ] || echo "$ipv6" | put $i/ipv6address
	case $gateway in
	'') ;;
	*:*) echo "default via $gateway" | put $i/ipv6route ;;
	*) echo "default via $gateway" | put $i/ipv4route ;;
	esac
	[ -z "$dns" ] || echo "nameserver $dns" | put $i/resolv.conf
}

# --- images that ask a cloud -----------------------------------------------------------------------------------------

# A source of data within the image, so that it asks no network at its first boot.
seed() {
	s=/var/lib/cloud/seed/$1
	{
		echo "instance-id: ${hostid:-$name}"
		echo "local-hostname: $name"
		if [ -n "$auth_key" ]; then
			echo 'public-keys:'
			sed -n -e '/^#/d' -e 's/^\(..*\)$/  - "\1"/p' "$auth_key"
		fi
	} | put "$s/meta-data"
	if [ -n "$userdata" ]; then
		put "$s/user-data" <"$userdata"
	else
		printf '#cloud-config\nmanage_etc_hosts: localhost\n' | put "$s/user-data"
	fi
	[ -z "$vendordata" ] || put "$s/vendor-data" <"$vendordata"
}

finish_ubuntu_cloud() {
	[ "$cloud" = 1 ] || seed nocloud-net
}

# After the files that it includes.
more_config() {
	[ -z "$ttys" ] || echo "lxc.tty.max = $ttys"
}

finish_cirros() {
	seed nocloud
}

# --- Gentoo ------------------------------------------------------------------------------------------------------------

finish_gentoo() {
	who=${user:-root}
	if [ "$who" != root ] && ! grep -qs "^$who:" "$rootfs/etc/passwd"; then
		in_root useradd -m -- "$who" || complain "--user: cannot make the account $who"
	fi
	[ -z "$password" ] || set_password "$who" "$password"
	if [ -n "$auth_key" ] && [ "$who" != root ]; then
		authorize "/home/$who" "$auth_key"
		in_root chown -R "$who:" "/home/$who/.ssh"
	elif [ -n "$auth_key" ] && [ -n "$user" ]; then
		authorize /root "$auth_key"
	fi
	if [ "$autologin" = 1 ] && has /etc/inittab; then
		sed -i "s,^\(c0:.*agetty\) ,\1 -a $who ," "$real"
	fi
	if [ "$private_portage" = 0 ] && [ -d "${portage_dir:-/var/db/repos/gentoo}/profiles" ]; then
		inside /var/db/repos/gentoo
		mkdir -p -- "$real"
		echo "lxc.mount.entry = ${portage_dir:-/var/db/repos/gentoo} var/db/repos/gentoo none ro,bind 0 0" | append_config
	fi
}

# --- Void Linux --------------------------------------------------------------------------------------------------------

in_tree_packages() {
	[ "$dist" = voidlinux ] || die "$title: packages are installed from inside"
	# shellcheck disable=SC2086 # a list
	in_root xbps-install -Sy -- $packages || complain "--packages: cannot install $packages"
}

finish_voidlinux() {
	[ -z "$root_password" ] || set_password root "$root_password"
}

add_account() {
	"finish_$(echo "$dist" | tr - _)"
}
