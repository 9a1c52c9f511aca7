#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root user
# Snapshots: taken, listed, restored in place and as new containers, removed; and kill -9 in the middle of each.
. "${0%/*}/lib.sh"

lxc() { local tool=$1 && shift && "lxc-$tool" -P "$LXCPATH" "$@" </dev/null; }
root_of() { sed -n "s/^lxc.rootfs.path = //p" "$1/config"; }
a=${CT}a dir=$LXCPATH/${CT}a
make_container "$a" <<EOF2
lxc.net.0.type = empty
lxc.net.1.type = empty
lxc.net.1.hwaddr = 00:16:3e:01:02:03
EOF2
# put TEXT: into the container's file /etc/state, as whom it belongs to.
put() {
	if is_root; then echo "$1" >"$dir/rootfs/etc/state"; else
		unshare -U --map-auto --map-root-user sh -c "echo '$1' >'$dir/rootfs/etc/state'"
	fi
}
if ! is_root; then
	unshare -U --map-auto --map-root-user sh -c "chown 1:1 '$dir/rootfs/etc'; touch '$dir/rootfs/etc/state'; chmod 666 '$dir/rootfs/etc/state'"
fi
state() { cat "${1:-$dir}/rootfs/etc/state"; }

is "none yet" "$(lxc snapshot -n "$a" -L)" "No snapshots"
put first
check "a snapshot" lxc snapshot -n "$a"
echo "why it was taken" >"$T/why"
put second
check "with a comment" lxc snapshot -n "$a" -c "$T/why"
like "the list" "$(lxc snapshot -n "$a" -L | head -n 1)" \
	"^snap0 \($dir/snaps\) [0-9]{4}:[0-9]{2}:[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\$"
is "comments are shown when asked for" "$(lxc snapshot -n "$a" -L -C | tail -n 1)" "why it was taken"
is "as JSON" "$(lxc snapshot -n "$a" -L --format json | tr -d ' \n' | grep -o '"comment":"[^"]*"')" \
	'"comment":"whyitwastaken\n"'
is "the host name stays" "$(sed -n 's/^lxc.uts.name = //p' "$dir/snaps/snap0/config")" "$a"
is "the time has no newline" "$(wc -c <"$dir/snaps/snap0/ts")" 19
put third
refuse "no such snapshot" lxc snapshot -n "$a" -r snap7
refuse "no name at all" lxc snapshot -n "$a" -r ../snaps/snap0
refuse "one that has snapshots is not destroyed" lxc destroy -n "$a"
like "because" "$(cat "$T/.out")" "Destroying $a failed: $a has snapshots"
refuse "nor renamed" lxc copy -n "$a" -R -N "$a-r"
check "restored" lxc snapshot -n "$a" -r snap0
is "it is what it was" "$(state)" first
like "with its MAC address" "$(cat "$dir/config")" 00:16:3e:01:02:03
check "nothing is left of the restore" test ! -e "$dir/.swap"
check "it starts" start_ct "$a"
refuse "one that runs is not restored" lxc snapshot -n "$a" -r snap1
refuse "nor is a snapshot taken" lxc snapshot -n "$a"
kill_ct "$a"
check "restored as another" lxc snapshot -n "$a" -r snap1 -N "$a-2"
is "with what was in it" "$(state "$LXCPATH/$a-2")" second
is "and a root of its own" "$(root_of "$LXCPATH/$a-2")" "dir:$LXCPATH/$a-2/rootfs"
refuse "a name that is taken" lxc snapshot -n "$a" -r snap1 -N "$a-2"
check "one removed" lxc snapshot -n "$a" -d snap0
check "the first free number is taken next" lxc snapshot -n "$a"
is "which is" "$(lxc snapshot -n "$a" -L | cut -d' ' -f1 | tr '\n' ' ')" "snap0 snap1 "
check "all removed" lxc snapshot -n "$a" -d ALL
refuse "there are none any more" lxc snapshot -n "$a" -d ALL

# Of old, they lay beside the lxcpath.
mkdir -p "${LXCPATH}snaps/$a" 2>/dev/null && {
	check "the old place is used when it is there" lxc snapshot -n "$a"
	check "really" test -e "${LXCPATH}snaps/$a/snap0/config"
	put fourth
	check "and restored from" lxc snapshot -n "$a" -r snap0
	is "as it was" "$(state)" first
	check "and removed" lxc snapshot -n "$a" -d ALL
	rm -rf "${LXCPATH}snaps"
}

# Over layers.
if lxc copy -n "$a" -N "$a-o" -s 2>/dev/null; then
	check "of an overlay" lxc snapshot -n "$a-o"
	is "it rests on the same layer" "$(root_of "$LXCPATH/$a-o/snaps/snap0")" \
		"overlay:$dir/rootfs:$LXCPATH/$a-o/snaps/snap0/overlay/delta"
	is "which knows it" "$(grep -c . "$dir/lxc_snapshots")" 4
	if start_ct "$a-o" 2>/dev/null; then
		in_ct "$a-o" sh -c 'echo changed >/etc/passwd'
		kill_ct "$a-o"
		check "restored" lxc snapshot -n "$a-o" -r snap0
		start_ct "$a-o"
		like "it is what it was" "$(in_ct "$a-o" cat /etc/passwd)" ^root:
		kill_ct "$a-o"
	fi
	check "as another" lxc snapshot -n "$a-o" -r snap0 -N "$a-p"
	refuse "a snapshot that another rests on stays" lxc snapshot -n "$a-o" -d snap0
	check "that one destroyed" lxc destroy -n "$a-p"
	check "all of it" lxc destroy -n "$a-o" -s
	check "nothing rests on the layer" test ! -e "$dir/lxc_snapshots"
fi

# Killed at the moment when all is made and nothing is in place: the clone hook kills who runs it.
put before
lxc snapshot -n "$a" && put after
cp "$dir/config" "$T/config"
killer='lxc.hook.clone = /bin/sh -c "kill -9 $PPID" #'
echo "$killer" >>"$dir/config"
lxc snapshot -n "$a" >/dev/null 2>&1
is "a snapshot that was killed" "$(lxc snapshot -n "$a" -L | wc -l)" 1
check "is in nobody's way" cp "$T/config" "$dir/config"
check "the next takes its place" lxc snapshot -n "$a"
echo "$killer" >>"$dir/snaps/snap0/config"
lxc snapshot -n "$a" -r snap0 >/dev/null 2>&1
is "a restore that was killed changes nothing" "$(state)" after
lxc info -n "$a" >/dev/null
check "and leaves nothing" test ! -e "$dir/.swap"
sed -i '/kill -9/d' "$dir/snaps/snap0/config"
lxc copy -n "$a" -N "$a-k" >/dev/null && echo "$killer" >>"$LXCPATH/$a-k/config"
lxc copy -n "$a-k" -N "$a-l" >/dev/null 2>&1
like "doctor finds a copy that was killed" "$(creel doctor -P "$LXCPATH" 2>&1)" "$a-l"
creel doctor -P "$LXCPATH" --fix >/dev/null
check "and removes it" test ! -e "$LXCPATH/$a-l"
# After a reboot nothing but the marks in the folders is left to tell.
mkdir "$LXCPATH/$a-l" "$LXCPATH/$a-k/.swap" && : >"$LXCPATH/$a-l/partial"
is "nor is one forgotten after a reboot" "$(creel doctor -P "$LXCPATH" 2>&1 | sort)" "$a-k: an interrupted rename or restore
$a-l: an unfinished container"
creel doctor -P "$LXCPATH" --fix >/dev/null
check "that goes, too" test ! -e "$LXCPATH/$a-l"
check "and what was beside it" test ! -e "$LXCPATH/$a-k/.swap"

# Killed at any moment: all that is seen is the old or the new.
for i in $(seq 300); do mkdir -p "$T/many/$((i % 17))" && echo "$i" >"$T/many/$((i % 17))/$i"; done
if is_root; then
	cp -r "$T/many" "$dir/rootfs/many"
	lxc snapshot -n "$a" -d ALL
	put one
	echo "lxc.environment = STATE=one" >>"$dir/config"
	lxc snapshot -n "$a"
	put two
	sed -i s/STATE=one/STATE=two/ "$dir/config"
	lxc snapshot -n "$a"
	bad=0 killed=0
	for i in $(seq 30); do
		setsid lxc-snapshot -P "$LXCPATH" -n "$a" -r "snap$((i % 2))" >/dev/null 2>&1 &
		sleep "0.$(printf %03d $((RANDOM % 400)))"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
		[ $? != 137 ] || killed=$((killed + 1))
		lxc info -n "$a" >/dev/null || bad=$((bad + 1))
		[ "STATE=$(state)" = "$(sed -n 's/^lxc.environment = //p' "$dir/config")" ] || bad=$((bad + 1))
		[ "$(find "$dir/rootfs/many" -type f | wc -l)" = 300 ] || bad=$((bad + 1))
		[ ! -e "$dir/.swap" ] || bad=$((bad + 1))
	done
	note "$killed of 30 were killed"
	is "never half of each" "$bad" 0
	bad=0
	for i in $(seq 20); do
		setsid lxc-copy -P "$LXCPATH" -n "$a" -N "$a-q" >/dev/null 2>&1 &
		sleep "0.$(printf %03d $((RANDOM % 400)))"
		kill -9 $! 2>/dev/null
		wait $! 2>/dev/null
		if lxc ls -1 | grep -q "$a-q"; then
			[ "$(find "$LXCPATH/$a-q/rootfs/many" -type f | wc -l)" = 300 ] || bad=$((bad + 1))
			lxc destroy -n "$a-q" || bad=$((bad + 1))
		fi
	done
	creel doctor -P "$LXCPATH" --fix >/dev/null
	[ ! -e "$LXCPATH/$a-q" ] || bad=$((bad + 1))
	is "nor half a copy" "$bad" 0
	creel doctor -P "$LXCPATH" >"$T/doctor" 2>&1
	is "doctor has nothing more to say" "$(grep -c . "$T/doctor")" "$(grep -c 'othing' "$T/doctor")"
fi
check "destroyed with its snapshots" lxc destroy -n "$a" -s
check "really" test ! -e "$dir"
