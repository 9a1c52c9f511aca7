#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Options of run and create, one by one: what a container sees of them, and what is refused in Docker's words.
. "${0%/*}/lib.sh"
. "${0%/*}/docker.sh"
N=(--network none)
gives() { is "$1" "$(dk "${@:3}" 2>"$T/.err" </dev/null)" "$2"; }
says() { like "$1" "$(dk "${@:3}" 2>&1 >/dev/null </dev/null)" "$2"; }
runs() { gives "$1" "$2" run --rm "${N[@]}" "${@:3}"; }
refuses() { says "$1" "$2" run --rm "${N[@]}" "${@:3}"; }
inside() { dk run --rm "${N[@]}" "$@" 2>&1 </dev/null; }

base_image >/dev/null || exit 1
printf 'FROM base\nRUN echo "app:x:77:88::/home:/bin/sh" >>/etc/passwd; echo "extra:x:99:app" >>/etc/group; echo "app:x:88:" >>/etc/group\n' >"$T/users.Dockerfile"
dk build -q --network none -t users -f "$T/users.Dockerfile" "$T/base" >/dev/null || exit 1

# --- users ------------------------------------------------------------------------------------------------------------------

for u in "root 0:0:0" "app 77:88:88 99" "77 77:88:88 99" "app:extra 77:99:99" "app:5 77:5:5" "1234 1234:0:0" "1234:99 1234:99:99" ":5 0:5:5"; do
	runs "-u ${u%% *}" "${u#* }" -u "${u%% *}" users sh -c 'echo "$(id -u):$(id -g):$(id -G)"'
done
refuses "-u of nobody" "unable to find user nosuch: no matching entries in passwd file" -u nosuch users id
refuses "-u app:nosuch" "unable to find group nosuch|no matching entries in group file" -u app:nosuch users id
refuses "-u beyond" "uids and gids must be in range 0-2147483647" -u 9999999999 users id
refuses "-u of one more than there are" "uids and gids must be in range 0-2147483647" -u 2147483648 users id
refuses "-u below" "uids and gids must be in range 0-2147483647" -u -1 users id
refuses "--device: a folder without any" 'custom device "/etc": not a device node' --device /etc base true
refuses "--memory-reservation: less than there must be" "Minimum memory reservation allowed is 6MB" --memory-reservation 1k base true
refuses "--dns of ours is warned of" 'WARNING: Localhost DNS setting \(--dns=127.0.0.1\) may fail in containers' --dns 127.0.0.1 base true
runs "-v said twice" yes -v "$T:/v" -v "$T:/v" base sh -c '[ -d /v ] && echo yes'
runs "a volume at /etc hides no name server" "nameserver 192.0.2.7" --dns 192.0.2.7 -v etc:/etc base grep nameserver /etc/resolv.conf
like "-a stdin alone: its id is shown" "$(echo typed | dk run -i -a stdin --name typed "${N[@]}" base cat)" '^[0-9a-f]{64}$'
gives "which got it" typed logs typed
dk rm typed >/dev/null
dk volume rm etc >/dev/null
refuses "--detach-keys: a large letter" 'Invalid detach keys \(ctrl-A,a\) provided' --detach-keys ctrl-A,a base true
runs "--group-add" "88 5 99" -u app:88 --group-add 5 --group-add extra users id -G
refuses "--group-add of nobody" "Unable to find group nosuch: no matching entries in group file" --group-add nosuch users id

# --- what it may ---------------------------------------------------------------------------------------------------------------

cp "$(command -v strace)" "$T/strace"
like "ptrace needs no capability" "$(inside -v "$T/strace:/strace:ro" -v /lib:/lib:ro -v /lib64:/lib64:ro -v /usr/lib:/usr/lib:ro base /strace -e trace=exit_group true)" 'exited with 0'
runs "--security-opt no-new-privileges" "NoNewPrivs:	1" --security-opt no-new-privileges base grep NoNewPrivs /proc/self/status
runs "no-new-privileges=false" "NoNewPrivs:	0" --security-opt no-new-privileges=false base grep NoNewPrivs /proc/self/status
runs "seccomp=unconfined" "Seccomp:	0" --security-opt seccomp=unconfined base grep Seccomp: /proc/self/status
runs "and without it" "Seccomp:	2" base grep Seccomp: /proc/self/status
echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28},{"names":["chmod","fchmodat"],"action":"SCMP_ACT_ERRNO","includes":{"minKernel":"99.0"}}]}' >"$T/profile.json"
like "seccomp=FILE" "$(inside --security-opt "seccomp=$T/profile.json" base mkdir /x)" "No space left"
is "a rule for a newer kernel is none" "$(inside --security-opt "seccomp=$T/profile.json" base chmod 700 /tmp)" ""
refuses "seccomp=FILE that is not there" "opening seccomp profile .* failed" --security-opt seccomp=/nosuch.json base true
echo '{"defaultAction":"NONSENSE"}' >"$T/bad.json"
refuses "seccomp=FILE that is none" "Decoding seccomp profile failed" --security-opt "seccomp=$T/bad.json" base true
runs "systempaths=unconfined" "0" --security-opt systempaths=unconfined base sh -c 'grep -c -E "/proc/(kcore|sys) " /proc/mounts'
runs "label=disable" ok --security-opt label=disable base echo ok
runs "label=type:x means nothing without SELinux" ok --security-opt label=type:container_t --security-opt label=level:s0:c1 base echo ok
refuses "a label that is none" "bad label option" --security-opt label=colour base true
runs "apparmor=unconfined" ok --security-opt apparmor=unconfined base echo ok
refuses "an option that is none" 'Invalid --security-opt: "foo"' --security-opt foo base true
refuses "nor this" 'invalid --security-opt 2: "foo=bar"' --security-opt foo=bar base true
like "writable-cgroups" "$(inside --security-opt writable-cgroups=true base grep ' /sys/fs/cgroup ' /proc/mounts)" ' rw,'
unlike "and without" "$(inside base grep ' /sys/fs/cgroup ' /proc/mounts)" ' rw,'
runs "--privileged: all capabilities, no filter" "Seccomp:	0" --privileged base grep Seccomp: /proc/self/status
is "all that there are" "$(inside --privileged base grep CapEff /proc/self/status)" "$(grep CapBnd /proc/self/status | sed s/Bnd/Eff/)"
like "its sysfs can be written to" "$(inside --privileged base grep ' /sys ' /proc/mounts)" ' rw,'
runs "and has the host's devices" yes --privileged base sh -c '[ -c /dev/kmsg ] && echo yes'
refuses "--gpus" 'no driver for GPUs is there; give the device nodes with --device' --gpus all base true

# --- process --------------------------------------------------------------------------------------------------------------------

like "--init is process 1" "$(inside --init base cat /proc/1/comm)" 'init'
runs "and reaps" 0 --init base sh -c '(sleep 0.1 &); sleep 0.5; grep -l "State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l'
is "and passes signals on" "$(dk run -d --name sig --init "${N[@]}" base sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done' >/dev/null; sleep 0.5; dk stop -t 5 sig >/dev/null; dk inspect -f '{{.State.ExitCode}}' sig)" 7
runs "--oom-score-adj" 321 --oom-score-adj 321 base cat /proc/self/oom_score_adj
refuses "beyond its range" "range for oom score adj is \[-1000, 1000\]" --oom-score-adj 2000 base true
runs "--ulimit" "100 200 unlimited" --ulimit nofile=100:200 --ulimit core=-1 base sh -c 'echo $(ulimit -Sn) $(ulimit -Hn) $(ulimit -c)'
refuses "a limit that is none" "invalid ulimit type: foo" --ulimit foo=1 base true
is "--sysctl of both" "$(inside --sysctl kernel.msgmni=5 --sysctl net.ipv4.ip_forward=1 base sh -c 'echo $(cat /proc/sys/kernel/msgmni /proc/sys/net/ipv4/ip_forward)')" "5 1"
refuses "a setting of the host's" "sysctl 'kernel.panic=1' is not allowed|sysctl 'kernel.panic' is not allowed" --sysctl kernel.panic=1 base true
dk run -d --name stops --stop-signal USR1 --stop-timeout 1 "${N[@]}" base sh -c 'trap "" TERM; trap "exit 9" USR1; echo up; while :; do sleep 0.1; done' >/dev/null
wait_for 10 bash -c 'creel docker logs stops | grep -q up'
dk stop stops >/dev/null
gives "--stop-signal" 9 inspect -f '{{.State.ExitCode}}' stops
dk run -d --name deaf --stop-timeout 1 "${N[@]}" base sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
wait_for 10 bash -c 'creel docker logs deaf | grep -q up'
SECONDS=0
dk stop deaf >/dev/null
is "--stop-timeout" "$((SECONDS < 6)) $(dk inspect -f '{{.State.ExitCode}}' deaf)" "1 137"
refuses "--stop-signal that is none" "invalid signal: FOO" --stop-signal FOO base true
says "--cidfile that is there" "container ID file found" run --cidfile "$T/profile.json" base true
says "--pull never" "No such image: nosuch:latest" run --pull never nosuch true

# --- mounts -----------------------------------------------------------------------------------------------------------------------

in_mounts() { inside "${@:2}" base sh -c "grep ' $1 ' /proc/mounts"; }
runs "--shm-size" 1024 --shm-size 1m base sh -c 'df -k /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 2'
like "--tmpfs" "$(in_mounts /t --tmpfs /t)" '^tmpfs /t tmpfs rw,nosuid,nodev,noexec,relatime'
like "--tmpfs with options" "$(in_mounts /t --tmpfs /t:size=1m,mode=700,exec,uid=7)" '^tmpfs /t tmpfs rw,nosuid,nodev,relatime,size=1024k,mode=700,uid=7'
refuses "an option of tmpfs that is none" 'invalid tmpfs option "color"|invalid tmpfs option' --tmpfs /t:size=1m,color=red base true
like "--mount type=tmpfs" "$(in_mounts /t --mount type=tmpfs,dst=/t,tmpfs-mode=0700,tmpfs-size=1m,readonly)" '^tmpfs /t tmpfs ro,nosuid,nodev,noexec,relatime,size=1024k,mode=700'
mkdir -p "$T/b/below" && echo b >"$T/b/f"
runs "--mount type=bind" b --mount "type=bind,src=$T/b,dst=/b" base cat /b/f
runs "readonly" ro --mount "type=bind,src=$T/b,dst=/b,readonly" base sh -c 'touch /b/x 2>/dev/null || echo ro'
refuses "a source that is not there" "bind source path does not exist" --mount type=bind,src=/nosuch,dst=/b base true
refuses "a type that is none" "mount type unknown|invalid mount config for type" --mount type=foo,dst=/b base true
refuses "no target" "target is required" --mount type=bind,src=/tmp base true
refuses "twice at one place" "Duplicate mount point: /b" -v "$T:/b" -v "$T/b:/b" base true
refuses "over the root" "destination can't be '/'" -v "$T/b:/" base true
mount -t tmpfs tmpfs "$T/b/below" && echo deep >"$T/b/below/f"
runs "a bind has what is mounted below it" deep --mount "type=bind,src=$T/b,dst=/b" base cat /b/below/f
runs "bind-recursive=disabled has not" none --mount "type=bind,src=$T/b,dst=/b,bind-recursive=disabled" base sh -c 'cat /b/below/f 2>/dev/null || echo none'
runs "readonly goes for what is below, too" ro --mount "type=bind,src=$T/b,dst=/b,readonly" base sh -c 'touch /b/below/x 2>/dev/null || echo ro'
runs "bind-recursive=writable: not" rw --mount "type=bind,src=$T/b,dst=/b,readonly,bind-recursive=writable" base sh -c 'touch /b/x 2>/dev/null || { touch /b/below/x && echo rw; }'
umount "$T/b/below"
for p in shared slave private; do
	case $p in shared) want=shared: ;; slave) want=master: ;; private) want='^there' ;; esac
	like "bind-propagation=$p" "$(inside --mount "type=bind,src=$T/b,dst=/b,bind-propagation=$p" base awk '$5 == "/b" {for (i = 7; $i != "-"; i++) print $i; print "there"}' /proc/self/mountinfo | tr '\n' ' ')" "$want"
done
dk run --name has -v data:/data -v "$T/b:/b:ro" "${N[@]}" base sh -c 'echo from >/data/f' >/dev/null
runs "--volumes-from" "from ro" --volumes-from has base sh -c 'echo $(cat /data/f) $(touch /b/x 2>/dev/null || echo ro)'
runs "--volumes-from :ro" ro --volumes-from has:ro base sh -c 'touch /data/x 2>/dev/null || echo ro'
refuses "--volumes-from nobody" "No such container: nosuch" --volumes-from nosuch base true
runs "--device" "1 7" --device /dev/full:/dev/mine base sh -c 'stat -c "%t %T" /dev/mine'
runs "read only" no --device /dev/full:/dev/mine:r base sh -c 'echo x 2>/dev/null >/dev/mine || echo no'
refuses "--device that is not there" 'error gathering device information while adding custom device "/nosuch"' --device /nosuch base true
refuses "--device with a wrong mode" "bad mode specified: rwz" --device /dev/null:/dev/x:rwz base true

# --- limits -------------------------------------------------------------------------------------------------------------------------

# The value of a file of its group, of version 2 or 1.
group_of() { sed -n 's/^0:://p; s/^[0-9]*:[^:]*\(memory\|pids\|cpu\)[^:]*://p' "/proc/$(dk inspect -f '{{.State.Pid}}' "$1")/cgroup" | grep -m1 .; }
value() {
	local p
	for p in "/sys/fs/cgroup$(group_of "$1")/$2" "/sys/fs/cgroup/$4$(group_of "$1")/$3"; do
		[ ! -e "$p" ] || { cat "$p" && return; }
	done
}
dk run -d --name lim -m 64m --memory-swap 64m --cpus 0.5 --pids-limit 50 "${N[@]}" base sleep 1000 >/dev/null
if [ -n "$(value lim memory.max memory.limit_in_bytes memory)" ]; then
	is "-m" "$(value lim memory.max memory.limit_in_bytes memory)" 67108864
	is "--pids-limit" "$(value lim pids.max pids.max pids)" 50
	check "update" dk update -m 128m --memory-swap 256m --cpus 1.5 --pids-limit 70 --restart on-failure:3 lim
	is "update: memory while it runs" "$(value lim memory.max memory.limit_in_bytes memory)" 134217728
	is "update: processes" "$(value lim pids.max pids.max pids)" 70
	like "update: CPUs" "$(value lim cpu.max cpu.cfs_quota_us cpu)" '^150000'
else
	skip "limits" "no memory controller here"
	check "update" dk update -m 128m --memory-swap 256m --cpus 1.5 --pids-limit 70 --restart on-failure:3 lim
fi
gives "update is there to stay" "134217728 1500000000 70 on-failure 3" inspect -f \
	'{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' lim
says "update: less than there must be" "Minimum memory limit allowed is 6MB" update -m 4m lim
says "update: memory over swap" "memoryswap limit" update -m 512m lim
says "update: a quota beside --cpus" "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set|Nano CPUs and CPU Quota cannot both be set" update --cpu-quota 1000 lim
gives "which changes nothing" 134217728 inspect -f '{{.HostConfig.Memory}}' lim
refuses "--memory-swap without -m" "You should always set the Memory limit when using Memoryswap limit" --memory-swap 100m base true
refuses "--memory-swap below -m" "Minimum memoryswap limit should be larger than memory limit" -m 8m --memory-swap 1m base true
refuses "--blkio-weight beyond its range" "Range of blkio weight is from 10 to 1000" --blkio-weight 5 base true
refuses "--cpus of more than there are" "Range of CPUs is from 0.01 to $(nproc).00, as there are only $(nproc) CPUs available" --cpus 1000 base true
refuses "--cpuset-cpus of others" "Requested CPUs are not available - requested 999, available: 0-" --cpuset-cpus 999 base true
refuses "--cpuset-cpus that is none" "Invalid value abc for cpuset cpus|invalid cpuset" --cpuset-cpus abc base true
dk rm -f lim >/dev/null
