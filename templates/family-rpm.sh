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
	fedora-legacy-[1-6])
		echo "fedora $mirror/core/$release/$arch/os"
		echo "updates $mirror/core/updates/$release/$arch"
		;;
	fedora-legacy-? | fedora-legacy-1? | fedora-legacy-2[0-7])
		echo "fedora $mirror/releases/$release/Everything/$arch/os"
		echo "updates $mirror/updates/$release/$arch"
		;;
	fedora-*)
		echo "fedora $mirror/releases/$release/Everything/$arch/os"
		echo "updates $mirror/updates/$release/Everything/$arch"
		;;
	centos-*)
		echo "baseos $mirror/${release%-stream}-stream/BaseOS/$arch/os"
		echo "appstream $mirror/${release%-stream}-stream/AppStream/$arch/os"
		;;
	rocky-* | anolis-*)
		echo "baseos $mirror/$release/BaseOS/$arch/os"
		echo "appstream $mirror/$release/AppStream/$arch/os"
		;;
	oracle-*)
		echo "baseos $mirror/OL${release%%.*}/baseos/latest/$arch"
		echo "appstream $mirror/OL${release%%.*}/appstream/$arch"
		;;
	openeuler-*)
		echo "os $mirror/openEuler-${release#openEuler-}/OS/$arch"
		echo "everything $mirror/openEuler-${release#openEuler-}/everything/$arch"
		;;
	openmandriva-*)
		echo "main $mirror/$release/repository/$arch/main/release"
		echo "updates $mirror/$release/repository/$arch/main/updates"
		;;
	opensuse-tumbleweed) echo "oss $mirror/tumbleweed/repo/oss" ;;
	opensuse-*)
		echo "oss $mirror/distribution/leap/$release/repo/oss"
		echo "update $mirror/update/leap/$release/oss"
		;;
	esac
}

resolve_release() {
	check_profile
	[ "$clean" = 1 ] || refuse_userns "$title"
	case $dist in
	oracle | rocky | centos | anolis) major=${release%%[.-]*} ;;
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

# OpenMandriva's profile is a file of the administrator's, of further packages.
tree_packages() {
	base_packages
	if [ "$dist" = openmandriva ] && [ "$profile" != minimal ]; then
		cat -- "/etc/lxc/profiles/$profile"
	fi
}

check_profile() {
	[ "$dist" = openmandriva ] && [ "$profile" != minimal ] || return 0
	case $profile in
	*/* | .*) die "--profile: '$profile' is no name of a file" ;;
	esac
	is_file "/etc/lxc/profiles/$profile" || die "--profile: cannot read /etc/lxc/profiles/$profile"
	! grep -q '[^a-zA-Z0-9._+:=~@ -]' "/etc/lxc/profiles/$profile" || die "--profile: $profile has what is no name of a package"
}

made_of() {
	echo "release=$release arch=$arch format=1 repo=$repo packages=$(tree_packages | xargs)"
}

find_keys() {
	if [ -n "$keyring" ]; then
		cp -- "$keyring" "$work/keys"
		return
	fi
	address=$(echo "$keys" | sed -e "s/@R/$major/" -e "s,^@repo,$(repositories | sed -n '1s/^[^ ]* //p'),")
	case $address in
	'') die "there is no one address of the keys of $title: --keyring=FILE" ;;
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
	fedora-legacy-[0-9] | fedora-legacy-[12]? | fedora-legacy-3[0-5]) ;;
	fedora-* | opensuse-* | openmandriva-*) dbpath=/usr/lib/sysimage/rpm ;;
	esac
	printf '%%_dbpath %s\n%%_db_backend sqlite\n%%_netsharedpath %%{nil}\n' "$dbpath" >"$work/home/.rpmmacros"
}

build_with_dnf() {
	{
		printf '[main]\ngpgcheck=1\nreposdir=\nvarsdir=\npluginpath=\ninstall_weak_deps=0\ntsflags=nodocs\nkeepcache=0\n'
		printf 'cachedir=%s\nlogdir=%s\npersistdir=%s\nmodule_platform_id=platform:%s\n' "$work/dnf" "$work/dnf" \
			"$work/dnf/persist" "$(case $dist in fedora*) echo "f$release" ;; *) echo "el$major" ;; esac)"
		repositories | while read -r id url; do
			printf '[%s]\nname=%s\nbaseurl=%s\ngpgkey=file://%s\n' "$id" "$id" "$url" "$work/keys"
		done
	} >"$work/dnf.conf"
	# shellcheck disable=SC2046 # a list
	with_devices "$work/tree" env HOME="$work/home" dnf -q -y -c "$work/dnf.conf" --installroot="$work/tree" --releasever="$release" --forcearch="$arch" \
		--setopt=cachedir="$work/dnf" install $(tree_packages)
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
		--no-recommends $(tree_packages)
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

# Addresses that were given, instead of asking for one.
add_account() {
	[ -n "$ipv4$ipv6" ] || return 0
	printf '[Match]\nName=eth0\n\n[Network]\n%s' "$(for a in "Address=$ipv4" "Address=$ipv6" "Gateway=$gateway" \
		"Gateway=$gateway6" "DNS=$dns"; do [ -z "${a#*=}" ] || echo "$a"; done)" | put /etc/systemd/network/eth0.network
}
