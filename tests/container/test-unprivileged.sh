#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root user
# Containers whose ids are mapped, an ordinary user's and root's: made by templates, in their usual places, and all that is
# done with them until they are gone.
. "${0%/*}/lib.sh"

a=$CT-a b=$CT-b
conf=$T/default.conf
if is_root; then
	path=$LXCPATH uid=700000
	P=(-P "$LXCPATH" -f "$conf")
else
	path=$HOME/.local/share/lxc uid=$(sub_start /etc/subuid)
	mkdir -p "$HOME/.config/lxc"
	conf=$HOME/.config/lxc/default.conf
	P=()
	LXCPATH=$path # where finish() looks
	chmod 711 "$HOME"
fi
Q=("${P[@]:0:2}")
printf '%s\n' "lxc.idmap = u 0 $uid 65536" "lxc.idmap = g 0 $uid 65536" "lxc.net.0.type = empty" >"$conf"
owner() { stat -c '%u:%g %a' "$@"; }
in_a() { lxc-attach "${Q[@]}" -n "$a" -- "$@" </dev/null; }

# --- from a template --------------------------------------------------------------------------------------------------------
check "lxc-create -t busybox" lxc-create "${P[@]}" -n "$a" -t busybox
check "in the usual place" test -s "$path/$a/config"
is "the root file system is of its root" "$(owner "$path/$a/rootfs")" "$uid:$uid 755"
is "its files, too" "$(stat -c '%u' "$path/$a/rootfs/bin/busybox" 2>/dev/null || lxc-usernsexec -m "u:0:$uid:65536" -m "g:0:$uid:65536" -- stat -c %u "$path/$a/rootfs/bin/busybox" | sed "s/^0$/$uid/")" "$uid"
is "the folder, for whom it is and who made it" "$(owner "$path/$a")" "$uid:$(id -g) 770"
is "the configuration is his who made it" "$(stat -c %u "$path/$a/config")" "$(id -u)"
like "with the maps" "$(cat "$path/$a/config")" "^lxc.idmap = u 0 $uid 65536"
if ! is_root; then
	# The kernel lets only root do that, whose the file system is.
	for o in lxc.rootfs.options=idmap=container "lxc.mount.entry=$T mnt none bind,idmap=container 0 0"; do
		like "$o is refused" "$(lxc-start "${Q[@]}" -n "$a" -s "$o" 2>&1; echo "$?")" 'only root may map the ids of a mount'
	done
fi
check "start" lxc-start "${Q[@]}" -n "$a"
check "RUNNING" lxc-wait "${Q[@]}" -n "$a" -s RUNNING -t 10
is "root inside" "$(in_a id -u)" 0
is "and not outside" "$(stat -c %u "/proc/$(lxc-info "${Q[@]}" -n "$a" -pH)")" "$uid"
is "its files are root's in there" "$(in_a stat -c %u /bin/busybox /etc/passwd | sort -u)" 0
check "root may write there" in_a sh -c 'echo x >/root/mine'
like "lxc-ls" "$(lxc-ls "${Q[@]}" -f -F NAME,STATE,UNPRIVILEGED --filter "^$a$" | tail -1)" "$a +RUNNING +true"
if is_root; then
	check "freeze and thaw" sh -c 'lxc-freeze "$@" && lxc-unfreeze "$@"' - "${Q[@]}" -n "$a"
else
	like "freeze without a delegated control group" "$(lxc-freeze "${Q[@]}" -n "$a" 2>&1; echo $?)" 'no control group of its own|^0$'
fi
check "stop" lxc-stop "${Q[@]}" -n "$a" -t 5
is "STOPPED" "$(lxc-info "${Q[@]}" -n "$a" -sH)" STOPPED
check "lxc-copy" lxc-copy "${Q[@]}" -n "$a" -N "$b"
is "the copy's owner" "$(owner "$path/$b/rootfs")" "$uid:$uid 755"
is_root || is "and its folder's" "$(owner "$path/$b")" "$uid:$(id -g) 770"
check "the copy starts" lxc-start "${Q[@]}" -n "$b"
is "with what was written" "$(lxc-attach "${Q[@]}" -n "$b" -- cat /root/mine </dev/null)" x
check "destroy by force" lxc-destroy "${Q[@]}" -n "$b" -f
check "its folder is gone" test ! -e "$path/$b"
check "lxc-snapshot" lxc-snapshot "${Q[@]}" -n "$a"
check "lxc-snapshot -r" lxc-snapshot "${Q[@]}" -n "$a" -r snap0 -N "$b"
check "destroy" lxc-destroy "${Q[@]}" -n "$b"
check "destroy with snapshots" lxc-destroy "${Q[@]}" -n "$a" -s
check "nothing is left of it" test ! -e "$path/$a"

# --- what fails leaves nothing ----------------------------------------------------------------------------------------------
cat >"$T/lxc-fails" <<'E'
#!/bin/sh
for o; do case $o in --rootfs=*) root=${o#*=} ;; esac; done
mkdir -p "$root/etc/deep" && echo x >"$root/etc/deep/file" && chmod 000 "$root/etc/deep"
echo "as $(id -u), $*"
exit 3
E
chmod 755 "$T/lxc-fails"
out=$(lxc-create "${P[@]}" -n "$a" -t "$T/lxc-fails" 2>&1)
like "a template runs as the container's root, and is told whose the configuration is" "$out" "^as 0, .*--mapped-uid 65536 --mapped-gid 65536"
like "one that fails" "$out" 'failed with status 3'
check "leaves nothing" test ! -e "$path/$a"
cat >"$T/lxc-slow" <<'E'
#!/bin/sh
for a; do case $a in --rootfs=*) r=${a#*=} ;; esac; done
mkdir -p "$r/bin" && : >"$r/bin/x" && sleep 60
E
chmod 755 "$T/lxc-slow"
lxc-create "${P[@]}" -n "$a" -t "$T/lxc-slow" >"$T/out" 2>&1 </dev/null &
w=$!
check "one that is killed with its command" wait_for 10 lxc-usernsexec -m "u:0:$uid:65536" -m "g:0:$uid:65536" -- test -e "$path/$a/rootfs/bin/x"
kill -9 $w
wait $w 2>/dev/null
rm -rf "${XDG_RUNTIME_DIR:-/run}/creel/$a"*
check "goes by lxc-destroy" lxc-destroy "${Q[@]}" -n "$a"
check "to the last file" test ! -e "$path/$a"
check "lxc-create -t none" lxc-create "${P[@]}" -n "$a" -t none
is "its folder's owner; there is no root file system" "$(stat -c %u "$path/$a") $(ls "$path/$a")" "$uid config"
check "destroy of an empty one" lxc-destroy "${Q[@]}" -n "$a"

# --- an image in files --------------------------------------------------------------------------------------------------------
mkdir -p "$T/img" "$T/meta" && make_rootfs "$T/img/rootfs" >/dev/null
printf 'lxc.uts.name = LXC_NAME\n' >"$T/meta/config-user" && cp "$T/meta/config-user" "$T/meta/config"
tar -C "$T/img/rootfs" --owner=0 --group=0 --numeric-owner -cJf "$T/rootfs.tar.xz" . && tar -C "$T/meta" -cJf "$T/meta.tar.xz" .
check "lxc-create -t local" lxc-create "${P[@]}" -n "$a" -t local -- --metadata "$T/meta.tar.xz" --fstree "$T/rootfs.tar.xz"
is "owner of what was in the archive" "$(lxc-usernsexec -m "u:0:$uid:65536" -m "g:0:$uid:65536" -- stat -c %u "$path/$a/rootfs/bin/busybox")" 0
check "it starts" lxc-start "${Q[@]}" -n "$a"
is "root inside" "$(in_a id -u)" 0
check "destroy" lxc-destroy "${Q[@]}" -n "$a" -f

# --- what an ordinary user can not --------------------------------------------------------------------------------------------
if ! is_root; then
	echo "lxc.net.0.type = empty" >"$conf"
	out=$(lxc-create -n "$a" -t busybox 2>&1)
	like "without ids: why" "$out" 'needs lxc.idmap'
	like "and which are his" "$out" "hint: write into $conf: lxc.idmap = u 0 $uid 65536; lxc.idmap = g 0 $uid 65536"
	check "and nothing is left" test ! -e "$path/$a"
	printf '%s\n' "lxc.idmap = u 0 5 65536" "lxc.idmap = g 0 $uid 65536" >"$conf"
	like "ids that are not his" "$(lxc-create -n "$a" -t busybox 2>&1)" '/etc/subuid'
	check "nor is anything left of that" test ! -e "$path/$a"
	printf '%s\n' "lxc.idmap = u 0 $(id -u) 1" "lxc.idmap = g 0 $(id -g) 1" "lxc.net.0.type = empty" >"$conf"
	check "a container of his one id" lxc-create -n "$a" -t busybox
	is "whose files are his" "$(stat -c %u "$path/$a/rootfs/bin/busybox")" "$(id -u)"
	check "starts" lxc-start -n "$a"
	is "root in there" "$(in_a id -u)" 0
	check "and goes" lxc-destroy -n "$a" -f
fi

# --- devices while it runs -------------------------------------------------------------------------------------------------------
if is_root; then
	check "a container with ids of its own" lxc-create "${P[@]}" -n "$a" -t busybox
	check "starts" lxc-start "${Q[@]}" -n "$a"
	check "lxc-device add: a node" lxc-device "${Q[@]}" -n "$a" add /dev/zero /dev/nil
	is "can be read" "$(in_a sh -c 'head -c 3 /dev/nil | wc -c')" 3
	check "lxc-device del" lxc-device "${Q[@]}" -n "$a" del /dev/nil
	check "is gone" in_a sh -c '! test -e /dev/nil'
	ip link add hot0 type veth peer name hot1
	check "lxc-device add: an interface" lxc-device "${Q[@]}" -n "$a" add hot0 lan0
	check "its root may use it" in_a sh -c 'ip addr add 10.83.0.2/24 dev lan0 && ip link set lan0 up'
	check "destroy" lxc-destroy "${Q[@]}" -n "$a" -f
	check "the interface is back" wait_for 3 test -e /sys/class/net/hot0
	ip link del hot0
fi

# --- a control group that has been delegated ------------------------------------------------------------------------------------
if is_root && [ -w /sys/fs/cgroup/freezer/cgroup.procs ] && [ -w /sys/fs/cgroup/systemd/cgroup.procs ]; then
	echo "creeltest:1000000:65536" >"$T/subid" && { cat /etc/passwd && echo "creeltest:x:4242:4242::/:/bin/sh"; } >"$T/passwd"
	chmod 644 "$T/subid" "$T/passwd" && mount --bind "$T/passwd" /etc/passwd
	for f in subuid subgid; do
		[ -e /etc/$f ] || : >/etc/$f
		mount --bind "$T/subid" /etc/$f
	done
	mkdir -p "$T/u/run" && chown -R 4242:4242 "$T/u" && chmod 700 "$T/u/run"
	printf '%s\n' "lxc.idmap = u 0 1000000 65536" "lxc.idmap = g 0 1000000 65536" "lxc.net.0.type = empty" "lxc.cgroup.memory.limit_in_bytes = 64M" >"$T/u/conf"
	for h in systemd freezer memory pids; do
		mkdir "/sys/fs/cgroup/$h/$CT-u" && chown 4242:4242 "/sys/fs/cgroup/$h/$CT-u"{,/cgroup.procs,/tasks}
	done
	user() {
		(
			for h in systemd freezer memory pids; do echo "$BASHPID" >"/sys/fs/cgroup/$h/$CT-u/cgroup.procs"; done
			XDG_RUNTIME_DIR=$T/u/run HOME=$T/u exec setpriv --reuid 4242 --regid 4242 --clear-groups "$@" </dev/null
		)
	}
	check "a user with a delegated group: create" user lxc-create -P "$T/u" -f "$T/u/conf" -n "$b" -t busybox
	check "start" user lxc-start -P "$T/u" -n "$b"
	is "its group is in what was delegated" "$(cat "/sys/fs/cgroup/memory/$CT-u/lxc.payload.$b/memory.limit_in_bytes")" 67108864
	is "and is shown" "$(user lxc-cgroup -P "$T/u" -n "$b" memory.limit_in_bytes)" 67108864
	check "a limit is changed" user lxc-cgroup -P "$T/u" -n "$b" memory.limit_in_bytes 33554432
	check "freeze" user lxc-freeze -P "$T/u" -n "$b"
	is "FROZEN" "$(user lxc-info -P "$T/u" -n "$b" -sH)" FROZEN
	check "thaw" user lxc-unfreeze -P "$T/u" -n "$b"
	is "attach goes to the group" "$(user lxc-attach -P "$T/u" -n "$b" -- grep -c "memory:/$" /proc/self/cgroup)" 1
	check "destroy" user lxc-destroy -P "$T/u" -n "$b" -f
	for h in systemd freezer memory pids; do
		find "/sys/fs/cgroup/$h/$CT-u" -mindepth 1 -maxdepth 1 -type d
		wait_for 5 rmdir "/sys/fs/cgroup/$h/$CT-u"
	done >"$T/left"
	is "no group is left in it" "$(cat "$T/left")" ""
	umount /etc/subuid /etc/subgid /etc/passwd
fi
