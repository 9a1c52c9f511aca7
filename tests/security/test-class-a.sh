#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Class A on whole containers: root file systems made to lead whoever sets them up, enters or removes them to the host.
# Each attack is named after a record of it elsewhere. Whether a container starts is its own affair; the host's files
# must stay as they are and unseen, nothing may hang, and a refusal is one orderly error.
. "${0%/*}/../container/lib.sh"
H=$T/host

# The host's side: every name that the attacks point at.
mkdir -p "$H"/{dev/pts,dir,proc,sys/fs/cgroup}
echo the-secret >"$H/secret"
for f in ptmx console null tty tty1 pts/ptmx; do echo host >"$H/dev/$f"; done
chmod 604 "$H"/dev/*
touch -d 2001-01-01 "$H"/{secret,dev,dir,proc,sys,dev/null,dev/console}
fingerprint() { (cd "$H" && find . -printf '%p %y %m %U %G %s %T@ %l\n' | sort && find . -type f -exec sha256sum {} + | sort); }
fingerprint >"$T/host.before"
host_is_untouched() { fingerprint | diff "$T/host.before" -; }

# new NAME [CONFIG LINES ON STDIN]: a container to be spoilt, in $R.
new() {
	N=$CT-$1
	R=$LXCPATH/$N/rootfs
	rm -rf --one-file-system "${R%/rootfs}"
	{ echo "lxc.net.0.type = empty" && cat; } | make_container "$N"
	mkdir -p "$R/job"
}
# Runs COMMAND in it; ends well or with an error of its own, in time, showing nothing of the host's.
# shellcheck disable=SC2016
SEE='for f in /dev /proc /sys /mnt /etc/passwd /job/x; do ls -l $f/ $f; done; cat /dev/null /mnt/secret /job/x /secret'
attack() {
	local what=$1 r
	shift
	timeout -k 5 30 lxc-execute -P "$LXCPATH" -n "$N" -- /bin/sh -c "$SEE" >"$T/.out" 2>&1 </dev/null
	r=$?
	verdict "$what" $r
}
verdict() {
	local what=$1 r=$2 diff
	if [ "$r" -ge 124 ]; then
		note "status $r" && note "$(tail -n 5 "$T/.out")"
		nok "$what: ends in order"
		return
	fi
	if grep -q the-secret "$T/.out"; then
		note "$(grep the-secret "$T/.out")"
		nok "$what: shows nothing of the host"
		return
	fi
	if ! diff=$(host_is_untouched); then
		note "$diff"
		nok "$what: leaves the host alone"
		fingerprint >"$T/host.before"
		return
	fi
	if [ "$r" = 0 ] || grep -q '^/dev' "$T/.out"; then ok "$what (runs)"; else ok "$what (refused: $(sed 's/.*: \(.*: .*\)/\1/;q' "$T/.out"))"; fi
}
spoil() { # spoil PATH TARGET: a link in the place of whatever is there
	rm -rf "${R:?}/$1"
	mkdir -p "$(dirname "$R/$1")"
	ln -s "$2" "$R/$1"
}
# How far up from the root file system the host is, by a relative link.
UP=$(printf '../%.0s' {1..40})

for autodev in 0 1; do
	new "dev$autodev" <<<"lxc.autodev = $autodev"
	spoil dev "$H/dev"
	attack "CVE-2026-41579 CVE-2026-47766: /dev is a link (autodev $autodev)"
	spoil dev "$UP$H/dev"
	attack "CVE-2026-41579: /dev is a relative link (autodev $autodev)"
	rm "$R/dev" && mkdir "$R/dev"
	for f in console null ptmx tty tty1; do spoil dev/$f "$H/dev/$f"; done
	attack "CVE-2026-88264 CVE-2026-88265: nodes of /dev are links to files (autodev $autodev)"
	rm -rf "${R:?}/dev" && mkdir "$R/dev"
	for f in console null ptmx tty tty1; do spoil dev/$f "$H/dev/new-$f"; done
	attack "CVE-2026-88264: nodes of /dev are links to nothing (autodev $autodev)"
	rm -rf "${R:?}/dev" && mkdir "$R/dev"
	for f in pts shm mqueue; do spoil dev/$f "$UP$H/dev/pts"; done
	attack "CVE-2025-52565: /dev/pts is a link (autodev $autodev)"
	rm -rf "${R:?}/dev" && mkdir "$R/dev"
	spoil dev/null /proc/sys/kernel/core_pattern
	attack "CVE-2025-31133: /dev/null is a link into /proc (autodev $autodev)"
done
new ttydir <<<$'lxc.autodev = 0\nlxc.tty.dir = lxc\nlxc.tty.max = 2'
spoil dev/lxc "$H/dev"
attack "CVE-2026-88264: the directory of the terminals is a link"

for what in proc:rw sys:mixed cgroup:rw:force; do
	new "auto-${what//:/-}" <<<"lxc.mount.auto = proc:mixed sys:rw $what"
	for link in "$H" "$UP$H"; do
		spoil proc "$link/proc"
		attack "CVE-2019-16884 CVE-2019-19921 CVE-2023-27561: /proc is a link, $what"
		rm "$R/proc" && mkdir "$R/proc"
		spoil sys "$link/sys"
		attack "CVE-2023-28642: /sys is a link, $what"
		rm "$R/sys" && mkdir "$R/sys"
	done
done
new attr <<<"lxc.mount.auto = proc:mixed"
mkdir -p "$R/proc/self/attr" && spoil proc/self/attr/exec "$H/secret" && spoil proc/self/comm "$H/secret"
attack "CVE-2019-16884: false files below /proc"

for kind in dir file; do
	for link in "$H/made" "$UP$H/made" "$H/dir" "$UP$H/secret" "/proc/self/root$H/dir" "/proc/1/root$H/dir"; do
		new target <<<"lxc.mount.entry = $([ $kind = dir ] && echo "tmpfs mnt tmpfs rw,create=dir" ||
			echo "$H/../lxc mnt none bind,create=$kind") 0 0"
		spoil mnt "$link"
		attack "CVE-2015-1335 CVE-2024-45310: the target is a link to ${link/#*..\//up }, create=$kind"
		new target <<<"lxc.mount.entry = tmpfs mnt/a/b tmpfs rw,create=$kind 0 0"
		spoil mnt "$link"
		attack "CVE-2024-45310: the way to the target is a link to ${link/#*..\//up }, create=$kind"
	done
done
for target in "$UP$H/dir" "$UP$H/made" "mnt/$UP$H/dir" "/$UP$H/made/deep"; do
	new climb <<<"lxc.mount.entry = tmpfs $target tmpfs rw,create=dir 0 0"
	attack "CVE-2019-18837: the target climbs (${target/#*..\//up })"
done

new swap <<<$'lxc.mount.entry = tmpfs mnt/a/dir tmpfs rw,create=dir 0 0\nlxc.mount.entry = /etc/hostname mnt/a/file none bind,create=file,optional 0 0'
mkdir -p "$R/mnt/a" && ln -s "$H" "$R/mnt/link"
cat >"$T/swapper" <<'PY'
import ctypes, sys
libc = ctypes.CDLL(None)
a, b = sys.argv[1].encode(), sys.argv[2].encode()
while True:
    for _ in range(1000):
        libc.renameat2(-100, a, -100, b, 2)
PY
if command -v python3 >/dev/null; then
	python3 "$T/swapper" "$R/mnt/a" "$R/mnt/link" &
	swapper=$!
	n=0
	for _ in {1..40}; do
		timeout -k 5 30 lxc-execute -P "$LXCPATH" -n "$N" -- /bin/true >"$T/.out" 2>&1 </dev/null && n=$((n + 1))
	done
	kill $swapper
	wait $swapper 2>/dev/null
	note "$n of 40 started"
	verdict "CVE-2021-30465 CVE-2025-62161: the target is swapped while 40 containers start" 0
else
	skip "CVE-2021-30465: the target is swapped" "no python3"
fi

# The working directory by way of a descriptor that somebody forgot to close.
leaks=0
for fd in {3..24}; do
	new cwd <<<"lxc.init.cwd = /proc/self/fd/$fd"
	spoil cwd "/proc/self/fd/$fd"
	for cwd in /proc/self/fd/$fd /cwd; do
		sed -i "s,^lxc.init.cwd.*,lxc.init.cwd = $cwd," "$LXCPATH/$N/config"
		timeout -k 5 30 lxc-execute -P "$LXCPATH" -n "$N" -- /bin/sh -c "cat $UP$H/secret" >"$T/.out" 2>&1 </dev/null
		if [ $? -ge 124 ] || grep -q the-secret "$T/.out"; then
			note "$cwd: $(head -n 2 "$T/.out")"
			leaks=$((leaks + 1))
		fi
	done
done
is "CVE-2024-21626: no working directory leads out" $leaks 0

new init <<<"lxc.init.cmd = /sbin/init"
spoil sbin/init "$H/secret"
timeout -k 5 30 lxc-start -P "$LXCPATH" -n "$N" -d >"$T/.out" 2>&1 </dev/null
verdict "CVE-2019-14271: init is a link to a file of the host" $?
kill_ct "$N"

# --- those that enter, stop and remove --------------------------------------------------------------------------------

new enter <<<$'lxc.mount.auto = proc:rw sys:ro\nlxc.tty.max = 1'
check "a container to enter" start_ct "$N"
enter() {
	local what=$1 r
	shift
	timeout -k 5 20 lxc-attach -P "$LXCPATH" -n "$N" "$@" >"$T/.out" 2>&1 </dev/null
	r=$?
	verdict "$what" $r
}
rm "$R/etc/passwd" && mkfifo "$R/etc/passwd"
enter "CVE-2019-14271: /etc/passwd is a fifo" -- /bin/true
enter "CVE-2019-14271: /etc/passwd is a fifo, and the shell is asked for"
rm "$R/etc/passwd" && ln -s "$UP/etc/passwd" "$R/etc/passwd"
enter "CVE-2018-15664: /etc/passwd is a link to the host's"
rm "$R/etc/passwd" && mknod "$R/etc/passwd" c 1 5
enter "CVE-2023-25153: /etc/passwd never ends"
rm "$R/etc/passwd" && truncate -s 3G "$R/etc/passwd"
enter "CVE-2023-25153: /etc/passwd is huge"
rm "$R/etc/passwd"
mkdir -p "$R/evil" && cp "$R/bin/busybox" "$R/evil/sh"
in_ct "$N" /bin/sh -c 'mount -t tmpfs t /proc && mkdir -p /proc/self/attr /proc/self/fd /proc/self/ns &&
	ln -s /job/x /proc/self/attr/exec && ln -s /job/x /proc/self/comm' >/dev/null 2>&1
enter "CVE-2015-1334 CVE-2025-52881: the container's /proc is a false one" -- /bin/true
in_ct "$N" /bin/sh -c 'umount /proc' >/dev/null 2>&1
in_ct "$N" /bin/sh -c 'umount /dev/pts; umount /dev/console; rm -rf /dev/pts /dev/ptmx /dev/console' >/dev/null 2>&1
in_ct "$N" /bin/sh -c "mkdir -p /away; ln -s $UP$H/dev/pts /dev/pts; ln -s $H/dev/ptmx /dev/ptmx; ln -s $H/dev/console /dev/console" >/dev/null 2>&1
enter "CVE-2025-52565: /dev/pts became a link" -- /bin/true
timeout -k 5 30 lxc-stop -P "$LXCPATH" -n "$N" -t 5 >"$T/.out" 2>&1 </dev/null
verdict "CVE-2013-6456: stopped with a spoilt /dev" $?

new gone </dev/null
for i in a b c; do ln -s "$H" "$R/$i" && ln -s "$UP$H/secret" "$R/job/$i"; done
ln "$R/etc/group" "$R/job/hard"
timeout -k 5 60 lxc-destroy -P "$LXCPATH" -n "$N" >"$T/.out" 2>&1 </dev/null
verdict "CVE-2024-23652: destroyed with links to the host in it" $?
is "and it is gone" "$(ls -d "$LXCPATH/$N" 2>/dev/null)" ""
