# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# Distributions of rpm packages, by the host's dnf, or zypper where there is none. Sourced by distribution.sh.
#
# Packages must be signed: with the keys of --keyring, else with those that the distribution has at an address of its
# own that begins with https.

arch_names='x86_64=x86_64 amd64=x86_64 aarch64=aarch64 arm64=aarch64 ppc64le=ppc64le ppc64el=ppc64le s390x=s390x'

# NAME ADDRESS, one a line.
repositories() {
	if [ -n "$repo" ]; then
		echo "packages ${repo%/}"
		return
	fi
	case $dist-$release in
	fedora-rawhide) echo "rawhide $mirror/development/rawhide/Everything/$arch/os" ;;
	fedora-*)
		echo "fedora $mirror/releases/$release/Everything/$arch/os"
		echo "updates $mirror/updates/$release/Everything/$arch"
		;;
	centos-*)
		echo "baseos $mirror/${release%-stream}-stream/BaseOS/$arch/os"
		echo "appstream $mirror/${release%-stream}-stream/AppStream/$arch/os"
		;;
	rocky-*)
		echo "baseos $mirror/$release/BaseOS/$arch/os"
		echo "appstream $mirror/$release/AppStream/$arch/os"
		;;
	oracle-*)
		echo "baseos $mirror/OL${release%%.*}/baseos/latest/$arch"
		echo "appstream $mirror/OL${release%%.*}/appstream/$arch"
		;;
	opensuse-tumbleweed) echo "oss $mirror/tumbleweed/repo/oss" ;;
	opensuse-*)
		echo "oss $mirror/distribution/leap/$release/repo/oss"
		echo "update $mirror/update/leap/$release/oss"
		;;
	esac
}

resolve_release() {
	[ "$clean" = 1 ] || refuse_userns "$title"
	case $dist in
	oracle | rocky | centos) major=${release%%[.-]*} ;;
	*) major=$release ;;
	esac
	if [ "$clean" = 1 ] || [ -e "$cache/rootfs-$release-$arch.made" ]; then
		return
	fi
	make_work
	repositories >"$work/repositories"
	while read -r _ url; do
		fetch "$url/repodata/repomd.xml" "$work/repomd.xml" ||
			die "no $title $release ($arch) at $url: ${why:-no answer} (another one: --mirror=URL)"
	done <"$work/repositories"
}

made_of() {
	echo "release=$release arch=$arch format=1 repo=$repo packages=$(base_packages)"
}

find_keys() {
	if [ -n "$keyring" ]; then
		cp -- "$keyring" "$work/keys"
		return
	fi
	address=$(echo "$keys" | sed "s/@R/$major/")
	# openSUSE has its keys beside its packages.
	[ "$dist" != opensuse ] || address=$(repositories | sed -n '1s,^[^ ]* \(.*\)$,\1/repodata/repomd.xml.key,p')
	case $address in
	https://*) ;;
	*) die "the keys of $title are at $address, where anybody may have put them: --keyring=FILE" ;;
	esac
	fetch "$address" "$work/keys" || die "cannot get the keys of $title from $address: $why (or --keyring=FILE)"
}

# The host's rpm may have its data base elsewhere (Debian's: in the home directory) and of another kind.
prepare_rpm() {
	mkdir -p "$work/home"
	dbpath=/var/lib/rpm
	case $dist-$release in
	fedora-* | opensuse-*) dbpath=/usr/lib/sysimage/rpm ;;
	esac
	printf '%%_dbpath %s\n%%_db_backend sqlite\n%%_netsharedpath %%{nil}\n' "$dbpath" >"$work/home/.rpmmacros"
}

build_with_dnf() {
	{
		printf '[main]\ngpgcheck=1\nreposdir=\nvarsdir=\npluginpath=\ninstall_weak_deps=0\ntsflags=nodocs\nkeepcache=0\n'
		printf 'cachedir=%s\nlogdir=%s\npersistdir=%s\nmodule_platform_id=platform:%s\n' "$work/dnf" "$work/dnf" \
			"$work/dnf/persist" "$([ "$dist" = fedora ] && echo "f$release" || echo "el$major")"
		repositories | while read -r id url; do
			printf '[%s]\nname=%s\nbaseurl=%s\ngpgkey=file://%s\n' "$id" "$id" "$url" "$work/keys"
		done
	} >"$work/dnf.conf"
	# shellcheck disable=SC2046 # a list
	with_devices "$work/tree" env HOME="$work/home" dnf -q -y -c "$work/dnf.conf" --installroot="$work/tree" --releasever="$release" --forcearch="$arch" \
		--setopt=cachedir="$work/dnf" install $(base_packages)
}

build_with_zypper() {
	mkdir -p "$work/tree/etc/zypp/repos.d"
	repositories | while read -r id url; do
		printf '[%s]\nname=%s\nbaseurl=%s\nenabled=1\nautorefresh=0\ngpgcheck=1\nrepo_gpgcheck=0\npkg_gpgcheck=1\n' \
			"$id" "$id" "$url" >"$work/tree/etc/zypp/repos.d/$id.repo"
	done
	HOME=$work/home rpm --root "$work/tree" --import "$work/keys" >"$work/log" 2>&1 || return 1
	printf '[main]\narch = %s\n' "$arch" >"$work/zypp.conf"
	# shellcheck disable=SC2046 # a list
	with_devices "$work/tree" env HOME="$work/home" ZYPP_CONF="$work/zypp.conf" zypper -q -n --root "$work/tree" --cache-dir "$work/zypp" install -y \
		--no-recommends $(base_packages)
}

build_tree() {
	# openSUSE's own tool knows its vendors' habits better.
	case $dist in
	opensuse) tools='zypper dnf' ;;
	*) tools='dnf zypper' ;;
	esac
	builder=''
	for b in $tools; do
		! command -v "$b" >/dev/null || { builder=$b && break; }
	done
	[ -n "$builder" ] || die "neither ${tools% *} nor ${tools#* } is installed (package ${tools% *})"
	need rpm rpm
	find_keys
	prepare_rpm
	"build_with_$builder" || complain "$builder could not build $title $release ($arch) from ${repo:-$mirror}"
	generalize "$work/tree"
}

in_tree_packages() {
	installer=dnf
	has /usr/bin/dnf || installer=zypper
	has /usr/bin/$installer || die "--packages: the tree has neither dnf nor zypper"
	# shellcheck disable=SC2086 # a list
	in_root $installer -q -y install -- $packages || complain "--packages: cannot install $packages"
}
