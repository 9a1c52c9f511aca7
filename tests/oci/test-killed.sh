#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# runs: root
#
# creel-oci killed at any moment leaves at most a journal, which the next create of the id, delete --force, or doctor
# undoes. And the program cannot be overwritten from inside.
. "${0%/*}/lib.sh"
B=$T/b c=$CT-k
make_bundle "$B" "$(args sleep 1000)"

# How long a whole create takes here: kills are spread over that and a little more.
start=$(date +%s%N)
quiet creel-oci create -b "$B" "$c"
took=$((($(date +%s%N) - start) / 1000))
check "a whole one" creel-oci delete -f "$c"
kill_at() {
	creel-oci "$2" -b "$B" "$c" </dev/null >/dev/null 2>&1 &
	local p=$!
	sleep "$(awk -v us="$1" 'BEGIN {print us / 1000000}')"
	kill -9 $p 2>/dev/null
	wait $p 2>/dev/null
}
bad=0
for i in $(seq 1 60); do
	kill_at $((took * 13 * i / 600)) "$([ $((i % 2)) = 0 ] && echo create || echo run)"
	case $((i % 3)) in
	0) oci delete -f "$c" >"$T/.k" 2>&1 || { bad=$((bad + 1)) && note "delete -f at $i: $(cat "$T/.k")"; } ;;
	1)
		creel doctor --fix >"$T/.k" 2>&1 </dev/null
		oci delete -f "$c" >"$T/.k" 2>&1
		;;
	2)
		# One that came to be may live on; one that did not is no hindrance.
		if ! quiet creel-oci create -b "$B" "$c" && ! grep -q 'already exists' "$T/.quiet"; then
			bad=$((bad + 1))
			note "create after a kill at $i: $(cat "$T/.quiet")"
		fi
		oci delete -f "$c" >"$T/.k" 2>&1
		;;
	esac
	left=$(left_of "$c")
	if [ -n "$left" ]; then
		bad=$((bad + 1))
		note "kill $i, way $((i % 3)): left $left"
		oci delete -f "$c" 2>/dev/null
	fi
done
is "sixty kills, nothing left" $bad 0

# start and delete, killed: what is left is told as it is, and goes.
bad=0
for i in $(seq 1 20); do
	quiet creel-oci create -b "$B" "$c"
	creel-oci "$([ $((i % 2)) = 0 ] && echo start || echo delete)" "$c" </dev/null >/dev/null 2>&1 &
	p=$!
	sleep "$(awk -v i="$i" 'BEGIN {print i * 0.0004}')"
	kill -9 $p 2>/dev/null
	wait $p 2>/dev/null
	oci delete -f "$c" >"$T/.k" 2>&1 || { bad=$((bad + 1)) && note "at $i: $(cat "$T/.k")"; }
	[ -z "$(left_of "$c")" ] || { bad=$((bad + 1)) && note "at $i: $(left_of "$c")"; }
done
is "twenty kills of start and delete, nothing left" $bad 0

# --- CVE-2019-5736 -----------------------------------------------------------------------------------------------------
# While the first process waits for its start it is still ours: what may be written to it there may be from inside, later.
make_bundle "$B" "$(args sleep 1000)"
quiet creel-oci create --pid-file "$T/pid" -b "$B" "$c"
like "CVE-2019-5736: read-only for whoever gets hold of it" "$( (: >"/proc/$(cat "$T/pid")/exe") 2>&1)" 'Read-only file system'
check "delete" creel-oci delete "$c"
# The container's program is our own, by way of /proc/self/exe; whoever opens that for writing must be refused.
self=$(readlink -f "$(command -v creel)")
before=$(sha256sum "$self")
cat >"$B/rootfs/bin/evil" <<'EOF'
#!/proc/self/exe
EOF
cat >"$B/rootfs/bin/writer" <<'EOF'
#!/bin/sh
# Whatever foreign program shows up here: hold it, and write to it once it does not run.
for i in $(seq 1 400); do
	for e in /proc/[0-9]*/exe; do
		case $(readlink $e) in */creel* | /creel*)
			exec 5<$e && for k in $(seq 1 100); do echo overwritten >/proc/self/fd/5 && echo WROTE; done 2>/tmp/why
			;;
		esac
	done
done
EOF
chmod 755 "$B/rootfs/bin/evil" "$B/rootfs/bin/writer"
make_bundle "$B" "$(args /bin/writer)" '.root.readonly = false' \
	'.process.capabilities = {"bounding": ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"], "effective": ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"], "permitted": ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"]}'
creel-oci run -b "$B" "$c" </dev/null >"$T/evil" 2>&1 &
p=$!
wait_for 5 is_status "$c" "" running
for _ in $(seq 1 30); do oci exec "$c" /bin/evil >/dev/null 2>&1; done
creel-oci kill "$c" KILL
wait $p
is "CVE-2019-5736: nothing was written" "$(grep -c WROTE "$T/evil")" 0
is "CVE-2019-5736: the program is what it was" "$(sha256sum "$self")" "$before"
oci delete -f "$c"
