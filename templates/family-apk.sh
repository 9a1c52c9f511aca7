# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# Alpine: by the host's apk ($APK) with the keys of $APK_KEYS_DIR, else from Alpine's own small root file system, whose
# apk then installs the rest. Sourced by distribution.sh.

arch_names='x86_64=x86_64 amd64=x86_64 x86=x86 i386=x86 i686=x86 aarch64=aarch64 arm64=aarch64 armv7l=armv7 armv7=armv7
	armhf=armhf ppc64le=ppc64le s390x=s390x riscv64=riscv64 loongarch64=loongarch64'
takes_operands=1
operands_help='[PACKAGE...]'
keys_dir=${APK_KEYS_DIR:-$keys}

branch() {
	case $release in
	[0-9]*) echo "v$release" ;;
	*) echo "$release" ;;
	esac
}

find_apk() {
	apk=${APK:-$(command -v apk || true)}
	[ -n "$apk" ] && [ -d "$keys_dir" ]
}

made_of() {
	echo "release=$release arch=$arch format=1 packages=$(base_packages)"
}

write_repositories() {
	printf '%s\n' "$mirror/$(branch)/main" "$mirror/$(branch)/community" | put /etc/apk/repositories
}

build_with_apk() {
	command -v "$apk" >/dev/null || die "APK: '$apk' is not a program"
	# shellcheck disable=SC2046 # a list
	with_devices "$work/tree" "$apk" --root "$work/tree" --initdb --arch "$arch" --keys-dir "$keys_dir" --no-cache \
		-X "$mirror/$(branch)/main" -X "$mirror/$(branch)/community" add $(base_packages) ||
		complain "apk could not build $title $release ($arch) from $mirror"
	t=$work/tree
	inside /etc/apk/keys
	mkdir -p -- "$real"
	cp -n -- "$keys_dir"/*.pub "$real/" 2>/dev/null || true
}

# The mirror's list of releases says which file it is, and its checksum.
build_with_rootfs() {
	dir=$mirror/$(branch)/releases/$arch
	trusted_url "$dir" || die "$dir can be forged on its way: use https, or apk with its keys (APK, APK_KEYS_DIR)"
	fetch "$dir/latest-releases.yaml" "$work/releases" ||
		die "no $title $release ($arch) at $dir: ${why:-no answer} (another one: --mirror=URL)"
	found=$(awk '
		function done() { if (flavor == "alpine-minirootfs" && file && sum) { print file, sum; exit } }
		/^-/ { done(); flavor = file = sum = "" }
		$1 == "flavor:" { flavor = $2 } $1 == "file:" { file = $2 } $1 == "sha256:" { sum = $2 }
		END { done() }' "$work/releases")
	file=${found% *}
	case $file in
	'' | */* | .*) die "$dir has no alpine-minirootfs" ;;
	esac
	fetch "$dir/$file" "$work/image" || die "cannot get $dir/$file: $why"
	check_sum "$work/image" "${found#* }" || die "$dir/$file is not what latest-releases.yaml says: wrong checksum"
	unpack "$work/image" "$work/tree" || die "$dir/$file: $why"
	t=$work/tree
	put /etc/resolv.conf </dev/null
	write_repositories
	# shellcheck disable=SC2046 # a list
	in_root apk -q add --no-cache $(base_packages) || complain "apk of the tree could not install $(base_packages)"
}

build_tree() {
	if find_apk; then
		build_with_apk
	else
		build_with_rootfs
	fi
	generalize "$work/tree"
	write_repositories
}

in_tree_packages() {
	# shellcheck disable=SC2086 # a list
	in_root apk -q add --no-cache $packages || complain "--packages: cannot install $packages"
}
