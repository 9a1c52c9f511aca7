#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# The templates of distributions, images and archives, against small mirrors and servers on the loopback device: each
# makes a container of one busybox, and the container runs.
. "${0%/*}/lib.sh"
. "${0%/*}/templates.sh"

# A hostile tree: what a template writes to must not be the host's.
echo safe >"$T/outside"

# --- archives: local ----------------------------------------------------------------------------------------------------

tar -C "$T/tiny" -cJf "$T/tiny.tar.xz" .
create loc local -f "$T/tiny.tar.xz" >/dev/null 2>&1
echo "$CT-loc" >"$(root loc)/etc/hostname"
runs loc
# Links that an archive has are its own affair, also in the files that its metadata names.
mkdir "$T/meta"
echo 'lxc.include = LXC_TEMPLATE_CONFIG/common.conf' >"$T/meta/config"
printf '/trap\n/dir/outside\n/etc/name\n' >"$T/meta/templates"
echo "Made LXC_NAME." >"$T/meta/create-message"
tar -C "$T/meta" -cJf "$T/meta.tar.xz" config templates create-message
rm -rf "$T/evil" && cp -a "$T/tiny" "$T/evil"
ln -s "$T/outside" "$T/evil/trap" && ln -s "$T" "$T/evil/dir" && echo LXC_NAME >"$T/evil/etc/name"
echo 'LXC_NAME' >"$T/outside"
tar -C "$T/evil" -cf "$T/evil.tar" .
like "local: says what the image says" "$(create loc local -f "$T/evil.tar" -m "$T/meta.tar.xz" 2>&1)" "^Made $CT-loc"
is "local: the image's files know the name" "$(cat "$(root loc)/etc/name" 2>&1)" "$CT-loc"
is "local: the host's files do not" "$(cat "$T/outside")" LXC_NAME
lxc-destroy -P "$LXCPATH" -n "$CT-loc" >/dev/null 2>&1

# --- archives: distributions that publish them -----------------------------------------------------------------------------

# Of another day than today, of which there are packages.
iso=$www/arch/iso/2024.01.01
mkdir -p "$iso" "$T/boot" && cp -a "$T/tiny" "$T/boot/root.x86_64" && echo list >"$T/boot/pkglist.x86_64.txt"
mkdir -p "$T/boot/root.x86_64/usr/lib/systemd/system"
: >"$T/boot/root.x86_64/usr/lib/systemd/systemd"
: >"$T/boot/root.x86_64/usr/lib/systemd/system/systemd-networkd.service"
: >"$T/boot/root.x86_64/usr/lib/systemd/system/web.service"
mkdir -p "$T/away" "$T/boot/root.x86_64/etc/systemd/system" && : >"$T/away/away.service" && ln -s "$T/away" "$T/boot/root.x86_64/etc/systemd/system/out.wants"
tar -C "$T/boot" -I zstd -cf "$iso/archlinux-bootstrap-x86_64.tar.zst" root.x86_64 pkglist.x86_64.txt
(cd "$iso" && sha256sum archlinux-bootstrap-x86_64.tar.zst >sha256sums.txt)
check "archlinux" create arch archlinux -a x86_64 --release=2024.01.01 --mirror="$url/arch" -e web -d away
check "archlinux: -d follows no link out of the tree" test -e "$T/away/away.service"
r=$(root arch)
is "archlinux: units fit for a container" "$(readlink "$r/etc/systemd/system/getty.target.wants/container-getty@1.service" \
	"$r/etc/systemd/system/multi-user.target.wants/web.service" "$r/etc/systemd/system/systemd-udevd.service" | xargs)" \
	"/lib/systemd/system/container-getty@.service /usr/lib/systemd/system/web.service /dev/null"
is "archlinux: root's password is locked" "$(grep -o '^root:[^:]*:' "$r/etc/shadow")" 'root:*:'
is "archlinux: networkd has eth0" "$(grep -c DHCP "$r/etc/systemd/network/eth0.network")" 1
[ -e "$r/pkglist.x86_64.txt" ] && nok "archlinux: more than the root"
runs arch
rm "$iso/archlinux-bootstrap-x86_64.tar.zst"
check "archlinux: from the cache" create arch archlinux -a x86_64 --release=2024.01.01 --mirror="$url/arch"
lxc-destroy -P "$LXCPATH" -n "$CT-arch" >/dev/null 2>&1
fails "archlinux: -F asks the mirror again" "cannot get .*zst: .*404" archlinux -a x86_64 --release=2024.01.01 --mirror="$url/arch" -F
echo forged >"$iso/archlinux-bootstrap-x86_64.tar.zst"
fails "archlinux: a forged image" "wrong checksum" archlinux -a x86_64 --release=2024.01.01 --mirror="$url/arch"
fails "archlinux: what can be forged on its way" "use https" archlinux -a x86_64 --mirror=http://mirror.example/arch --tarball=http://mirror.example/x
fails "archlinux: an architecture it has not" "Arch Linux has no 's390x' \(x86_64\)" archlinux -a s390x

alt=$www/alt/p10/images/cloud/x86_64
mkdir -p "$alt" && cp "$T/tiny.tar.xz" "$alt/alt-p10-rootfs-minimal-x86_64.tar.xz"
(cd "$alt" && sha256sum --tag alt-p10-rootfs-minimal-x86_64.tar.xz >SHA256SUM)
check "altlinux" create alt altlinux -a x86_64 --mirror="$url/alt" -4 10.1.2.3/24 -g 10.1.2.1 -d 9.9.9.9
is "altlinux: its network" "$(cat "$(root alt)"/etc/net/ifaces/eth0/{ipv4address,ipv4route,resolv.conf} | xargs)" \
	"10.1.2.3/24 default via 10.1.2.1 nameserver 9.9.9.9"
is "altlinux: gettys of a container" "$(grep -c 'respawn:.*tty[1-4] ' "$(root alt)/etc/inittab")$(grep -c tty7 "$(root alt)/etc/inittab")" 40
runs alt

mkdir -p "$www/cirros/0.6.2" && cp "$T/tiny.tar.xz" "$www/cirros/0.6.2/cirros-0.6.2-x86_64-lxc.tar.xz"
(cd "$www/cirros/0.6.2" && md5sum ./*.xz >MD5SUMS)
echo "#cloud-config" >"$T/userdata"
echo "ssh-ed25519 AAAA me" >"$T/id.pub"
check "cirros" create cirros cirros -a x86_64 --mirror="$url/cirros" -u "$T/userdata" -S "$T/id.pub"
is "cirros: a source of data for its first boot" "$(cat "$(root cirros)/var/lib/cloud/seed/nocloud/meta-data")" \
	"instance-id: $CT-cirros
local-hostname: $CT-cirros
public-keys:
  - \"ssh-ed25519 AAAA me\""
runs cirros

cloud=$www/cloud/releases/noble/release
mkdir -p "$cloud" && cp "$T/tiny.tar.xz" "$cloud/ubuntu-24.04-server-cloudimg-amd64-root.tar.xz"
(cd "$cloud" && sha256sum -b ./*.xz | sed 's,\./,,' >SHA256SUMS)
sign good@example.org "$cloud/SHA256SUMS" && mv "$cloud/SHA256SUMS.asc" "$cloud/SHA256SUMS.gpg"
check "ubuntu-cloud, signed" create cloud ubuntu-cloud -a amd64 --mirror="$url/cloud" --keyring="$T/good.asc" -i iid-7
is "ubuntu-cloud: instance" "$(grep ^instance "$(root cloud)/var/lib/cloud/seed/nocloud-net/meta-data")" "instance-id: iid-7"
runs cloud
fails "ubuntu-cloud, signed by somebody" "no good signature" ubuntu-cloud -F -a amd64 --mirror="$url/cloud" --keyring="$T/bad.gpg"
fails "ubuntu-cloud: a stream that is none" "neither released nor daily" ubuntu-cloud -s nightly
check "ubuntu-cloud: a tarball that is here" create cloud ubuntu-cloud -F -a amd64 -T "$T/tiny.tar.xz" -C
runs cloud

# A tree whose links lead to the host: what is written and removed is the tree's.
rm -rf "$T/evil" && mkdir -p "$T/evil" "$T/hostetc/ssh" && echo host >"$T/hostetc/hostname" && echo k >"$T/hostetc/ssh/ssh_host_rsa_key"
tiny_tree "$T/evil" && rm -rf "$T/evil/etc" "$T/evil/dev" "$T/evil/proc"
ln -s "$T/hostetc" "$T/evil/etc" && ln -s "$T/hostetc" "$T/evil/dev" && ln -s "$T/hostetc" "$T/evil/proc"
tar -C "$T/evil" -cf "$T/evil.tar" .
create evil cirros -F --tarball="$T/evil.tar" >"$T/.out" 2>&1
is "a tree with a link for its /etc" "$(cd "$T/hostetc" && find . -type f | sort | xargs) $(cat "$T/hostetc/hostname")" \
	"./hostname ./ssh/ssh_host_rsa_key host"
lxc-destroy -P "$LXCPATH" -n "$CT-evil" >/dev/null 2>&1

# --- alpine -----------------------------------------------------------------------------------------------------------------

rel=$www/alpine/latest-stable/releases/x86_64
mkdir -p "$rel" "$T/alpine" && cp -a "$T/tiny/." "$T/alpine" && mkdir -p "$T/alpine/etc/apk/keys" "$T/alpine/etc/init.d"
printf '#!/bin/sh\necho "$@" >>/apk.log\necho "#!/bin/sh" >/usr/sbin/openrc\n: >/etc/init.d/networking\n' >"$T/alpine/usr/sbin/apk"
chmod 755 "$T/alpine/usr/sbin/apk"
tar -C "$T/alpine" -czf "$rel/alpine-minirootfs-3.99.0-x86_64.tar.gz" .
sum=$(sha256sum <"$rel/alpine-minirootfs-3.99.0-x86_64.tar.gz")
cat >"$rel/latest-releases.yaml" <<END
---
- title: "Standard"
  flavor: alpine-standard
  file: alpine-standard-3.99.0-x86_64.iso
  sha256: 0000
- title: "Mini root filesystem"
  flavor: alpine-minirootfs
  file: alpine-minirootfs-3.99.0-x86_64.tar.gz
  size: 3
  sha256: ${sum%% *}
END
check "alpine: from its own root" create alp alpine -a x86_64 -m "$url/alpine" bash nano
is "alpine: packages by its own apk" "$(xargs <"$(root alp)/apk.log")" \
	"-q add --no-cache alpine-base -q add --no-cache bash nano"
is "alpine: its mirror" "$(head -n1 "$(root alp)/etc/apk/repositories")" "$url/alpine/latest-stable/main"
is "alpine: services of a container" "$(readlink "$(root alp)/etc/runlevels/boot/networking")" /etc/init.d/networking
runs alp
# The host's apk, as it would be called: Debian has none.
mkdir "$T/keys" && : >"$T/keys/k.pub"
cat >"$T/apk" <<END
#!/bin/sh
echo "\$@" >"$T/apk.log"
[ "\$1" = --root ] && cp -a "$T/tiny/." "\$2"
END
chmod 755 "$T/apk"
export APK=$T/apk APK_KEYS_DIR=$T/keys
check "alpine: by the host's apk" create alp alpine -r 3.19 -a x86_64 -m http://mirror.example/alpine
unset APK APK_KEYS_DIR
like "alpine: how it is called" "$(cat "$T/apk.log")" \
	"^--root .*/tree --initdb --arch x86_64 --keys-dir $T/keys --no-cache -X http://mirror.example/alpine/v3.19/main -X .*/community add alpine-base$"
runs alp
sed -i 's/sha256: ...../sha256: 00000/' "$rel/latest-releases.yaml"
fails "alpine: a forged root" "wrong checksum" alpine -F -a x86_64 -m "$url/alpine"
fails "alpine: a release that is not" "no Alpine 1.2 .*404" alpine -r 1.2 -a x86_64 -m "$url/alpine"

# --- rpm --------------------------------------------------------------------------------------------------------------------

rpm=
repo=$www/rpm/releases/42/Everything/$arch/os
if rpm_tiny "$(table_packages fedora centos rocky oracle opensuse)"; then
	mkdir -p "$repo" && cp "$rpm" "$repo/unsigned.rpm"
	createrepo_c -q "$repo" >"$T/rpm.log" 2>&1 || note "$(cat "$T/rpm.log")"
	mkdir -p "$www/rpm/updates/42/Everything" && cp -a "$repo" "$www/rpm/updates/42/Everything/$arch"
fi
if [ -z "$rpm" ]; then
	skip "rpm" "no rpmbuild and createrepo_c here (packages rpm, createrepo-c)"
else
	if command -v dnf >/dev/null; then
		fails "fedora: packages that nobody signed" "GPG check FAILED" fedora --mirror="$url/rpm" --keyring="$T/good.asc"
	else
		skip "fedora" "no dnf here (package dnf)"
	fi
	rpm_sign
	rpm_repository "$repo" "$www/rpm/updates/42/Everything/$arch" "$www/rpm/one"
fi
if [ -n "$rpm" ] && command -v dnf >/dev/null; then
	check "fedora" create fed fedora -R 42 --mirror="$url/rpm" --keyring="$T/good.asc" --fqdn=fed.example.org --mask-tmp
	is "fedora: scripts of packages have run" "$(cat "$(root fed)/etc/scripts")" scripts
	is "fedora: a data base where its rpm looks" "$(find "$(root fed)" -name 'rpmdb.sqlite' -printf '/%P\n')" /usr/lib/sysimage/rpm/rpmdb.sqlite
	is "fedora: its full name" "$(cat "$(root fed)/etc/hostname") $(grep -c 'fed.example.org '"$CT-fed" "$(root fed)/etc/hosts")" "fed.example.org 1"
	echo "$CT-fed" >"$(root fed)/etc/hostname"
	runs fed
	fails "fedora: keys of somebody else" "GPG|[Pp]ublic key" fedora -F -R 42 --mirror="$url/rpm" --keyring="$T/bad.gpg"
	for d in centos rocky oracle; do
		check "$d: one repository" create rpm $d -R 9 "--$([ $d = oracle ] && echo url || echo repo)=$url/rpm/one" --keyring="$T/good.asc"
		is "$d: NetworkManager has eth0" "$(stat -c %a "$(root rpm)/etc/NetworkManager/system-connections/eth0.nmconnection")" 600
		runs rpm
	done
	fails "rocky: a release that is not" "no Rocky Linux 1 .*404" rocky -R 1 --mirror="$url/rocky"
	fails "rocky: without keys that can be trusted" "could not build|cannot get the keys" rocky -F -R 9 --repo="$url/rpm/one"
fi
if [ -n "$rpm" ] && command -v zypper >/dev/null; then
	check "opensuse" create suse opensuse --repo="$url/rpm/one" --keyring="$T/good.asc"
	is "opensuse: networkd has eth0" "$(grep -c DHCP "$(root suse)/etc/systemd/network/eth0.network")" 1
	runs suse
else
	skip "opensuse" "no zypper here (package zypper)"
fi

# --- images of a server --------------------------------------------------------------------------------------------------

img=$www/images/tiny/1/amd64/default/20260101_00:00
mkdir -p "$img" "$www/meta/1.0" "$T/meta"
cp "$T/tiny.tar.xz" "$img/rootfs.tar.xz"
printf '/etc/name\n' >"$T/meta/templates"
echo "$(($(date +%s) + 1000))" >"$T/meta/expiry"
tar -C "$T/meta" -cJf "$img/meta.tar.xz" config templates create-message expiry
cat >"$www/meta/1.0/index-system" <<'END'
other;1;amd64;default;20260101_00:00;/images/other
tiny;1;amd64;default;20260101_00:00;/images/tiny/1/amd64/default/20260101_00:00/
tiny;../..;amd64;default;20260101_00:00;/images/x
tiny;2;amd64;default;x;/images/../../x
END
image=(-d tiny -r 1 -a amd64)
sign good@example.org "$www/meta/1.0/index-system" "$img/rootfs.tar.xz" "$img/meta.tar.xz"
out=$(create dl download --server="$url" --list --no-validate 2>&1)
is "download: the list" "$? $(grep -c '^tiny \|^other ' <<<"$out") $(ls "$LXCPATH")" "0 2 "
check "download: signed" create dl download "${image[@]}" --server="$url" --keyring="$T/good.asc"
echo "$CT-dl" >"$(root dl)/etc/hostname"
runs dl
mv "$img" "$img.away"
check "download: from the cache" create dl download "${image[@]}" --server="$url" --keyring="$T/good.asc"
lxc-destroy -P "$LXCPATH" -n "$CT-dl" >/dev/null 2>&1
fails "download: --flush-cache" "cannot get .*404" download "${image[@]}" --server="$url" --keyring="$T/good.asc" --flush-cache
is "download: no half image in the cache" "$(find "$LXC_CACHE_PATH/download" -name '.new-*' -o -name 'rootfs*' | wc -l)" 0
mv "$img.away" "$img"
mkdir -p "$www/pks" && cp "$T/good.asc" "$www/pks/lookup"
check "download: --keyid" create dl download "${image[@]}" --server="$url" --keyid="$keyid" --keyserver="$url"
lxc-destroy -P "$LXCPATH" -n "$CT-dl" >/dev/null 2>&1
fails "download: another key" "no good signature" download "${image[@]}" --server="$url" --keyring="$T/bad.gpg" --flush-cache
echo >>"$img/rootfs.tar.xz"
fails "download: changed after it was signed" "rootfs.tar.xz has no good signature" download "${image[@]}" --server="$url" --keyring="$T/good.asc"
rm "$img/meta.tar.xz.asc"
cp "$T/tiny.tar.xz" "$img/rootfs.tar.xz"
fails "download: one signature is missing" "cannot get .*meta.tar.xz.asc, its signature" download "${image[@]}" --server="$url" --keyring="$T/good.asc"
(cd "$img" && echo forged | sha256sum | sed 's/-$/rootfs.tar.xz/' >SHA256SUMS)
fails "download: not what SHA256SUMS says" "wrong checksum" download "${image[@]}" --server="$url"
(cd "$img" && sha256sum ./*.xz >SHA256SUMS)
check "download: what SHA256SUMS says" create dl download "${image[@]}" --server="$url"
lxc-destroy -P "$LXCPATH" -n "$CT-dl" >/dev/null 2>&1
fails "download: what can be forged on its way" "use https, --keyring" download "${image[@]}" --server=http://images.example
fails "download: an image that is not" "has no image tiny;9;amd64;default" download -d tiny -r 9 -a amd64 --server="$url"
fails "download: names that are none" "is no name of an image" download -d tiny -r ../.. -a amd64 --server="$url"
fails "download: a short key id" "too short" download "${image[@]}" --keyid=89ABCDEF
fails "download: nobody to ask" "say which image it is" download --server="$url"
printf 'tiny\n1\namd64\n' | lxc-create -P "$LXCPATH" -n "$CT-dl" -f "$T/conf" -t download -- --server="$url" >"$T/.out" 2>&1
is "download: asks for what is not given" "$(cat "$(root dl)/etc/tiny" 2>&1)" tiny
lxc-destroy -P "$LXCPATH" -n "$CT-dl" >/dev/null 2>&1
# Expired, and the server has nothing newer: what is here will do.
find "$LXC_CACHE_PATH/download" -name expiry -exec sh -c 'echo 1 >"$1"' x {} \;
like "download: expired, and not newer" "$(create dl download "${image[@]}" --server="$url" 2>&1)" "expired"
lxc-destroy -P "$LXCPATH" -n "$CT-dl" >/dev/null 2>&1
# Two at once, and one that is killed: the cache is whole.
rm -rf "$LXC_CACHE_PATH/download"
create one download "${image[@]}" --server="$url" >"$T/one" 2>&1 &
a=$!
create two download "${image[@]}" --server="$url" >"$T/two" 2>&1 &
wait $a $!
is "download: two at once" "$(cat "$(root one)/etc/tiny" "$(root two)/etc/tiny" | xargs) $(cat "$T/one" "$T/two" | grep -c 'Fetching the root')" "tiny tiny 1"
lxc-destroy -P "$LXCPATH" -n "$CT-one" >/dev/null 2>&1
lxc-destroy -P "$LXCPATH" -n "$CT-two" >/dev/null 2>&1

rm -rf "$LXC_CACHE_PATH/download"
mv "$img/meta.tar.xz" "$T/meta.away" && mkfifo "$img/meta.tar.xz"
exec 7>&2 2>/dev/null # the shell's own word of who was killed
setsid lxc-create -P "$LXCPATH" -n "$CT-dl" -f "$T/conf" -t download -- "${image[@]}" --server="$url" >"$T/.out" 2>&1 </dev/null &
killed=$!
wait_for 20 grep -q metadata "$T/.out" || note "$(cat "$T/.out")"
kill -KILL -- "-$killed"
wait $killed
exec 2>&7 7>&-
is "download: killed, no image in the cache" "$(find "$LXC_CACHE_PATH/download" -path '*/default/*' | wc -l)" 0
timeout 5 sh -c ': >"$1"' x "$img/meta.tar.xz"
rm "$img/meta.tar.xz" && mv "$T/meta.away" "$img/meta.tar.xz"
creel doctor --fix >/dev/null 2>&1
check "download: and the next one makes it" create dl download "${image[@]}" --server="$url"
is "download: nothing half is left" "$(find "$LXC_CACHE_PATH/download" -name '.new-*' | wc -l)" 0
lxc-destroy -P "$LXCPATH" -n "$CT-dl" >/dev/null 2>&1

# --- OCI images ------------------------------------------------------------------------------------------------------------

oci=$T/oci
blob() {
	local sum
	sum=$(sha256sum <"$1") && sum=${sum%% *}
	mkdir -p "$oci/blobs/sha256" && cp "$1" "$oci/blobs/sha256/$sum" && echo "$sum"
}
describe() { printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$1" "$2" "$(stat -c %s "$oci/blobs/sha256/$2")"; }
# image TAG CONFIG LAYER...: appended to the index
entries=
image() {
	local tag=$1 config=$2 l layers='' m
	shift 2
	for l; do layers=$layers${layers:+,}$(describe application/vnd.oci.image.layer.v1.tar "$(blob "$l")"); done
	printf '%s' "$config" >"$T/x"
	printf '{"schemaVersion":2,"config":%s,"layers":[%s]}' "$(describe application/vnd.oci.image.config.v1+json "$(blob "$T/x")")" "$layers" >"$T/m"
	m=$(blob "$T/m")
	entries=$entries${entries:+,}$(describe application/vnd.oci.image.manifest.v1+json "$m" | sed 's/}$/,"annotations":{"org.opencontainers.image.ref.name":"'"$tag"'"}}/')
	printf '{"schemaVersion":2,"manifests":[%s]}' "$entries" >"$oci/index.json"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$oci/oci-layout"
}
mkdir -p "$T/layer/opt" && tar -C "$T/tiny" -czf "$T/l1" . && echo new >"$T/layer/opt/new" && mkdir -p "$T/layer/etc" && : >"$T/layer/etc/.wh.inittab"
ln -s "$T" "$T/layer/way"
tar -C "$T/layer" -cf "$T/l2" .
mkdir -p "$T/l3d/way" && echo evil >"$T/l3d/way/oci-evil" && tar -C "$T/l3d" -cf "$T/l3" way/oci-evil
image tiny '{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/bin/sh","-c","echo \"$GREETING $(id -u):$(id -g) $PWD\" \"$0\""],"Cmd":["a b"],"Env":["GREETING=hello"],"WorkingDir":"/opt","User":"other:staff"}}' "$T/l1" "$T/l2"
image through '{"config":{"Cmd":["/bin/cat","/etc/tiny"]}}' "$T/l1" "$T/l2" "$T/l3"
check "oci: a layout" create oci oci -u "oci:$oci:tiny"
is "oci: runs what the image says, as whom, where" "$(lxc-execute -P "$LXCPATH" -n "$CT-oci" 2>&1)" "hello 33:50 /opt a b"
is "oci: whiteouts and later layers" "$(find "$(root oci)/etc" -name inittab | wc -l) $(cat "$(root oci)/opt/new") $(find "$(root oci)" -name '.wh*' | wc -l)" "0 new 0"
lxc-destroy -P "$LXCPATH" -n "$CT-oci" >/dev/null 2>&1
check "oci: --dhcp" create oci oci -u "oci:$oci:tiny" --dhcp
is "oci: its hooks, which are there" "$(sed -n 's/^lxc.hook.\([^ ]*\) = /\1 /p' "$LXCPATH/$CT-oci/config" | while read -r moment hook; do
	[ -x "$hook" ] && echo "$moment ${hook##*/}"
done | xargs)" "start-host dhclient stop dhclient"
lxc-destroy -P "$LXCPATH" -n "$CT-oci" >/dev/null 2>&1
create oci oci -u "oci:$oci:through" >"$T/.out" 2>&1
is "oci: a layer that goes through another's link" "$(find "$T" -maxdepth 1 -name oci-evil)" ''
lxc-destroy -P "$LXCPATH" -n "$CT-oci" >/dev/null 2>&1
fails "oci: a tag that is not" "has no tag 'none' \(it has: tiny, through\)" oci -u "oci:$oci:none"
fails "oci: which of them" "several images" oci -u "oci:$oci"
fails "oci: no url" "neither oci:DIR" oci -u tiny
if command -v skopeo >/dev/null; then
	skopeo --insecure-policy copy -q "oci:$oci:tiny" "oci-archive:$T/x.tar:tiny" >"$T/.out" 2>&1 || note "$(cat "$T/.out")"
	check "oci: by skopeo" create oci oci -u "oci-archive:$T/x.tar:tiny"
	is "oci: by skopeo, it runs" "$(lxc-execute -P "$LXCPATH" -n "$CT-oci" 2>&1)" "hello 33:50 /opt a b"
	lxc-destroy -P "$LXCPATH" -n "$CT-oci" >/dev/null 2>&1
else
	skip "oci: by skopeo" "no skopeo here"
fi
damaged=$(sha256sum <"$T/l2") && echo x >>"$oci/blobs/sha256/${damaged%% *}"
fails "oci: a damaged layer" "is damaged: wrong checksum" oci -u "oci:$oci:tiny"
sed -i 's/"digest":"sha256:[0-9a-f]*"/"digest":"sha256:..\/..\/etc\/passwd"/' "$oci/index.json"
fails "oci: a digest that is a path" "is no digest" oci -u "oci:$oci:tiny"

# --- an SSH server ----------------------------------------------------------------------------------------------------------

if [ -x /usr/sbin/sshd ]; then
	check "sshd" create ssh sshd -S "$T/id.pub"
	lxc-start -P "$LXCPATH" -n "$CT-ssh" >"$T/.out" 2>&1 || note "$(cat "$T/.out")"
	check "sshd: serves" wait_for 10 lxc-attach -P "$LXCPATH" -n "$CT-ssh" -- sh -c 'grep -q sshd /proc/[0-9]*/comm'
	like "sshd: keys of its own" "$(lxc-attach -P "$LXCPATH" -n "$CT-ssh" -- ls /etc/ssh 2>&1 | xargs)" 'ssh_host_ed25519_key '
	lxc-stop -P "$LXCPATH" -n "$CT-ssh" -t 10
	lxc-destroy -P "$LXCPATH" -n "$CT-ssh" >/dev/null 2>&1
else
	fails "sshd: what is missing" "package openssh-server" sshd
fi

# --- all of them ------------------------------------------------------------------------------------------------------------

templates=$(dirname "$(command -v creel)")/../share/lxc/templates
bad=
for t in "$templates"/lxc-*; do
	t=${t##*/lxc-}
	out=$(lxc-create -t "$t" -h 2>&1) && grep -q "^Usage: lxc-create -t $t -n NAME" <<<"$out" && grep -q -- '--help' <<<"$out" || bad="$bad $t:help"
	out=$(create bad "$t" --bogus 2>&1 </dev/null) && bad="$bad $t:bogus"
	grep -q "unrecognized option '--bogus'" <<<"$out" && grep -q "^Usage: lxc-create -t $t" <<<"$out" || bad="$bad $t:usage"
	[ ! -e "$LXCPATH/$CT-bad" ] || bad="$bad $t:left"
done
is "every template: help, and an option it has not" "$bad" ''
templates_end
