#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root vm
# What every storage driver of images promises, asked of each: overlay, btrfs (on a file system in a file), copy, and, where there
# is a device mapper, thin.
. "${0%/*}/lib.sh"
N=(--network none)
unset CREEL_ROOT
driver=
how=()
d() { creel docker --data-root "$T/d-$driver" "${how[@]}" "$@"; }
gives() { is "$driver: $1" "$(d "${@:3}" 2>"$T/.err" </dev/null)" "$2"; }
leave() {
	local status=$?
	for driver in overlay copy btrfs thin; do
		[ -d "$T/d-$driver" ] || continue
		# shellcheck disable=SC2046 # several ids
		d rm -fv $(d ps -aq) >/dev/null 2>&1
		[ $driver != thin ] || d system prune -af >/dev/null 2>&1
	done
	umount "$T/d-btrfs" 2>/dev/null
	(exit $status)
	finish
}
trap leave EXIT

make_rootfs "$T/tree" || exit 1
mkdir -p "$T/tree/old/below" "$T/tree/home/u"
echo data >"$T/tree/old/below/file"
echo gone >"$T/tree/gone"
ln "$T/tree/old/below/file" "$T/tree/hard"
chown -R 1000:1000 "$T/tree/home/u"
chmod 4755 "$T/tree/sbin/init"
mknod "$T/tree/node" c 1 3
xattrs=
# cap_net_bind_service, as setcap writes it.
command -v setfattr >/dev/null && setfattr -n security.capability -v 0x0100000200040000000000000000000000000000 "$T/tree/hard" && xattrs='--xattrs-include=security.*'
# shellcheck disable=SC2086 # an option or none
tar -C "$T/tree" ${xattrs:+--xattrs} $xattrs -cf "$T/t.tar" .

# The layers that several images share are there once; overlay's files are what df says of them, a whole tree has what is below, too.
agree() {
	local all=0 said real
	said=$(d system df --format '{{.Type}} {{.Size}}' | sed -n 's/^Images //p' | awk '{ printf "%.3g%s", $0, substr($0, length - 1) }')
	is "$driver: df has shared layers once" "$said" "$(d images --format '{{.Repository}} {{.Size}}' | sed -n 's/^three //p')"
	[ "$driver" = overlay ] || return
	for real in $(find "$T/d-$driver/layers/$driver" -name .bottom -prune -o -type f -printf '%i %s\n' | sort -u | cut -d ' ' -f 2); do
		all=$((all + real))
	done
	like "$driver: and that is what files there are" "$said $(awk -v a="$all" 'BEGIN { printf "%.3g", a / 1e6 }')MB" '^(.*) \1$'
}

one() {
	driver=$1
	like "$driver: import" "$(d import -c 'ENV PATH=/bin:/sbin' -c 'CMD ["sh"]' - bb <"$T/t.tar" 2>&1)" '^sha256:'
	[ "$driver" = overlay ] && set -- overlay overlay2
	gives "it is the one" "${2-$driver}" info -f '{{.Driver}}'
	gives "owners, modes, hard links, devices" "1000:1000 4755 2 1:3" run --rm "${N[@]}" bb \
		sh -c 'echo $(stat -c %u:%g /home/u) $(stat -c %a /sbin/init) $(stat -c %h /hard) $(stat -c %t:%T /node)'
	[ -z "$xattrs" ] || like "$driver: attributes" "$(c=$(d create "${N[@]}" bb) && d export "$c" | tar --xattrs --xattrs-include='*' -tvvf - ./hard hard 2>/dev/null; d rm "$c" >/dev/null)" 'security.capability'
	printf 'FROM bb\nRUN rm /gone && rm -r /old && mkdir /old && echo new >/old/new && mv /hard /moved\n' >"$T/Df"
	check "$driver: build" d build -q "${N[@]}" -t two -f "$T/Df" "$T/tree/mnt"
	gives "whiteouts, and a folder that hides the one below" "new no data" run --rm "${N[@]}" two \
		sh -c 'echo $(ls /old) $(ls /gone 2>/dev/null || echo no) $(cat /moved)'
	gives "the image below is as it was" "below gone" run --rm "${N[@]}" bb sh -c 'echo $(ls /old) $(cat /gone)'
	d run --name cc1 "${N[@]}" two sh -c 'echo w >/written; rm /moved; echo more >>/old/new' >/dev/null
	is "$driver: changes" "$(d diff cc1 | sort | tr '\n' ',')" "A /written,C /old,C /old/new,D /moved,"
	check "$driver: commit" d commit cc1 three
	gives "run of that" "w no new more" run --rm "${N[@]}" three sh -c 'echo $(cat /written) $(ls /moved 2>/dev/null || echo no) $(cat /old/new)'
	check "$driver: save" d save -o "$T/three.tar" three
	agree
	d rm cc1 >/dev/null
	check "$driver: rmi" d rmi -f three two bb
	check "$driver: load" d load -q -i "$T/three.tar"
	gives "run of that" "w no new more" run --rm "${N[@]}" three sh -c 'echo $(cat /written) $(ls /moved 2>/dev/null || echo no) $(cat /old/new)'
	d rmi -f three >/dev/null
	# Killed at any moment while it unpacks, makes and removes.
	for t in 0.01 0.02 0.03 0.05 0.08 0.13 0.2; do
		timeout -s KILL $t creel docker --data-root "$T/d-$driver" load -q -i "$T/three.tar" >/dev/null 2>&1
	done
	check "$driver: load after kills" d load -q -i "$T/three.tar"
	for t in 0.01 0.02 0.04 0.08; do
		timeout -s KILL $t creel docker --data-root "$T/d-$driver" create --name kk$t "${N[@]}" three true >/dev/null 2>&1
		timeout -s KILL $t creel docker --data-root "$T/d-$driver" rm -f kk$t >/dev/null 2>&1
	done
	gives "runs" "w" run --rm "${N[@]}" three cat /written
	# shellcheck disable=SC2046 # several ids
	d rm -f $(d ps -aq) >/dev/null 2>&1
	check "$driver: system prune" d system prune -af
	is "$driver: nothing is left" "$(find "$T/d-$driver/layers/$driver" "$T/d-$driver/layers/roots" "$T/d-$driver/blobs/blobs/sha256" -mindepth 1 -maxdepth 1 ! -name .bottom ! -name .pool)" ""
} 2>/dev/null

one overlay
# One that is there already is used.
mkdir -p "$T/d-copy/layers/copy"
# Nothing in it is the machine's: in the virtual one the time is thin's.
[ -n "${CREEL_IN_VM-}" ] || one copy
mkdir "$T/d-btrfs"
if ! command -v mkfs.btrfs >/dev/null || ! grep -qw btrfs /proc/filesystems; then
	skip "btrfs" "no mkfs.btrfs, or a kernel without btrfs"
elif truncate -s 512M "$T/btrfs.img" && mkfs.btrfs -q "$T/btrfs.img" >"$T/.mkfs" 2>&1 && mount -o loop "$T/btrfs.img" "$T/d-btrfs"; then
	one btrfs
	is "btrfs: no subvolume is left" "$(btrfs subvolume list "$T/d-btrfs")" ""
	driver=btrfs
	umount "$T/d-btrfs"
else
	nok "a btrfs in a file"
fi

modprobe dm-thin-pool 2>/dev/null
if [ ! -e /dev/mapper/control ] || ! command -v mkfs.ext4 >/dev/null; then
	skip "thin" "no device mapper, or no mkfs.ext4"
	exit
fi
maps() { dmsetup ls | awk '{ print $1 }' | sort | tr '\n' ' '; }
loops() { losetup -n -O BACK-FILE | grep -c "$T"; }
maps=$(maps)
driver=thin
how=(--storage-driver thin --storage-opt thin.size=1G --storage-opt thin.basesize=64M)
like "thin: a pool of files is warned of" "$(d import - bb <"$T/t.tar" 2>&1 && d info 2>&1 | tr '\n' ' ')" 'WARNING: the thin pool is a file.* Storage Driver: thin.*Pool Name: creel-'
how=()
one thin
is "thin: no device is left, and no file" "$(maps) $(loops) $(find "$T/d-thin/layers/thin" -type f)" "$maps 0 "
