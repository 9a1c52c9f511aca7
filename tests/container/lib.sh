# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For container tests: tests/container/test-NAME.sh, bash, started by tests/container/run, printing TAP through this file.
#
#   # runs: root user vm      where it makes sense: as root, as an ordinary user, in the virtual machine
#   . "${0%/*}/lib.sh"
#
# Set for the test: CT, a prefix that every container name begins with; LXCPATH, a scratch lxcpath that the commands use
# by default; T, a scratch folder. At the end of the file every container is stopped, and anything left behind (mounts,
# links, nft tables, cgroups, processes, run directories) is a failed test.
set -u
: "${CT:?run it by tests/container/run}" "${LXCPATH:?}" "${T:?}"
. "${BASH_SOURCE[0]%/*}/../../tools/lib/residue.sh"
n_tests=0 n_failed=0

ok() { n_tests=$((n_tests + 1)) && echo "ok $n_tests - $*"; }
nok() { n_tests=$((n_tests + 1)) && n_failed=$((n_failed + 1)) && echo "not ok $n_tests - $*"; }
skip() { n_tests=$((n_tests + 1)) && echo "ok $n_tests - $1 # SKIP ${2:?why}"; }
note() { printf '%s\n' "$*" | sed 's/^/# /'; }

# check WHAT COMMAND…: it succeeds. Its output is shown when it does not.
check() {
	local what=$1 r
	shift
	"$@" >"$T/.out" 2>&1 </dev/null
	r=$?
	if [ $r = 0 ]; then
		ok "$what"
	else
		note "$* = $r"
		note "$(tail -n 20 "$T/.out")"
		nok "$what"
	fi
}
# refuse WHAT COMMAND…: it fails, in an orderly way (no signal, no time-out), and says one line why.
refuse() {
	local what=$1 r
	shift
	"$@" >"$T/.out" 2>&1 </dev/null
	r=$?
	if [ $r -gt 0 ] && [ $r -lt 124 ]; then
		ok "$what"
	else
		note "$* = $r"
		note "$(tail -n 20 "$T/.out")"
		nok "$what"
	fi
}
# is WHAT GOT WANTED; like WHAT GOT EXTENDED-REGEX
is() { if [ "$2" = "$3" ]; then ok "$1"; else note "got '$2', wanted '$3'" && nok "$1"; fi; }
like() { if grep -Eq -- "$3" <<<"$2"; then ok "$1"; else note "got '$2', wanted /$3/" && nok "$1"; fi; }
# unlike WHAT GOT EXTENDED-REGEX
unlike() { if ! grep -Eq -- "$3" <<<"$2"; then ok "$1"; else note "got '$2', unwanted /$3/" && nok "$1"; fi; }
# wait_for SECONDS COMMAND…: polls until it succeeds. An emulated machine gets five times as long.
wait_for() {
	local end=$((SECONDS + $1 * (${CREEL_IN_VM:+4} + 1)))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
is_root() { [ "$(id -u)" = 0 ]; }

# make_rootfs DIR: a root file system of one static busybox; its init reaps, and stops on SIGPWR as system containers do.
make_rootfs() {
	local root=$1 busybox
	busybox=$(command -v busybox) || return 1
	mkdir -p "$root"/{bin,sbin,usr/bin,etc,dev,proc,sys,tmp,root,run,var,mnt} || return 1
	cp "$busybox" "$root/bin/busybox"
	# One process for all of them: a process each takes minutes in an emulated machine.
	"$root/bin/busybox" --install "$root/bin" && rm -f "$root/bin/init" || return 1
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	cat >"$root/sbin/init" <<'EOF'
#!/bin/sh
trap 'exit 0' PWR TERM
trap 'exit 42' INT
echo up >/run/up 2>/dev/null
while :; do sleep 3600 & wait $!; done
EOF
	chmod 755 "$root/sbin/init"
	chmod 755 "$root"
}

# make_container NAME: the folder, the root file system and the configuration; more of it comes on standard input.
make_container() {
	local name=$1 dir=$LXCPATH/$1
	mkdir -p "$dir" && make_rootfs "$dir/rootfs" || return 1
	{
		echo "lxc.uts.name = $name"
		echo "lxc.rootfs.path = dir:$dir/rootfs"
		[ -t 0 ] || cat
		own_ids
	} >"$dir/config"
	if ! is_root; then
		chmod 755 "$T" "$LXCPATH" "$dir"
		own_by_container "$dir/rootfs"
	fi
}
# The id maps of an ordinary user's container, as lines of its configuration.
own_ids() {
	is_root || printf 'lxc.idmap = %s\n' "u 0 $(sub_start /etc/subuid) 65536" "g 0 $(sub_start /etc/subgid) 65536"
}
sub_start() { awk -F: -v u="$(id -un)" '$1 == u {print $2; exit}' "$1"; }
# The tree belongs to the container's root (the first delegated id), as an ordinary user may: by way of newuidmap.
own_by_container() { unshare -U --map-auto --map-root-user chown -R 1:1 "$1"; }
# as_files COMMAND…: by whom the files of any container can be written: what goes on in its root from outside.
as_files() { if is_root; then "$@"; else unshare -U --map-auto --map-root-user "$@"; fi; }

# in_ct NAME COMMAND…: runs it inside.
in_ct() {
	local name=$1
	shift
	lxc-attach -P "$LXCPATH" -n "$name" -- "$@" </dev/null
}
state_of() { lxc-info -P "$LXCPATH" -n "$1" -sH 2>/dev/null; }
start_ct() { lxc-start -P "$LXCPATH" -n "$1" -d "${@:2}" </dev/null; }
kill_ct() { lxc-stop -P "$LXCPATH" -n "$1" -k </dev/null >/dev/null 2>&1; }

# --- the end of every file -------------------------------------------------------------------------------------------

# Only what this file can have made: cgroups by its prefix, the rest by the private name spaces that the runner gave it.
residue_snapshot() {
	machine_snapshot | grep -v -e '^state ' -e '^run .*/locks' | if [ -n "${CREEL_IN_VM-}" ]; then cat; else
		grep -e '^mount ' -e '^link ' -e '^nft ' -e '^run ' -e "^cgroup .*$CT" -e "^process .*$CT"
	fi
}
finish() {
	local status=$? d
	trap - EXIT
	for d in "$LXCPATH"/*/; do
		[ -d "$d" ] && d=${d%/} && kill_ct "${d##*/}"
	done
	residue_snapshot >"$T/.after"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		cmp -s "$T/.before" "$T/.after" && break
		sleep 0.3
		residue_snapshot >"$T/.after"
	done
	# A stopped container keeps its exit status in the run directory until it is destroyed: that is by design.
	if diff <(grep -v '^run ' "$T/.before") <(grep -v '^run ' "$T/.after") >"$T/.diff"; then
		ok "nothing is left behind"
	else
		note "$(cat "$T/.diff")"
		nok "nothing is left behind"
	fi
	[ "$status" = 0 ] || nok "the test file ended early, with $status"
	echo "1..$n_tests"
	[ $n_failed = 0 ] || exit 1
	exit 0
}
if ! command -v lxc-start >/dev/null; then
	echo "1..0 # SKIP no lxc-start on PATH: build and stage first (tools/check build)"
	exit 77
fi
residue_snapshot >"$T/.before"
trap finish EXIT
