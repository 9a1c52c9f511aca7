# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# PLD Linux, by the host's poldek: its configuration says where the packages are and what signs them. Sourced by
# distribution.sh.

arch_names='x86_64=x86_64 amd64=x86_64 i386=i686 i486=i686 i586=i686 i686=i686'

set_mirrors() {
	[ -z "$repo" ] || check_url "$repo"
	mirror=${repo:-$default_mirror}
}

resolve_release() {
	[ "$clean" = 1 ] || refuse_userns "$title"
}

made_of() {
	echo "release=$release arch=$arch format=1 repo=$repo packages=$(base_packages)"
}

build_tree() {
	need poldek poldek
	need rpm rpm
	mkdir -p "$work/tree/var/lib/rpm" "$work/cache"
	contained rpm --root "$work/tree" --initdb || complain "rpm cannot make a data base"
	# shellcheck disable=SC2046 # a list
	with_devices "$work/tree" "$(command -v poldek)" --root "$work/tree" --cachedir "$work/cache" --noask --nohold --noignore \
		${repo:+--source "$repo"} -u $(base_packages) || complain "poldek could not build $title from $mirror"
	generalize "$work/tree"
}
