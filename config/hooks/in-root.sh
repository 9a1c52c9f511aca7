# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# For the hooks beside this file, which source it: files of a container's root, written from outside. A root may have links
# to anywhere, so nothing of it is opened by a path: creel's unpacker makes what it is told of in there, and nowhere else.

PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
self=${0##*/}

die() {
	echo "$self: $*" >&2
	exit 1
}

# same FILE FILE: the same one, by whatever path; a name space is one, too.
same() {
	[ "$(stat -Lc %d:%i -- "$1" 2>/dev/null)" = "$(stat -Lc %d:%i -- "$2" 2>/dev/null)" ]
}

creel=${0%/*}/../../../bin/creel
[ -x "$creel" ] || creel=creel

# change_root ROOT OPTION…: as the archive on standard input says; with the ids of the user name space that LXC_USER_NS is,
# where there is one. The root is opened before that: a first process that is still being set up hides it from those ids.
change_root() {
	into=$1
	shift
	if [ -n "${LXC_USER_NS:-}" ] && ! same "$LXC_USER_NS" /proc/self/ns/user; then
		nsenter --user="$LXC_USER_NS" --setuid 0 --setgid 0 -- "$creel" untar "$@" /proc/self/fd/3 3<"$into"
	else
		"$creel" untar "$@" "$into"
	fi
}

# put_in_root ROOT PATH: a file of what is on standard input; missing folders are made.
put_in_root() {
	scratch=$(mktemp -d) || die "cannot make a folder for $2"
	mkdir -p "$scratch/${2%/*}"
	cat >"$scratch/$2"
	chmod 0644 "$scratch/$2"
	status=0
	tar -C "$scratch" --owner=0 --group=0 -cf - "./$2" | change_root "$1" || status=$?
	rm -rf "$scratch"
	return $status
}

# drop_in_root ROOT PATH: gone, if it was there.
drop_in_root() {
	scratch=$(mktemp -d) || die "cannot make a folder for $2"
	mkdir -p "$scratch/${2%/*}"
	: >"$scratch/${2%/*}/.wh.${2##*/}"
	status=0
	tar -C "$scratch" -cf - "./${2%/*}/.wh.${2##*/}" | change_root "$1" --whiteouts || status=$?
	rm -rf "$scratch"
	return $status
}

# The root as a folder of the host, before it is mounted: $root is empty where it is something else (a volume, say).
plain_root() {
	root=${LXC_ROOTFS_PATH#dir:}
	[ -d "$root" ] || root=''
}
