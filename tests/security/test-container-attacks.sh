#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
#
# Attacks on whole containers, each named after the hole it once was somewhere: from a root file system that is not
# what it seems (class A), by what of the host leaks in (class B), on identity and rights (class D).
. "${0%/*}/../container/lib.sh"
talk=${0%/*}/../container/pty-talk.py
P=(-P "$LXCPATH")
n=0

pid_of() { lxc-info "${P[@]}" -n "$1" -pH 2>/dev/null; }
# The host's files that an attack would reach: what is in here must never change.
bait=$T/bait
mkdir -p "$bait"/{dev,proc,sys,dir}
echo precious >"$bait/file"
echo precious >"$bait/dev/console"
bait_now() { (cd "$bait" && find . -printf '%p %y %m %u %s\n' | sort && cat file dev/console); }
bait_now >"$T/bait.before"

# attack WHAT CONFIG-LINES COMMANDS: COMMANDS change $root. The start either fails in an orderly way or the container
# is a whole one; either way the host's files stay as they are, and are not seen under the container's paths.
attack() {
	local what=$1 ct=$CT-x$n root r
	n=$((n + 1))
	root=$LXCPATH/$ct/rootfs
	printf '%s\n' "lxc.net.0.type = empty" "lxc.mount.auto = proc:mixed sys:ro" "lxc.tty.max = 2" "lxc.pty.max = 16" "$2" |
		make_container "$ct"
	(cd "$root" && eval "$3") || nok "$what: cannot be set up"
	timeout 20 lxc-start "${P[@]}" -n "$ct" -d </dev/null >"$T/attack" 2>&1
	r=$?
	if [ $r -gt 1 ]; then
		note "$(cat "$T/attack")"
		nok "$what: start ends with $r"
	fi
	if [ $r = 0 ]; then
		in_ct "$ct" /bin/sh -c 'echo x >/dev/console; echo x >/dev/null; ls /dev /dev/pts >/dev/null' >/dev/null 2>&1
		kill_ct "$ct"
	fi
	if bait_now | diff "$T/bait.before" - >"$T/diff"; then
		[ $r != 0 ] || echo "x: y: starts, the host is not touched" >"$T/attack"
		ok "$what ($(head -n 1 "$T/attack" | sed 's/^[^:]*: [^:]*: //; s/#/ /g'))"
	else
		note "$(cat "$T/diff")"
		nok "$what: the host's files were changed"
	fi
	rm -rf --one-file-system "${LXCPATH:?}/$ct"
}

# --- A: paths in a hostile tree --------------------------------------------------------------------------------------

up=../../../../../../../../..
for target in "$bait/dev" "$up$bait/dev"; do
	# The link is absolute, or climbs: both must be taken inside the container's root.
	attack "CVE-2026-41579, CVE-2026-47766: /dev is a link to the host's ${target:0:3}…" "" "rmdir dev; ln -s $target dev"
	attack "the same without autodev" "lxc.autodev = 0" "rmdir dev; ln -s $target dev"
done
attack "CVE-2019-19921: /proc is a link" "" "rmdir proc; ln -s $bait/proc proc"
attack "CVE-2019-16884: /sys is a link" "" "rmdir sys; ln -s $bait/sys sys"
attack "CVE-2026-88264: /dev/console is a link" "lxc.autodev = 0" "ln -s $bait/dev/console dev/console"
attack "CVE-2026-88264: /dev/console is a dangling link" "lxc.autodev = 0" "ln -s $bait/new dev/console"
attack "CVE-2025-52565: /dev/pts is a link" "lxc.autodev = 0" "ln -s $bait/dir dev/pts"
attack "CVE-2025-31133, CVE-2026-88265: /dev/null is a link" "lxc.autodev = 0" "ln -s $bait/file dev/null"
attack "/dev/ptmx is a link" "lxc.autodev = 0" "ln -s $bait/file dev/ptmx"
attack "/dev/tty1 is a link" "lxc.autodev = 0" "ln -s $bait/file dev/tty1"
attack "/dev/shm is a link" "lxc.autodev = 0" "ln -s $bait/dir dev/shm"
attack "CVE-2015-1335: a mount's target is a link" "lxc.mount.entry = tmpfs mnt/t tmpfs rw 0 0" "ln -s $bait/dir mnt/t"
attack "CVE-2015-1335: a part of a mount's target is a link" "lxc.mount.entry = tmpfs mnt/t/u tmpfs rw,create=dir 0 0" \
	"ln -s $bait/dir mnt/t"
attack "CVE-2024-45310: a mount's target file is a dangling link" "lxc.mount.entry = /etc/hostname mnt/f none bind,create=file 0 0" \
	"ln -s $bait/new mnt/f"
attack "CVE-2024-45310: a mount's target climbs" "lxc.mount.entry = tmpfs $up$bait/made tmpfs rw,create=dir 0 0" ":"
attack "a relative mount's source is a link" "lxc.mount.entry = mnt/src mnt/dst none bind,relative,create=dir 0 0" \
	"ln -s $bait/dir mnt/src"
attack "/etc is a link" "" "rm -rf etc; ln -s $bait etc"
attack "/sbin/init is a link to the host's" "" "ln -sf $bait/file sbin/init"
attack "the whole of /sbin is" "" "rm -rf sbin; ln -s $bait sbin"
ct=$CT-root
make_container "$ct" <<<"lxc.net.0.type = empty"
mv "$LXCPATH/$ct/rootfs" "$LXCPATH/$ct/real" && ln -s "$LXCPATH/$ct/real" "$LXCPATH/$ct/rootfs"
start_ct "$ct" >"$T/out" 2>&1
like "the root's own path may be a link: it is the administrator's" "$(state_of "$ct")" 'RUNNING|STOPPED'
kill_ct "$ct"

# Names are swapped while the container starts.
ct=$CT-race
make_container "$ct" <<E
lxc.net.0.type = empty
lxc.mount.auto = proc:mixed sys:ro
lxc.mount.entry = tmpfs mnt/a/b tmpfs rw,create=dir 0 0
lxc.mount.entry = /etc/hostname mnt/a/f none bind,create=file 0 0
E
r=$LXCPATH/$ct/rootfs
mkdir -p "$r/mnt/a"
ln -s "$bait/dir" "$r/mnt/link"
cat >"$T/swap.py" <<'E'
import ctypes, os, sys
libc = ctypes.CDLL(None)
a, b = (sys.argv[1] + "/mnt/a").encode(), (sys.argv[1] + "/mnt/link").encode()
n = 0
while not os.path.exists(sys.argv[2]):
    for _ in range(100):
        n += libc.renameat2(-100, a, -100, b, 2) == 0
print(n)
E
python3 "$T/swap.py" "$r" "$T/swapped" >"$T/swaps" &
swapper=$!
for _ in $(seq 40); do
	timeout 20 lxc-start "${P[@]}" -n "$ct" -d </dev/null >/dev/null 2>&1 && kill_ct "$ct"
done
touch "$T/swapped"
wait $swapper
is "a mount's target is swapped for a link all the time ($(cat "$T/swaps") times)" $(($(cat "$T/swaps") > 1000)) 1
if bait_now | diff "$T/bait.before" - >"$T/diff"; then
	ok "CVE-2021-30465, CVE-2024-45310: the host's files stay as they are in 40 starts"
else
	note "$(cat "$T/diff")"
	nok "CVE-2021-30465, CVE-2024-45310: the host's files stay as they are"
fi
rm -rf --one-file-system "${LXCPATH:?}/$ct"

# --- B: what of the host is inside -----------------------------------------------------------------------------------

ct=$CT-b
make_container "$ct" <<E
lxc.net.0.type = empty
lxc.mount.auto = proc:mixed sys:ro
lxc.tty.max = 2
lxc.pty.max = 16
lxc.environment = KEPT=yes
E
exec 7<"$bait/file" 8<"$bait" 9</
fds='for f in /proc/self/fd/*; do readlink $f; done'
lxc-start "${P[@]}" -n "$ct" -F -- /bin/sh -c "$fds" </dev/null >"$T/fds" 2>&1
unlike "CVE-2024-21626: no fd of the caller's in lxc-start -F" "$(cat "$T/fds")" 'bait|^/$|/sys/fs/cgroup|/run/creel'
lxc-execute "${P[@]}" -n "$ct" -- /bin/sh -c "$fds; readlink /proc/1/fd/*" </dev/null >"$T/fds" 2>&1
unlike "CVE-2024-21626: none in lxc-execute and its init" "$(cat "$T/fds")" 'bait|^/$|/sys/fs/cgroup|/run/creel'
start_ct "$ct" || nok "start $ct"
pid=$(pid_of "$ct")
is "CVE-2024-21626: none in lxc-start -d: init has three" "$(for f in /proc/"$pid"/fd/*; do [ "${f##*/}" -gt 10 ] || readlink "$f"; done | grep -c -e bait -e '^/$')" 0
in_ct "$ct" /bin/sh -c "$fds" >"$T/fds" 2>&1
unlike "CVE-2016-8649: none in lxc-attach, neither /proc nor the caller's" "$(cat "$T/fds")" 'bait|^/$|/sys/fs/cgroup|/run/creel'
is "only its own: 0, 1, 2" "$(in_ct "$ct" /bin/sh -c 'ls /proc/self/fd' | tr '\n' ' ' | cut -c 1-6)" "0 1 2 "
exec 7<&- 8<&- 9<&-
# shellcheck disable=SC2016 # for the shells inside
{
	is "CVE-2024-21626: attach's working directory is inside" \
		"$(cd "$bait" && in_ct "$ct" /bin/sh -c 'cd .. && [ / -ef . ] || readlink /proc/self/cwd' | grep -c bait)" 0
	cwd=$(cd "$bait" && lxc-execute "${P[@]}" -n "$CT-cwd" -f "$LXCPATH/$ct/config" -- /bin/sh -c 'readlink /proc/self/cwd; readlink /proc/1/cwd' </dev/null 2>&1)
	is "so is execute's" "$cwd" "$(printf '/\n/')"
	exe=$(lxc-execute "${P[@]}" -n "$CT-exe" -f "$LXCPATH/$ct/config" -- /bin/sh -c 'cat /proc/1/exe >/tmp/copy 2>/dev/null;
		for i in 1 2 3 4 5; do (echo evil >>/proc/1/exe) 2>&1; (exec 5<>/proc/1/exe) 2>&1; done; echo done' </dev/null 2>&1)
}
like "CVE-2019-5736: /proc/1/exe of lxc-execute cannot be written to" "$exe" 'Text file busy|Read-only|Permission denied'
unlike "not once" "$(tr '\n' ' ' <<<"$exe")" '^done'
# The program attached with is a script whose interpreter is the caller's own program; a process that init has started
# takes hold of it and writes as soon as nobody runs it.
creel_path=$(readlink -f "$(command -v creel)")
sum=$(sha256sum <"$creel_path")
cp -p "$creel_path" "$T/creel.save"
kill_ct "$ct"
root=$LXCPATH/$ct/rootfs
cp "$root/sbin/init" "$T/init.save"
printf '#!/proc/self/exe\n' >"$root/bin/evil"
cat >"$root/bin/holder" <<'E'
#!/bin/sh
while :; do
	for p in /proc/[0-9]*; do
		case $(readlink $p/exe) in *creel*) ;; *) continue ;; esac
		exec 5<$p/exe || continue
		echo held >>/tmp/held
		i=0
		while [ $i -lt 3000 ]; do
			(echo evil >>/proc/self/fd/5) 2>/dev/null && echo won >/tmp/won && exit
			i=$((i + 1))
		done
		exec 5<&-
	done
done 2>/dev/null
E
printf '#!/bin/sh\n/bin/holder &\nwhile :; do sleep 1000 & wait $!; done\n' >"$root/sbin/init"
chmod 755 "$root/bin/evil" "$root/bin/holder"
start_ct "$ct" || nok "start $ct"
for _ in $(seq 20); do
	in_ct "$ct" /bin/evil >/dev/null 2>&1
	in_ct "$ct" /bin/true >/dev/null 2>&1
done
wait_for 5 test -e "$root/tmp/won"
note "took hold of creel $(wc -l <"$root/tmp/held" 2>/dev/null || echo 0) times"
is "CVE-2019-5736: creel is what it was after attaches to a program that hands it over" "$(sha256sum <"$creel_path")" "$sum"
[ "$(sha256sum <"$creel_path")" = "$sum" ] || { cp -p "$T/creel.save" "$creel_path.new" && mv "$creel_path.new" "$creel_path"; }
check "nobody has won" test ! -e "$root/tmp/won"
kill_ct "$ct"
cp "$T/init.save" "$root/sbin/init"

# In a user name space the container's root is not to see into who enters: his fds are the host's.
own=$CT-own
make_container "$own" <<E
lxc.net.0.type = empty
lxc.mount.auto = proc:mixed sys:ro
lxc.idmap = u 0 300000 65536
lxc.idmap = g 0 300000 65536
E
chown -R 300000:300000 "$LXCPATH/$own/rootfs"
cat >"$LXCPATH/$own/rootfs/sbin/init" <<'E'
#!/bin/sh
(while :; do
	for p in /proc/[0-9]*; do
		case $(cat $p/cmdline 2>/dev/null) in *lxc-attach*) ls -l $p/fd $p/exe $p/cwd >>/tmp/seen 2>/dev/null; echo looked >>/tmp/looked ;; esac
	done
done) &
while :; do sleep 1000 & wait $!; done
E
exec 7<"$bait/file"
if start_ct "$own" 2>"$T/out"; then
	for _ in $(seq 30); do in_ct "$own" /bin/true; done >/dev/null 2>&1
	note "looked $(wc -l <"$LXCPATH/$own/rootfs/tmp/looked" 2>/dev/null || echo 0) times"
	unlike "CVE-2016-9962: who enters is not dumpable: the container sees none of his fds" \
		"$(cat "$LXCPATH/$own/rootfs/tmp/seen" 2>/dev/null)" 'bait|creel|/sys/fs/cgroup'
	kill_ct "$own"
else
	note "$(cat "$T/out")"
	nok "CVE-2016-9962: an id-mapped container starts"
fi
exec 7<&-
start_ct "$ct" || nok "start $ct"
pid=$(pid_of "$ct")

cat >"$T/tiocsti.c" <<'E'
#include <stdio.h>
#include <sys/ioctl.h>
int main(void)
{
	int r = 0;

	for (const char *p = "echo INJECTED\n"; *p; p++)
		for (int fd = 0; fd < 10; fd++)
			r |= ioctl(fd, TIOCSTI, p) == 0;
	printf("pushed %d\n", r);
	return 0;
}
E
if cc=$(command -v cc || command -v gcc) && "$cc" -static -o "$LXCPATH/$ct/rootfs/bin/tiocsti" "$T/tiocsti.c" 2>/dev/null; then
	# shellcheck disable=SC2016
	"$talk" 'expect=ready' "send=lxc-attach -P '$LXCPATH' -n $ct -- /bin/tiocsti; sleep 1\\r" 'expect=pushed' 'sleep=2' \
		'send=exit\r' -- env PS1='ready$ ' /bin/sh -i >"$T/out" 2>&1
	is "CVE-2016-10124: TIOCSTI does not reach the caller's terminal" "$(grep -c '^INJECTED' <(tr -d '\r' <"$T/out"))" 0
	like "and was tried" "$(cat "$T/out")" 'pushed [01]'
else
	skip "CVE-2016-10124: TIOCSTI" "no C compiler"
fi
# Those of LXC's commands have to be, and hear nobody from other process ids: a container on the host's network among them.
make_container "$CT-host" <<<'lxc.net.0.type = none'
check "one on the host's network" start_ct "$CT-host"
is "CVE-2020-15257: no abstract socket is ours but LXC's" "$(grep '@.*creel' /proc/net/unix | grep -vc '@.*/command$')" 0
cat >"$T/ask.py" <<'E'
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect("\0" + sys.argv[1])
try:
    s.sendmsg([struct.pack("iiQ", 4, 0, 0)], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("iII", os.getpid(), 0, 0))])
    print(len(s.recv(4096)))
except (BrokenPipeError, ConnectionResetError):
    print(0)
E
like "which answer their like" "$(python3 "$T/ask.py" "$LXCPATH/$CT-host/command")" '^[1-9]'
is "and not a container" "$(unshare -p -f --kill-child --mount-proc python3 "$T/ask.py" "$LXCPATH/$CT-host/command")" 0
kill_ct "$CT-host"
is "and others do not reach its socket" "$(stat -c %A "/run/creel/$ct"@* | cut -c 5-10)" "------"

# --- D: identity, capabilities, policy -------------------------------------------------------------------------------

cap() { awk -v k="$1:" '$1 == k {print $2}' "$2"; }
# shellcheck disable=SC2016
in_ct "$ct" cat /proc/self/status >"$T/attached"
cp "/proc/$pid/status" "$T/init"
for s in CapInh CapAmb; do
	is "CVE-2022-24769, CVE-2022-29162: $s of init is empty" "$(cap $s "$T/init")" 0000000000000000
	is "CVE-2022-24769, CVE-2016-8867: $s after attach is empty" "$(cap $s "$T/attached")" 0000000000000000
done
for s in CapBnd CapPrm CapEff Seccomp NoNewPrivs; do
	is "$s after attach is init's" "$(cap $s "$T/attached")" "$(cap $s "$T/init")"
done
kill_ct "$ct"
check "with cap.drop, a policy and no_new_privs" start_ct "$ct" -s lxc.cap.drop="sys_module mknod net_raw" -s lxc.no_new_privs=1 \
	-s lxc.seccomp.profile="$(lxc-config lxc.default_config | sed 's|/etc/lxc/default.conf|/usr/share/lxc/config/common.seccomp|')"
pid=$(pid_of "$ct")
cp "/proc/${pid:-self}/status" "$T/init"
in_ct "$ct" cat /proc/self/status >"$T/attached"
for s in CapInh CapAmb CapBnd CapPrm CapEff Seccomp NoNewPrivs; do
	is "$s after attach is init's" "$(cap $s "$T/attached")" "$(cap $s "$T/init")"
done
is "it has a filter" "$(cap Seccomp "$T/init")" 2
kill_ct "$ct"

sed -e '/^lxc.cgroup/d' "$LXCPATH/$ct/config" >"$T/dev.conf"
cat >>"$T/dev.conf" <<E
lxc.include = $(lxc-config lxc.default_config | sed 's|/etc/lxc/default.conf|/usr/share/lxc/config/common.conf|')
E
if lxc-start "${P[@]}" -n "$ct" -f "$T/dev.conf" -s lxc.cap.drop= -d </dev/null >"$T/out" 2>&1; then
	# shellcheck disable=SC2016
	out=$(in_ct "$ct" /bin/sh -c 'for d in "b 8 0" "b 7 0" "c 1 1" "c 1 11" "c 10 200" "b 259 0"; do
		rm -f /tmp/d; mknod /tmp/d $d 2>/dev/null || { echo "$d: no node"; continue; }
		(exec 5</tmp/d) 2>&1 && echo "$d: OPENED"; done' 2>&1)
	like "GHSA-g54h-m393-cpwq: devices are denied by default" "$out" 'Operation not permitted|no node'
	unlike "none of disk, loop, mem, kmsg" "$(grep -v 'c 10 200' <<<"$out")" 'OPENED'
	for d in null zero full random urandom tty; do
		is "while /dev/$d is allowed" "$(in_ct "$ct" /bin/sh -c "test -c /dev/$d && { [ $d = tty ] || exec 5<>/dev/$d; } && echo yes" 2>&1)" yes
	done
	kill_ct "$ct"
else
	note "$(cat "$T/out")"
	nok "a start with common.conf"
fi

check "masked paths" start_ct "$ct"
# shellcheck disable=SC2016
out=$(in_ct "$ct" /bin/sh -c 'for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/vm/panic_on_oom /sys/kernel/uevent_helper /sys/power/state; do
	[ ! -e $f ] || { (: >>$f) 2>/dev/null && echo "$f can be written"; }; done; head -c1 /proc/kcore 2>/dev/null | wc -c' 2>&1)
unlike "CVE-2015-3630, CVE-2022-0811: the host's switches cannot be written to" "$out" 'can be written'
kill_ct "$ct"

for u in 4294967296 4294967295 -1 1x 0x0 "" " 1" 99999999999999999999 root; do
	lxc-execute "${P[@]}" -n "$ct" -u "$u" -- /bin/true </dev/null >"$T/out" 2>&1
	is "CVE-2026-30892, CVE-2024-40635: -u '$u' is refused" $? 1
done
is "CVE-2016-3697: digits are a number" "$(lxc-execute "${P[@]}" -n "$ct" -u 1 -g 1 -- /bin/sh -c 'id -u; id -G' </dev/null 2>&1 | tr '\n' ' ')" "1 1 "
start_ct "$ct"
is "CVE-2022-36109: attach -u -g has that group alone" "$(lxc-attach "${P[@]}" -n "$ct" -u 1 -g 1 -- /bin/sh -c 'id -u; id -g; id -G' </dev/null 2>&1 | tr '\n' ' ')" "1 1 1 "
is "a user that is not root has no capability" "$(lxc-attach "${P[@]}" -n "$ct" -u 1 -g 1 -- cat /proc/self/status </dev/null | awk '/^Cap(Eff|Prm|Inh|Amb)/{print $2}' | sort -u)" 0000000000000000
is "CVE-2021-41091: nobody else writes to the run directory" "$(stat -c '%A %u' /run/creel | cut -c 6,9,12)" "--0"
is "nor reads what is in a container's" "$(stat -c '%A %u' "/run/creel/$ct"@* | cut -c 5-10,11-)" "------ 0"
is "CVE-2015-1331: so is that of the locks" "$(stat -c '%A %u' /run/creel/locks | cut -c 6,9,12)" "--0"
kill_ct "$ct"
