# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For tests of containers of images, after lib.sh: a data root of the test's own, and an image `base` of one busybox.
#   base_image [NAME]        made from $T/base
#   dk ARGUMENTS...          creel docker
# At the end of the file every container and network of it goes before lib.sh looks for what is left.
export CREEL_ROOT=$T/data DOCKER_CONFIG=$T/docker-config
dk() { creel docker "$@"; }

base_image() {
	[ -d "$T/base" ] || make_rootfs "$T/base" || return 1
	mkdir -p "$T/base/home"
	chmod 1777 "$T/base/tmp"
	printf 'FROM scratch\nCOPY . /\nENV PATH=/bin:/sbin:/usr/bin\nCMD ["sh"]\n' >"$T/base.Dockerfile"
	dk build -q -t "${1:-base}" -f "$T/base.Dockerfile" "$T/base"
}

docker_end() {
	local all
	all=$(dk ps -aq --no-trunc 2>/dev/null)
	# shellcheck disable=SC2086 # ids
	[ -z "$all" ] || dk rm -f -v $all >/dev/null 2>&1
	dk network prune -f >/dev/null 2>&1
	creel net down >/dev/null 2>&1
	finish
}
trap docker_end EXIT
