# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# What the templates share; sourced, never run. A template is called as
#   TEMPLATE --path=LXCPATH/NAME --name=NAME --rootfs=DIR [its own options] [--mapped-uid U --mapped-gid G]
# with LXCPATH/NAME/config already begun by the caller. It fills DIR and appends to the config. On failure it says one
# line and exits 1; the caller then removes the container's folder.

umask 022
self=${0##*/}
here=$(CDPATH='' cd -- "${0%/*}" && pwd)
path='' name='' rootfs='' mapped_uid='' mapped_gid='' operands='' work='' worker=''
: "${takes_operands:=0}"

if [ -z "${LXC_TEMPLATE_CONFIG:-}" ]; then
	LXC_TEMPLATE_CONFIG=/usr/share/lxc/config
	[ ! -e "$here/../config/common.conf" ] || LXC_TEMPLATE_CONFIG=$here/../config
fi
if [ -z "${LXC_HOOK_DIR:-}" ]; then
	LXC_HOOK_DIR=/usr/share/lxc/hooks
	# As installed, or in the tree that it was built in.
	for d in "$here/../hooks" "$here/../config/hooks"; do
		[ ! -e "$d/dhclient" ] || LXC_HOOK_DIR=$(CDPATH='' cd -- "$d" && pwd)
	done
fi
[ ! -d "$LXC_TEMPLATE_CONFIG" ] || LXC_TEMPLATE_CONFIG=$(CDPATH='' cd -- "$LXC_TEMPLATE_CONFIG" && pwd)

die() {
	echo "$self: $*" >&2
	exit 1
}

say() {
	echo "$*"
}

# What was asked for is done, and it was no container: lxc-create, which gave a name, keeps none and is content.
no_container() {
	[ -z "$name" ] || exit 121
	exit 0
}

# A file that can be read: is_file PATH
is_file() {
	[ -f "$1" ] && [ -r "$1" ]
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
		-l "help,name:,path:,rootfs:,mapped-uid:,mapped-gid:,$long" -- "$@" 2>&1) || {
		# getopt's own words first; then what there is.
		echo "$opts" | sed '$d' >&2
		usage >&2
		exit 1
	}
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
	[ $# -eq 0 ] || [ "$takes_operands" = 1 ] || die "unexpected argument '$1'"
	operands="$*"
}

# After the options: what a create needs.
check_target() {
	[ -n "$name" ] || die "--name is missing"
	[ -n "$path" ] || die "--path is missing"
	[ -n "$rootfs" ] || rootfs=$(sed -n 's/^lxc\.rootfs\.path *= *\(dir:\)\{0,1\}//p' "$path/config" 2>/dev/null) || true
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

# Builders that need devices, and root's mounts, cannot work where ids are mapped.
refuse_userns() {
	! in_userns || die "$1 cannot be built where ids are mapped: use the template download, or local"
}

# The container's config, appended from standard input. A root that nobody has named yet is named.
append_config() {
	if ! grep -Eqs '^lxc\.rootfs(\.path)?[[:space:]]*=' "$path/config"; then
		echo "lxc.rootfs.path = dir:$rootfs" >>"$path/config" || die "cannot write $path/config"
	fi
	cat >>"$path/config" || die "cannot write $path/config"
}

# --- work that may be interrupted ------------------------------------------------------------------------------------

# Everything unfinished lies in $work, and one program at a time works on it: both go with this shell.
stop_worker() {
	if [ -n "$worker" ]; then
		kill -KILL "$worker" 2>/dev/null || true
		wait "$worker" 2>/dev/null || true
	fi
	[ -z "$work" ] || rm -rf --one-file-system -- "$work"
}

clean_up_at_exit() {
	trap stop_worker EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# In the container's folder, which goes when a create fails or was killed.
make_work() {
	[ -z "$work" ] || return 0
	if [ -n "$path" ] && [ -d "$path" ]; then
		work=$(mktemp -d -- "$path/.template-XXXXXX") || die "cannot write to $path"
	else
		work=$(mktemp -d)
	fi
}

# contained COMMAND...: in pid and mount namespaces that end with this shell, however it ends: no process, no mount is
# left of a killed build. In the background, so that a signal is acted upon at once. $input is its standard input.
input=/dev/null
contained() {
	need unshare util-linux
	need setpriv util-linux
	setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
		"$@" 9>&- <"$input" >"$work/log" 2>&1 &
	worker=$!
	status=0
	wait $worker || status=$?
	worker=''
	return $status
}

# What the failed command said, the shortest part that explains it.
complain() {
	found=$(grep -E '^(E:|W: .*(fail|not)|.*[Ee]rror)' "$work/log" | grep -v '^[Ee]rror: *$' | tail -n5)
	[ -n "$found" ] || found=$(tail -n5 "$work/log")
	echo "$found" >&2
	die "$*"
}

# --- files from elsewhere --------------------------------------------------------------------------------------------

# fetch URL FILE: 0, or 1 with the reason in $why.
fetch() {
	why=''
	rm -f -- "$2"
	case $1 in
	file://*) set -- "${1#file://}" "$2" ;;
	file:/*) set -- "${1#file:}" "$2" ;;
	esac
	case $1 in
	/*)
		why=$(cp -- "$1" "$2" 2>&1) || return 1
		return 0
		;;
	esac
	if command -v curl >/dev/null 2>&1; then
		why=$(curl -fsSL --proto '=http,https' --retry 2 --connect-timeout 20 -o "$2" -- "$1" 2>&1) && return 0
		why=${why#curl: }
	elif command -v wget >/dev/null 2>&1; then
		why=$(wget -nv -T 30 -t 3 -O "$2" -- "$1" 2>&1) && return 0
	else
		die "neither curl nor wget is installed (package curl)"
	fi
	rm -f -- "$2"
	return 1
}

# True where nobody on the way could have changed what comes.
trusted_url() {
	case $1 in
	https://* | file:* | /* | http://127.* | http://localhost[:/]* | 'http://[::1]'*) ;;
	*) return 1 ;;
	esac
}

# listed_sum SUMS FILE-NAME: its checksum in a file of sums, of either style ("SUM  NAME", "SHA256 (NAME) = SUM").
listed_sum() {
	sed -n -e 's/^SHA[0-9]* (\(.*\)) = \([0-9a-fA-F]*\)$/\2 \1/p' -e 's/^\([0-9a-fA-F]*\) [ *]\(.*\)$/\1 \2/p' "$1" |
		awk -v want="$2" '{ n = $2; sub(/^\.\//, "", n) } n == want { print tolower($1); exit }'
}

# check_sum FILE SUM: by as many digits as SUM has.
check_sum() {
	case ${#2} in
	32) sum=$(md5sum <"$1") ;;
	64) sum=$(sha256sum <"$1") ;;
	128) sum=$(sha512sum <"$1") ;;
	*) return 1 ;;
	esac
	[ "${sum%% *}" = "$2" ]
}

# check_signature FILE SIGNATURE KEYRING [FINGERPRINT-END]: the keyring may be armoured.
check_signature() {
	need gpgv gpgv
	make_work
	ring=$3
	if head -n1 -- "$ring" | grep -qa '^-----BEGIN'; then
		awk '/^$/ { body = 1; next } /^(=|-----END)/ { body = 0 } body' "$ring" | base64 -d >"$work/ring.gpg" 2>/dev/null
		ring=$work/ring.gpg
	fi
	gpgv --status-fd 1 --keyring "$ring" -- "$2" "$1" >"$work/gpgv" 2>&1 || return 1
	# The signing key's fingerprint is the third word, its primary key's the last.
	awk -v end="${4:-}" '$2 == "VALIDSIG" && (end == "" || substr($3, length($3) - length(end) + 1) == end ||
		substr($NF, length($NF) - length(end) + 1) == end) { good = 1 } END { exit !good }' "$work/gpgv"
}

# --- archives --------------------------------------------------------------------------------------------------------

find_creel() {
	[ -n "${CREEL:-}" ] || CREEL=$here/../../../bin/creel
	[ -x "$CREEL" ] || CREEL=$(command -v creel) || die "creel is not installed"
}

# The program that undoes FILE's compression, by its first bytes.
decompressor() {
	case $(od -An -tx1 -N6 -- "$1" | tr -d ' \n') in
	1f8b*) tool=gzip package=gzip ;;
	fd377a585a00) tool=xz package=xz-utils ;;
	28b52ffd*) tool=zstd package=zstd ;;
	425a68*) tool=bzip2 package=bzip2 ;;
	04224d18*) tool=lz4 package=lz4 ;;
	*) tool=cat package=coreutils ;;
	esac
	need $tool $package
}

# unpack FILE DIR [OPTION OF creel untar...]: whatever the archive says, nothing outside of DIR is touched. On failure $why.
unpack() {
	archive=$1 into=$2
	shift 2
	find_creel
	decompressor "$archive"
	make_work
	{
		case $tool in
		cat) cat -- "$archive" ;;
		*) $tool -dc -- "$archive" ;;
		esac 2>"$work/unpack.err" || echo "$tool" >"$work/unpack.bad"
	} | setpriv --pdeathsig KILL "$CREEL" untar "$@" "$into" 2>"$work/untar.err" || {
		why=$(head -n1 "$work/untar.err")
		why=${why#creel: }
		# The decompressor's word is nearer to the cause, unless we stopped reading.
		[ ! -e "$work/unpack.bad" ] || ! grep -q . "$work/unpack.err" || why=$(head -n1 "$work/unpack.err")
		rm -f -- "$work/unpack.bad"
		return 1
	}
	[ ! -e "$work/unpack.bad" ] || {
		why=$(head -n1 "$work/unpack.err")
		return 1
	}
}

# Give the files that stand outside the root to the unprivileged owner, who is another id in here.
give_to_owner() {
	[ -n "$mapped_uid" ] && [ "$mapped_uid" != -1 ] || return 0
	for f in config fstab; do
		[ ! -e "$path/$f" ] || chown -- "$mapped_uid${mapped_gid:+:$mapped_gid}" "$path/$f" 2>/dev/null ||
			die "cannot give $path/$f to its owner, id $mapped_uid in here"
	done
}
