#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root user
# Copies of containers: what is in them, what they rest on, other names, and what is left of those that fail.
. "${0%/*}/lib.sh"

# lxc COMMAND…: of this file's lxcpath.
lxc() { local tool=$1 && shift && "lxc-$tool" -P "$LXCPATH" "$@" </dev/null; }
value() { lxc info -n "$1" -c "$2" | sed 's/^[^=]*= //'; }
root_of() { sed -n "s/^lxc.rootfs.path = //p" "$LXCPATH/$1/config"; }
a=${CT}a
make_container "$a" <<EOF2
# a comment that stays
lxc.net.0.type = empty
lxc.net.1.type = empty
lxc.net.1.hwaddr = 00:16:3e:01:02:03
lxc.log.file = $LXCPATH/$a/$a.log
lxc.hook.clone = $LXCPATH/$a/on-clone first
lxc.mount.fstab = $LXCPATH/$a/fstab
EOF2
cat >"$LXCPATH/$a/on-clone" <<'EOF2'
#!/bin/sh
{ echo "args: $*"; echo "src: $LXC_SRC_NAME name: $LXC_NAME"; cat "$LXC_ROOTFS_MOUNT/etc/hostname"; } >"${LXC_CONFIG_FILE%/*}/hooked"
EOF2
chmod 755 "$LXCPATH/$a/on-clone"
: >"$LXCPATH/$a/fstab"
if is_root; then echo old >"$LXCPATH/$a/rootfs/etc/hostname"; else
	lxc-start -P "$LXCPATH" -n "$a" && in_ct "$a" sh -c 'echo old >/etc/hostname' && kill_ct "$a"
fi

check "copy" lxc copy -n "$a" -N "$a-2" -- one "two words"
conf=$LXCPATH/$a-2/config
like "the user's text is kept" "$(cat "$conf")" '# a comment that stays'
is "its root is its own" "$(root_of "$a-2")" "dir:$LXCPATH/$a-2/rootfs"
is "its host name is its own" "$(value "$a-2" lxc.uts.name)" "$a-2"
is "in its root, too" "$(cat "$LXCPATH/$a-2/rootfs/etc/hostname")" "$a-2"
like "its MAC address is new" "$(value "$a-2" lxc.net.1.hwaddr)" '^10:66:6a:..:..:..$'
is "its log is its own" "$(value "$a-2" lxc.log.file)" "$LXCPATH/$a-2/$a.log"
is "its fstab is its own" "$(value "$a-2" lxc.mount.fstab)" "$LXCPATH/$a-2/fstab"
is "its hook is a copy" "$(value "$a-2" lxc.hook.clone)" "$LXCPATH/$a-2/on-clone first"
is "the hook was told" "$(cat "$LXCPATH/$a-2/hooked")" "args: first $a-2 lxc clone one two words
src: $a name: $a-2
$a-2"
check "it is finished" test ! -e "$LXCPATH/$a-2/partial"
check "it starts" start_ct "$a-2"
is "with the files of the other" "$(in_ct "$a-2" cat /etc/passwd)" "$(cat "$LXCPATH/$a/rootfs/etc/passwd")"
kill_ct "$a-2"
check "copy with the names kept" lxc copy -n "$a" -N "$a-k" -K -M
is "the host name" "$(value "$a-k" lxc.uts.name)" "$a"
is "the MAC address" "$(value "$a-k" lxc.net.1.hwaddr)" 00:16:3e:01:02:03
if is_root; then
	hook=$(readlink -f "$(command -v creel)")
	hook=${hook%/bin/*}/share/lxc/hooks/clonehostname
	mkdir "$LXCPATH/$a/rootfs/etc/sysconfig" && echo "$a" >"$T/outside" && ln -s "$T/outside" "$LXCPATH/$a/rootfs/etc/HOSTNAME"
	printf 'A=yes\nHOSTNAME=%s\nB="x%s, %s."\n' "$a" "$a" "$a" >"$LXCPATH/$a/rootfs/etc/sysconfig/network"
	cp "$LXCPATH/$a/config" "$T/kept" && echo "lxc.hook.clone = $hook" >>"$LXCPATH/$a/config"
	check "copy with the hook clonehostname" lxc copy -n "$a" -N "$a-h"
	is "whole words of its files are the new name" "$(cat "$LXCPATH/$a-h/rootfs/etc/sysconfig/network")" \
		"$(printf 'A=yes\nHOSTNAME=%s\nB="x%s, %s."' "$a-h" "$a" "$a")"
	is "what a link leads to stays" "$(cat "$T/outside")" "$a"
	cp "$T/kept" "$LXCPATH/$a/config" && rm -r "$LXCPATH/$a/rootfs/etc/sysconfig" "$LXCPATH/$a/rootfs/etc/HOSTNAME"
fi
refuse "a name that is taken" lxc copy -n "$a" -N "$a-2"
refuse "no name" lxc copy -n "$a"
refuse "no such container" lxc copy -n "${CT}none" -N "$a-3"

# What rests on what.
check "snapshot" lxc copy -n "$a" -N "$a-s" -s
is "its root is an overlay" "$(root_of "$a-s")" "overlay:$LXCPATH/$a/rootfs:$LXCPATH/$a-s/overlay/delta"
is "what it rests on" "$(cat "$LXCPATH/$a-s/lxc_rdepends")" "$LXCPATH
$a"
is "what rests on it" "$(cat "$LXCPATH/$a/lxc_snapshots")" "$LXCPATH
$a-s"
for end in '\n' ''; do
	printf "%s\n%s$end" "$LXCPATH" "$a-s" >"$LXCPATH/$a/lxc_snapshots"
	check "another snapshot" lxc copy -n "$a" -N "$a-w" -s
	is "both rest on it" "$(tr '\n' ' ' <"$LXCPATH/$a/lxc_snapshots")" "$LXCPATH $a-s $LXCPATH $a-w "
	check "until it is destroyed" lxc destroy -n "$a-w"
	is "then the one does" "$(tr '\n' ' ' <"$LXCPATH/$a/lxc_snapshots")" "$LXCPATH $a-s "
done
if start_ct "$a-s" 2>"$T/err"; then
	ok "a snapshot starts"
	is "with its own host name" "$(in_ct "$a-s" cat /etc/hostname)" "$a-s"
	check "it can be written to" in_ct "$a-s" sh -c 'echo mine >/etc/mine'
	kill_ct "$a-s"
	check "a snapshot of a snapshot" lxc copy -n "$a-s" -N "$a-t" -s
	is "rests on both" "$(tr '\n' ' ' <"$LXCPATH/$a-t/lxc_rdepends")" "$LXCPATH $a $LXCPATH $a-s "
	start_ct "$a-t"
	is "with what was changed" "$(in_ct "$a-t" cat /etc/mine)" mine
	is "and its own host name" "$(in_ct "$a-t" cat /etc/hostname)" "$a-t"
	kill_ct "$a-t"
	check "a copy of a snapshot" lxc copy -n "$a-s" -N "$a-u"
	is "is a directory" "$(root_of "$a-u")" "dir:$LXCPATH/$a-u/rootfs"
	is "with all in it" "$(cat "$LXCPATH/$a-u/rootfs/etc/mine")" mine
	refuse "the middle is not destroyed" lxc destroy -n "$a-s"
	check "the last is" lxc destroy -n "$a-t"
else
	skip "a snapshot starts" "$(tail -n1 "$T/err")"
fi
# The host name is written into the upper layer by hand where that is as good as overlayfs's own copy.
if is_root; then
	chmod 2711 "$LXCPATH/$a/rootfs/etc" && chown 7:8 "$LXCPATH/$a/rootfs/etc" "$LXCPATH/$a/rootfs/etc/hostname"
	check "a snapshot of a root with odd owners" lxc copy -n "$a" -N "$a-o" -s
	is "the folder and file have them" "$(cd "$LXCPATH/$a-o/overlay/delta" && stat -c '%a %u:%g' etc etc/hostname | tr '\n' ' ')" \
		"2711 7:8 $(stat -c '%a %u:%g' "$LXCPATH/$a/rootfs/etc/hostname") "
	check "destroyed again" lxc destroy -n "$a-o"
	echo host >"$T/victim"
	ln -sf "$T/victim" "$LXCPATH/$a/rootfs/etc/hostname"
	check "a snapshot of one whose host name is a link" lxc copy -n "$a" -N "$a-o" -s
	is "the link is not followed to the host" "$(cat "$T/victim")" host
	check "destroyed, too" lxc destroy -n "$a-o"
	rm "$LXCPATH/$a/rootfs/etc/hostname"
	echo old >"$LXCPATH/$a/rootfs/etc/hostname"
	chown -R 0:0 "$LXCPATH/$a/rootfs/etc" && chmod 755 "$LXCPATH/$a/rootfs/etc"
fi
refuse "the first is not destroyed" lxc destroy -n "$a"
like "because" "$(cat "$T/.out")" "Destroying $a failed: $a has clones"
refuse "nor renamed" lxc copy -n "$a" -R -N "$a-r"
check "a snapshot renamed" lxc copy -n "$a-s" -R -N "$a-v"
is "its root went with it" "$(root_of "$a-v")" "overlay:$LXCPATH/$a/rootfs:$LXCPATH/$a-v/overlay/delta"
is "it is known by its new name" "$(cat "$LXCPATH/$a/lxc_snapshots")" "$LXCPATH
$a-v"
check "the old name is gone" test ! -e "$LXCPATH/$a-s"
check "destroyed" lxc destroy -n "$a-v"
check "nothing rests on the first" test ! -e "$LXCPATH/$a/lxc_snapshots"

check "renamed" lxc copy -n "$a-k" -R -N "$a-n"
is "its root" "$(root_of "$a-n")" "dir:$LXCPATH/$a-n/rootfs"
check "starts under its new name" start_ct "$a-n"
refuse "one that runs is not renamed" lxc copy -n "$a-n" -R -N "$a-m"
refuse "nor copied" lxc copy -n "$a-n" -N "$a-m"
check "unless one insists" lxc copy -n "$a-n" -N "$a-m" -a
kill_ct "$a-n"

# A hook that fails leaves nothing.
echo "lxc.hook.clone = /bin/false" >>"$LXCPATH/$a-2/config"
refuse "a clone hook that fails" lxc copy -n "$a-2" -N "$a-x"
check "leaves nothing" test ! -e "$LXCPATH/$a-x"
is "not even a mark" "$(cat "$LXCPATH/$a-2/lxc_snapshots" 2>/dev/null)" ""
# So does a copy that was killed: nobody sees it, and the next one takes its place.
mkdir -p "$LXCPATH/$a-y/rootfs" && : >"$LXCPATH/$a-y/partial" && cp "$LXCPATH/$a/config" "$LXCPATH/$a-y/config"
unlike "an unfinished copy is no container" "$(lxc ls -1)" "$a-y"
check "and in nobody's way" lxc copy -n "$a" -N "$a-y"

# Ephemeral ones. goes WHAT NAME: it is destroyed without being told.
goes() { check "$1" wait_for 10 test ! -e "$LXCPATH/$2"; }
mkdir -p "$T/src" && echo data >"$T/src/file"
chmod 755 "$T/src"
out=$(lxc copy -n "$a" -N "$a-e" -e -m "bind=$T/src:/mnt:ro" 2>"$T/err") || note "$(cat "$T/err")"
if [ "$(state_of "$a-e")" = RUNNING ]; then
	is "an ephemeral copy" "$out" "Created $a-e as clone of $a"
	is "has its mount" "$(in_ct "$a-e" cat /mnt/file)" data
	kill_ct "$a-e"
	goes "and goes when it stops" "$a-e"
	out=$(lxc copy -n "$a" -e -D 2>&1)
	e=${out#Created }
	e=${e%% *}
	like "a name of its own" "$e" "^${a}_[A-Za-z0-9]{6}\$"
	kill_ct "$e"
	check "-D: it stays" test -e "$LXCPATH/$e/config"
	if is_root; then
		lxc copy -n "$a" -N "$a-t" -e -t >/dev/null
		check "on a tmpfs" in_ct "$a-t" sh -c 'echo mine >/etc/mine'
		check "where nothing comes out of" test ! -e "$LXCPATH/$a-t/overlay/delta/etc/mine"
		is "with its host name" "$(in_ct "$a-t" cat /etc/hostname)" "$a-t"
		kill_ct "$a-t"
		check "which goes, too" wait_for 10 test ! -e "$LXCPATH/$a-t"
	fi
	check "a command in it" lxc copy -n "$a" -N "$a-c" -e -- /bin/sh -c 'echo done >/etc/done; true'
	goes "then it stops" "$a-c"
else
	skip "an ephemeral copy" "no overlay here: $(tail -n1 "$T/err")"
fi
refuse "a mount that makes no sense" lxc copy -n "$a" -e -N "$a-z" -m bind=tmp
check "leaves nothing" test ! -e "$LXCPATH/$a-z"

# In the words of before.
is "lxc-clone" "$(lxc-clone -p "$LXCPATH" -P "$LXCPATH" -o "$a" -n "$a-old")" "Created container $a-old as copy of $a"
check "it is a copy" test -e "$LXCPATH/$a-old/rootfs/bin/sh"
is "by operands, as a snapshot" "$(lxc-clone -p "$LXCPATH" -s "$a" "$a-old2")" "Created container $a-old2 as snapshot of $a"
check "that goes" lxc destroy -n "$a-old2"
refuse "one name only" lxc-clone -p "$LXCPATH" "$a"
if is_root; then
	lxc-start-ephemeral -P "$LXCPATH" -o "$a" -n "$a-w" -b "$T/src" -- /bin/sh -c "cat $T/src/file; exit 7" >"$T/out" 2>&1 </dev/null
	is "lxc-start-ephemeral: its command's end" $? 7
	is "with a directory of the host" "$(cat "$T/out")" data
	check "then it is gone" wait_for 10 test ! -e "$LXCPATH/$a-w"
	like "in the background" "$(lxc-start-ephemeral -P "$LXCPATH" -o "$a" -n "$a-w" -d </dev/null)" "The ephemeral container is now started"
	is "it runs" "$(state_of "$a-w")" RUNNING
	kill_ct "$a-w"
	check "until it is stopped" wait_for 10 test ! -e "$LXCPATH/$a-w"
	refuse "a kind of union that there is not" lxc-start-ephemeral -P "$LXCPATH" -o "$a" -U aufs
fi
