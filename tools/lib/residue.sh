# shellcheck shell=sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What a test or a run may leave behind, as text: compare two snapshots to see what was left.

# machine_snapshot: mounts, links, nft tables, cgroups, loop devices, our processes and run directory, one object a line.
machine_snapshot() {
	awk '{print "mount", $5, $4}' /proc/self/mountinfo | sort
	ip -o link 2>/dev/null | awk -F': ' '{print "link", $2}' | sed 's/@.*//' | sort
	nft list tables 2>/dev/null | sed 's/^/nft /' | sort
	find /sys/fs/cgroup -mindepth 1 -type d 2>/dev/null | sed 's/^/cgroup /' | grep -E '/(lxc|creel)' | sort
	losetup -a 2>/dev/null | sed 's/^/loop /' | sort
	# All of them by one process: one each takes half a minute in an emulated machine.
	find /proc/[0-9]*/exe -maxdepth 0 -printf '%h %l\n' 2>/dev/null | while read -r p exe; do
		case ${exe##*/} in
		creel*) echo "process ${p#/proc/} $exe $(tr '\0' ' ' <"$p/cmdline" 2>/dev/null)" ;;
		dnsmasq*) if tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -q creel; then echo "process ${p#/proc/} $exe"; fi ;;
		esac
	done | sort
	find /run/creel -mindepth 1 ! -path '*/locks/*' ! -path '*/locks' ! -path '*/rootfs' ! -path '*/net' 2>/dev/null | sort | sed 's/^/run /'
	find /var/lib/lxc /var/lib/creel -mindepth 1 -maxdepth 1 2>/dev/null | sort | sed 's/^/state /'
}
