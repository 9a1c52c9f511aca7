#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fills a container with a distribution: the one that this program's name says (lxc-fedora, say), as the tables
# distributions, packages and options have it. The first time from its mirror, after that from the cache.
# shellcheck disable=SC2034 # variables that the families read

set -eu
. "${0%/*}/common.sh"
. "$here/cache.sh"
. "$here/finish.sh"

release='' arch='' mirror='' security='' packages='' repo='' templatefs='' patch='' non_free=0 variant=minbase keyring=''
interpreter='' user='' password='' bindhome='' auth_key='' fqdn='' mask_tmp=0 root_password='' enable_units=''
disable_units='' pacman_config='' profile=minimal ipv4='' ipv6='' gateway='' dns='' hostid='' cloud=0 no_locales=0
tarball='' stream=released userdata='' vendordata='' debug=0 flush=0 clean=0
gateway6='' cache_only=0 private_portage=0 portage_dir='' autologin=0 settings='' ttys=''

# --- the tables ------------------------------------------------------------------------------------------------------

dist=${self#lxc-}
row=$(grep "^$dist|" "$here/distributions") || die "no distribution '$dist' in $here/distributions"
IFS='|' read -r _ family title default_release default_mirror network keys <<END
$row
END

# The lines of the options' table that are this template's.
my_options() {
	awk -F'|' -v dist="$dist" -v family="$family" '
		/^#/ || NF < 6 { next }
		{
			n = split($1, who, " "); mine = 0
			for (i = 1; i <= n; i++) {
				if (who[i] == "all" || who[i] == dist || who[i] == family) mine = 1
				if (who[i] == "-" dist || who[i] == "-" family) { mine = 0; break }
			}
			if (mine) print
		}' "$here/options"
}
options=$(my_options)

usage() {
	cat <<END
Usage: lxc-create -t $dist -n NAME [-- OPTIONS${operands_help:+ $operands_help}]

A small $title system.

END
	echo "$options" | awk -F'|' -v release="$default_release" -v mirror="$default_mirror" '
		{
			text = $6
			sub(/@release/, release, text)
			sub(/@mirror/, mirror, text)
			left = ($2 ? "-" $2 : "  ") ($2 && $3 ? ", " : "  ") ($3 ? "--" $3 ($4 ? "=" $4 : "") : ($4 ? $4 : ""))
			if (length(left) > 32) { printf "  %s\n", left; left = "" }
			printf "  %-33s %s\n", left, text
		}'
	cat <<END
  -h, --help                        this text

Trees are cached in ${LXC_CACHE_PATH:-/var/cache/lxc}/$dist (LXC_CACHE_PATH).
Root's password is locked: use lxc-attach, or set one with: lxc-attach -n NAME -- passwd
END
}

# option NAME [VALUE]: 1 when it has taken the value.
option() {
	found=$(echo "$options" | awk -F'|' -v o="$1" 'o == "-" $2 || o == "--" $3 { print $5 ($4 ? " takes" : ""); exit }')
	case $found in
	*' takes')
		eval "${found% takes}=\$2"
		return 1
		;;
	esac
	eval "$found=1"
}

# What the first line of the packages' table says that fits.
base_packages() {
	while IFS='|' read -r who what; do
		case $who in
		"$dist "*)
			# shellcheck disable=SC2254 # a pattern
			case $release in
			${who#* }) ;;
			*) continue ;;
			esac
			;;
		"$dist") ;;
		*) continue ;;
		esac
		echo "$what"
		return
	done <"$here/packages"
}

# --- what is wrong with the words of the command, before anything is made -----------------------------------------------

check_file() {
	[ -z "$2" ] || is_file "$2" || die "$1: cannot read '$2'"
}

check_url() {
	case $1 in
	*[[:space:]\'\"\\]*) die "'$1' is no address of a mirror" ;;
	http://* | https://* | file:/* | copy:/* | ftp://*) ;;
	*) die "'$1' is no address of a mirror (http://…)" ;;
	esac
}

check_options() {
	check_file --auth-key "$auth_key"
	check_file --userdata "$userdata"
	check_file --vendordata "$vendordata"
	check_file --keyring "$keyring"
	check_file --config "$pacman_config"
	case $ttys in
	'' | [0-6]) ;;
	*) die "--tty: '$ttys' is no number of terminals (0 to 6)" ;;
	esac
	[ -z "$portage_dir" ] || [ -d "$portage_dir/profiles" ] || die "--portage-dir: '$portage_dir' is no package tree: it has no profiles"
	for a in "$ipv4" "$ipv6" "$gateway" "$gateway6" "$dns"; do
		case $a in
		*[!0-9a-fA-F.:/]*) die "'$a' is no address" ;;
		esac
	done
	if [ -n "$interpreter" ]; then
		[ -x "$interpreter" ] || die "--interpreter-path: '$interpreter' is not a program"
		interpreter=$(realpath -- "$interpreter")
	fi
	[ -z "$keyring" ] || keyring=$(realpath -- "$keyring")
	packages=$(echo "$packages $operands" | tr ',' ' ' | xargs)
	for p in $packages; do
		case $p in
		[!a-zA-Z0-9@]* | *[!a-zA-Z0-9._+:=~@-]*) die "--packages: '$p' is no name of a package" ;;
		esac
	done
	case $fqdn in
	*[!a-zA-Z0-9.-]*) die "--fqdn: '$fqdn' is no name of a host" ;;
	esac
	case $user$bindhome in
	*[!a-z0-9_-]*) die "--user: '$user$bindhome' is no name of an account" ;;
	esac
}

# The host's architecture, or the one that is asked for, in this family's words (arch_names: host-name=name …).
set_arch() {
	[ -n "$arch" ] || arch=$(uname -m)
	for a in $arch_names; do
		if [ "$arch" = "${a%%=*}" ] || [ "$arch" = "${a#*=}" ]; then
			arch=${a#*=}
			return
		fi
	done
	# shellcheck disable=SC2086 # a list
	die "--arch: $title has no '$arch' ($(printf '%s\n' $arch_names | sed 's/.*=//' | sort -u | xargs | sed 's/ /, /g'))"
}

set_release() {
	[ -n "$release" ] || release=$default_release
	case $release in
	*[!a-zA-Z0-9._-]* | '' | .*) die "--release: '$release' is no name of a $title release" ;;
	esac
}

set_mirrors() {
	[ -n "$mirror" ] || mirror=$default_mirror
	mirror=${mirror%/}
	check_url "$mirror"
	[ -z "$repo" ] || check_url "$repo"
}

# A moving name is asked for what it means today.
resolve_release() {
	:
}

in_tree_packages() {
	[ -z "$packages" ] || die "$title: packages cannot be installed here"
}

add_account() {
	:
}

more_config() {
	:
}

write_config() {
	append_config <<-END

	lxc.include = $LXC_TEMPLATE_CONFIG/$common_config
	lxc.uts.name = $name
	lxc.arch = $arch
	END
	more_config | append_config
	if in_userns; then
		echo "lxc.include = $LXC_TEMPLATE_CONFIG/$userns_config" | append_config
	fi
}
common_config=common.conf userns_config=userns.conf operands_help=''

. "$here/family-$family.sh"

# --- the work --------------------------------------------------------------------------------------------------------

short=$(echo "$options" | awk -F'|' '$2 { printf "%s%s", $2, $4 ? ":" : "" }')
long=$(echo "$options" | awk -F'|' '$3 { printf "%s%s%s", n++ ? "," : "", $3, $4 ? ":" : "" }')
parse_options "$short" "$long" "$@"
[ "$debug" = 0 ] || set -x
check_options
set_arch
set_release
set_mirrors
clean_up_at_exit
if [ -n "$patch" ]; then
	[ -d "$patch" ] || die "--patch: '$patch' is not a directory"
	generalize "$(realpath -- "$patch")"
	exit 0
fi
find_cache "$dist"
resolve_release
slot=$release-$arch
open_cache
if [ "$clean" = 1 ]; then
	flock 9
	cache_remove
	say "Removed $tree."
	no_container
fi
check_target
if [ -n "$templatefs" ]; then
	[ -d "$templatefs" ] || die "--templatefs: '$templatefs' is not a directory"
	copy_tree "$(realpath -- "$templatefs")"
	generalize "$rootfs"
else
	provide_tree
	[ "$cache_only" = 0 ] || {
		say "$tree is there."
		no_container
	}
	copy_tree "$tree"
fi
personalize "$rootfs"
if [ -n "$packages" ]; then
	say "Installing $packages."
	in_tree_packages
fi
add_account
write_config
give_to_owner
