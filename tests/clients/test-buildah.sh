#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# buildah on the runtime under test: an image from nothing, commands in it, the result run by podman.
. "${0%/*}/lib.sh"
need buildah

make_tree "$T/tree" || exit 1
rm -f /etc/cni/net.d/*
cat >/etc/containers/containers.conf <<EOC
[engine]
cgroup_manager = "cgroupfs"
[network]
network_backend = "netavark"
[containers]
default_ulimits = ["nofile=1000:1000", "nproc=500:500"]
EOC
BA=(buildah --root "$T/store" --runroot "$T/store-run" --storage-driver vfs)
RUN=(run --runtime "$BIN/runc" --isolation oci)
ba() { "${BA[@]}" "$@"; }
clean() { ba rm -a; }

run_in() { ba "${RUN[@]}" "$@"; }

check "from scratch" ba from --name new --cgroup-parent "$CGROUP" scratch
check "copy of a tree" ba copy -q new "$T/tree" /
check "config" ba config --env PATH=/bin:/sbin --env K=v --workingdir /home --cmd 'cat /made' new
works buildah run_in new -- true
gives "run" "0 /home v" run_in new -- sh -c 'echo $(id -u) $PWD $K'
exits "run: the exit status" 5 run_in new -- sh -c 'exit 5'
fails "run: no such command" run_in new -- nonesuch
is "run: standard input" "$(echo typed | run_in new -- cat)" typed
out=$(on_pty expect='# ' send='tty; stty size; echo $((6 * 7))\r' expect=42 send='exit 3\r' -- "${BA[@]}" "${RUN[@]}" -t new -- sh)
like "run -t is on a terminal" "$out" '/dev/(pts/0|console)'
unlike "which ends by itself" "$out" 'in vain'
gives "run: user, host name, environment" "5:6 here w" run_in --user 5:6 --hostname here --env K=w new -- \
	sh -c 'echo $(id -u):$(id -g) $(hostname) $K'
gives "run: a network of its own" eth0 run_in new -- sh -c 'ip -o link show eth0 | cut -d" " -f2 | cut -d@ -f1'
gives "run: none" lo run_in --network none new -- sh -c 'ip -o link show | cut -d" " -f2 | tr -d :'
mkdir "$T/volume" && echo outside >"$T/volume/file"
gives "run: volumes and other mounts" "outside tmpfs" run_in -v "$T/volume:/v:ro" --mount type=tmpfs,dst=/t new -- \
	sh -c 'echo $(cat /v/file) $(stat -f -c %T /t)'
like "run: capabilities" "$(run_in --cap-drop CAP_CHOWN new -- grep CapBnd /proc/self/status)" '[1-9a-f][02468ace]$'
check "run: a change" run_in new -- sh -c 'echo made inside >/made'
check "commit" ba commit -q new localhost/built
like "images" "$(ba images --format '{{.Name}}:{{.Tag}}')" '^localhost/built:latest'
printf 'FROM localhost/built\nRUN echo by build >>/made && test "$(id -u)" = 0\nENV L=w\nRUN test "$L" = w\nUSER 7\nRUN test "$(id -u)" = 7\n' \
	>"$T/Containerfile"
check "build, with RUN" ba build --runtime "$BIN/runc" --isolation oci --cgroup-parent "$CGROUP" --network none -q \
	-f "$T/Containerfile" -t localhost/again "$T/volume"
printf 'FROM localhost/built\nRUN false\n' >"$T/Containerfile"
fails "build: a RUN that fails" ba build --runtime "$BIN/runc" --isolation oci --cgroup-parent "$CGROUP" --network none -q \
	-f "$T/Containerfile" "$T/volume"
if command -v podman >/dev/null && command -v conmon >/dev/null; then
	for image in built again; do
		[ $image = built ] && wanted="made inside" || wanted=$'made inside\nby build'
		gives "podman runs what was ${image/again/built from that}" "$wanted" podman --root "$T/store" --runroot "$T/store-run" --storage-driver vfs \
			--tmpdir "$T/podman-tmp" --runtime "$BIN/runc" run --rm --network none --cgroup-parent "$CGROUP" localhost/$image cat /made
	done
else
	skip "podman runs what was built" "no podman on this machine"
fi
check "rm" ba rm new
is "nothing is listed" "$(ba containers -q)" ""
is "nor by the runtime" "$("$BIN/runc" list -q 2>/dev/null)" ""
