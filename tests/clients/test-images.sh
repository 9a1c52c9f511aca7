#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Images there and back between us and those who know them: skopeo, umoci and podman read what we save and store, and we load
# what they write. The store is an OCI layout that umoci lists as it is.
. "${0%/*}/lib.sh"
need skopeo umoci podman tar

# shellcheck disable=SC2012 # names that the build has made
TOOL=$(ls -t "$HERE"/../../build/{,check-gcc/}tests/clients/image-tool 2>/dev/null | head -n 1)
[ -n "$TOOL" ] || skip_file "image-tool is not built"
S=$T/store
mkdir -p "$S" "$BIN"
cd "$T" || exit 1
t() { "$TOOL" "$S" "" "$@"; }
p() { podman --root "$T/podman" --runroot "$T/podrun" --storage-driver vfs "$@"; }

# --- a tree with something of everything
mkdir -p tree/bin tree/etc/sub tree/var
printf 'one\n' >tree/etc/one && ln tree/etc/one tree/etc/same && ln -s ../etc/one tree/bin/link
mkfifo tree/var/pipe && mknod tree/var/null c 1 3 && printf x >tree/bin/suid && chmod 4755 tree/bin/suid
chown 1234:4321 tree/etc/sub && touch -d '2020-02-02 02:02:02 UTC' tree/etc/one
printf 'long\n' >"tree/var/$(printf 'n%.0s' {1..180})" && truncate -s 3M tree/var/holes
tar -C tree --sort=name -cf tree.tar . || exit 1
listed() { (cd "$1" && find . -mindepth 1 -printf '%P %y %m %U:%G %l %s %n\n' | grep -vE '^(dev|proc|sys|run)( |/)' | sort); }
same_tree() { diff <(listed "$1" | awk '$2 == "d" {$6 = 0} 1') <(listed "$2" | awk '$2 == "d" {$6 = 0} 1'); }

# shellcheck disable=SC2024
check "import" bash -c "'$TOOL' '$S' '' import small:1 <tree.tar"
check "save" bash -c "'$TOOL' '$S' '' save small:1 >ours.tar"
like "the archive is a layout and Docker's" "$(tar tf ours.tar | paste -sd' ')" 'blobs/sha256/.*index.json manifest.json oci-layout'
t save small:1 >again.tar
check "the same bytes again" cmp ours.tar again.tar
t export small:1 >export.tar && mkdir out && tar -C out -xpf export.tar
check "what was imported is exported" same_tree tree out

# --- others read ours
check "skopeo reads it as docker-archive" skopeo copy -q docker-archive:ours.tar oci:skopeo:1
mkdir layout && tar -C layout -xf ours.tar
check "skopeo reads it as a layout" skopeo copy -q oci:layout:1 "dir:dir"
check "umoci unpacks it" umoci unpack --image layout:1 umoci
check "to what it was" same_tree tree umoci/rootfs
check "podman loads it" p load -q -i ours.tar
gives "under its name" "docker.io/library/small:1" p images --format '{{.Repository}}:{{.Tag}}'
gives "umoci lists the store itself" "docker.io/library/small:1" umoci ls --layout "$S/blobs"
check "skopeo copies from the store itself" skopeo copy -q "oci:$S/blobs:docker.io/library/small:1" oci:direct:1

# --- we read theirs
loads() { # WHAT ARCHIVE EXPECTED
	gives "$1" "$3" bash -c "'$TOOL' '$T/other' overlay load <'$2'"
	gives "$1: the image is the one it was" "$(t list | cut -d' ' -f2)" bash -c "'$TOOL' '$T/other' '' list | cut -d' ' -f2 | sort -u"
	"$TOOL" "$T/other" "" prune >/dev/null
}
loads "ours" ours.tar "Loaded image: small:1"
check "podman saves" p save -q -o podman.tar small:1
gives "podman's docker-archive" "Loaded image: small:1" bash -c "'$TOOL' '$T/other' overlay load <podman.tar"
mkdir out2 && "$TOOL" "$T/other" "" export small:1 | tar -C out2 -xpf -
check "which is the same tree" same_tree tree out2
"$TOOL" "$T/other" "" prune >/dev/null
check "skopeo writes an oci-archive" skopeo copy -q oci:skopeo:1 oci-archive:skopeo.tar:example.com/x/small:2
loads2=$("$TOOL" "$T/other" "" load <skopeo.tar)
like "skopeo's oci-archive" "$loads2" '^Loaded image: example.com/x/small:2$'
"$TOOL" "$T/other" "" prune >/dev/null
gzip -k podman.tar && zstd -q podman.tar
gives "compressed by gzip" "Loaded image: small:1" bash -c "'$TOOL' '$T/other' '' load <podman.tar.gz"
gives "compressed by zstd" "Loaded image: small:1" bash -c "'$TOOL' '$T/other' '' load <podman.tar.zst"
"$TOOL" "$T/other" "" prune >/dev/null
xz -k podman.tar && gives "compressed by xz" "Loaded image: small:1" bash -c "'$TOOL' '$T/other' '' load <podman.tar.xz"

# --- a change, committed, seen by others
t make c1 small:1 >/dev/null && mkdir mnt && t mount c1 mnt
rm mnt/etc/one && printf new >mnt/etc/new && rm -rf mnt/var && mkdir mnt/var
umount mnt
gives "changes" "C /etc|A /etc/new|D /etc/one|C /var|D /var/holes|D /var/$(printf 'n%.0s' {1..180})|D /var/null|D /var/pipe" \
	bash -c "'$TOOL' '$S' '' changes c1 | paste -sd'|'"
check "commit" t commit c1 small:2
t save small:2 >two.tar && mkdir layout2 && tar -C layout2 -xf two.tar
check "umoci applies our whiteouts" umoci unpack --image layout2:2 umoci2
t export small:2 | { mkdir out3 && tar -C out3 -xpf -; }
check "as we do ourselves" same_tree out3 umoci2/rootfs
check "and so do whole trees" bash -c "'$TOOL' '$T/copy' copy load <two.tar && mkdir out4 && '$TOOL' '$T/copy' '' export small:2 | tar -C out4 -xpf -"
check "with the same result" same_tree out3 out4
t drop c1

# --- what df says is what du finds
head -c 3000000 /dev/urandom >tree/big && tar -C tree -cf - . | t import big:1 >/dev/null
df=$(t df | cut -d' ' -f4) du=$(du -s --block-size=1 "$S/layers/overlay" | cut -f1)
check "df is within one percent of du ($df, $du)" test $((df * 100)) -gt $((du * 99)) -a $((df * 99)) -lt $((du * 100))

# --- killed at any moment, nothing is lost and nothing stays
check "an image to load" bash -c "'$TOOL' '$S' '' save big:1 small:2 >both.tar"
bad=0
for i in 1 2 3 4 5 6 7 8; do
	"$TOOL" "$T/killed" overlay load <both.tar >/dev/null 2>&1 &
	pid=$!
	sleep "0.0$((i * 7 % 10))$i"
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	"$TOOL" "$T/killed" "" list >"$T/listed" || bad=1
	while read -r name _; do
		"$TOOL" "$T/killed" "" save "$name" >/dev/null || bad=2
	done <"$T/listed"
	[ $((i % 2)) = 0 ] || { "$TOOL" "$T/killed" "" prune >/dev/null & pid=$! && sleep 0.01 && kill -9 $pid 2>/dev/null && wait $pid 2>/dev/null; }
done
check "load, killed eight times (bad: $bad)" test "$bad" = 0
"$TOOL" "$T/killed" "" prune >/dev/null && "$TOOL" "$T/killed" "" sweep
gives "nothing is left but the store" ".bottom" ls -A "$T/killed/layers/overlay"
gives "no content either" "" find "$T/killed/blobs/blobs" -type f
check "cleaned up" t prune
