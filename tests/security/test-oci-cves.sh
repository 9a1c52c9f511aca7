#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
#
# Attacks on containers of the OCI runtime, each named after the hole it once was in a peer: by a root file system that is
# not what it seems (class A), by what of the host leaks in (class B), on identity and rights (class D).
. "${0%/*}/oci-lib.sh"

# The host's files that an attack would reach: what is in here must never change.
bait=$T/bait
mkdir -p "$bait"/{dev/pts,proc/self/attr,proc/sys/kernel,proc/sys/net/ipv4,sys,dir}
for f in file dev/null dev/console dev/ptmx proc/self/attr/exec proc/sys/net/ipv4/ip_forward; do echo precious >"$bait/$f"; done
fingerprint() { (cd "$bait" && find . -printf '%p %y %m %U %G %s %T@ %l\n' | sort && find . -type f -exec sha256sum {} + | sort); }
mounts_now() { awk '{print $5}' /proc/self/mountinfo | grep -v "^$T/[a-z]*/rootfs" | sort; }
fingerprint >"$T/bait.before"
mounts_now >"$T/mounts.before"
n=0

untouched() { # WHAT HOW
	if fingerprint | diff "$T/bait.before" - >"$T/diff" && mounts_now | diff "$T/mounts.before" - >>"$T/diff"; then
		ok "$1${2:+ ($2)}"
	else
		note "$(cat "$T/diff")"
		nok "$1: the host was changed"
	fi
}

# attack WHAT CODE COMMANDS [refused]: COMMANDS change the root file system that they stand in. The runtime refuses it in
# one line or makes a whole container of it; the host stays as it is.
attack() {
	local what=$1 b=a$((n++)) r how
	bundle $b "$2" || nok "$what: cannot be set up"
	(cd "$T/$b/rootfs" && eval "$3") || nok "$what: cannot be set up"
	rt run --bundle "$T/$b" "$CT-$b" >"$T/attack" 2>&1
	r=$?
	how="status $r: $(tail -n 1 "$T/attack" | sed 's/^.*msg=//; s/#/ /g' | cut -c 1-110)"
	if [ $r -gt 1 ]; then
		note "$(cat "$T/attack")"
		nok "$what: ends with $r"
	elif [ "${4-}" = refused ] && [ $r = 0 ]; then
		nok "$what: is not refused"
	elif grep -q precious "$T/attack"; then
		nok "$what: the host's file was read"
	fi
	[ $r != 1 ] || [ ! -e "$ROOT/$CT-$b" ] || nok "$what: its state is left"
	rt delete -f "$CT-$b" >/dev/null 2>&1
	untouched "$what" "$how"
	rm -rf --one-file-system "${T:?}/$b"
}
quiet="sh('echo x >/dev/console; echo x >/dev/null; cat /dev/console; true')"
no_dev="c['mounts'] = [m for m in c['mounts'] if not m['destination'].startswith('/dev')]"
add() { echo "c['mounts'].append({'destination': '$1', 'type': '$2', 'source': '$3', 'options': [$4]})"; }

# --- A: paths in a hostile tree ------------------------------------------------------------------------------------------

up=../../../../../../../../..
for to in "$bait/dev" "$up$bait/dev"; do
	attack "CVE-2026-41579, CVE-2026-47766: /dev is a link, ${to:0:2}…" "$quiet" "rmdir dev; ln -s $to dev"
	attack "the same without a mount on it, ${to:0:2}…" "$no_dev; $quiet" "rmdir dev; ln -s $to dev"
	attack "CVE-2019-19921, CVE-2023-27561: /proc is a link, ${to:0:2}…" "$quiet" "rmdir proc; ln -s ${to%dev}proc proc"
	attack "CVE-2023-28642: /proc and /sys are links, ${to:0:2}…" "$quiet" "rmdir proc sys; ln -s ${to%dev}proc proc; ln -s ${to%dev}sys sys"
	attack "CVE-2025-31133, CVE-2026-88265: /dev/null is a link, ${to:0:2}…" "$no_dev; $quiet" "ln -s $to/null dev/null"
	attack "CVE-2026-88264: /dev/console is a link, ${to:0:2}…" "$no_dev; $quiet" "ln -s $to/console dev/console"
	attack "CVE-2025-52565: /dev/pts is a link, ${to:0:2}…" "$no_dev; $(add /dev/pts devpts devpts "'newinstance'"); $quiet" "ln -s $to/pts dev/pts"
	attack "/dev/ptmx is a link, ${to:0:2}…" "$no_dev; $quiet" "ln -s $to/ptmx dev/ptmx"
	attack "a mount's target is a link, ${to:0:2}…" "$(add /mnt/t tmpfs tmpfs ""); sh('echo x >/mnt/t/file')" "ln -s ${to%/dev}/dir mnt/t"
	attack "a part of a mount's target is a link, ${to:0:2}…" "$(add /mnt/t/u tmpfs tmpfs ""); sh('echo x >/mnt/t/u/file')" "ln -s ${to%/dev}/dir mnt/t"
	attack "CVE-2024-45310: a mount's target is a dangling link, ${to:0:2}…" "$(add /mnt/f bind /etc/hostname "'bind', 'ro'")" "ln -s ${to%/dev}/new mnt/f"
	attack "CVE-2024-45310: and a folder that is to be made, ${to:0:2}…" "$(add /mnt/d/e/f tmpfs tmpfs "")" "ln -s ${to%/dev}/dir/new mnt/d"
	attack "the working directory is a link, ${to:0:2}…" "c['process']['cwd'] = '/w/made'; sh('true')" "ln -s ${to%/dev}/dir w"
	attack "a device's folder is a link, ${to:0:2}…" \
		"c['linux']['devices'] = [{'path': '/d/null', 'type': 'c', 'major': 1, 'minor': 3}]; sh('true')" "ln -s ${to%/dev}/dir d"
	attack "the masked path is a link, ${to:0:2}…" "c['linux']['maskedPaths'] += ['/m/file', '/m/dir']; sh('true')" "ln -s ${to%/dev} m"
	attack "the read-only path is a link, ${to:0:2}…" "c['linux']['readonlyPaths'] += ['/m/dir']; sh('true')" "ln -s ${to%/dev} m"
	attack "the program is a link to the host's, ${to:0:2}…" "c['process']['args'] = ['/prog']" "ln -s ${to%/dev}/file prog" refused
	attack "/etc is a link, ${to:0:2}…" "sh('true')" "rm -rf etc; ln -s ${to%/dev}/dir etc"
done
attack "a mount's target climbs" "$(add "/$up$bait/made" tmpfs tmpfs "")" ":"
for dest in /proc /proc/self /proc/sys/kernel /sys/../proc; do
	attack "CVE-2015-3631, CVE-2019-16884: a volume over $dest" "$(add $dest bind "$bait/proc" "'bind'"); sh('true')" ":" refused
done
attack "CVE-2019-16884: a tmpfs for /proc" \
	"c['mounts'][0] = {'destination': '/proc', 'type': 'tmpfs', 'source': 'tmpfs'}; sh('true')" ":" refused
attack "CVE-2025-52881: a sysctl, /proc being the attacker's" \
	"c['mounts'].pop(0); c['linux']['sysctl'] = {'net.ipv4.ip_forward': '1'}; sh('true')" \
	"cp -r $bait/proc/. proc; rm -r proc/sys; ln -s $bait/proc/sys proc/sys"

# CVE-2021-30465: the target is swapped for a link while it is looked at.
bundle swap "$(add /vol/a/b tmpfs tmpfs ""); $(add /vol/a/c tmpfs tmpfs ""); sh('echo x >/vol/a/b/file; true')"
mkdir -p "$T/swap/rootfs/vol/a" && ln -s "$bait/dir" "$T/swap/rootfs/vol/l"
python3 - "$T/swap/rootfs/vol" <<'EOF' &
import ctypes, os, sys
libc = ctypes.CDLL(None)
os.chdir(sys.argv[1])
while True:  # RENAME_EXCHANGE
    libc.renameat2(-100, b"a", -100, b"l", 2)
EOF
swapper=$!
for i in $(seq 30); do
	rt run --bundle "$T/swap" "$CT-swap$i" >"$T/attack" 2>&1
	[ $? -le 1 ] || nok "CVE-2021-30465: $(tail -n 1 "$T/attack")"
	rt delete -f "$CT-swap$i" >/dev/null 2>&1
done
kill $swapper && wait $swapper 2>/dev/null
untouched "CVE-2021-30465: a mount's target is swapped for a link, 30 times"

# --- B: what leaks in --------------------------------------------------------------------------------------------------------

program=$(readlink -f "$RUNTIME")
sum=$(sha256sum <"$program")
bundle b "sh('trap \"exit 0\" TERM; while :; do sleep 1; done')"
cat >"$T/b/rootfs/bin/overwrite" <<'EOF'
#!/bin/sh
# Whatever is executed here that is not ours is written to.
n=0
while [ $n -lt 150 ]; do
	for p in /proc/[0-9]*; do
		case $(readlink $p/exe) in /bin/busybox | '') ;; *)
			echo seen
			(echo overwritten >$p/exe) 2>/dev/null && echo written
		;; esac
	done
	n=$((n + 1))
done
EOF
chmod 755 "$T/b/rootfs/bin/overwrite"
rt run -d --bundle "$T/b" "$CT-b" >/dev/null 2>&1 || nok "a container to enter"
rt exec "$CT-b" /bin/overwrite >"$T/overwrite" 2>&1 &
while kill -0 $! 2>/dev/null; do rt exec "$CT-b" /proc/self/exe --version >/dev/null 2>&1 || true; done
unlike "CVE-2019-5736: the runtime that enters cannot be written to ($(grep -c seen "$T/overwrite") times seen)" "$(cat "$T/overwrite")" written
attack "CVE-2019-5736: the command is /proc/self/exe" "c['process']['args'] = ['/proc/self/exe', '--version']" ":"
attack "CVE-2019-5736: and an interpreter" "c['process']['args'] = ['/x']" "printf '#!/proc/self/exe\n' >x; chmod 755 x"
is "CVE-2019-5736: the program is what it was" "$(sha256sum <"$program")" "$sum"

show='for f in /proc/self/fd/*; do readlink $f; done; for f in /proc/1/fd/*; do readlink $f; done'
like "CVE-2024-21626, CVE-2016-9962: no fd of the host's in the first process" "$(exec 7</ 8<"$bait/file"; run_in fds "" "$show" | sort -u | tr '\n' ' ')" \
	'^((pipe|socket):\S+ |/dev/null |/proc/[0-9]+/fd |)+$'
like "nor in one that enters" "$(exec 7</ 8<"$bait/file"; rt exec "$CT-b" /bin/sh -c "$show" 2>&1 | sort -u | tr '\n' ' ')" \
	'^((pipe|socket):\S+ |/dev/null |/proc/[0-9]+/fd |)+$'
leaks=
for fd in $(seq 3 14); do
	for tail in "" /../../../..; do
		got=$(run_in cwd "c['process']['cwd'] = '/proc/self/fd/$fd$tail'" "cat .$bait/file ..$bait/file ../../../../../../..$bait/file; ls -d /proc/self/cwd/usr/sbin" 2>&1)
		case $got in *precious*) leaks+=" run:$fd$tail" ;; esac
		got=$(rt exec --cwd "/proc/self/fd/$fd$tail" "$CT-b" /bin/sh -c "cat .$bait/file ..$bait/file ../../../../../../..$bait/file" 2>&1)
		case $got in *precious*) leaks+=" exec:$fd$tail" ;; esac
	done
done
is "CVE-2024-21626: no working directory of the host's, of run or of exec --cwd" "$leaks" ""
is "exec's errors are 255" "$(rt exec --cwd /proc/self/fd/7 "$CT-b" /bin/true >/dev/null 2>&1; echo $?)" 255
# What enters can be looked at only by whom the container's root may look at anyway: no fd of the host's then, either.
cat >"$T/b/rootfs/bin/peek" <<'EOF'
#!/bin/sh
n=0
while [ $n -lt 60 ]; do
	for p in /proc/[0-9]*; do
		[ $p = /proc/1 ] || ls -l $p/fd $p/root $p/cwd 2>/dev/null | grep -e "$1"
	done
	n=$((n + 1))
done
EOF
chmod 755 "$T/b/rootfs/bin/peek"
rt exec "$CT-b" /bin/peek "$T" 2>&1 | cat >"$T/peek" &
while kill -0 $! 2>/dev/null; do rt exec "$CT-b" /bin/true; done >/dev/null 2>&1
is "CVE-2016-9962: nothing of the host's in who is about to enter" "$(sort -u "$T/peek" | head -n 3)" ""

# --- D: identity and rights ------------------------------------------------------------------------------------------------

inside='grep -h -e ^CapInh -e ^CapAmb /proc/self/status | tr -d "\t\n"'
none=CapInh:0000000000000000CapAmb:0000000000000000
is "CVE-2022-24769: nothing inheritable, nothing ambient" "$(run_in caps "" "$inside")" $none
is "CVE-2022-29162: nor in exec" "$(rt exec "$CT-b" /bin/sh -c "$inside")" $none
is "nor in exec with a capability more" "$(rt exec --cap CAP_NET_RAW "$CT-b" /bin/sh -c "$inside")" $none
is "no capabilities said, none had" "$(run_in nocaps "del c['process']['capabilities']" \
	'grep -h -e ^CapPrm -e ^CapEff -e ^CapBnd /proc/self/status | tr -d "\t\n"')" \
	CapPrm:0000000000000000CapEff:0000000000000000CapBnd:0000000000000000

printf '1:x:0:0::/:/bin/sh\n4294967296:x:0:0::/:/bin/sh\n' >>"$T/b/rootfs/etc/passwd"
is "CVE-2026-30892, CVE-2016-3697: exec -u 1 is 1, whatever passwd says" "$(rt exec -u 1 "$CT-b" /bin/sh -c 'id -u; id -g' | tr '\n' ' ')" "1 0 "
is "exec -u 1:2" "$(rt exec -u 1:2 "$CT-b" /bin/sh -c 'id -u; id -g' | tr '\n' ' ')" "1 2 "
for u in 4294967296 4294967295 -1 18446744073709551617 1x 0x1 1:4294967296 1:-1 1:2:3 ' 1' 1: :1 +1; do
	got=$(rt exec -u "$u" "$CT-b" /bin/sh -c 'echo is $(id -u)' 2>&1)
	unlike "CVE-2024-40635: exec -u '$u' is not root" "$got" '^is 0'
done
for u in 4294967296 -1 1.5 '"1"' 18446744073709551616; do
	got=$(bundle uid "sh('echo is \$(id -u)'); c['process']['user'] = {'uid': 'UID', 'gid': 0}" &&
		sed -i "s/\"UID\"/$u/" "$T/uid/config.json" && rt run --bundle "$T/uid" "$CT-uid" 2>&1)
	unlike "CVE-2024-40635: uid $u is not root" "$got" '^is 0'
	rt delete -f "$CT-uid" >/dev/null 2>&1
done
got=$(run_in groups "c['process']['user'] = {'uid': 5, 'gid': 6, 'additionalGids': [7]}" 'grep ^Groups /proc/self/status')
unlike "CVE-2022-36109: no group of the caller's" "$got" '\b0\b'
like "and the one that was asked for" "$got" '\b7\b'

more="[c['process']['capabilities'][k].append('CAP_MKNOD') for k in ('bounding', 'effective', 'permitted')]"
node='mknod /tmp/disk b 7 0; mknod /tmp/mem c 1 1; mknod /tmp/null c 1 3
for d in disk mem; do (: </tmp/$d) 2>/dev/null && echo $d; done; (: </tmp/null) 2>/dev/null && echo null'
is "GO-2022-0396: devices are denied by default" "$(run_in devices "$more; del c['linux']['resources']" "$node" 2>&1 | grep -v mknod)" null
is "and with an empty list" "$(run_in devices "$more; c['linux']['resources'] = {'devices': []}" "$node" 2>&1 | grep -v mknod)" null

pattern=$(cat /proc/sys/kernel/core_pattern)
for s in 'kernel.core_pattern=|/bin/x' 'kernel.shm_rmid_forced=1+kernel.core_pattern=|/bin/x' 'kernel/core_pattern=x' \
	'kernel.shm_rmid_forced/../core_pattern=x' 'net.ipv4/../../kernel/core_pattern=x' 'kernel..core_pattern=x'; do
	got=$(run_in sysctl "c['linux']['sysctl'] = {'''${s%%=*}''': '''${s#*=}'''}" true)
	is "CVE-2022-0811: sysctl $s is refused" $? 1
done
run_in sysctl "c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'network']
c['linux']['sysctl'] = {'net.ipv4.ip_forward': '0'}" true >/dev/null
is "a sysctl of the host's network is refused" $? 1
is "the core pattern is what it was" "$(cat /proc/sys/kernel/core_pattern)" "$pattern"

got=$(run_in masked "" 'cat /proc/kcore /proc/keys /proc/timer_list /proc/acpi/* /sys/firmware/* 2>/dev/null | head -c 100
for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity; do (echo x >$f) 2>/dev/null && echo $f; done; true')
is "CVE-2018-10892: masked paths are empty, read-only ones read-only" "$got" ""

profile="c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'], 'syscalls': [
  {'names': ['socket'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 97, 'args': [{'index': 0, 'value': 38, 'op': 'SCMP_CMP_EQ'}]},
  {'names': ['socket'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 97, 'args': [{'index': 0, 'value': 40, 'op': 'SCMP_CMP_EQ'}]},
  {'names': ['ioctl'], 'action': 'SCMP_ACT_ERRNO', 'args': [{'index': 1, 'value': 0x5412, 'op': 'SCMP_CMP_EQ'}]},
  {'names': ['keyctl', 'add_key', 'request_key', 'userfaultfd'], 'action': 'SCMP_ACT_ERRNO'}]}"
if [ "$(uname -m)" = x86_64 ] && probe "$T/tree"; then
	got=$(run_in probe "$profile" 'probe 41 38 5 0; probe 41 0x100000026 5 0; probe 41 40 1 0; probe 41 1 1 0' | tr '\n' ' ')
	is "CVE-2026-31431: no AF_ALG, no AF_VSOCK, whatever the upper half says" "$got" "97 97 97 0 "
	got=$(run_in probe "$profile" 'probe socketcall 38 5 0; probe 32 359 38 5 0; probe 32 359 1 1 0' | tr '\n' ' ')
	like "CVE-2026-31431: nor by socketcall" "$got" '^97 97 (0|38) $'
	got=$(run_in probe "$profile" 'probe sti; probe sti high; probe 250 0 0; probe 323 0' | tr '\n' ' ')
	is "CVE-2016-10124, CVE-2017-5226, CVE-2019-10063: no typing into a terminal; no keyring, no userfaultfd" "$got" "1 1 1 1 "
	got=$(run_in probe "$profile; c['linux']['seccomp']['architectures'] = []" 'probe 32 20 && echo survived' 2>&1)
	unlike "an entry that the policy does not name is closed" "$got" survived
else
	skip "system calls by number" "no static C compiler, or not x86_64"
fi
rt delete -f "$CT-b"
untouched "after all of it"
