#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Corners where one container's command could reach another's, or the host's, things.
. "${0%/*}/lib.sh"

# A shared name space is joined too: it is not the container's own, and not ours either.
make_container "$CT-a" <<<"lxc.mount.auto = proc"
make_container "$CT-b" <<EOF2
lxc.mount.auto = proc
lxc.namespace.share.net = $CT-a
EOF2
check "a container starts" start_ct "$CT-a"
check "one that shares its network starts" start_ct "$CT-b"
net_a=$(in_ct "$CT-a" readlink /proc/self/ns/net)
is "attach joins the shared network" "$(in_ct "$CT-b" readlink /proc/self/ns/net)" "$net_a"
unlike "and that is not the host's" "$net_a" "^$(readlink /proc/self/ns/net | sed 's/[][]/\\&/g')\$"
kill_ct "$CT-b"

# Frozen, and nobody left to look after it: doctor ends it all the same.
check "it freezes" lxc-freeze -P "$LXCPATH" -n "$CT-a"
keeper=$(sed -n 's/^keeper=//p' "/run/creel/$CT-a@"*/state)
kill -KILL "$keeper"
wait_for 5 test ! -e "/proc/$keeper/exe"
creel doctor --fix >"$T/doctor" 2>&1
note "$(cat "$T/doctor")"
is "doctor ends a frozen container without keeper" "$(state_of "$CT-a")" STOPPED
is "and finds nothing more" "$(creel doctor 2>&1)" "nothing is left of dead containers"
# A journal whose first line did not fit on the disk any more tells of nothing that was done.
run=$(find /run/creel -maxdepth 1 -name "$CT-a*")
: >"$run/journal"
: >"$run/spec"
: >"$run/sock"
: >"$run/spec.4711~"
check "doctor takes a torn journal away, and the files of a start that did not come to one" creel doctor --fix
is "quietly" "$(find "$run" -name journal -o -name spec -o -name sock -o -name '*~'; cat "$T/.out")" "nothing is left of dead containers"

# A pid file named from here is removed from elsewhere; a device is not replaced.
check "a start with a relative pid file" env -C "$T" lxc-start -P "$LXCPATH" -n "$CT-a" -d -p rel.pid
check "the pid file is there" test -s "$T/rel.pid"
kill_ct "$CT-a"
wait_for 5 test ! -e "$T/rel.pid"
check "and goes with the container" test ! -e "$T/rel.pid"
mkfifo "$T/pipe"
refuse "a pid file that is a pipe" lxc-start -P "$LXCPATH" -n "$CT-a" -d -p "$T/pipe"
check "the pipe stays one" test -p "$T/pipe"

# A name that runs without being defined cannot be created over.
lxc-execute -P "$LXCPATH" -n "$CT-x" -s lxc.uts.name=x -- /bin/sleep 30 </dev/null >"$T/execute" 2>&1 &
runs() { [ "$(state_of "$CT-x")" = RUNNING ]; }
wait_for 5 runs || note "$(cat "$T/execute")"
refuse "creating a container whose name runs undefined" lxc-create -P "$LXCPATH" -n "$CT-x" -t none
is "it runs on" "$(state_of "$CT-x")" RUNNING
kill_ct "$CT-x"
wait
check "and leaves no lock behind" bash -c "! ls /run/creel/locks | grep -q '^$CT-x'"

# Destroying a container whose root file system is a directory above it removes the container only.
mkdir -p "$T/up/lxc/$CT-d"
echo precious >"$T/up/keep"
printf 'lxc.rootfs.path = dir:%s\n' "$T/up" >"$T/up/lxc/$CT-d/config"
check "a container above its own folder is destroyed" lxc-destroy -P "$T/up/lxc" -n "$CT-d"
is "what lies beside it stays" "$(cat "$T/up/keep")" precious
