#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root user vm
# The frame of the other files works: a root file system that runs, ids that are delegated, commands that are found.
. "${0%/*}/lib.sh"
check "the commands are found" lxc-start --version
check "a root file system is made" make_rootfs "$T/root"
if is_root; then
	is "and runs" "$(chroot "$T/root" /bin/sh -c 'echo it works')" "it works"
else
	is "delegated ids" "$(unshare -U --map-auto --map-root-user awk 'END{print NR}' /proc/self/uid_map)" 2
	check "own_by_container" own_by_container "$T/root"
	is "the tree belongs to the container" "$(stat -c %u "$T/root/bin")" "$(sub_start /etc/subuid)"
	unshare -U --map-auto --map-root-user rm -rf "$T/root"
fi
refuse "an unknown option is refused" lxc-start --no-such-option
