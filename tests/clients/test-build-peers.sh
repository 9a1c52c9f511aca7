#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Images between creel build and the other builders: skopeo, podman and buildah read what creel built, in every form; an image that
# buildah built is run and built upon here.
. "${0%/*}/lib.sh"
need buildah skopeo
data=/var/lib/creel
mkdir -p $data && mount -t tmpfs -o mode=0711 tmpfs $data
trap 'creel net down >/dev/null 2>&1; umount $data; at_end' EXIT
make_tree "$T/tree" || exit 1
mkdir -p /etc/containers "$T/c" && cd "$T/c" || exit 1
[ -e /etc/containers/policy.json ] || echo '{"default":[{"type":"insecureAcceptAnything"}]}' >/etc/containers/policy.json
rm -f /etc/cni/net.d/*
cat >/etc/containers/containers.conf <<EOC
[engine]
cgroup_manager = "cgroupfs"
[containers]
default_ulimits = ["nofile=1000:1000", "nproc=500:500"]
EOC
clean() { ba rm -a; }
ba() { buildah --root "$T/store" --runroot "$T/store-run" --storage-driver vfs "$@"; }

cp -r "$T/tree" tree
cat >Dockerfile <<'D'
FROM scratch
COPY tree /
ENV PATH=/bin:/sbin:/usr/bin WHO=creel
RUN echo "built by $WHO" >/made && chown 7:8 /made && ln /made /hard && ln -s made /soft && rm -rf /mnt
LABEL of=creel
USER 7
WORKDIR /home
CMD ["cat", "/made"]
D
check "an image is built, as archives of both kinds" creel build -q -t peers/ours:1 -o type=docker,dest="$T/docker.tar" \
	-o type=oci,dest="$T/oci.tar" .
config=$(skopeo inspect --config "oci-archive:$T/oci.tar" 2>&1)
like "skopeo reads the OCI archive" "$config" '"WHO=creel"'
like "and its name" "$(skopeo inspect "docker-archive:$T/docker.tar:docker.io/peers/ours:1" 2>&1)" '"of": "creel"'
mkdir "$T/layout" && tar -xf "$T/oci.tar" -C "$T/layout"
check "the layout in it is one" skopeo copy -q "oci:$T/layout:1" "dir:$T/copied"
check "buildah pulls it" ba pull -q "oci-archive:$T/oci.tar"
id=$(ba images -q | head -n 1)
works buildah ba from --name ours --cgroup-parent "$CGROUP" "$id"
gives "buildah runs in it" "built by creel
7:8 2" ba run --runtime "$BIN/runc" --isolation oci --network none ours -- sh -c 'cat /soft; stat -c "%u:%g %h" /hard; [ ! -e /mnt ]'
ba rm ours >/dev/null
if command -v podman >/dev/null && command -v conmon >/dev/null; then
	pod() { podman --root "$T/store" --runroot "$T/store-run" --storage-driver vfs --tmpdir "$T/podman-tmp" --runtime "$BIN/runc" "$@"; }
	check "podman loads the other" pod load -q -i "$T/docker.tar"
	gives "and runs it" "built by creel" pod run --rm --network none --cgroup-parent "$CGROUP" docker.io/peers/ours:1
else
	skip "podman loads and runs it" "no podman on this machine"
fi

printf 'FROM scratch\nCOPY tree /\nENV PATH=/bin:/sbin:/usr/bin\nRUN echo built by buildah >/made && chmod 1777 /tmp\nUSER 7\nONBUILD RUN echo triggered >/tmp/t\nCMD ["cat", "/made"]\n' >Containerfile
check "buildah builds" ba build --isolation chroot --network host --format docker -q \
	-t localhost/theirs:1 -f Containerfile .
for kind in docker oci; do
	check "its $kind archive" ba push -q localhost/theirs:1 "$kind-archive:$T/theirs.$kind.tar:localhost/theirs:$kind"
	check "is loaded here" creel load -q -i "$T/theirs.$kind.tar"
	gives "and run" "built by buildah" creel run --rm --network none localhost/theirs:$kind
done
printf 'FROM localhost/theirs:docker\nRUN cat /tmp/t >/tmp/u && id -u >>/tmp/u\nCMD ["cat", "/tmp/u"]\n' >upon
check "an image is built upon it" creel build -q -t upon -f upon .
gives "its triggers and its user count" "triggered
7" creel run --rm --network none upon
