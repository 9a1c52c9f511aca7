# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# The cache of finished trees; sourced, never run.
#
# LXC_CACHE_PATH/DIST/rootfs-RELEASE-ARCH is a whole tree, rootfs-RELEASE-ARCH.made says of what, and is there only while
# the tree is whole. Builders work in .new-* under an exclusive lock and rename at the end, so a build that is killed
# leaves nothing that anybody would take for a tree; the next builder removes it. What belongs to one container only
# (name, keys, extra packages) is never in the cache.
#
# Whoever sources this sets $slot (RELEASE-ARCH) and defines made_of, which prints what a good tree is of, and build_tree,
# which fills $work/tree.

cache='' tree='' slot=''

# find_cache DIST
find_cache() {
	cache=${LXC_CACHE_PATH:-}
	if [ -z "$cache" ]; then
		cache=/var/cache/lxc
		if [ "$(id -u)" != 0 ] || { in_userns && ! [ -w $cache ]; }; then
			cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/lxc
		fi
	fi
	cache=$cache/$1
}

open_cache() {
	# A tree has the owners of the user name space that it was made in.
	if in_userns; then
		slot=$slot-$(awk '{ print $2; exit }' /proc/self/uid_map)
	fi
	tree=$cache/rootfs-$slot
	mkdir -p -- "$cache" || die "cannot create the cache $cache (another place: LXC_CACHE_PATH)"
	exec 9>"$cache/.lock-$slot" || die "cannot lock the cache $cache"
	need flock util-linux
}

cache_is_good() {
	[ -d "$tree" ] && [ -f "$tree.made" ] && [ "$(cat "$tree.made")" = "$(made_of)" ]
}

# Everything below the cache may be on its way out: only under the exclusive lock.
cache_remove() {
	rm -f -- "$tree.made"
	rm -rf --one-file-system -- "$tree" "$cache/.new-$slot-"*
}

cache_build() {
	cache_remove
	[ -z "$work" ] || rm -rf --one-file-system -- "$work"
	work=$(mktemp -d -- "$cache/.new-$slot-XXXXXX") || die "cannot write to the cache $cache"
	chmod 0755 "$work"
	say "Building $title $release ($arch) from ${repo:-$mirror}; the next container of it takes seconds."
	mkdir "$work/tree"
	build_tree
	made_of >"$work/made"
	sync -f "$work"
	# In this order: whoever finds .made finds a whole tree.
	mv -- "$work/tree" "$tree"
	mv -- "$work/made" "$tree.made"
	rm -rf -- "$work"
	work=''
}

# Returns with the tree good and the lock shared, so that nobody removes it under the copy.
provide_tree() {
	if [ "$flush" = 1 ]; then
		flock 9
		cache_remove
	fi
	while :; do
		flock -n -s 9 || {
			say "Waiting for another lxc-create that builds $title $release ($arch) …"
			flock -s 9
		}
		! cache_is_good || return 0
		flock 9
		cache_is_good || cache_build
	done
}

copy_tree() {
	say "Copying the root file system."
	make_work
	# creel's own copier shares the data where the file system can and uses all processors where it cannot.
	if [ -n "${CREEL:-}" ] && rmdir -- "$rootfs" 2>/dev/null && contained "$CREEL" copy-tree "$1" "$rootfs"; then
		chmod 0755 "$rootfs"
		return
	fi
	mkdir -p -- "$rootfs"
	contained cp -a --reflink=auto -- "$1/." "$rootfs/" || complain "cannot copy $1 to $rootfs"
	chmod 0755 "$rootfs"
}
