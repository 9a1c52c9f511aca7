#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# What people get wrong and machines lack: one line that names the object, exit 1, nothing left.
. "${0%/*}/lib.sh"
P=(-P "$LXCPATH")
a=$CT-a
start=(lxc-start "${P[@]}" -n "$a" -d)

# says WHAT REGEX COMMAND…: exit 1, the first line matches, and besides it there is at most a hint.
says() {
	local what=$1 regex=$2 r
	shift 2
	timeout 60 "$@" >"$T/.out" 2>&1 </dev/null
	r=$?
	if [ $r != 1 ] || ! head -n 1 "$T/.out" | grep -Eq -- "$regex" || [ "$(grep -vc '^hint:' "$T/.out")" != 1 ]; then
		note "$* = $r, wanted /$regex/"
		note "$(head -n 20 "$T/.out" | cut -c 1-400)"
		nok "$what"
	else
		ok "$what"
	fi
}
# Nothing of a start is there.
clean() {
	is "$1: it is STOPPED" "$(lxc-info "${P[@]}" -n "$a" -sH)" STOPPED
	is "$1: no mount, no process, no journal is left" \
		"$(find /run/creel -name journal; grep -c "$CT" /proc/self/mountinfo; pgrep creel-keeper)" 0
}

make_container "$a" <<<"lxc.net.0.type = empty"
cp "$LXCPATH/$a/config" "$T/good"
conf() { { cat "$T/good"; cat; } >"$LXCPATH/$a/config"; }

# --- create ----------------------------------------------------------------------------------------------------------

says "a name with slashes" "'?a/b'?.*(name|/)" lxc-create "${P[@]}" -n a/b -t none
says "a name that climbs" "\.\." lxc-create "${P[@]}" -n .. -t none
says "a missing template" "nosuch" lxc-create "${P[@]}" -n "$CT-new" -t nosuch
says "a template by path that is not there" "/no/such/template" lxc-create "${P[@]}" -n "$CT-new" -t /no/such/template
says "a template that fails" "template.*(7|fail)" lxc-create "${P[@]}" -n "$CT-new" -t "$(printf '#!/bin/sh\nexit 7\n' >"$T/fails"; chmod 755 "$T/fails"; echo "$T/fails")"
says "a missing default configuration" "/no/such/conf" lxc-create "${P[@]}" -n "$CT-new" -t none -f /no/such/conf
says "one that exists" "$a.*exists|exists.*" lxc-create "${P[@]}" -n "$a" -t none
if [ -z "${CREEL_IN_VM-}" ]; then
	mkdir "$T/small" "$T/ro"
	mount -t tmpfs -o size=64k tmpfs "$T/small"
	head -c 60000 /dev/zero >"$T/small/fill"
	timeout 60 lxc-create -P "$T/small" -n "$CT-new" -t busybox </dev/null >"$T/out" 2>&1
	is "a full disk: 1" $? 1
	like "a full disk: is named" "$(cat "$T/out")" 'No space left on device'
	is "a full disk: nothing is left" "$(ls "$T/small")" fill
	umount "$T/small"
	mount -t tmpfs -o ro tmpfs "$T/ro"
	says "a read-only lxcpath" "$T/ro.*Read-only file system" lxc-create -P "$T/ro" -n "$CT-new" -t none
	umount "$T/ro"
	# Nothing is done by halves, nor later by itself.
	mkdir -p "$T/ro/$CT-ro/rootfs" && : >"$T/ro/$CT-ro/rootfs/kept"
	printf 'lxc.net.0.type = empty\nlxc.rootfs.path = dir:%s\n' "$T/ro/$CT-ro/rootfs" >"$T/ro/$CT-ro/config"
	mount --bind "$T/ro" "$T/ro" && mount -o remount,bind,ro "$T/ro"
	says "destroyed on a read-only lxcpath" "Read-only file system" lxc-destroy -P "$T/ro" -n "$CT-ro"
	says "renamed there" "Read-only file system" lxc-copy -P "$T/ro" -n "$CT-ro" -N "$CT-ro2" -R
	umount "$T/ro"
	says "what could not be destroyed is there, and started as it was asked" "/sbin/init" lxc-start -P "$T/ro" -n "$CT-ro"
	is "nothing of it is gone" "$(cd "$T/ro" && find "$CT-ro" | sort | tr '\n' ' ')" "$CT-ro $CT-ro/config $CT-ro/rootfs $CT-ro/rootfs/dev $CT-ro/rootfs/kept "
	check "destroyed once more" lxc-destroy -P "$T/ro" -n "$CT-ro"
fi
# Interrupted at some point of the template's work.
cat >"$T/slow" <<'E'
#!/bin/sh
for a; do case $a in --rootfs=*) r=${a#*=} ;; esac; done
mkdir -p "$r/bin" && echo x >"$r/bin/x" && : >"$r/../started" && sleep 20
E
chmod 755 "$T/slow"
for s in INT TERM HUP; do
	# A background job of a script ignores SIGINT; a user's command does not.
	python3 - "$s" "$LXCPATH" "$CT-new" "$T/slow" >"$T/out" 2>&1 <<'E'
import os, signal, subprocess, sys, time
sig, path, name, template = sys.argv[1:]
def default():
    for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, signal.SIG_DFL)
    os.setsid()
p = subprocess.Popen(["lxc-create", "-P", path, "-n", name, "-t", template], stdin=subprocess.DEVNULL, preexec_fn=default)
for _ in range(500):
    if os.path.exists(os.path.join(path, name, "started")):
        break
    time.sleep(0.02)
os.killpg(p.pid, getattr(signal, "SIG" + sig))
t = time.monotonic()
print("exit", p.wait(15), "after %.1f" % (time.monotonic() - t))
E
	like "create interrupted by SIG$s ends at once" "$(cat "$T/out")" 'exit (1|130|143|129|-2|-15|-1) after [0-4]'
	check "and leaves nothing" wait_for 5 test ! -e "$LXCPATH/$CT-new"
done
lxc-create "${P[@]}" -n "$CT-new" -t "$T/slow" </dev/null >"$T/out" 2>&1 &
w=$!
wait_for 10 test -e "$LXCPATH/$CT-new/started"
kill -9 $w
wait $w 2>/dev/null
creel doctor --fix "${P[@]}" >"$T/out" 2>&1 </dev/null || creel doctor --fix >"$T/out" 2>&1 </dev/null
check "create killed by SIGKILL: doctor --fix leaves nothing" wait_for 10 test ! -e "$LXCPATH/$CT-new/rootfs"
unlike "and it is in no list" "$(lxc-ls "${P[@]}" -1)" "$CT-new"
# killed_create: one that was killed; what the template wrote is there.
killed_create() {
	rm -f "$LXCPATH/$CT-new/started"
	lxc-create "${P[@]}" -n "$CT-new" -t "$T/slow" "$@" </dev/null >"$T/out" 2>&1 &
	w=$!
	wait_for 10 test -e "$LXCPATH/$CT-new/started"
	while_it_runs
	kill -9 $w
	wait $w 2>/dev/null
}
while_it_runs() {
	check "while a template works, the container is marked as LXC marks it" test -e "$LXCPATH/$CT-new/partial"
	unlike "and in no list" "$(lxc-ls "${P[@]}" -1)" "$CT-new"
	says "and cannot be started" "being made" lxc-start "${P[@]}" -n "$CT-new" -d
	says "nor destroyed" "being made" lxc-destroy "${P[@]}" -n "$CT-new"
	is "and doctor leaves it alone" "$(creel doctor --fix "${P[@]}" >/dev/null && test -e "$LXCPATH/$CT-new/started" && echo there)" there
}
killed_create
while_it_runs() { :; }
# A reboot takes the journal with it.
rm -rf "/run/creel/$CT-new"*
like "create killed by SIGKILL, and a reboot: doctor names it" "$(creel doctor "${P[@]}")" "$CT-new: an unfinished container"
check "lxc-destroy takes what is left" lxc-destroy "${P[@]}" -n "$CT-new"
check "all of it" test ! -e "$LXCPATH/$CT-new"
killed_create --dir "$T/elsewhere"
rm -rf "/run/creel/$CT-new"*
creel doctor --fix "${P[@]}" >"$T/out" 2>&1
is "doctor --fix takes a root elsewhere, too" "$(ls -d "$T/elsewhere" "$LXCPATH/$CT-new" 2>/dev/null)" ""
# One of LXC's own: empty, without rights, locked as long as somebody is at it.
mkdir -p "$LXCPATH/$CT-new/rootfs" && : >"$LXCPATH/$CT-new/config" && : >"$LXCPATH/$CT-new/partial"
chmod 0 "$LXCPATH/$CT-new/partial"
python3 - "$LXCPATH/$CT-new/partial" >"$T/locked" <<'E' &
import fcntl, os, struct, sys, time
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(fd, 37, struct.pack("hhqqi", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
print("locked", flush=True)
time.sleep(60)
E
w=$!
wait_for 10 test -s "$T/locked"
is "doctor leaves a create of LXC's alone" "$(creel doctor --fix "${P[@]}" >/dev/null; ls "$LXCPATH/$CT-new")" "config
partial
rootfs"
says "so does a create of ours" "made by another" lxc-create "${P[@]}" -n "$CT-new" -t none
kill $w
wait $w 2>/dev/null
like "and takes one that was killed" "$(creel doctor --fix "${P[@]}")" "unfinished container .removed"
check "all of it" test ! -e "$LXCPATH/$CT-new"
killed_create
check "create killed by SIGKILL: the next create begins anew" lxc-create "${P[@]}" -n "$CT-new" -t none
check "and what it makes is destroyed" lxc-destroy "${P[@]}" -n "$CT-new"
rm -rf --one-file-system "${LXCPATH:?}/$CT-new"

# --- configuration ---------------------------------------------------------------------------------------------------

lines=$(wc -l <"$T/good")
conf <<<"lxc.uts.nmae = x"
says "an unknown key: file, line, nearest" "$LXCPATH/$a/config:$((lines + 1)).*lxc\.uts\.nmae" "${start[@]}"
like "the nearest key" "$(cat "$T/.out")" 'lxc\.uts\.name'
conf <<<"lxc.tty.max = many"
says "a bad value: file, line, what is expected" "config:$((lines + 1)).*lxc\.tty\.max.*(number|integer)" "${start[@]}"
conf <<<"lxc.include = /no/such/file.conf"
says "a missing include" "config:$((lines + 1)).*/no/such/file.conf" "${start[@]}"
conf <<<"lxc.uts.name ="$'\n'"lxc.uts.name"
says "a line without =" "config:$((lines + 2))" "${start[@]}"
{ cat "$T/good" && printf 'lxc.environment = A=' && head -c 10485760 /dev/zero | tr '\0' x && echo; } >"$LXCPATH/$a/config"
start_ct "$a" >"$T/out" 2>&1
r=$?
is "a line of 10 MB: an orderly end" $((r == 0 || r == 1)) 1
is "and a short message" $(($(wc -c <"$T/out") < 1000)) 1
kill_ct "$a"
{ cat "$T/good" && head -c 10485760 /dev/zero | tr '\0' x | sed 's/^/lxc.x/' && echo; } >"$LXCPATH/$a/config"
says "a key of 10 MB" "config:$((lines + 1))" "${start[@]}"
is "and a short message" $(($(wc -c <"$T/.out") < 1000)) 1
head -c 100000 /dev/urandom >"$LXCPATH/$a/config"
timeout 20 lxc-start "${P[@]}" -n "$a" </dev/null >"$T/out" 2>&1
is "noise for a configuration: 1" $? 1

# --- start -----------------------------------------------------------------------------------------------------------

conf <<<"lxc.rootfs.path = dir:/no/such/rootfs"
says "a missing rootfs" "/no/such/rootfs.*No such file" "${start[@]}"
clean "a missing rootfs"
printf 'lxc.uts.name = x\nlxc.rootfs.path = dir:%s\nlxc.net.0.type = veth\nlxc.net.0.link = br-none\n' "$LXCPATH/$a/rootfs" >"$LXCPATH/$a/config"
says "a missing bridge" "br-none" "${start[@]}"
clean "a missing bridge"
printf 'lxc.uts.name = x\nlxc.rootfs.path = dir:%s\nlxc.net.0.type = phys\nlxc.net.0.link = eth-none\n' "$LXCPATH/$a/rootfs" >"$LXCPATH/$a/config"
says "a missing device" "eth-none" "${start[@]}"
clean "a missing device"
conf <<<"lxc.mount.entry = /no/such/source mnt none bind 0 0"
says "a mount's source is missing" "/no/such/source.*No such file" "${start[@]}"
clean "a mount's source is missing"
conf <<<"lxc.mount.entry = tmpfs no/such/target tmpfs rw 0 0"
says "a mount's target is missing" "no/such/target" "${start[@]}"
clean "a mount's target is missing"
conf <<<"lxc.mount.entry = tmpfs mnt nosuchfs rw 0 0"
says "an unknown file system" "nosuchfs" "${start[@]}"
conf <<<"lxc.mount.entry = tmpfs"
says "half a mount entry" "mount.entry" "${start[@]}"
conf <<<"lxc.seccomp.profile = /no/such/policy"
says "a missing policy" "/no/such/policy" "${start[@]}"
printf '2\nblacklist\n[all]\nno_such_call errno\nmkdir errno many\n' >"$T/policy"
conf <<<"lxc.seccomp.profile = $T/policy"
says "a bad policy: file and line" "$T/policy:[0-9]+" "${start[@]}"
conf <<<"lxc.cap.drop = sys_nonsense"
says "an unknown capability" "sys_nonsense" "${start[@]}"
conf <<<"lxc.init.cmd = /no/such/init"
says "a missing init" "/no/such/init.*No such file" "${start[@]}"
clean "a missing init"
conf <<<"lxc.hook.pre-start = /no/such/hook"
says "a missing hook" "/no/such/hook" "${start[@]}"
clean "a missing hook"
conf <<<"lxc.cgroup.no.such.file = 1"
says "an unknown control group file" "no\.such\.file" "${start[@]}"
clean "an unknown control group file"
conf </dev/null
for c in "lxc-start -n $CT-none" "lxc-attach -n $CT-none -- true" "lxc-console -n $CT-none" "lxc-freeze -n $CT-none" \
	"lxc-destroy -n $CT-none" "lxc-info -n $CT-none" "lxc-cgroup -n $CT-none cpu.shares" "lxc-attach -n $a -- true" \
	"lxc-freeze -n $a" "lxc-console -n $a" "lxc-cgroup -n $a cpu.shares"; do
	# shellcheck disable=SC2086 # words
	says "$(sed "s/$CT-none/undefined/; s/$a/stopped/" <<<"$c")" "$CT-" $c "${P[@]}"
done 2>/dev/null
# --- helpers that are not installed ----------------------------------------------------------------------------------

if [ -z "${CREEL_IN_VM-}" ] && command -v dnsmasq >/dev/null; then
	mount --bind /dev/null "$(readlink -f "$(command -v dnsmasq)")"
	says "net up without a dnsmasq that runs" "dnsmasq" creel net up
	umount "$(readlink -f "$(command -v dnsmasq)")"
	unlike "leaves no bridge" "$(ip -o link)" 'lxcbr0'
fi
check "after all that the container starts" "${start[@]}"
kill_ct "$a"
