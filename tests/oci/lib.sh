# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For tests of creel-oci: as tests/container/lib.sh, which it reads, with a maker of bundles. Started by
# tests/container/run. Containers are made in $ROOT, which the runtime uses by default here.
. "${BASH_SOURCE[0]%/*}/../container/lib.sh"
for tool in jq creel-oci; do
	command -v $tool >/dev/null || {
		trap - EXIT
		echo "1..0 # SKIP no $tool"
		exit 77
	}
done

# make_bundle DIR [JQ-FILTER…]: a root file system of one static busybox, and the example's config.json without a terminal,
# changed by the filters.
make_bundle() {
	local dir=$1 filter='.process.terminal = false'
	shift
	mkdir -p "$dir"
	[ -d "$dir/rootfs" ] || make_rootfs "$dir/rootfs" || return 1
	rm -f "$dir/config.json"
	creel-oci spec -b "$dir" || return 1
	for f in "$@"; do filter="$filter | $f"; done
	set_config "$dir" "$filter"
}
# set_config DIR JQ-FILTER
set_config() { jq "$2" "$1/config.json" >"$1/config.new" && mv "$1/config.new" "$1/config.json"; }
# args WORD…: a filter that makes these the container's command.
args() { printf '.process.args = %s' "$(jq -cn '$ARGS.positional' --args -- "$@")"; }

# The log lines' messages, without the stamp.
oci() { creel-oci "$@" </dev/null; }
# quiet COMMAND…: what is left of a detached container must not keep our pipes.
quiet() { "$@" </dev/null >"$T/.quiet" 2>&1; }
status_of() { creel-oci ${2:+--root "$2"} state "$1" 2>/dev/null | jq -r .status; }
is_status() { [ "$(status_of "$1" "${2-}")" = "$3" ]; }
# code_of COMMAND…: its exit status; what it printed is in $T/.out.
code_of() {
	"$@" >"$T/.out" 2>&1 </dev/null
	echo $?
}
# What failed must leave nothing: no state, no group, no lock.
left_of() {
	ls -d /run/creel/"$1"* /run/creel/locks/"$1"* 2>/dev/null
	find /sys/fs/cgroup -maxdepth 4 -type d -name "*$1*" 2>/dev/null
}
