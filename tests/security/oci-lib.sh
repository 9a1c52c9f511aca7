# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For tests of the OCI runtime that build their bundles by hand. RUNTIME is what is tested: creel-oci of PATH, or any other
# with that command line, to see whether a test is right (RUNTIME=/usr/sbin/runc).
#
#   rt VERB…             the runtime, on a root folder of this file's own
#   bundle NAME [CODE]   a bundle in $T/NAME, config.json changed by python CODE on c
#   gives, exits …       see below
. "${BASH_SOURCE[0]%/*}/../container/lib.sh"

LIB=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
RUNTIME=${RUNTIME:-$(command -v creel-oci || true)}
ROOT=$T/root
oci_bundles=()

# What is killed at the end: whatever this file's root folder names.
oci_end() {
	local status=$? id
	for id in $(rt list -q 2>/dev/null); do rt delete -f "$id" >/dev/null 2>&1; done
	[ -z "${AGENT-}" ] || kill "$AGENT" 2>/dev/null
	for id in "${oci_bundles[@]}"; do umount -l "$id/rootfs" 2>/dev/null; done
	(exit "$status")
	finish
}
if [ -z "$RUNTIME" ]; then
	trap - EXIT
	echo "1..0 # SKIP no creel-oci on PATH: build and stage first (tools/check build)"
	exit 77
fi
trap oci_end EXIT

rt() { timeout -k 2 20 "$RUNTIME" --root "$ROOT" "$@" </dev/null; }

make_rootfs "$T/tree" || exit 1

# bundle NAME [CODE]: sh is what it runs, with few capabilities and no terminal. The tree is a copy of its own.
bundle() {
	local dir=$T/$1
	rm -rf --one-file-system "$dir"
	mkdir -p "$dir" && cp -a "$T/tree" "$dir/rootfs" || return 1
	BUNDLE_CGROUP=/$CT-$1 python3 - "$dir/config.json" "${2-}" <<'EOF'
import json, os, sys

path, code = sys.argv[1:]
masked = ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi", "/sys/devices/virtual/powercap"]
caps = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]


def mount(target, kind, options, source=None):
    return {"destination": target, "type": kind, "source": source or kind, "options": options}


c = {
    "ociVersion": "1.0.2",
    "process": {
        "args": ["/bin/sh"], "cwd": "/", "env": ["PATH=/bin:/sbin:/usr/bin"], "user": {"uid": 0, "gid": 0},
        "capabilities": {n: list(caps) for n in ("bounding", "effective", "permitted")},
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs", "readonly": False},
    "hostname": "attacked",
    "mounts": [
        mount("/proc", "proc", []),
        mount("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        mount("/dev/pts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
        mount("/dev/shm", "tmpfs", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"], "shm"),
        mount("/sys", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    ],
    "linux": {
        "cgroupsPath": os.environ["BUNDLE_CGROUP"],
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "namespaces": [{"type": n} for n in ("pid", "network", "ipc", "uts", "mount")],
        "maskedPaths": masked,
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
}


def sh(text):
    c["process"]["args"] = ["/bin/sh", "-c", text]


exec(code)
with open(path, "w") as f:
    json.dump(c, f)
EOF
}

# run_in NAME CODE SHELL-TEXT: the output of SHELL-TEXT in a container of such a bundle, and its status.
run_in() {
	TEXT=$3 bundle "$1" "$2"$'\n'"sh(os.environ['TEXT'])" || return 99
	rt run --bundle "$T/$1" "$CT-$1" 2>&1
	local r=$?
	rt delete -f "$CT-$1" >/dev/null 2>&1
	return $r
}
# created NAME: whether the container is there at all.
there() { rt state "$CT-$1" >/dev/null 2>&1; }

# probe DIR: the program of oci-probe.c, into a tree. The virtual machine has no compiler: there it comes ready made.
probe() {
	[ -e "$T/probe" ] || [ ! -e "$LIB/oci-probe" ] || cp "$LIB/oci-probe" "$T/probe"
	[ -e "$T/probe" ] || cc -static -O1 -o "$T/probe" "$LIB/oci-probe.c" 2>"$T/.cc" || return 1
	cp "$T/probe" "$1/bin/probe"
}
