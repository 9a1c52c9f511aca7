# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# Images: an archive of a root file system, and the metadata that LXC's image servers put beside it (config, config-user,
# fstab, create-message, templates, expiry, excludes-user). Sourced, never run. $meta is the folder of the metadata.

meta='' mode=system
! in_userns || mode=user
compat=7

# unpack_metadata FILE DIR: what is no plain file could point the reads below at the host's own, and is left out.
unpack_metadata() {
	unpack "$1" "$2" --files-only
}

# meta_file NAME: of the variants of a metadata file (NAME-MODE, NAME.LEVEL) the one that is meant for here: $found.
meta_file() {
	found=$meta/$1
	[ ! -e "$found-$mode" ] || found=$found-$mode
	[ ! -e "$found.$compat" ] || found=$found.$compat
	[ -s "$found" ]
}

# expand FILE: the words that metadata may use for what is only known here.
expand() {
	sed -e "s|LXC_CONTAINER_NAME|$name|g" -e "s|LXC_NAME|$name|g" -e "s|LXC_PATH|$path|g" -e "s|LXC_ROOTFS|$rootfs|g" \
		-e "s|LXC_TEMPLATE_CONFIG|$LXC_TEMPLATE_CONFIG|g" -e "s|LXC_HOOK_DIR|$LXC_HOOK_DIR|g" \
		"$1"
}

# unpack_root FILE: into $rootfs, less what the metadata excludes. On failure $why.
unpack_root() {
	set -- "$1" "$rootfs"
	if in_userns; then
		set -- "$@" --no-devices
	fi
	if [ "${no_dev:-0}" = 1 ]; then
		set -- "$@" --exclude='dev/*'
	fi
	if meta_file excludes; then
		while read -r pattern; do
			pattern=${pattern#./}
			[ -z "$pattern" ] || set -- "$@" "--exclude=${pattern#/}"
		done <"$found"
	fi
	unpack "$@" || return 1
	t=$rootfs
	for d in dev/pts proc sys; do
		inside "/$d"
		mkdir -p -- "$real"
	done
}

apply_metadata() {
	t=$rootfs
	# The image's words come first, so that those of this host and this container win.
	if meta_file config; then
		expand "$found" | append_config
	fi
	if meta_file fstab; then
		expand "$found" >"$path/fstab"
		echo "lxc.mount.fstab = $path/fstab" | append_config
	fi
	# Files of the image that name the container.
	if meta_file templates; then
		make_work
		while read -r file; do
			inside "/$file"
			[ -f "$real" ] || continue
			expand "$real" >"$work/expanded"
			cat "$work/expanded" >"$real"
		done <"$found"
	fi
	grep -Eqs '^lxc\.uts\.name' "$path/config" || echo "lxc.uts.name = $name" | append_config
}

create_message() {
	! meta_file create-message || expand "$found"
}
