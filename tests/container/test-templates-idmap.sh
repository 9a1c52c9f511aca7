#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root user
# Templates for containers whose ids are mapped, root's and an ordinary user's: archives, images of a server, OCI images. A
# device that an archive has cannot be made there, and need not be.
. "${0%/*}/lib.sh"

uid=700000
is_root || uid=$(sub_start /etc/subuid)
chmod 755 "$T"
is_root || chmod 711 "$HOME"
export LXC_CACHE_PATH=$T/cache TMPDIR=$T/tmp no_proxy='*'
unset http_proxy https_proxy
mkdir -p "$TMPDIR" "$T/www/meta/1.0" "$T/www/i" "$T/tree"/{bin,dev,etc,proc,sys,tmp}
printf '%s\n' "lxc.idmap = u 0 $uid 65536" "lxc.idmap = g 0 $uid 65536" "lxc.net.0.type = empty" >"$T/conf"
cp "$(command -v busybox)" "$T/tree/bin/busybox"
for a in sh cat stat; do ln -s busybox "$T/tree/bin/$a"; done
echo tiny >"$T/tree/etc/tiny"
ln -s "$T/outside" "$T/tree/etc/trap"
echo safe >"$T/outside" && chmod 666 "$T/outside"
# With a device and an owner that only root could make; tar's own options say so.
tar -C "$T/tree" --owner=0 --group=0 -cf "$T/tree.tar" .
if is_root; then
	mknod "$T/null" c 1 3 && tar -C "$T" --transform='s,^null,dev/null,' -rf "$T/tree.tar" null
	: >"$T/mail" && chown 8:12 "$T/mail" && tar -C "$T" --transform='s,^mail,etc/mail,' -rf "$T/tree.tar" mail
else
	: >"$T/mail" && tar -C "$T" --owner=8 --group=12 --transform='s,^mail,etc/mail,' -rf "$T/tree.tar" mail
fi
xz -k "$T/tree.tar"

# made NAME: it runs, its files are those of its users, and it goes.
made() {
	is "$1: runs, and owns what it should" \
		"$(lxc-execute -P "$LXCPATH" -n "$CT-$1" -- /bin/sh -c 'cat /etc/tiny; stat -c %u:%g /etc/tiny /etc/mail' 2>&1 </dev/null | xargs)" "tiny 0:0 8:12"
	is "$1: outside, too" "$(stat -c %u "$LXCPATH/$CT-$1/rootfs")" "$uid"
	is "$1: the configuration is his who made it" "$(stat -c %u "$LXCPATH/$CT-$1/config")" "$(id -u)"
	like "$1: for user name spaces" "$(cat "$LXCPATH/$CT-$1/config")" '^lxc.include = .*/userns.conf'
	check "$1: goes" lxc-destroy -P "$LXCPATH" -n "$CT-$1"
	[ ! -e "$LXCPATH/$CT-$1" ] || nok "$1: something is left"
}
create() {
	local name=$1
	shift
	lxc-create -P "$LXCPATH" -f "$T/conf" -n "$CT-$name" "$@"
}
check "local" create loc -t local -- -f "$T/tree.tar"
made loc

mkdir "$T/meta"
echo 'lxc.include = LXC_TEMPLATE_CONFIG/common.conf' >"$T/meta/config"
printf 'lxc.include = LXC_TEMPLATE_CONFIG/common.conf\nlxc.include = LXC_TEMPLATE_CONFIG/userns.conf\n' >"$T/meta/config-user"
echo "etc/trap" >"$T/meta/templates"
cp "$T/tree.tar.xz" "$T/www/i/rootfs.tar.xz"
tar -C "$T/meta" -cJf "$T/www/i/meta.tar.xz" config config-user templates
echo 'tiny;1;x;default;1;/i/' >"$T/www/meta/1.0/index-user"
python3 -m http.server --bind 127.0.0.1 --directory "$T/www" 8322 >/dev/null 2>&1 &
server=$!
wait_for 10 curl -fsS http://127.0.0.1:8322/ || note "the server does not answer"
check "download" create dl -t download -- -d tiny -r 1 -a x --server=http://127.0.0.1:8322
made dl
check "download, from the cache" create dl -t download -- -d tiny -r 1 -a x --server=http://127.0.0.1:8322
lxc-destroy -P "$LXCPATH" -n "$CT-dl"
kill $server
wait $server 2>/dev/null
is "nobody has followed the image's link" "$(cat "$T/outside")" safe

blob() {
	local sum
	sum=$(sha256sum <"$1") && sum=${sum%% *} && cp "$1" "$T/oci/blobs/sha256/$sum" && echo "sha256:$sum"
}
mkdir -p "$T/oci/blobs/sha256"
echo '{"config":{"Cmd":["/bin/cat","/etc/tiny"]}}' >"$T/config"
printf '{"config":{"digest":"%s"},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+xz","digest":"%s"}]}' \
	"$(blob "$T/config")" "$(blob "$T/tree.tar.xz")" >"$T/manifest"
printf '{"manifests":[{"digest":"%s"}]}' "$(blob "$T/manifest")" >"$T/oci/index.json"
check "oci" create oci -t oci -- -u "oci:$T/oci"
is "oci: runs what it is for" "$(lxc-execute -P "$LXCPATH" -n "$CT-oci" 2>&1)" tiny
made oci

for t in debian fedora; do
	like "$t: what cannot be done here" "$(create bad -t $t -- --mirror=file:/nowhere --keyring=/etc/passwd 2>&1)" "cannot be built where ids are mapped"
done
# What fails leaves nothing, though what it had made belongs to others.
truncate -s -20000 "$T/tree.tar"
out=$(create bad -t local -- -f "$T/tree.tar" 2>&1)
like "a damaged archive" "$out" "ends too early"
is "nothing is left of it" "$(ls "$LXCPATH") $(ls "$TMPDIR")" " "
