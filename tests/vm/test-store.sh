#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Containers on logical volumes: plain ones, whose snapshots rest on them, and those of a thin pool. What they are made of;
# snapshots, copies, other names; what they do not touch; and what is left when a copy is killed.
[ -n "${CT-}" ] || exec tests/container/run "$0"
. tests/container/lib.sh
. tests/container/storage.sh

vg=vg$CT a=${CT}a
volumes() { lvs --noheadings -o lv_name "$vg" | awk '{print $1}' | sort | tr '\n' ' '; }
maps() { dmsetup ls | awk '{print $1}' | sort; }
before=$(maps)
global=$CREEL_STAGE/etc/lxc/lxc.conf
truncate -s 1500M "$T/disk"
dev=$(losetup -f --show "$T/disk")
modprobe -a dm-snapshot dm-thin-pool
vgcreate -qq "$vg" "$dev" || nok "a volume group"
lvm=(--vgname "$vg")

# --- what is none of ours ----------------------------------------------------------------------------------------------
lvcreate -qq -L 8M -n precious "$vg"
echo precious >"/dev/$vg/precious"
refuse "a container named like a volume that is there" create precious -B lvm "${lvm[@]}"
refuse "a volume that is there" create "$a" -B lvm "${lvm[@]}" --lvname precious
refuse "a group that there is not" create "$a" -B lvm --vgname "${vg}no"
refuse "a pool that there is not" create "$a" -B lvm "${lvm[@]}" --thinpool none
refuse "more than there is room" create "$a" -B lvm "${lvm[@]}" --fssize 5G
is "no container is left" "$(ls -A "$P")" ""
is "nothing is noted" "$(creel doctor)" "nothing is left of dead containers"
is "it is still there, as it was" "$(volumes)$(head -c 8 "/dev/$vg/precious")" "precious precious"

# --- volumes of their own ----------------------------------------------------------------------------------------------
# lxc-copy knows no option for the group: what lies in none goes into that of lxc.conf.
echo "lxc.bdev.lvm.vg = $vg" >"$global"
check "made" create "$a" -B lvm --fssize 40M --fstype ext4
is "its place and size" "$(root_of "$a") $(size_of "$a")" "lvm:/dev/$vg/$a $((40 << 20))"
check "boots" boots "$a"
check "copied into a directory" lxc copy -n "$a" -N "${a}2" -B dir
check "and back" lxc copy -n "${a}2" -N "${a}3" -B lvm -L 48M
rm "$global"
is "is larger" "$(size_of "${a}3")" $((48 << 20))
check "boots, too" boots "${a}3"
check "copied beside it, whatever lxc.conf says" lxc copy -n "$a" -N "${a}4"
is "is as large" "$(root_of "${a}4") $(size_of "${a}4")" "lvm:/dev/$vg/${a}4 $((40 << 20))"
refuse "a copy named like a volume that is there" lxc copy -n "$a" -N precious
is "it is still there" "$(head -c 8 "/dev/$vg/precious")" precious
for n in 2 3 4; do lxc destroy -n "$a$n"; done
is "volumes go with their containers" "$(volumes)" "precious $a "

check "a snapshot copy" lxc copy -n "$a" -N "${a}s" -s
is "is a snapshot" "$(root_of "${a}s") $(lvs --noheadings -o origin "$vg/${a}s" | tr -d ' ')" "lvm:/dev/$vg/${a}s $a"
change "${a}s"
check "what changes in it" boots "${a}s" changed
check "does not in the other" boots "$a"
refuse "nothing goes that another rests on" lxc destroy -n "$a"
refuse "nor is it renamed" lxc copy -n "$a" -R -N "${a}r"
check "the copy goes" lxc destroy -n "${a}s"
check "a snapshot" lxc snapshot -n "$a"
like "is listed" "$(lxc snapshot -n "$a" -L)" '^snap0 '
change "$a"
refuse "which cannot take the place of what it rests on" lxc snapshot -n "$a" -r snap0
check "the container is as it was" boots "$a" changed
check "but is restored as another" lxc snapshot -n "$a" -r snap0 -N "${a}n"
check "which boots as it was" boots "${a}n"
check "it rests on nothing" lxc destroy -n "$a" -s
check "and boots on" boots "${a}n"
check "another name" lxc copy -n "${a}n" -R -N "${a}m"
is "is the volume's, too" "$(root_of "${a}m") $(volumes)" "lvm:/dev/$vg/${a}m precious ${a}m "
check "boots" boots "${a}m"
check "destroyed" lxc destroy -n "${a}m"
is "no volume is left" "$(volumes)" "precious "

# --- of a thin pool ----------------------------------------------------------------------------------------------------
lvcreate -qq -L 600M --type thin-pool -n pool "$vg" 2>/dev/null || nok "a thin pool"
echo "lxc.bdev.lvm.vg = $vg" >"$global"
echo "lxc.bdev.lvm.thin_pool = pool" >>"$global"
pool_of() { lvs --noheadings -o pool_lv "$(root_of "$1" | cut -d: -f2)" | tr -d ' '; }
b=${a}t
check "made" create "$b" -B lvm --vgname "$vg" --fssize 40M --thinpool pool
snapshots_conform "$b"
is "it lies in the pool" "$(pool_of "$b")" pool
check "a second container of the group" create "${b}o" -B lvm --fssize 40M
is "in lxc.conf's pool" "$(pool_of "${b}o")" pool
check "its first snapshot is beside the other's first" lxc snapshot -n "${b}o"
change "${b}o"
check "each has its own" lxc snapshot -n "${b}o" -r snap0
check "boots as it was" boots "${b}o"
check "goes with it" lxc destroy -n "${b}o" -s
check "a snapshot copy" lxc copy -n "$b" -N "${b}s" -s
check "rests on nothing: its origin goes" lxc destroy -n "$b" -s
check "and it boots" boots "${b}s"
check "another name" lxc copy -n "${b}s" -R -N "$b"
is "is the volume's, too" "$(volumes)" "pool precious $b "
check "an ephemeral one" lxc copy -n "$b" -e -- /bin/sh -c 'echo gone >/etc/state'
check "boots as it was" boots "$b"
is "and nothing is left of that" "$(volumes)" "pool precious $b "

# --- killed -------------------------------------------------------------------------------------------------------------
# killed COMMAND…, which makes NAMEk: at moments that divide the time that it takes.
killed() {
	local s ms at pid n=0
	s=$(date +%s%N)
	"$@" </dev/null >/dev/null 2>&1 && lxc destroy -n "${b}k" || return 1
	ms=$((($(date +%s%N) - s) / 1000000))
	for at in 1 2 3; do
		"$@" </dev/null >/dev/null 2>&1 &
		pid=$!
		sleep "$((ms * at / 4 / 1000)).$(printf %03d $((ms * at / 4 % 1000)))"
		kill -9 $pid
		wait $pid 2>/dev/null
		[ $? != 137 ] || n=$((n + 1))
		creel doctor --fix -P "$P" >"$T/doctor" 2>&1
		[ ! -e "$P/${b}k/config" ] || lxc destroy -n "${b}k" || return 1
		[ "$(volumes)$(ls "$P")" = "pool precious $b $b" ] || {
			note "at $at/4 of $ms ms: $(volumes)$(ls "$P")" "$(cat "$T/doctor")" && return 1
		}
	done
	note "killed $n times in $ms ms"
	[ $n -gt 0 ]
}
check "copies that are killed leave nothing" killed lxc-copy -P "$P" -n "$b" -N "${b}k"
check "nor do those that share" killed lxc-copy -P "$P" -n "$b" -N "${b}k" -s
check "what they were made of is as it was" boots "$b"
check "destroyed" lxc destroy -n "$b"
is "it is still there, as it was" "$(volumes)$(head -c 8 "/dev/$vg/precious")" "pool precious precious"
vgremove -qq -f "$vg"
losetup -d "$dev"
rm "$global" "$T/disk"
is "no device is left" "$(maps)" "$before"
