#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Storage of containers: lxc-create -B, and copies and snapshots between its kinds.
. "${0%/*}/lib.sh"
. "${0%/*}/storage.sh"
a=${CT}a

refuse "a kind that there is not" create "$a" -B nosuch
refuse "a size that makes no sense" create "$a" -B loop --fssize 12q
check "a directory elsewhere" create "$a-d" --dir "$T/elsewhere"
check "boots" boots "$a-d"
check "goes" lxc destroy -n "$a-d"
check "really" test ! -e "$T/elsewhere"

check "an overlay" create "$a-o" -B overlay
is "in LXC's places" "$(root_of "$a-o")" "overlay:$P/$a-o/rootfs:$P/$a-o/overlay/delta"
is "the template fills the lower layer" "$(cat "$P/$a-o/rootfs/etc/state")" orig
if lxc start -n "$a-o" 2>/dev/null; then
	lxc stop -n "$a-o" -k
	check "boots" boots "$a-o"
fi

if [ -e /dev/loop-control ] && command -v mkfs.ext4 >/dev/null; then
	device_conforms "$a-l" loop "$P/$a-l/rootdev"
	snapshots_conform "$a-l"
else
	skip "on a loop device" "no loop devices, or no mkfs.ext4"
fi
for b in lvm zfs rbd nbd; do
	refuse "$b: a name of nothing that is there" create "$a-$b" -B "$b" --vgname "${CT}no" --zfsroot "${CT}no/no" --rbdpool "${CT}no"
	check "leaves nothing" test ! -e "$P/$a-$b"
done

if command -v mkfs.btrfs >/dev/null && grep -q btrfs /proc/filesystems && [ -e /dev/loop-control ]; then
	truncate -s 200M "$T/img" && mkfs.btrfs -q -f "$T/img" >/dev/null && mkdir "$T/b" && mount -o loop "$T/img" "$T/b"
	P=$T/b
	check "best where there is btrfs" create "$a" -B best
	is "is a subvolume" "$(root_of "$a") $(stat -c %i "$P/$a/rootfs")" "btrfs:$P/$a/rootfs 256"
	check "boots" boots "$a"
	check "a snapshot copy" lxc copy -n "$a" -N "$a-2" -s
	is "is one, too, and rests on nothing" "$(root_of "$a-2") $(stat -c %i "$P/$a-2/rootfs") $(cd "$P/$a-2" && echo *)" \
		"btrfs:$P/$a-2/rootfs 256 config rootfs"
	check "a snapshot" lxc snapshot -n "$a"
	echo changed >"$P/$a/rootfs/etc/state"
	check "restored" lxc snapshot -n "$a" -r snap0
	check "boots as it was" boots "$a"
	check "another name" lxc copy -n "$a-2" -R -N "$a-3"
	if command -v btrfs >/dev/null; then
		btrfs subvolume create "$P/$a-3/rootfs/nested" >/dev/null && mkdir -p "$P/$a-3/rootfs/nested/x" &&
			btrfs subvolume create "$P/$a-3/rootfs/nested/x/more" >/dev/null
	fi
	check "removed with what is nested in it" lxc destroy -n "$a-3"
	check "and with its snapshots" lxc destroy -n "$a" -s
	is "nothing is left there" "$(ls -A "$P")" ""
	umount "$T/b"
else
	skip "best where there is btrfs" "no mkfs.btrfs, no btrfs in the kernel, or no loop devices"
fi
P=$LXCPATH
for c in "$P"/*/; do
	c=${c%/} && [ -e "$c/config" ] && lxc destroy -n "${c##*/}" -f -s
done
check "no loop device is left" wait_for 5 sh -c "! grep -qs '^$T' /sys/block/loop*/loop/backing_file"
