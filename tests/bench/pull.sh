#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Pulls of one image by creel, podman and Docker from creel's registry on loopback, in turns:
#
#   LAYOUT=DIR TURNS=5 tests/container/run tests/bench/pull.sh
#
# LAYOUT is an OCI layout of one image (skopeo copy … oci:DIR). MEMORY=1 keeps all stores in memory, so that no disk is measured. Each turn begins with an empty store. Printed are medians: seconds,
# seconds of processor time (of Docker: of its daemons), and the most memory of the process that pulls.
. "${0%/*}/../clients/lib.sh"
need skopeo podman dockerd docker python3
: "${LAYOUT:?an OCI layout}"
turns=${TURNS:-5}
R=127.0.0.1:5050 root=$T/creel
export HOME=$T DOCKER_HOST=unix://$T/docker.sock CREEL_ROOT=$root
mkdir "$T/registry" "$T/podman" "$T/docker" "$root"
for d in "$T/registry" "$T/podman" "$T/docker" "$root"; do
	[ -z "${MEMORY-}" ] || mount -t tmpfs -o mode=0711 tmpfs "$d" || exit 1
done
empty() { find "$1" -mindepth 1 -delete; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/5050") 2>/dev/null; }
daemon "$T/registry.log" creel registry serve --addr $R --root "$T/registry"
wait_for 10 answers && skopeo copy -q --dest-tls-verify=false "oci:$LAYOUT" docker://$R/image:1 || exit 1
daemon "$T/dockerd.log" dockerd --data-root "$T/docker" --exec-root "$T/docker-run" --pidfile "$T/docker.pid" -H "$DOCKER_HOST" \
	--iptables=false --bridge=none
wait_for 30 /usr/bin/docker version || note "no Docker: $(tail -n 1 "$T/dockerd.log")"

# timed NAME COMMAND...: a line "NAME wall cpu kB"
timed() {
	local name=$1
	shift
	/usr/bin/time -o "$T/time" -f "%e %U %S %M" "$@" >/dev/null 2>"$T/.err" || note "$name: $(tail -n 1 "$T/.err")"
	awk -v n="$name" '{print n, $1, $2 + $3, $4}' "$T/time" >>"$T/results"
}
daemons() { # processor time so far of dockerd and containerd, and their largest memory
	local p cpu=0 most=0 n
	for p in $(pgrep -P $$ -x dockerd) $(pgrep -f "$T/docker-run/containerd"); do
		[ -r "/proc/$p/stat" ] || continue
		n=$(awk '{print $14 + $15}' "/proc/$p/stat")
		cpu=$((cpu + n))
		n=$(awk '/^VmHWM/ {print $2}' "/proc/$p/status")
		[ "$n" -le "$most" ] || most=$n
	done
	echo "$cpu" "$most"
}
for ((i = 0; i < turns; i++)); do
	empty "$root"
	timed creel creel pull -q $R/image:1
	empty "$root"
	timed podman podman --root "$T/podman" --runroot "$T/podrun" --storage-driver overlay pull -q --tls-verify=false $R/image:1
	podman --root "$T/podman" --runroot "$T/podrun" --storage-driver overlay rmi -af >/dev/null 2>&1
	read -r before _ <<<"$(daemons)"
	timed docker /usr/bin/docker pull -q $R/image:1
	read -r after most <<<"$(daemons)"
	sed -i "\$s/.*/$(tail -n 1 "$T/results" | awk -v c=$((after - before)) -v m="$most" '{print $1, $2, c / 100, m}')/" "$T/results"
	/usr/bin/docker rmi -f $R/image:1 >/dev/null
done
python3 - "$T/results" <<'P'
import statistics
import sys

rows = [line.split() for line in open(sys.argv[1])]
print(f"# {'':8} {'seconds':>8} {'cpu':>8} {'memory kB':>10}")
for name in ("creel", "podman", "docker"):
    mine = [[float(x) for x in r[1:]] for r in rows if r[0] == name]
    if mine:
        print(f"# {name:8} " + "{:8.2f} {:8.2f} {:10.0f}".format(*(statistics.median(c) for c in zip(*mine))))
P
ok "$turns turns"
for d in "$T/registry" "$T/podman" "$T/docker" "$root"; do
	[ -z "${MEMORY-}" ] || umount -l "$d"
done
