# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# Slackware: the packages that the mirror's list of checksums names. They are archives with a script, doinst.sh: ours
# unpacks them and makes the links that the scripts name, and then the tree has the programs to install them in order,
# its own installpkg. Sourced by distribution.sh.

arch_names='x86_64=x86_64 amd64=x86_64 i386=i586 i486=i586 i586=i586 i686=i586 aarch64=aarch64 arm64=aarch64 armv7l=arm arm=arm'
common_config=slackware.common.conf

set_mirrors() {
	[ -n "$mirror" ] || mirror=${MIRROR:-$default_mirror}
	mirror=${mirror%/}
	check_url "$mirror"
	case $arch in
	x86_64) dir=$mirror/slackware64-$release ;;
	i586) dir=$mirror/slackware-$release ;;
	*) dir=$mirror/slackware$arch-$release ;;
	esac
}

resolve_release() {
	[ "$clean" = 1 ] || refuse_userns "$title"
}

made_of() {
	echo "release=$release arch=$arch format=1 packages=$(base_packages)"
}

# $work/list: checksum and path of each package, that of patches/ where there is one.
list_packages() {
	fetch "$dir/CHECKSUMS.md5" "$work/sums" ||
		die "no $title $release ($arch) at $dir: ${why:-no answer} (another one: --mirror=URL)"
	if [ -n "$keyring" ]; then
		fetch "$dir/CHECKSUMS.md5.asc" "$work/sums.asc" || die "cannot get $dir/CHECKSUMS.md5.asc, its signature: $why"
		check_signature "$work/sums" "$work/sums.asc" "$keyring" || die "$dir/CHECKSUMS.md5 has no good signature of $keyring"
	else
		trusted_url "$dir" || die "$dir can be forged on its way: use https, or --keyring=FILE"
	fi
	awk -v names="$(base_packages)" '
		$2 ~ /^\.\/(slackware[a-z0-9]*|patches\/packages)\/[a-zA-Z0-9.\/_+-]+\.t[a-z]z$/ && $2 !~ /\.\./ {
			name = $2
			sub(/.*\//, "", name)
			sub(/-[^-]*-[^-]*-[^-]*$/, "", name)
			if (!(name in line) || $2 ~ /^\.\/patches/) line[name] = tolower($1) " " substr($2, 3)
		}
		END {
			n = split(names, want, " ")
			for (i = 1; i <= n; i++) print want[i] in line ? line[want[i]] : "- " want[i]
		}' "$work/sums" >"$work/list"
	missing=$(sed -n 's/^- //p' "$work/list" | xargs)
	case " $missing " in
	*' pkgtools '*) die "$dir has no package pkgtools, which installs the others" ;;
	'  ') ;;
	*) say "The mirror has no $missing: it goes without." ;;
	esac
}

# make_links SCRIPT: those of the lines "( cd DIR ; ln -sf TARGET NAME )" that packages have in the place of links.
make_links() {
	sed -n 's/^( cd \([^ ]*\) ; ln -sf \([^ ]*\) \([^ ]*\) )$/\1 \2 \3/p' "$1" >"$work/links"
	while read -r folder target link; do
		place "/$folder/$link" "$target"
	done <"$work/links"
}

build_tree() {
	t=$work/tree
	list_packages
	mkdir "$t/packages"
	while read -r sum file; do
		[ "$sum" != - ] || continue
		p=$t/packages/${file##*/}
		fetch "$dir/$file" "$p" || die "cannot get $dir/$file: $why"
		check_sum "$p" "$sum" || die "$dir/$file is not what CHECKSUMS.md5 says: wrong checksum"
		unpack "$p" "$t" || die "$file: $why"
		inside /install/doinst.sh
		[ ! -f "$real" ] || make_links "$real"
		drop /install
	done <"$work/list"
	# shellcheck disable=SC2016 # for the inner shell
	in_root sh -ec 'ldconfig 2>/dev/null || true; cd /packages; for p in *; do installpkg --terse "$p"; done' ||
		complain "installpkg of the tree could not install $title $release ($arch) from $dir"
	drop /packages
	echo "$dir/" | put /etc/slackpkg/mirrors
	generalize "$t"
}
