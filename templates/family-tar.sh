# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# Distributions that publish a finished root file system as an archive. Sourced by distribution.sh.
#
# Each says where its images lie ($dir), which file has their checksums ($sums), which of them it is ($pattern), and how
# many leading folders its archive has ($strip).

case $dist in
ubuntu-cloud) arch_names='x86_64=amd64 amd64=amd64 aarch64=arm64 arm64=arm64 armv7l=armhf armhf=armhf ppc64le=ppc64el
	ppc64el=ppc64el s390x=s390x riscv64=riscv64' ;;
archlinux) arch_names='x86_64=x86_64 amd64=x86_64' ;;
altlinux) arch_names='x86_64=x86_64 amd64=x86_64 aarch64=aarch64 arm64=aarch64 i386=i586 i586=i586 i686=i586' ;;
cirros) arch_names='x86_64=x86_64 amd64=x86_64 aarch64=aarch64 arm64=aarch64 armv7l=arm arm=arm ppc64le=ppc64le' ;;
esac
strip=0
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
	ubuntu-cloud)
		sums=SHA256SUMS pattern="[a-z0-9.-]*-cloudimg-$arch-root\.tar\.xz"
		case $stream in
		released | release) dir=$mirror/releases/$release/release ;;
		daily) dir=$mirror/$release/current ;;
		*) die "--stream: '$stream' is neither released nor daily" ;;
		esac
		;;
	esac
	case $profile in
	*[!a-z0-9-]*) die "--profile: '$profile' is no name of a kind of tree" ;;
	esac
}

made_of() {
	echo "release=$release arch=$arch format=1 image=${tarball:-$dir $pattern}"
}

resolve_release() {
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
	fetch "$dir/$sums" "$work/sums" || die "no $title $release ($arch) at $dir: ${why:-no answer} (another one: --mirror=URL)"
	ring=$keyring
	[ -n "$ring" ] || [ ! -r "${keys%% *}" ] || ring=${keys%% *}
	if [ -n "$ring" ]; then
		fetch "$dir/$sums.gpg" "$work/sums.gpg" || die "cannot get $dir/$sums.gpg, its signature: $why"
		check_signature "$work/sums" "$work/sums.gpg" "$ring" || die "$dir/$sums has no good signature of $ring"
	else
		trusted_url "$dir" || die "$dir can be forged on its way: use https"
	fi
	file=$(sed -n -E "s,^.*[ *(/](($pattern))\)?( = [0-9a-f]*)?\$,\1,p" "$work/sums" | head -n1)
	[ -n "$file" ] || die "no $title $release ($arch) at $dir: its $sums lists no such image"
	fetch "$dir/$file" "$work/image" || die "cannot get $dir/$file: $why"
	check_sum "$work/image" "$(listed_sum "$work/sums" "$file")" || die "$dir/$file is not what $sums says: wrong checksum"
}

build_tree() {
	set --
	! in_userns || set -- --no-devices
	get_image
	unpack "$work/image" "$work/tree" --strip=$strip "$@" || die "$file: $why"
	rm -f -- "$work/image"
	t=$work/tree
	[ "$dist" != archlinux ] || prepare_pacman
	generalize "$work/tree"
}

# --- Arch Linux ------------------------------------------------------------------------------------------------------

prepare_pacman() {
	# The mirror's part for packages is beside its images.
	printf 'Server = %s/$repo/os/$arch\n' "$mirror" | put /etc/pacman.d/mirrorlist
	if has /usr/bin/pacman-key; then
		put /etc/resolv.conf </dev/null
		in_root pacman-key --init || complain "cannot make pacman's keys"
		in_root pacman-key --populate || complain "cannot fill pacman's keys"
	fi
}

in_tree_packages() {
	[ "$dist" = archlinux ] || die "$title: packages are installed from inside"
	# shellcheck disable=SC2086 # a list
	in_root pacman -Sy --noconfirm --noprogressbar -- $packages || complain "--packages: cannot install $packages"
}

unit_names() {
	for n in $(echo "$1" | tr ',' ' '); do
		case $n in
		*/* | .*) die "'$n' is no name of a unit" ;;
		*.*) echo "$n" ;;
		*) echo "$n.service" ;;
		esac
	done
}

finish_archlinux() {
	[ -z "$pacman_config" ] || put /etc/pacman.conf <"$pacman_config"
	[ -z "$root_password" ] || set_password root "$root_password"
	for n in $(unit_names "$enable_units"); do
		enable_unit multi-user.target "$n"
	done
	for n in $(unit_names "$disable_units"); do
		inside /etc/systemd/system
		rm -f -- "$real"/*.wants/"$n"
	done
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

finish_cirros() {
	seed nocloud
}

add_account() {
	"finish_$(echo "$dist" | tr - _)"
}
