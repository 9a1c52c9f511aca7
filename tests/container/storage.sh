# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# For tests of storage, after lib.sh: commands on the lxcpath $P, a template that is made at once, and what every kind of
# device promises.
P=$LXCPATH
lxc() { local tool=$1 && shift && "lxc-$tool" -P "$P" "$@" </dev/null; }
root_of() { sed -n "s/^lxc.rootfs.path = //p" "$P/$1/config"; }
printf 'lxc.net.0.type = empty\n' >"$T/default"
# A template whose root file system has one program.
{
	echo '#!/bin/bash'
	declare -f make_rootfs
} >"$T/template"
cat >>"$T/template" <<'EOF'
for o; do case $o in --rootfs=*) rootfs=${o#*=} ;; --path=*) path=${o#*=} ;; esac; done
make_rootfs "$rootfs" && echo "$rootfs" >"$path/was" && echo orig >"$rootfs/etc/state" && touch "$rootfs/etc/hostname"
EOF
chmod 755 "$T/template"
create() { lxc create -n "$1" -t "$T/template" -f "$T/default" "${@:2}"; }
boots() { lxc start -n "$1" && [ "$(lxc attach -n "$1" -- cat /etc/state)" = "${2:-orig}" ] && lxc stop -n "$1" -k; }
# change NAME [FILE]: its state, or another file, by itself.
change() {
	lxc start -n "$1" && lxc attach -n "$1" -- sh -c "echo changed >/etc/${2-state}"
	lxc stop -n "$1" -k
}
# The bytes of the device, or of the file that stands for one.
size_of() {
	local dev
	dev=$(root_of "$1")
	dev=${dev#*:}
	if [ -b "$dev" ]; then blockdev --getsize64 "$dev"; else stat -c %s "$dev"; fi
}

# device_conforms NAME KIND PLACE CREATE-OPTION…: a container NAME of 40 MB is made, by these options and -B KIND, whose
# root is at PLACE; copies of it, NAME2 and so on. NAME stays.
device_conforms() {
	local n=$1 kind=$2 place=$3
	shift 3
	check "$n: made" create "$n" -B "$kind" --fssize 40M --fstype ext4 "$@"
	is "$n: its place and size" "$(root_of "$n") $(size_of "$n")" "$kind:$place $((40 << 20))"
	check "$n: which the template found mounted" test "$(cat "$P/$n/was")" = "$P/$n/rootfs"
	check "$n: and nobody else" test -z "$(ls "$P/$n/rootfs")"
	check "$n: boots" boots "$n"
	check "$n: copied" lxc copy -n "$n" -N "${n}2"
	is "$n: is as large" "$(size_of "${n}2")" $((40 << 20))
	check "$n: the copy boots" boots "${n}2"
	check "$n: copied into a directory" lxc copy -n "$n" -N "${n}3" -B dir
	is "$n: is one" "$(root_of "${n}3") $(cat "$P/${n}3/rootfs/etc/state")" "dir:$P/${n}3/rootfs orig"
	check "$n: and back" lxc copy -n "${n}3" -N "${n}4" -B "$kind" -L 48M
	is "$n: is larger" "$(size_of "${n}4")" $((48 << 20))
	check "$n: that boots, too" boots "${n}4"
	echo 'lxc.hook.clone = /bin/sh -c "cp $LXC_ROOTFS_MOUNT/etc/hostname ${LXC_CONFIG_FILE%/*}/seen" #' >>"$P/${n}2/config"
	change "${n}2" hostname
	check "$n: with a clone hook" lxc copy -n "${n}2" -N "${n}5"
	is "$n: which found it mounted, with its name" "$(cat "$P/${n}5/seen")" "${n}5"
	refuse "$n: a template that fails" lxc create -n "${n}x" -t /bin/false -B "$kind" --fssize 40M "$@"
	check "$n: leaves nothing" test ! -e "$P/${n}x"
}
# snapshots_conform NAME: one is taken, the container changes, and is as it was when it has been restored.
snapshots_conform() {
	check "$1: a snapshot" lxc snapshot -n "$1"
	change "$1"
	check "$1: restored" lxc snapshot -n "$1" -r snap0
	check "$1: boots as it was" boots "$1"
}
