#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Volumes: options of the driver local, parts, filling and removal that kills and races do not harm; name spaces of others.
. "${0%/*}/lib.sh"
. "${0%/*}/docker.sh"
N=(--network none)
gives() { is "$1" "$(dk "${@:3}" 2>"$T/.err" </dev/null)" "$2"; }
says() { like "$1" "$(dk "${@:3}" 2>&1 >/dev/null </dev/null)" "$2"; }
has_mount() { grep -q "$T/data/volumes/$1/_data " /proc/self/mountinfo; }

base_image >/dev/null || exit 1
mkdir -p "$T/full/data" && for i in $(seq 300); do echo "$i" >"$T/full/data/$i"; done
chown 12:34 "$T/full/data"
printf 'FROM base\nCOPY --chown=12:34 full/data /data\n' >"$T/full.Dockerfile"
dk build -q -t full -f "$T/full.Dockerfile" "$T" >/dev/null || exit 1

# --- the driver's options --------------------------------------------------------------------------------------------------

check "volume create -o: a tmpfs" dk volume create -o type=tmpfs -o device=tmpfs -o o=size=4m,uid=7,mode=700 mem
gives "which inspect shows" "size=4m,uid=7,mode=700 tmpfs" volume inspect -f '{{.Options.o}} {{.Options.type}}' mem
gives "is what it says" "tmpfs 4096 7 700" run --rm "${N[@]}" -v mem:/m base sh -c \
	'set -- $(df -k /m | tail -n 1); echo $1 $2 $(stat -c "%u %a" /m)'
dk run -d --name one "${N[@]}" -v mem:/m base sleep 1000 >/dev/null
dk exec one sh -c 'echo shared >/m/f'
gives "is one for all that use it" shared run --rm "${N[@]}" -v mem:/m base cat /m/f
check "and stays while one of them runs" has_mount mem
check "is copied from" dk cp one:/m/f "$T/f"
dk stop -t 0 one >/dev/null
refuse "and no longer" has_mount mem
dk start one >/dev/null
gives "begins anew" 0 exec one sh -c 'ls /m | wc -l'
kill -9 "$(dk inspect -f '{{.State.Pid}}' one)"
wait_for 10 bash -c '[ "$(creel docker inspect -f {{.State.Running}} one)" = false ]'
refuse "gone after a kill, too" has_mount mem
dk run -d --name two "${N[@]}" -v mem:/m base sleep 1000 >/dev/null
dk start one >/dev/null
dk kill one two >/dev/null
dk wait one two >/dev/null
wait_for 5 bash -c '! grep -q /volumes/mem/_data /proc/self/mountinfo'
refuse "nor when two end at once" has_mount mem
dk rm two >/dev/null
dk cp "$T/f" one:/m/x
refuse "cp into one that is stopped leaves no mount" has_mount mem
says "in use" "volume is in use" volume rm mem
dk rm -f one >/dev/null
gives "removed" mem volume rm mem
mkdir "$T/src" "$T/src/sub" && echo bound >"$T/src/f"
check "volume create -o: a bind" dk volume create -o type=none -o "device=$T/src" -o o=bind,ro bound
is "shows the folder, as it says" "$(dk run --rm "${N[@]}" -v bound:/b base sh -c 'echo $(cat /b/f) $(touch /b/x 2>/dev/null || echo ro)')" "bound ro"
check "a folder that is not there" dk volume create -o type=none -o device=/nosuch -o o=bind nowhere
says "is told of at the start" "error while mounting volume 'nowhere': failed to mount local volume" run --rm "${N[@]}" -v nowhere:/b base true
gives "--mount volume-opt" "tmpfs 1024" run --rm "${N[@]}" --mount \
	'type=volume,src=fresh,dst=/m,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-opt=o=size=1m,volume-label=a=b' base \
	sh -c 'set -- $(df -k /m | tail -n 1); echo $1 $2'
gives "has its label" b volume inspect -f '{{.Labels.a}}' fresh
says "an option that is none" 'invalid option: "color"' volume create -o color=red x
says "a type without a device" 'missing required option: "device"' volume create -o type=tmpfs x
says "a size" "quota size requested but no quota support" volume create -o size=1g x
says "another driver" 'plugin "nfs" not found' volume create -d nfs x
gives "nothing came of these" "" volume ls -q -f name=x
check "an address is looked up" dk volume create -o type=nfs -o device=:/x -o o=addr=no-such-host.invalid,ro nfs
says "when it is mounted" "error resolving passed in network volume address: no-such-host.invalid" run --rm "${N[@]}" -v nfs:/n base true
gives "filters: label" fresh volume ls -q -f label=a=b
is "filters: dangling" "$(dk volume ls -q -f dangling=true | tr '\n' ' ')" "bound fresh nfs nowhere "
dk volume rm bound nowhere fresh nfs >/dev/null

# --- a part of a volume --------------------------------------------------------------------------------------------------------

dk run --rm "${N[@]}" -v parts:/p base sh -c 'mkdir -p /p/a/b && echo deep >/p/a/b/f && ln -s /etc /p/out && ln -s ../../../../../etc /p/up'
gives "volume-subpath" deep run --rm "${N[@]}" --mount type=volume,src=parts,dst=/v,volume-subpath=a/b base cat /v/f
gives "a file" deep run --rm "${N[@]}" --mount type=volume,src=parts,dst=/v/file,volume-subpath=a/b/f base cat /v/file
says "no link leads out of the volume" "cannot access path" run --rm "${N[@]}" --mount type=volume,src=parts,dst=/v,volume-subpath=out base true
says "none that climbs" "cannot access path" run --rm "${N[@]}" --mount type=volume,src=parts,dst=/v,volume-subpath=up base true
says "nor does the path" "subpath must be a relative path within the volume" run --rm "${N[@]}" --mount type=volume,src=parts,dst=/v,volume-subpath=../x base true
gives "inspect shows the volume" "$T/data/volumes/parts/_data" inspect -f '{{(index .Mounts 0).Source}}' \
	"$(dk create "${N[@]}" --mount type=volume,src=parts,dst=/v,volume-subpath=a base true)"
dk create --name donor "${N[@]}" --mount type=volume,src=parts,dst=/v,volume-subpath=a/b base true >/dev/null
gives "--volumes-from gives no more than the part" "deep f" run --rm "${N[@]}" --volumes-from donor base sh -c 'echo $(cat /v/f) $(ls /v)'
dk container prune -f >/dev/null

# --- filling ---------------------------------------------------------------------------------------------------------------------

gives "filled from the image, with its owner" "300 12:34:755" run --rm "${N[@]}" -v v1:/data full sh -c 'echo $(ls /data | wc -l) $(stat -c %u:%g:%a /data)'
gives "nocopy" 0 run --rm "${N[@]}" -v v2:/data:nocopy full sh -c 'ls /data | wc -l'
dk volume rm v1 v2 >/dev/null
# As a kill at each step leaves it.
mkdir -p "$T/data/volumes/v3/_fill" && echo half >"$T/data/volumes/v3/_fill/1"
gives "half a copy counts for nothing" "300 1" run --rm "${N[@]}" -v v3:/data full sh -c 'echo $(ls /data | wc -l) $(cat /data/1)'
dk run -d --name holds "${N[@]}" -v v3:/data full sleep 1000 >/dev/null
mkdir "$T/data/volumes/v3/_ready" && mv "$T/data/volumes/v3/_data/"[12]* "$T/data/volumes/v3/_ready" && echo mine >"$T/data/volumes/v3/_data/12"
gives "what was ready is moved in by the next, over nothing of somebody's" "300 mine 11" run --rm "${N[@]}" -v v3:/data:nocopy base sh -c \
	'echo $(ls /data | wc -l) $(cat /data/12) $(cat /data/11)'
gives "and those who have it see it" 300 exec holds sh -c 'ls /data | wc -l'
is "nothing else is left" "$(ls "$T/data/volumes/v3")" _data
dk rm -f holds >/dev/null
for i in 1 2 3 4 5 6; do
	dk volume rm v3 >/dev/null 2>&1
	dk create "${N[@]}" -v v3:/data full true >/dev/null 2>&1 &
	sleep "0.0$i"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
	n=$(dk run --rm "${N[@]}" -v v3:/data full sh -c 'ls /data | wc -l' 2>&1)
	[ "$n" = 300 ] || break
	dk container prune -f >/dev/null
done
is "whenever it is killed" "$n" 300

# --- removal ------------------------------------------------------------------------------------------------------------------------

says "what somebody has stays" "volume is in use" volume rm "$(dk create "${N[@]}" -v v4:/d base true >/dev/null && echo v4)"
dk container prune -f >/dev/null
mkdir -p "$T/data/gone/0123/x"
gives "volume rm" v4 volume rm v4
refuse "what a killed one left has gone along" test -e "$T/data/gone"
dk volume create race >/dev/null
(for _ in $(seq 30); do dk volume rm -f race >/dev/null 2>&1; done) &
bad=0
for _ in $(seq 15); do
	[ "$(dk run --rm "${N[@]}" -v race:/d base sh -c 'echo x >/d/f && cat /d/f' 2>&1)" = x ] || bad=$((bad + 1))
done
wait $!
is "a run that takes a volume while it is removed has one" $bad 0
dk volume create --label keep=1 named >/dev/null
dk run --rm "${N[@]}" -v left:/d base sh -c 'head -c 100000 /dev/zero >/d/f'
dk create "${N[@]}" -v /anon base true >/dev/null
dk rm "$(dk ps -aq)" >/dev/null
like "prune: those without a name" "$(dk volume prune -f)" '^[0-9a-f]{64}$'
like "system df counts what is in them" "$(dk system df --format '{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}}')" '^Local Volumes 5 0 101\.1kB$'
like "prune -a with a label, and how much it was" "$(dk volume prune -af --filter 'label!=keep')" 'Total reclaimed space: 101.1kB'
is "which keeps the others" "$(dk volume ls -q -f label=keep)" named
dk volume prune -af >/dev/null
gives "prune -a" "" volume ls -q

# --- name spaces of others ---------------------------------------------------------------------------------------------------------------

dk run -d --name donor --ipc shareable --shm-size 8m "${N[@]}" base sh -c 'echo in-shm >/dev/shm/f; sleep 1000' >/dev/null
wait_for 10 dk exec donor test -s /dev/shm/f
gives "--ipc container: shares /dev/shm, too" "in-shm 8192" run --rm "${N[@]}" --ipc container:donor base sh -c \
	'echo $(cat /dev/shm/f) $(df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2)'
is "and the name space" "$(dk run --rm "${N[@]}" --ipc container:donor base readlink /proc/self/ns/ipc)" "$(dk exec donor readlink /proc/self/ns/ipc)"
gives "--pid container:" 0 run --rm "${N[@]}" --pid container:donor base sh -c 'grep -qa sleep /proc/1/cmdline; echo $?'
gives "--network container:" "$(dk exec donor readlink /proc/self/ns/net)" run --rm --network container:donor base readlink /proc/self/ns/net
is "--ipc host" "$(dk run --rm "${N[@]}" --ipc host base readlink /proc/self/ns/ipc)" "$(readlink /proc/self/ns/ipc)"
gives "--ipc none has no /dev/shm" none run --rm "${N[@]}" --ipc none base sh -c 'mount | grep -q /dev/shm || echo none'
is "--uts host" "$(dk run --rm "${N[@]}" --uts host base hostname)" "$(hostname)"
is "--pid host" "$(dk run --rm "${N[@]}" --pid host base readlink /proc/self/ns/pid)" "$(readlink /proc/self/ns/pid)"
is "--cgroupns host" "$(dk run --rm "${N[@]}" --cgroupns host base readlink /proc/self/ns/cgroup)" "$(readlink /proc/self/ns/cgroup)"
unlike "--cgroupns private" "$(dk run --rm "${N[@]}" base readlink /proc/self/ns/cgroup)" "$(readlink /proc/self/ns/cgroup | tr -d '[]')"
is "--userns host" "$(dk run --rm "${N[@]}" --userns host base readlink /proc/self/ns/user)" "$(readlink /proc/self/ns/user)"
dk run -d --name alone "${N[@]}" base sleep 1000 >/dev/null
says "an IPC that is private stays so" "non-shareable IPC" run --rm "${N[@]}" --ipc container:alone base true
dk stop -t 0 alone >/dev/null
says "and one that does not run has none" "cannot join PID of a non running container" run --rm "${N[@]}" --pid container:alone base true
says "no such mode" "invalid IPC mode: wrong|invalid Ipc mode: wrong|invalid IPC" run --rm "${N[@]}" --ipc wrong base true
