# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For tests of the real clients of an OCI runtime: tests/clients/test-NAME.sh, bash, started by tests/container/run, which
# gives them mount, net and pid name spaces of their own, so that what a client leaves goes away with them.
#
#   . "${0%/*}/lib.sh"
#   need PROGRAM...         skips the file, with the reason, when the machine has not got them
#
# RUNTIME is the runtime under test: creel-oci of PATH, or any other that takes the same command line, to see whether a
# test is right (RUNTIME=/usr/sbin/runc). Clients find it as $BIN/runc, since some of them know runtimes by name, and as
# $BIN/creel-oci. Writing to /run, /etc and /var is harmless: they are scratch layers. Control groups are made
# under one whose name begins with $CT ($CGROUP), and it must be gone at the end.
. "${BASH_SOURCE[0]%/*}/../container/lib.sh"

HERE=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
RUNTIME=${RUNTIME:-$(command -v creel-oci || true)}
BIN=$T/bin
CGROUP=/$CT-clients
ARCH=$(dpkg --print-architecture 2>/dev/null || echo amd64)
client_pids=() client_groups=(conmon)

skip_file() {
	trap - EXIT
	stop_clients
	sweep
	echo "1..0 # SKIP $*"
	exit 77
}
need() {
	local p
	for p; do
		command -v "$p" >/dev/null || skip_file "no $p on this machine"
	done
}

# names RUNTIME: what clients have it under.
names() { ln -sfn "$1" "$BIN/runc" && ln -sfn "$1" "$BIN/creel-oci"; }
# works CLIENT COMMAND...: a client that fails in the same way with the distribution's runtime cannot be tried here.
works() {
	local client=$1 stock
	shift
	"$@" >"$T/.out" 2>&1 </dev/null && return
	stock=$(command -v runc || echo /usr/sbin/runc)
	[ -x "$stock" ] || return 1
	names "$stock"
	"$@" >"$T/.out" 2>&1 </dev/null || skip_file "$client does not work here, with runc neither: $(tail -n 1 "$T/.out")"
	names "$RUNTIME"
}

# all_caps: whether root has every capability that the kernel knows, as on most machines.
all_caps() {
	local n set
	n=$(cat /proc/sys/kernel/cap_last_cap) set=$(awk '/^CapBnd/ {print $2}' /proc/self/status)
	[ $((0x$set)) = $(((1 << (n + 1)) - 1)) ]
}

# make_tree DIR: a root file system of one static busybox, for an image.
make_tree() {
	make_rootfs "$1" || return 1
	rm -f "$1/sbin/init"
	mkdir -p "$1/home"
	chmod 1777 "$1/tmp"
}

# make_image ROOT FILE NAME [COMMAND]: an OCI archive of one layer, by hand; NAME as clients show it, COMMAND in JSON.
make_image() {
	local dir=$T/oci-image config layer manifest
	rm -rf "$dir"
	mkdir -p "$dir/blobs/sha256" || return 1
	blob() { # FILE: adds it and gives "sha256:…" and its size
		local sum
		sum=$(sha256sum <"$1") && sum=${sum%% *} && mv "$1" "$dir/blobs/sha256/$sum" &&
			echo "sha256:$sum $(stat -c %s "$dir/blobs/sha256/$sum")"
	}
	tar -C "$1" --numeric-owner --owner=0 --group=0 --sort=name -cf "$T/layer" . && layer=$(blob "$T/layer") || return 1
	printf '{"architecture":"%s","os":"linux","config":{"Env":["PATH=/bin:/sbin:/usr/bin","FROM=image"],"Cmd":%s},
"rootfs":{"type":"layers","diff_ids":["%s"]}}' "$ARCH" "${4:-[\"sh\"]}" "${layer% *}" >"$T/config.json" && config=$(blob "$T/config.json")
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%s},
"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"%s","size":%s}]}' \
		"${config% *}" "${config#* }" "${layer% *}" "${layer#* }" >"$T/manifest.json" && manifest=$(blob "$T/manifest.json")
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%s,
"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}]}' \
		"${manifest% *}" "${manifest#* }" "$3" "${3##*:}" >"$dir/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
	tar -C "$dir" -cf "$2" . && rm -rf "$dir"
}

# on_pty STEP... -- COMMAND...: the command on a terminal, talked to.
on_pty() { "$HERE/../container/pty-talk.py" -t 20 "$@" 2>&1 | tr -d '\r'; }

# gives WHAT WANTED COMMAND...: it succeeds and prints exactly that.
gives() {
	local what=$1 wanted=$2 r got
	shift 2
	got=$("$@" 2>"$T/.err" </dev/null)
	r=$?
	if [ $r = 0 ] && [ "$got" = "$wanted" ]; then
		ok "$what"
	else
		note "$* = $r"
		note "got '$got', wanted '$wanted'"
		note "$(tail -n 12 "$T/.err")"
		nok "$what"
	fi
}
# exits WHAT STATUS COMMAND...
exits() {
	local what=$1 wanted=$2 r
	shift 2
	"$@" >"$T/.out" 2>&1 </dev/null
	r=$?
	if [ $r = "$wanted" ]; then
		ok "$what"
	else
		note "$* = $r, wanted $wanted"
		note "$(tail -n 12 "$T/.out")"
		nok "$what"
	fi
}

# fails WHAT COMMAND...: with whatever status; it is a client's own.
fails() {
	local what=$1
	shift
	if "$@" >"$T/.out" 2>&1 </dev/null; then
		note "$* succeeded"
		note "$(tail -n 5 "$T/.out")"
		nok "$what"
	else
		ok "$what"
	fi
}

# daemon LOG COMMAND...: in the background until the end of the file.
daemon() {
	local log=$1
	shift
	"$@" >"$log" 2>&1 </dev/null &
	client_pids+=($!)
}

# --- the end of every file: what the client had is removed by the test; what is still there is a failure -----------------

residue_snapshot() {
	# Of mounts, those where clients make them: others may go meanwhile. Removed containers leave nothing in /run/creel.
	machine_snapshot | grep -e "^mount $T/" -e '^mount /\(run\|sys\|dev\|proc\|etc\|var\)\b' -e '^run ' -e '^process .*creel' |
		sed 's/^run /record /'
	find /sys/fs/cgroup -mindepth 1 -type d -path "*$CT*" 2>/dev/null | sed 's/^/cgroup /' | sort
	# Containers that outlive their removal.
	for p in /proc/[0-9]*; do
		tr '\0' ' ' <"$p/environ" 2>/dev/null | grep -q "CLIENT_MARK=$CT" && echo "process ${p#/proc/} $(tr '\0' ' ' <"$p/cmdline")"
	done
}
# The file's own end (a function clean, when it has one), then its daemons; what is left after that is reported, and removed.
stop_clients() {
	local p
	! declare -F clean >/dev/null || clean >/dev/null 2>&1 </dev/null
	for p in "${client_pids[@]}"; do kill "$p" 2>/dev/null; done
	for p in "${client_pids[@]}"; do
		wait_for 10 eval "! kill -0 $p" || kill -9 "$p"
		wait "$p"
	done 2>/dev/null
	# Not the runtime's to remove: the group around all containers, and what a client makes itself. What else is in there is.
	for p in "${client_groups[@]}" ''; do
		find /sys/fs/cgroup -depth -type d -path "*$CGROUP${p:+/}$p" -exec rmdir {} \; 2>/dev/null
	done
}
sweep() {
	local d
	for d in /sys/fs/cgroup{,/*}/"$CGROUP"; do
		[ -d "$d" ] || continue
		find "$d" -name cgroup.procs -exec cat {} + | sort -u | xargs -r kill -9 2>/dev/null
		wait_for 5 eval "find $d -depth -type d -exec rmdir {} \; ; ! [ -d $d ]"
	done 2>/dev/null
	awk -v t="$T/" 'index($5, t) == 1 {print $5}' /proc/self/mountinfo | tac | xargs -r umount -l 2>/dev/null
}
at_end() {
	local status=$?
	stop_clients
	(exit "$status")
	(finish)
	status=$?
	sweep
	exit "$status"
}

[ -n "$RUNTIME" ] || skip_file "no creel-oci on PATH: build and stage first (tools/check build)"
cd "$T" || exit 1 # conmon drops files where it stands
mkdir -p "$BIN"
names "$RUNTIME"
export HOME=$T/home XDG_RUNTIME_DIR=$T/xdg
unset XDG_CONFIG_HOME XDG_DATA_HOME DBUS_SESSION_BUS_ADDRESS
mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
# Whatever a client writes outside its folders lands in a layer of ours. An ordinary user writes nowhere else.
scratch_layers() {
	local n
	mount -t tmpfs -o mode=0755 tmpfs /run || exit 1
	mkdir -p /run/creel /run/lock /run/netns && mount --bind /run/netns /run/netns
	for n in etc var; do
		mkdir -p "$T/layers/$n" "$T/layers/$n.work"
		if ! mount -t overlay -o "lowerdir=/$n,upperdir=$T/layers/$n,workdir=$T/layers/$n.work" overlay "/$n"; then
			skip_file "no overlay file systems here"
		fi
	done
}
# Folders in /sys/fs/cgroup where no hierarchy is mounted: clients take each for one.
only_hierarchies() {
	local d stray=
	[ "$(stat -f -c %T /sys/fs/cgroup)" = tmpfs ] || return 0
	for d in /sys/fs/cgroup/*/; do [ -L "${d%/}" ] || mountpoint -q "$d" || stray=1; done
	[ -n "$stray" ] || return 0
	mkdir "$T/groups" && mount --make-rprivate /sys/fs/cgroup && mount --rbind /sys/fs/cgroup "$T/groups" &&
		umount -lR /sys/fs/cgroup && mount -t tmpfs -o mode=0755 tmpfs /sys/fs/cgroup || exit 1
	for d in "$T"/groups/*; do
		if [ -L "$d" ]; then cp -d "$d" /sys/fs/cgroup/; fi
		mountpoint -q "$d" && mkdir "/sys/fs/cgroup/${d##*/}" && mount --bind "$d" "/sys/fs/cgroup/${d##*/}"
	done
	umount -lR "$T/groups"
	mount --make-rshared /sys/fs/cgroup
}
if is_root; then
	scratch_layers
	only_hierarchies
fi
residue_snapshot >"$T/.before"
trap at_end EXIT
