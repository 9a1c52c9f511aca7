# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
#
# What the templates share; sourced, never run. A template is called as
#   TEMPLATE --path=LXCPATH/NAME --name=NAME --rootfs=DIR [its own options] [--mapped-uid U --mapped-gid G]
# with LXCPATH/NAME/config already begun by the caller. It fills DIR and appends to the config. On failure it says one
# line and exits 1; the caller then removes the container's folder.

self=${0##*/}
here=$(CDPATH='' cd -- "${0%/*}" && pwd)
path='' name='' rootfs='' mapped_uid='' mapped_gid=''

if [ -z "${LXC_TEMPLATE_CONFIG:-}" ]; then
	LXC_TEMPLATE_CONFIG=/usr/share/lxc/config
	[ ! -e "$here/../config/common.conf" ] || LXC_TEMPLATE_CONFIG=$here/../config
fi
[ ! -d "$LXC_TEMPLATE_CONFIG" ] || LXC_TEMPLATE_CONFIG=$(CDPATH='' cd -- "$LXC_TEMPLATE_CONFIG" && pwd)

die() {
	echo "$self: $*" >&2
	exit 1
}

say() {
	echo "$*"
}

# need PROGRAM PACKAGE
need() {
	command -v "$1" >/dev/null 2>&1 || die "$1 is not installed (package $2)"
}

# parse_options SHORT LONG ARG...: sets the common variables and calls option NAME [VALUE] for all others.
parse_options() {
	short=$1 long=$2
	shift 2
	need getopt util-linux
	opts=$(getopt -n "$self" -o "hn:p:$short" \
		-l "help,name:,path:,rootfs:,mapped-uid:,mapped-gid:,$long" -- "$@") || exit 1
	eval set -- "$opts"
	while [ "$1" != -- ]; do
		case $1 in
		-h | --help)
			usage
			exit 0
			;;
		-n | --name) name=$2 && shift ;;
		-p | --path) path=$2 && shift ;;
		--rootfs) rootfs=$2 && shift ;;
		--mapped-uid) mapped_uid=$2 && shift ;;
		--mapped-gid) mapped_gid=$2 && shift ;;
		*)
			used=1
			option "$1" "$2" || used=2
			[ "$used" = 1 ] || shift
			;;
		esac
		shift
	done
	shift
	[ $# -eq 0 ] || die "unexpected argument '$1'"
}

# After the options: what a create needs.
check_target() {
	[ -n "$name" ] || die "--name is missing"
	[ -n "$path" ] || die "--path is missing"
	[ -n "$rootfs" ] || rootfs=$(sed -n 's/^lxc\.rootfs\.path *= *\(dir:\)\{0,1\}//p' "$path/config" 2>/dev/null)
	[ -n "$rootfs" ] || rootfs=$path/rootfs
	case $rootfs in
	/) die "refusing to fill /" ;;
	/*) ;;
	*) die "--rootfs: '$rootfs' is not an absolute path" ;;
	esac
	mkdir -p -- "$rootfs" || die "cannot create $rootfs"
}

# True in a user namespace that does not map all ids: device nodes cannot be made there.
in_userns() {
	[ "$(awk '{ n++; s = $1 " " $2 " " $3 } END { print n ":" s }' /proc/self/uid_map)" != "1:0 0 4294967295" ]
}

# The container's config, appended from standard input. A root that nobody has named yet is named.
append_config() {
	if ! grep -Eqs '^lxc\.rootfs(\.path)?[[:space:]]*=' "$path/config"; then
		echo "lxc.rootfs.path = dir:$rootfs" >>"$path/config" || die "cannot write $path/config"
	fi
	cat >>"$path/config" || die "cannot write $path/config"
}

# Give the files that stand outside the root to the unprivileged owner, who is another id in here.
give_to_owner() {
	[ -n "$mapped_uid" ] && [ "$mapped_uid" != -1 ] || return 0
	for f in config fstab; do
		[ ! -e "$path/$f" ] || chown -- "$mapped_uid${mapped_gid:+:$mapped_gid}" "$path/$f" 2>/dev/null ||
			die "cannot give $path/$f to its owner, id $mapped_uid in here"
	done
}
