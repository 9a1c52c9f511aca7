#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# `creel system check`: every kind of damage is found, and mended where it can be; and what kills leave of all that goes on at once
# is no damage.
. "${0%/*}/lib.sh"
N=(--network none)
unset CREEL_ROOT
D=$T/data
how=()
d() { creel docker --data-root "$D" "${how[@]}" "$@"; }
leave() {
	local status=$?
	# shellcheck disable=SC2046 # several ids
	d rm -fv $(d ps -aq) >/dev/null 2>&1
	(exit $status)
	finish
}
trap leave EXIT

make_rootfs "$T/tree" || exit 1
mkdir -p "$T/tree/some/where"
echo text >"$T/tree/some/where/file"
tar -C "$T/tree" -cf "$T/t.tar" .
printf 'FROM bb\nRUN echo one >/one && rm /some/where/file\nRUN echo two >/two\n' >"$T/Df"
one_of() { find "$1" -mindepth 1 -maxdepth 1 ! -name '.*' | sort | sed -n "${2-1}p"; }

# One line of all of it, and the status.
said() { d "$@" 2>&1 | tr '\n' ' ' && echo "${PIPESTATUS[0]}"; }

# finds WHAT REGEX: nothing else is said, --repair mends it, and all is well and works after that.
finds() {
	local said status
	said=$(d system check 2>/dev/null)
	status=$?
	like "$driver: $1 is found" "$status $said" "^1 $2"
	said=$(d system check --repair 2>/dev/null)
	status=$?
	like "$driver: $1 is mended" "$status $said" "^0 $2"
	is "$driver: $1: nothing is left of it" "$(d system check 2>&1) $?" " 0"
	is "$driver: $1: it runs" "$(d run --rm "${N[@]}" two sh -c 'echo $(cat /one /two) $(ls /some/where)' 2>&1)" "one two"
}

damage() {
	local layer top blob
	is "$driver: all is well" "$(d system check 2>&1) $?" " 0"
	# The layer that has /some/where/file, with trees all of them; the lowest has it.
	layer=$(dirname "$(grep -rlx text "$D/layers/$driver" | head -n 1 | sed 's,/t/some/.*,/t,')")
	echo tent >"$layer/t/some/where/file"
	touch -d @0 "$layer/t/some/where/file"
	finds "a changed file" 'layer sha256:[0-9a-f]*: it is not what its blob says'
	rm "$(grep -rlx text "$D/layers/$driver" | head -n 1)"
	finds "a file that is not there" 'layer sha256:[0-9a-f]*: it is not what its blob says'
	chmod 4755 "$(dirname "$(grep -rlx text "$D/layers/$driver" | head -n 1)")"
	finds "another mode" 'layer sha256:[0-9a-f]*: it is not what its blob says'
	top=$(grep -rlx two "$D/layers/$driver" --include=two | head -n 1)
	layer=${top%/t/two}
	rm -r "$layer"
	finds "a layer that is lost" 'layer sha256:[0-9a-f]*: it is not there'
	rm -r "$layer/t"
	finds "a record without a tree" 'layer sha256:[0-9a-f]*: it is not whole'
	rm "$layer/info"
	finds "a tree without a record" 'layer sha256:[0-9a-f]*: it is not whole'
	cp -a "$layer" "${layer%/*}/$(printf %064d 1)"
	finds "a layer of nobody" 'layer sha256:0*1: nothing refers to it'
	mkdir -p "$D/layers/$driver/.new-x/t/y" "$D/layers/roots/.gone-1-z/w"
	finds "what a kill has left" 'what a kill has left: roots/.gone-1-z: nobody works on it'
	blob=$(printf x | sha256sum | cut -d ' ' -f 1)
	printf x >"$D/blobs/blobs/sha256/$blob"
	finds "a blob of nobody" "blob sha256:$blob: nothing refers to it"
	mkdir "$D/layers/roots/$blob" "$D/containers/$blob"
	finds "a root and a folder of nobody" "root file system $blob: no container has it"
	mkdir -p "$D/volumes/found/_data"
	echo kept >"$D/volumes/found/_data/f"
	finds "a volume that is not listed" 'volume found: it has files, and is not listed'
	is "$driver: its files are kept" "$(d run --rm "${N[@]}" -v found:/v two cat /v/f 2>&1)" kept
	rm -r "$D/volumes/found"
	finds "a volume without a folder" 'volume found: its folder is not there'
	d volume rm found >/dev/null
}

driver=overlay
d import - bb <"$T/t.tar" >/dev/null 2>&1
check "an image" d build -q "${N[@]}" -t two -f "$T/Df" "$T/tree/mnt"
damage

# --- what runs is left alone ------------------------------------------------------------------------------------------------
d run -d --name runs "${N[@]}" two sleep 1000 >/dev/null
layer=$(grep -rlx two "$D/layers/overlay" --include=two | head -n 1)
echo 2222 >"$layer"
like "nothing is replaced below one that runs" "$(said system check -r)" 'not mended: container [0-9a-f]{12} runs on it.*Damage detected in local storage\. +1$'
is "who runs" "$(d exec runs cat /two)" 2222
d kill runs >/dev/null && d rm -f runs >/dev/null
like "it is when it has ended" "$(said system check -r)" 'unpacked again.*was repaired\. +0$'

# --- what cannot be had again -------------------------------------------------------------------------------------------------
check "saved" d save -o "$T/two.tar" two
blob=$D/blobs/blobs/sha256/$(d save two | tar -xO manifest.json | sed 's/.*"Layers":\["[^"]*","blobs.sha256.\([0-9a-f]*\).*/\1/')
d create --name has "${N[@]}" two true >/dev/null
printf '\0' | dd of="$blob" bs=1 seek=9 conv=notrunc 2>/dev/null
like "an image whose blob is damaged" "$(said system check)" 'blob sha256:[0-9a-f]*: its content is damaged.*image .*two:latest.*content of it is lost.* 1$'
is "--quick does not read" "$(d system check --quick 2>&1) $?" " 0"
like "it stays while a container has it" "$(said system check -r)" 'not mended: container [0-9a-f]{12} has it.* 1$'
d rm has >/dev/null
like "then it goes" "$(said system check -r)" 'content of it is lost: removed.*was repaired\. +0$'
is "by name, too" "$(d images -q two)" ""
check "and is brought in again" d load -q -i "$T/two.tar"
is "all is well" "$(d system check 2>&1) $?" " 0"

# --- another driver -------------------------------------------------------------------------------------------------------------
d create --name old "${N[@]}" two cat /two >/dev/null
how=(--storage-driver copy)
is "the same image by another driver" "$(d run --rm "${N[@]}" two cat /two 2>&1)" two
is "what is made stays with its driver" "$(d create --name new "${N[@]}" two cat /one >/dev/null && how=() && d start -a old && d start -a new && d info -f '{{.Driver}}' && d inspect -f '{{.Driver}}' old new)" "two
one
overlay2
overlay2
copy"
how=()
like "one that there is not" "$(said --storage-driver zfs ps)" "storage driver 'zfs': expected overlay, btrfs, thin or copy +1$"
like "an option that there is not" "$(said --storage-driver overlay2 --storage-opt x=y ps)" "storage option 'x=y': expected .* 1$"
like "an option of none" "$(said --storage-opt x=y ps)" "storage-opt needs --storage-driver +125$"
[ "$(stat -fc %T "$D")" = btrfs ] || like "one that cannot be had" "$(said --storage-driver btrfs ps)" "storage driver btrfs: the file system of .* cannot have it +1$"
[ -e /dev/mapper/control ] || like "nor that one" "$(said --storage-driver thin ps)" "storage driver thin: this kernel has no device mapper .*hint: modprobe dm-thin-pool.* 1$"
d rm old new >/dev/null
how=(--storage-driver copy)
is "all is well with both" "$(d system check 2>&1) $?" " 0"
d system prune -af >/dev/null 2>&1
is "nothing is left of either" "$(find "$D"/layers/overlay "$D"/layers/copy "$D"/layers/roots -mindepth 1 -maxdepth 1 ! -name .bottom)" ""

# --- everything at once, killed at any moment ------------------------------------------------------------------------------------
how=()
round() {
	local i
	for i in 1 2 3 4 5 6; do
		timeout -s KILL "0.$((RANDOM % 30 + 5))" creel docker --data-root "$D" "$@" >/dev/null 2>&1 </dev/null
	done
} 2>/dev/null
d load -q -i "$T/two.tar" >/dev/null
round load -q -i "$T/two.tar" &
round rmi -f two &
round system prune -af &
round run --rm "${N[@]}" two true &
round run --rm "${N[@]}" -v vol:/some two true &
round build -q "${N[@]}" -t three -f "$T/Df" "$T/tree/mnt" &
round volume prune -af &
wait
# What a killed client has left running ends by itself.
for ((i = 0; i < 300; i++)); do [ -n "$(d ps -q)" ] || break && sleep 0.1; done
# shellcheck disable=SC2046 # several ids
d rm -fv $(d ps -aq) >/dev/null 2>&1
check "load after kills" d load -q -i "$T/two.tar"
check "a prune takes what they have left" d image prune -f
is "all is well" "$(d system check 2>&1) $?" " 0"
is "it runs" "$(d run --rm "${N[@]}" two cat /two)" two
d system prune -af >/dev/null 2>&1
d builder prune -af >/dev/null 2>&1
is "nothing is left" "$(find "$D"/layers/*/ "$D"/blobs/blobs/sha256 "$D"/containers "$D"/build "$D"/gone "$D"/making -mindepth 1 -maxdepth 1 ! -name .bottom ! -name cache 2>/dev/null)" ""
