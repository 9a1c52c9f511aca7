#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# runs: root
#
# One container, every personality: what creel-oci made is seen by the other commands, and the other way round.
. "${0%/*}/lib.sh"
B=$T/b c=$CT-n other=$T/root
make_bundle "$B" "$(args sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done')"
quiet creel-oci run -d -b "$B" "$c"
is "one of another root may be in its group" "$(code_of creel-oci --root "$other" run -d -b "$B" "$c"; status_of "$c" "$other")" \
	"$(printf '0\nrunning')"
check "its end" creel-oci --root "$other" delete -f "$c"
is "is not that of both" "$(status_of "$c")" running
set_config "$B" ".linux.cgroupsPath = \"/$c-2\""
quiet creel-oci --root "$other" run -d -b "$B" "$c"
id=$(basename "$(find /run/creel -maxdepth 1 -type l -name "$c@*")")
like "one of another root has a link" "$id" "^$c@[0-9a-f]{16}$"
is "each root has its own" "$(oci list -q; oci --root "$other" list -q)" "$(printf '%s\n%s' "$c" "$c")"

is "lxc-ls" "$(env -u LXCPATH lxc-ls -1 | sort | tr '\n' ' ')" "$c $id "
is "lxc-ls of one lxcpath shows those of it only" "$(lxc-ls -P "$LXCPATH" -1)" ""
is "creel ps" "$(creel ps -1 | sort | tr '\n' ' ')" "$c $id "
is "creel ps --format json" "$(creel ps --format json | jq -r .State | sort -u)" running
for name in "$c" "$id"; do
	is "lxc-info $name" "$(lxc-info -n "$name" -sH)" RUNNING
	is "lxc-info: pid $name" "$(lxc-info -n "$name" -pH)" "$(readlink -e /run/creel/"$name" | xargs -I{} sed -n 's/^pid=//p' {}/state)"
	is "creel exec $name" "$(creel exec "$name" hostname </dev/null)" runc
	is "lxc-attach $name" "$(lxc-attach -n "$name" -- hostname </dev/null)" runc
done
check "lxc-freeze" lxc-freeze -n "$c"
is "is what creel-oci calls paused" "$(status_of "$c")" paused
check "creel-oci resume" creel-oci resume "$c"
is "is what LXC calls running" "$(lxc-info -n "$c" -sH)" RUNNING
check "creel-oci pause" creel-oci pause "$c"
is "is what LXC calls frozen" "$(lxc-info -n "$c" -sH)" FROZEN
check "lxc-unfreeze" lxc-unfreeze -n "$c"
check "doctor finds nothing wrong" creel doctor
check "nor does it mend anything" creel doctor --fix
is "both run on" "$(status_of "$c") $(status_of "$c" "$other")" "running running"
check "lxc-stop" lxc-stop -t 5 -n "$c"
is "state: stopped" "$(status_of "$c")" stopped
is "creel audit by its id" "$(creel audit "$id" --format json | jq -r '.dialect + " " + .state')" "oci RUNNING"
quiet creel-oci --root "$other" run -d -b "$B" "$c-far"
is "creel audit finds one of another root" "$(creel audit "$c-far" --format json | jq -r '.dialect + " " + .state')" "oci RUNNING"
is "so does creel exec" "$(creel exec "$c-far" /bin/echo there)" there
quiet creel-oci --root "$other.2" run -d -b "$B" "$c-far"
like "two of a name are told apart" "$(creel audit "$c-far" 2>&1)" "^hint: say which: $c-far@[0-9a-f]+ or $c-far@[0-9a-f]+$"
creel-oci --root "$other.2" delete -f "$c-far"
creel-oci --root "$other" delete -f "$c-far"
is "and none that is gone" "$(creel audit "$c-far" 2>&1 | head -n 1 | grep -c 'no such container')" 1
check "lxc-stop of the other root's" lxc-stop -t 5 -n "$id"
is "state: stopped, too" "$(status_of "$c" "$other")" stopped
is "doctor leaves stopped ones to who made them" "$(code_of creel doctor --fix; status_of "$c")" "$(printf '0\nstopped')"
is "lxc-start takes no name that is in use" "$(code_of lxc-start -n "$c" -s lxc.rootfs.path="dir:$B/rootfs" -s lxc.uts.name=x -d)" 1
check "delete" creel-oci delete "$c"
check "delete of the other root's" creel-oci --root "$other" delete "$c"
is "nothing is left" "$(left_of "$c")$(ls "$other")" ""

# --- LXC's, seen from here -------------------------------------------------------------------------------------------------
mkdir -p /var/lib/lxc
make_container "$CT-l" </dev/null
start_ct "$CT-l"
l=$(basename "$(find /run/creel -maxdepth 1 -type d -name "$CT-l@*")")
is "list shows LXC's" "$(oci list -q)" "$l"
is "state of LXC's" "$(oci state "$l" | jq -r '.status + " " + .bundle + " " + .rootfs')" \
	"running $LXCPATH/$CT-l $LXCPATH/$CT-l/rootfs"
is "ps of LXC's" "$(oci ps -f json "$l" | jq 'length > 0')" true
is "events of LXC's" "$(oci events --stats "$l" | jq .data.pids.current)" "$(oci ps -f json "$l" | jq length)"
check "pause of LXC's" creel-oci pause "$l"
is "frozen" "$(state_of "$CT-l")" FROZEN
check "resume of LXC's" creel-oci resume "$l"
is "exec in LXC's" "$(oci exec "$l" hostname)" "$CT-l"
is "delete leaves LXC's alone" "$(code_of creel-oci delete -f "$l"; state_of "$CT-l")" "$(printf '1\nRUNNING')"
kill_ct "$CT-l"
