#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# The life of containers of images: clients and names, logs that turn over, restarts, health.
. "${0%/*}/lib.sh"
. "${0%/*}/docker.sh"
N=(--network none)
gives() { is "$1" "$(dk "${@:3}" 2>"$T/.err" </dev/null)" "$2"; }
says() { like "$1" "$(dk "${@:3}" 2>&1 >/dev/null </dev/null)" "$2"; }

base_image >/dev/null || exit 1

# --- clients and names ------------------------------------------------------------------------------------------------------------------

dk run -d --name many "${N[@]}" base sh -c 'while :; do sleep 0.2; done' >/dev/null
for i in $(seq 36); do
	dk attach --no-stdin many >"$T/attached.$i" 2>&1 &
done
wait_for 20 bash -c "[ \$(grep -l 'has 32 clients already' '$T'/attached.* | wc -l) = 4 ]"
is "more than 32 clients are told so" $? 0
dk rm -f many >/dev/null
wait
id=$(dk run -d --name real "${N[@]}" base sleep 1000)
dk run -d --name "${id:0:32}" "${N[@]}" base sleep 1000 >/dev/null
gives "a name that looks like an id hides no exec" found exec "$id" echo found
says "rename to one that is taken" "Error when allocating new name: Conflict. The container name \"/real\" is already in use" rename "${id:0:32}" real
dk rm -f real "${id:0:32}" >/dev/null
for i in 1 2 3 4; do dk create --name one "${N[@]}" base true >"$T/race.$i" 2>&1 & done
wait
is "of many who take a name at once one has it" "$(grep -lE '^[0-9a-f]{64}$' "$T"/race.* | wc -l) $(grep -l 'Conflict. The container name "/one" is already in use' "$T"/race.* | wc -l)" "1 3"

# --- logs and restarts --------------------------------------------------------------------------------------------------------------------

dk run --name rot --log-opt max-size=10k --log-opt max-file=3 "${N[@]}" base sh -c 'i=0; while [ $i -lt 600 ]; do echo "line $i of many that fill a file of ten kilobytes"; i=$((i + 1)); done' >/dev/null
log=$(dk inspect -f '{{.LogPath}}' rot)
is "max-file" "$(find "${log%/*}" -maxdepth 1 -name '*.log*' | wc -l)" 3
is "max-size" "$(find "${log%/*}" -name '*.log*' -size +10k | wc -l)" 0
like "logs begin where they still are" "$(dk logs rot | head -n 1)" '^line [1-9][0-9]+ of'
is "and end at the end" "$(dk logs --tail 1 rot)" "line 599 of many that fill a file of ten kilobytes"
is "one after another" "$(dk logs rot | awk '{if (NR > 1 && $2 != last + 1) bad++; last = $2} END {print bad + 0}')" 0
dk run --name one-file --log-opt max-size=1k "${N[@]}" base sh -c 'i=0; while [ $i -lt 100 ]; do echo "line $i"; i=$((i + 1)); done' >/dev/null
is "max-size alone: one file" "$(log=$(dk inspect -f '{{.LogPath}}' one-file); find "${log%/*}" -maxdepth 1 -name '*.log*' | wc -l)" 1
dk create --name again --restart on-failure:4 "${N[@]}" base sh -c 'cut -d " " -f 1 /proc/uptime; exit 3' >/dev/null
dk start again >/dev/null
gives "restart: on-failure as often as it says" 3 wait again
gives "restart: counted" 4 inspect -f '{{.RestartCount}}' again
is "restart: each wait is twice the last" "$(dk logs again | awk 'NR > 1 {d = $1 - last; want = 0.1 * 2 ^ (NR - 2); if (d < want - 0.02) bad++} {last = $1} END {print NR, bad + 0}')" "5 0"
dk run -d --name stays --restart always "${N[@]}" base sh -c 'exit 0' >/dev/null
wait_for 10 bash -c '[ "$(creel docker inspect -f {{.RestartCount}} stays)" -ge 3 ]'
is "restart: always, whatever the code" $? 0
check "restart: until it is stopped" dk stop stays
sleep 0.5
gives "restart: and then not" "exited" inspect -f '{{.State.Status}}' stays
dk run -d --name steady --restart always "${N[@]}" base sleep 11 >/dev/null
echo 51200 >"$T/data/containers/$(dk inspect -f '{{.Id}}' steady)/backoff"
SECONDS=0
wait_for 20 bash -c '[ "$(creel docker inspect -f {{.RestartCount}} steady)" -ge 1 ]'
is "restart: one that ran ten seconds begins at once again" "$? $((SECONDS < 17))" "0 1"
dk run -d --rm --name brief "${N[@]}" base sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' >/dev/null
check "restart: of one that its end removes" dk restart -t 5 brief
gives "restart: which does not" "running" inspect -f '{{.State.Status}}' brief
dk stop -t 5 brief >/dev/null
check "restart: the next end does" wait_for 10 bash -c '[ -z "$(creel docker ps -aqf name=brief)" ]'

# --- a power failure ------------------------------------------------------------------------------------------------------------------------

# What it had to say of a container that ran was not on the disk yet.
id=$(dk run -d --name cut "${N[@]}" base true)
dk wait cut >/dev/null
: >"$T/data/containers/$id/state"
gives "a state that is lost" "exited 255" inspect -f '{{.State.Status}} {{.State.ExitCode}}' cut
check "and no hindrance" dk start -a cut
id=$(dk create --rm --name cut-rm "${N[@]}" base true)
: >"$T/data/containers/$id/state"
gives "lost of one that goes with its end: it is gone" "" ps -aqf name=cut-rm
is "all of it" "$(find "$T/data/containers" "$T/data/layers" -name "$id*" | wc -l)" 0

# --- of LXC --------------------------------------------------------------------------------------------------------------------------------

mkdir -p /var/lib/lxc && mount --bind "$LXCPATH" /var/lib/lxc
make_container "$CT-box" </dev/null
make_container "$CT-mute" </dev/null
printf 'one\ntwo\nthree\n' >"$T/console"
echo "lxc.console.logfile = $T/console" >>"$LXCPATH/$CT-box/config"
check "of LXC: start" dk start "$CT-box"
like "of LXC: ps" "$(dk ps --format '{{.Names}} {{.State}}')" "^$CT-box running$"
like "of LXC: logs are its console's file" "$(dk logs "$CT-box")" '^two'
is "of LXC: logs --tail" "$(dk logs --tail 1 "$CT-box" | head -n 1)" "$(tail -n 1 "$T/console")"
says "of LXC: what there is not of it" "has no times and is not followed" logs -f "$CT-box"
says "of LXC: who has none" "lxc.console.logfile names one" logs "$CT-mute"
gives "of LXC: exec" "$CT-box" exec "$CT-box" hostname
like "of LXC: stats" "$(dk stats --no-stream --format '{{.Name}} {{.PIDs}}' "$CT-box")" "^$CT-box [1-9]"
check "of LXC: pause" dk pause "$CT-box"
like "of LXC: is frozen" "$(lxc-info -P /var/lib/lxc -n "$CT-box" -s)" FROZEN
check "of LXC: unpause" dk unpause "$CT-box"
gives "of LXC: inspect" "/$CT-box running true $(lxc-info -P /var/lib/lxc -n "$CT-box" -pH) lxc" \
	inspect -f '{{.Name}} {{.State.Status}} {{.State.Running}} {{.State.Pid}} {{index .Config.Labels "creel.personality"}}' "$CT-box"
like "of LXC: inspect names its root" "$(dk inspect -f '{{.GraphDriver.Data.Rootfs}}' "$CT-box")" "$CT-box/rootfs$"
like "of LXC: top" "$(dk top "$CT-box")" '^UID .*PID'
gives "of LXC: port, of which it has none" "" port "$CT-box"
dk wait "$CT-box" >"$T/waited" &
was=$(lxc-info -P /var/lib/lxc -n "$CT-box" -pH)
gives "of LXC: restart" "$CT-box" restart -t 1 "$CT-box"
wait $!
like "of LXC: wait says how it ended" "$(cat "$T/waited")" '^[0-9]+$'
check "of LXC: it is another life" [ "$was" != "$(lxc-info -P /var/lib/lxc -n "$CT-box" -pH)" ]
says "of LXC: what Docker's words cannot do" "lxc-copy, lxc-cgroup" rename "$CT-box" other
says "of LXC: rm leaves it to lxc-destroy" "lxc-destroy removes it" rm "$CT-box"
dk create --name beside "${N[@]}" base sleep 1000 >/dev/null
gives "start of both kinds" "$(printf 'beside\n%s' "$CT-box")" start beside "$CT-box"
check "of LXC: stop" dk stop -t 1 "$CT-box"
gives "of LXC: stop of one that does not run" "$CT-box" stop "$CT-box"
dk start "$CT-box" >/dev/null
gives "of LXC: stop by a signal" "$CT-box" stop -s KILL "$CT-box"
gives "of LXC: has ended by it" "exited 137" inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$CT-box"
gives "of LXC: wait for what has ended" 137 wait "$CT-box"
dk rm -f beside >/dev/null
dk start "$CT-box" >/dev/null
check "of LXC: kill" dk kill "$CT-box"
check "of LXC: is gone" wait_for 10 bash -c "lxc-info -P /var/lib/lxc -n '$CT-box' -s | grep -q STOPPED"
umount /var/lib/lxc

# --- health ---------------------------------------------------------------------------------------------------------------------------------

health() { dk inspect -f '{{.State.Health.Status}}' "$1"; }
becomes() { wait_for "$3" bash -c "[ \"\$(creel docker inspect -f '{{.State.Health.Status}}' $1)\" = $2 ]"; }
dk run -d --name well --health-cmd 'test -e /ok' --health-interval 100ms --health-retries 2 --health-start-period 2s --health-start-interval 50ms \
	"${N[@]}" base sleep 1000 >/dev/null
sleep 1
gives "health: failures of the start count for nothing" "starting 0" inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' well
check "health: then they do" becomes well unhealthy 10
dk exec well touch /ok
check "health: and a success at once" becomes well healthy 10
like "ps shows it" "$(dk ps -f name=well -f health=healthy --format '{{.Status}}')" '^Up .*\(healthy\)$'
is "events" "$(dk events --since 1m --until 0s --filter container=well --format '{{.Action}}' | grep health_status | tr '\n' ';')" "health_status: unhealthy;health_status: healthy;"
dk run -d --name slow --health-cmd 'sleep 5' --health-interval 50ms --health-timeout 200ms --health-retries 1 "${N[@]}" base sleep 1000 >/dev/null
check "health: a check that takes too long" becomes slow unhealthy 10
like "which says so" "$(dk inspect -f '{{(index .State.Health.Log 0).Output}}' slow)" "Health check exceeded timeout"
printf 'FROM base\nHEALTHCHECK --interval=50ms CMD false\n' >"$T/hc.Dockerfile"
dk build -q -t checked -f "$T/hc.Dockerfile" "$T/base" >/dev/null
dk run -d --name unchecked --no-healthcheck "${N[@]}" checked sleep 1000 >/dev/null
gives "--no-healthcheck" none inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' unchecked
dk run -d --name checked "${N[@]}" checked sleep 1000 >/dev/null
check "the image's check" becomes checked unhealthy 10
