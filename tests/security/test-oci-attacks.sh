#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
#
# Attacks on an OCI runtime, each named after the hole it once was somewhere: from a root file system that is not what it
# seems (class A), by what of the host leaks in (class B), on identity and rights (class D).
. "${0%/*}/oci-lib.sh"

# The host's files that an attack would reach: what is in here must never change.
bait=$T/bait
mkdir -p "$bait"/{dev,proc,sys,dir}
echo precious >"$bait/file"
echo precious >"$bait/dev/console"
bait_now() { (cd "$bait" && find . -printf '%p %y %m %u %s\n' | sort && cat file dev/console); }
bait_now >"$T/bait.before"
untouched() {
	if bait_now | diff "$T/bait.before" - >"$T/diff"; then
		ok "$1"
	else
		note "$(cat "$T/diff")"
		nok "$1: the host's files were changed"
	fi
}

# attack WHAT CODE COMMANDS: COMMANDS change the tree. The run either fails in an orderly way or the container is a whole
# one; either way the host's files stay as they are.
attack() {
	local what=$1 r
	bundle a "$2"$'\n'"sh('echo x >/dev/console; echo x >/dev/null; ls /dev /dev/pts >/dev/null; echo inside')"
	(cd "$T/a/rootfs" && eval "$3") || nok "$what: cannot be set up"
	rt run --bundle "$T/a" "$CT-a" >"$T/attack" 2>&1
	r=$?
	rt delete -f "$CT-a" >/dev/null 2>&1
	[ $r -lt 2 ] || {
		note "$(cat "$T/attack")"
		nok "$what: run ends with $r"
	}
	grep -q ^inside "$T/attack" && echo runs >"$T/attack"
	untouched "$what ($(sed 's/.*msg="//; s/#/ /g; s/"$//; q' "$T/attack"))"
}

# --- A: paths in a hostile tree ------------------------------------------------------------------------------------------

nodev="c['mounts'] = [m for m in c['mounts'] if not m['destination'].startswith('/dev')]"
up=../../../../../../../../..
for target in "$bait/dev" "$up$bait/dev"; do
	# The link is absolute, or climbs: both must be taken inside the container's root.
	attack "CVE-2026-41579, CVE-2026-47766: /dev is a link to the host's ${target:0:3}…" "" "rmdir dev; ln -s $target dev"
	attack "the same without a mount on /dev" "$nodev" "rmdir dev; ln -s $target dev"
done
attack "CVE-2019-19921, CVE-2023-27561, CVE-2023-28642: /proc is a link" "" "rmdir proc; ln -s $bait/proc proc"
attack "CVE-2019-16884: /sys is a link" "" "rmdir sys; ln -s $bait/sys sys"
attack "CVE-2026-88264: /dev/console is a link" "$nodev" "ln -s $bait/dev/console dev/console"
attack "CVE-2026-88264: /dev/console is a dangling link" "$nodev" "ln -s $bait/new dev/console"
attack "CVE-2025-31133, CVE-2026-88265, CVE-2025-62161: /dev/null is a link" "$nodev" "ln -s $bait/file dev/null"
attack "/dev/ptmx is a link" "$nodev" "ln -s $bait/file dev/ptmx"
attack "a device's folder is a link" "$nodev
c['linux']['devices'] = [{'path': '/dev/net/tun', 'type': 'c', 'major': 10, 'minor': 200}]" "ln -s $bait/dir dev/net"
attack "CVE-2015-1335, CVE-2021-30465: a mount's target is a link" "c['mounts'].append(mount('/mnt/t', 'tmpfs', []))" \
	"ln -s $bait/dir mnt/t"
attack "a part of a mount's target is a link" "c['mounts'].append(mount('/mnt/t/u', 'tmpfs', []))" "ln -s $bait/dir mnt/t"
attack "CVE-2024-45310: a mount's target file is a dangling link" \
	"c['mounts'].append(mount('/mnt/f', 'bind', ['bind'], '/etc/hostname'))" "ln -s $bait/new mnt/f"
attack "CVE-2024-45310: a mount's target climbs" "c['mounts'].append(mount('/$up$bait/made', 'tmpfs', []))" ":"
attack "the working directory is a link" "c['process']['cwd'] = '/mnt/w/new'" "ln -s $bait/dir mnt/w"
attack "tmpcopyup of a link" "c['mounts'].append(mount('/mnt/c', 'tmpfs', ['tmpcopyup']))" "mkdir mnt/c; ln -s $bait/dir mnt/c/l"
attack "/etc is a link" "c['process']['user'] = {'uid': 7, 'gid': 7}" "rm -rf etc; ln -s $bait etc"
attack "a masked path is a link" "c['linux']['maskedPaths'] += ['/mnt/m']" "ln -s $bait/file mnt/m"
attack "a read-only path is a link" "c['linux']['readonlyPaths'] += ['/mnt/m']" "ln -s $bait/dir mnt/m"

# What lies over /proc would be written to in its place.
for d in /proc /proc/self/attr /proc/sys /proc/1 /mnt/link/sys; do
	bundle over "c['mounts'].append(mount('$d', 'bind', ['bind'], '$bait/dir'))"
	ln -s /proc "$T/over/rootfs/mnt/link"
	like "CVE-2019-16884, CVE-2015-3631, CVE-2025-52881: nothing goes over $d" "$(rt run --bundle "$T/over" "$CT-over" 2>&1)" \
		'cannot be mounted because it is (inside /proc|not of type proc)'
	rt delete -f "$CT-over" >/dev/null 2>&1
done
bundle sym "c['mounts'].append(mount('/mnt/link', 'proc', []))"
ln -s /tmp "$T/sym/rootfs/mnt/link"
like "CVE-2023-28642: proc goes on an ordinary directory" "$(rt run --bundle "$T/sym" "$CT-sym" 2>&1)" \
	'must be mounted on ordinary directory'
rt delete -f "$CT-sym" >/dev/null 2>&1
for id in ../x a/b .. . "" 'a b' $'a\nb' "$(printf 'x%.0s' $(seq 1100))"; do
	bundle id
	rt create --bundle "$T/id" "$id" >"$T/out" 2>&1
	is "a container is no path: '${id:0:8}'" $? 1
done
is "… and none of them left a folder" "$(find "$ROOT" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" 0

# Names are swapped while the container starts.
bundle race "
c['mounts'] += [mount('/mnt/a/b', 'tmpfs', []), mount('/mnt/a/f', 'bind', ['bind'], '/etc/hostname')]
c['process']['cwd'] = '/mnt/a/cwd'
sh('true')"
r=$T/race/rootfs
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
	rt run --bundle "$T/race" "$CT-race" >/dev/null 2>&1
	rt delete -f "$CT-race" >/dev/null 2>&1
done
touch "$T/swapped"
wait $swapper
is "a mount's target is swapped for a link all the time ($(cat "$T/swaps") times)" $(($(cat "$T/swaps") > 1000)) 1
untouched "CVE-2021-30465, CVE-2024-45310: the host's files stay as they are in 40 runs"

# --- B: what of the host is inside --------------------------------------------------------------------------------------

exec 7<"$bait/file" 8<"$bait" 9</
fds='for f in /proc/self/fd/* /proc/1/fd/*; do readlink $f; done'
unlike "CVE-2024-21626, CVE-2016-8649: no fd of the caller's in run" "$(run_in fds "" "$fds")" 'bait|^/$|/sys/fs/cgroup|/run/creel|exec'
for n in 3 4 5 6 7 8 9 10; do
	bundle cwd "c['process']['cwd'] = '/proc/self/fd/$n'"
	rt run --bundle "$T/cwd" "$CT-cwd" >"$T/out" 2>&1
	is "CVE-2024-21626: the working directory is no fd of ours, $n" $? 1
	rt delete -f "$CT-cwd" >/dev/null 2>&1
done
bundle b "sh('sleep 1000')"
rt create --bundle "$T/b" "$CT-b" >"$T/out" 2>&1 || nok "create: $(cat "$T/out")"
pid=$(rt state "$CT-b" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])')
unlike "… nor is any in a container that waits" "$(readlink /proc/"$pid"/fd/*)" "^($bait.*|/|/sys/fs/cgroup.*|/proc|/dev)\$"
rt start "$CT-b" || nok "start"
unlike "CVE-2016-9962: none in exec" "$(rt exec "$CT-b" /bin/sh -c "$fds" 2>&1)" 'bait|^/$|/sys/fs/cgroup|/run/creel'
for n in 3 5 7 9; do
	rt exec --cwd /proc/self/fd/$n "$CT-b" /bin/true >"$T/out" 2>&1
	is "CVE-2024-21626: nor the working directory of exec, $n" $? 255
done
exec 7<&- 8<&- 9<&-
# The runtime's own program must not be had for writing from inside.
out=$(rt exec "$CT-b" /bin/sh -c 'cat /proc/self/exe >/dev/null; echo x >/proc/self/exe' 2>&1)
like "CVE-2019-5736: what runs in there is the container's" "$out" 'Text file busy|denied|not permitted|Read-only'
bundle exe "c['process']['args'] = ['/proc/self/exe', 'version']"
sum=$(sha256sum "$(readlink -f "$RUNTIME")")
rt run --bundle "$T/exe" "$CT-exe" >"$T/out" 2>&1
is "CVE-2019-5736: /proc/self/exe as the command leaves the runtime as it was" "$(sha256sum "$(readlink -f "$RUNTIME")")" "$sum"
rt delete -f "$CT-exe" >/dev/null 2>&1
rt exec "$CT-b" /proc/self/exe >"$T/out" 2>&1 &
wait $!
is "… and so does exec" "$(sha256sum "$(readlink -f "$RUNTIME")")" "$sum"
like "CVE-2016-10124: its session is its own" "$(rt exec "$CT-b" /bin/sh -c 'cut -d" " -f6,7 /proc/self/stat')" ' 0$'

# --- D: identity, rights ---------------------------------------------------------------------------------------------------

none=0000000000000000
is "CVE-2022-24769, CVE-2022-29162: nothing inheritable, nothing ambient in run" \
	"$(run_in caps "" "grep -e CapInh -e CapAmb /proc/self/status | cut -f2 | tr '\n' ' '")" "$none $none "
is "CVE-2022-27650: nor in exec" "$(rt exec "$CT-b" /bin/sh -c "grep -e CapInh -e CapAmb /proc/self/status | cut -f2 | tr '\n' ' '")" \
	"$none $none "
is "CVE-2016-8867: a user has none at all" "$(rt exec -u 7:7 "$CT-b" /bin/sh -c "grep -e CapPrm -e CapEff /proc/self/status | cut -f2 | tr '\n' ' '")" \
	"$none $none "
is "CVE-2026-30892, CVE-2016-3697: exec -u 1 is user 1" "$(rt exec -u 1 "$CT-b" id -u)" 1
for u in -1 4294967295 4294967296 18446744073709551616 0x0 "1 " ' 0' 1:-1 1:4294967295 +0; do
	out=$(rt exec -u "$u" "$CT-b" id -u 2>&1)
	unlike "CVE-2024-40635, CVE-2026-46680: -u '$u' is not root" "$out" '^0$'
done
is "CVE-2022-36109, CVE-2023-25173, CVE-2022-2989: groups are those that are said, and the user's own" \
	"$(run_in groups "c['process']['user'] = {'uid': 7, 'gid': 8, 'additionalGids': [9]}" 'id -G')" "8 9"
is "the caller's groups are nobody's" "$(rt exec -u 7:8 "$CT-b" id -G)" 8
out=$(run_in disk "c['process']['capabilities'] = {n: ['CAP_MKNOD'] for n in ('bounding', 'effective', 'permitted')}" '
mknod /tmp/mem c 1 1; head -c 1 /tmp/mem; mknod /tmp/disk b 254 0; head -c 1 /tmp/disk; echo x >/dev/null && echo fine' 2>&1)
like "GO-2022-0396: devices are denied unless they are permitted" "$out" "can't open '/tmp/mem'|not permitted"
like "… but for the harmless ones" "$out" '^fine$'
like "CVE-2023-25809: the host's control groups are not there for writing" \
	"$(run_in cgroup "c['mounts'].append(mount('/sys/fs/cgroup', 'cgroup', ['ro']))" \
		'for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/x; done')" 'Read-only'
out=$(run_in masks "" 'for f in kcore keys timer_list; do cat /proc/$f; done 2>/dev/null | wc -c; ls /proc/acpi /proc/asound /proc/scsi /sys/firmware 2>/dev/null | grep -v : | wc -w')
is "CVE-2018-10892, CVE-2020-8694: what is masked says nothing" "$(tr -d '\n ' <<<"$out")" 00
unlike "CVE-2022-0811: a setting is no other's" "$(run_in sysctl "c['linux']['sysctl'] = {'net.ipv4.ip_forward+kernel.core_pattern': 'x'}" true 2>&1)" '^$'
like "… nor the host's" "$(run_in sysctl "c['linux']['sysctl'] = {'kernel.core_pattern': 'x'}" true 2>&1)" 'not in a separate kernel namespace'
is "an annotation is no instruction" "$(run_in note "c['annotations'] = {'run.oci.keep_original_groups': '1', 'x': '\$(touch $bait/x)'}" 'id -G')" 0
untouched "the host's files are as they were"
rt delete -f "$CT-b" >/dev/null 2>&1
