#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# lxc-autostart, lxc-monitor and lxc-monitord, lxc-top, lxc-device, and the names that LXC had before 1.0, on containers
# that run.
. "${0%/*}/lib.sh"
a=${CT}a b=${CT}b d=${CT}d bad=${CT}bad
P=(-P "$LXCPATH")
code() {
	"$@" >"$T/.out" 2>&1 </dev/null
	echo $?
}
out() { cat "$T/.out"; }
running() { lxc-ls "${P[@]}" --running -1 | tr '\n' ' '; }
# All but the first share its tree.
make_container "$a" <<EOC
lxc.net.0.type = empty
lxc.start.auto = 1
lxc.start.order = 5
lxc.start.delay = 1
EOC
variant() {
	mkdir "$LXCPATH/$1"
	{ printf 'lxc.uts.name = %s\nlxc.rootfs.path = dir:%s\nlxc.net.0.type = empty\n' "$1" "$LXCPATH/$a/rootfs" && cat; } \
		>"$LXCPATH/$1/config"
}
variant "$b" <<EOC
lxc.start.auto = 1
lxc.group = onboot
EOC
variant "$d" <<EOC
lxc.start.order = -3
EOC

# lxc-autostart
lxc-monitor "${P[@]}" "$CT.*" >"$T/monitor" 2>&1 &
monitor=$!
sleep 0.2
t=$(date +%s%N)
is "autostart: those of no group" "$(code lxc-autostart "${P[@]}")" 0
is "only them" "$(running)" "$a "
check "and it waits lxc.start.delay" test $((($(date +%s%N) - t) / 1000000)) -ge 1000
is "autostart -A -g onboot,: one group, then those of none" "$(code lxc-autostart "${P[@]}" -A -g onboot,)" 0
is "all run" "$(running)" "$a $b $d "
is "in this order" "$(grep -o "'.*RUNNING" "$T/monitor" | cut -d"'" -f2 | tr '\n' ' ')" "$a $b $d "
is "autostart -L: none is left to start" "$(lxc-autostart "${P[@]}" -L -a -A)" ""
is "autostart -L -s: back from the last" "$(lxc-autostart "${P[@]}" -L -s -a -A | tr '\n' ' ')" "$a $b $d "
is "autostart -L -r: with the delay" "$(lxc-autostart "${P[@]}" -L -r -a -A | tr '\n' ' ')" "$d 0 $b 0 $a 1 "
is "autostart -r -g onboot" "$(code lxc-autostart "${P[@]}" -r -g onboot)" 0
# The test's init takes it for an end.
asked() { grep -q "'$b' exited with status .42" "$T/monitor"; }
check "asks for a reboot" wait_for 10 asked
check "start again" lxc-autostart "${P[@]}" -g onboot
is "autostart -k -g onboot" "$(code lxc-autostart "${P[@]}" -k -g onboot)" 0
is "kills" "$(running)" "$a $d "
is "autostart -s -a: what a shutdown does" "$(code lxc-autostart "${P[@]}" -a -A -s -t 5)" 0
is "none runs" "$(running)" ""
variant "$bad" <<EOC
lxc.start.auto = 1
lxc.execute.cmd = /nosuch
lxc.init.cmd = /nosuch
EOC
is "autostart: some failed" "$(code lxc-autostart "${P[@]}" -g onboot,)" 2
like "and which" "$(out)" "lxc-autostart: $bad: .*nosuch"
lxc-autostart "${P[@]}" -a -A -k
mkdir "$T/only" && cp -r "$LXCPATH/$bad" "$T/only/"
is "autostart: all failed" "$(code lxc-autostart -P "$T/only")" 1

# Those of one order have nobody to wait for; the next order waits for all of them.
cat >"$T/together" <<'EOC'
#!/bin/sh
echo "begin $1" >>"${0%/*}/starts"
for _ in $(seq 60); do
	[ "$(grep -c ^begin "${0%/*}/starts")" -lt 2 ] || exit 0
	sleep 0.05
done
echo alone >>"${0%/*}/starts"
EOC
printf '#!/bin/sh\necho "up $1" >>"${0%%/*}/starts"\n' >"$T/up"
chmod 755 "$T/together" "$T/up"
for n in 1 2 3; do
	variant "$CT$n" <<EOC
lxc.start.order = $((n / 3))
lxc.group = par
lxc.hook.pre-start = $T/together
lxc.hook.start-host = $T/up
EOC
done
is "autostart: several at once" "$(code lxc-autostart "${P[@]}" -A -g par)" 0
is "the next when they are up" "$(sed -n "/begin ${CT}3/,\$p" "$T/starts" | tr '\n' ' ')" "begin ${CT}3 up ${CT}3 "
unlike "together" "$(cat "$T/starts")" alone
lxc-autostart "${P[@]}" -A -k -g par
for n in 1 2 3; do rm -r "${LXCPATH:?}/$CT$n"; done

# lxc-monitor
sleep 0.3
kill $monitor
wait $monitor 2>/dev/null
is "monitor: a life" "$(grep "'$d'" "$T/monitor" | sed "s/$d/X/" | grep -v ABORT)" "'X' changed state to [STARTING]
'X' changed state to [RUNNING]
'X' exited with status [0]
'X' changed state to [STOPPING]
'X' changed state to [STOPPED]"
is "monitor -Q: no lxc-monitord" "$(code lxc-monitor "${P[@]}" -Q)" 1
mkdir "$T/p2"
lxc-monitor "${P[@]}" -P "$T/p2" --format json "one|$b" >"$T/monitor" 2>&1 &
monitor=$!
sleep 0.2
lxc-execute -P "$T/p2" -n one -s lxc.uts.name=one -- sleep 0.1
python3 "${0%/*}/monitor-client.py" "$(command -v lxc-start)" "$LXCPATH" >"$T/client" 2>&1 &
client=$!
listening() { grep -q "^listening" "$T/client"; }
check "lxc-monitord: says that it is ready, and takes a client" wait_for 10 listening
refuse "only one of a folder" "$(dirname "$(command -v lxc-start)")/../libexec/lxc/lxc-monitord" "$LXCPATH"
start_ct "$b"
lxc-freeze "${P[@]}" "$b"
lxc-unfreeze "${P[@]}" "$b"
kill_ct "$b"
wait $client
is "lxc-monitord: messages as LXC's library reads them" "$(tail -n +2 "$T/client")" "0 $b STARTING
0 $b RUNNING
0 $b FREEZING
0 $b FROZEN
0 $b THAWED
0 $b RUNNING
2 $b 9
0 $b STOPPING
0 $b STOPPED
2 fifo 256
quit"
kill $monitor
wait $monitor 2>/dev/null
is "monitor of two folders, as json" "$(python3 -c '
import json, sys
for l in open(sys.argv[1]):
    e = json.loads(l)
    if e.get("state") == "RUNNING" or "exit_status" in e:
        print(e["name"] == sys.argv[2] and "B" or e["name"], e.get("state", e.get("exit_status")))
' "$T/monitor" "$b" | uniq)" "one RUNNING
one 0
B RUNNING
B 137"
check "its FIFO is gone" test ! -e "/run/lxc$LXCPATH/monitor-fifo"
rmdir -p "/run/lxc$LXCPATH" 2>/dev/null

# lxc-top
start_ct "$a"
start_ct "$d"
timeout 2 lxc-top "${P[@]}" -b -d 0.5 >"$T/top"
is "top -b: LXC's heading, once" "$(grep -n time_ms "$T/top")" \
	"1:time_ms,container,cpu_nanos,cpu_sys_userhz,cpu_user_userhz,blkio_bytes,blkio_iops,mem_used_bytes,memsw_used_bytes,kernel_mem_used_bytes"
is "a line a container and look, ten numbers each" \
	"$(tail -n +2 "$T/top" | grep -Evc "^[0-9]{13},($a|$d)(,[0-9]+){8}\$")" 0
check "several looks" test "$(grep -c "$a" "$T/top")" -ge 3
is "by name; -r the other way round" "$(timeout 1 lxc-top "${P[@]}" -b -r -d 5 | sed -n '2,$p' | cut -d, -f2 | tr '\n' ' ')" "$d $a "
timeout 1 lxc-top "${P[@]}" -b -d 5 --format json >"$T/top"
check "top --format json" python3 -c 'import json, sys; [json.loads(l)["cpu_ns"] for l in open(sys.argv[1])]' "$T/top"
python3 "${0%/*}/pty-keys.py" 100 24 "m;;r;q" lxc-top "${P[@]}" -d 0.2 >"$T/top"
is "top on a terminal: ends by q" $? 0
like "top draws a bar, a curve and the sum" "$(cat "$T/top")" "TOTAL 2 of 4"
like "the bar" "$(cat "$T/top")" "[▏▎▍▌▋▊▉█]"
like "the curve" "$(cat "$T/top")" "[▁▂▃▄▅▆▇█]"
refuse "top: no terminal" lxc-top "${P[@]}"

# lxc-ls --nesting
is "ls --nesting: no lxc-ls in there" "$(lxc-ls "${P[@]}" --nesting -1 --running | tr '\n' ' ')" "$a $d "
cp "$(readlink -f "$(command -v lxc-ls)")" "$LXCPATH/$a/rootfs/bin/lxc-ls"
mkdir -p "$LXCPATH/$a/rootfs/var/lib/lxc/inner"
printf 'lxc.start.auto = 1\nlxc.group = g1\n' >"$LXCPATH/$a/rootfs/var/lib/lxc/inner/config"
is "ls --nesting" "$(lxc-ls "${P[@]}" --nesting -1 "^$a|$d" | tr '\n' ' ')" "$a $a/inner $d $d/inner "
like "ls -f --nesting" "$(lxc-ls "${P[@]}" --nesting=1 -f)" "^$a/inner +STOPPED +1 +g1 +- +- +false"
is "with a filter" "$(lxc-ls "${P[@]}" --nesting -g g1 -1 | tr '\n' ' ')" ""
is "--nesting=0" "$(lxc-ls "${P[@]}" --nesting=0 -1 --running | tr '\n' ' ')" "$a $d "
check "ls --nesting --format json" sh -c "lxc-ls ${P[*]} --nesting --format json | python3 -c '
import json, sys; assert [c for c in json.load(sys.stdin) if c[\"name\"] == \"$a/inner\"][0][\"groups\"] == [\"g1\"]'"
printf '#!/bin/sh\necho "NAME STATE PID"\nhead -c 3000 /dev/urandom\nprintf "NAME STATE PID RAM SWAP AUTOSTART GROUPS INTERFACE IPV4 IPV6 UNPRIVILEGED\\n\\033[2Jx STOPPED - - - 0 - - - - false\\nshort\\n"' \
	>"$LXCPATH/$a/rootfs/bin/lxc-ls"
is "what a container says is only text" "$(lxc-ls "${P[@]}" --nesting -1 "^$a" | tr -d '\n' | tr -dc '\033' | wc -c)" 0

printf '#!/bin/sh\nexec sleep 4711\n' >"$LXCPATH/$a/rootfs/bin/lxc-ls"
is "ls --nesting: one that does not answer is passed over" "$(timeout 30 lxc-ls "${P[@]}" --nesting -1 --running 2>"$T/err" | tr '\n' ' ')" "$a $d "
like "which is said" "$(cat "$T/err")" "^lxc-ls: $a: the lxc-ls inside has not answered for 5 s"
check "and nothing of it stays in there" wait_for 5 bash -c '! pgrep -fx "sleep 4711"'

# lxc-device
check "device add" lxc-device "${P[@]}" "$a" add /dev/kmsg /dev/there
is "is usable in there" "$(in_ct "$a" stat -c %t:%T /dev/there)" 1:b
check "device del" lxc-device "${P[@]}" "$a" del /dev/kmsg /dev/there
refuse "is gone" in_ct "$a" stat /dev/there
ip link add "v${CT}0" type veth peer name "v${CT}1"
check "device add: an interface" lxc-device "${P[@]}" "$a" add "v${CT}0" lan0
check "is in there" in_ct "$a" ip link show lan0
check "device del: comes back" lxc-device "${P[@]}" "$a" del lan0 "v${CT}0"
check "under its name" ip link show "v${CT}0"
ip link del "v${CT}0"
refuse "device: what is neither" lxc-device "${P[@]}" "$a" add "nosuch"
is "device: wrong verb" "$(code lxc-device "${P[@]}" "$a" bend /dev/null)" 1

# lxc-unshare and lxc-usernsexec
is "unshare: not the command's code" "$(code lxc-unshare -s UTSNAME -- sh -c 'exit 3')" 1
is "unshare: host name, and as process 1" "$(lxc-unshare -s 'UTSNAME|PID' -H try -- sh -c 'echo $$ $(hostname)')" "1 try"
is "unshare -M: only its own processes" "$(lxc-unshare -s 'PID|MOUNT' -M -- sh -c 'set -- /proc/[0-9]*; echo $#')" 1
ip link add "v${CT}0" type veth peer name "v${CT}1"
is "unshare -i" "$(lxc-unshare -s NETWORK -i "v${CT}0" -- ip -br link | cut -d' ' -f1 | cut -d@ -f1 | tr '\n' ' ')" "lo v${CT}0 "
is "usernsexec: maps, root inside, the command's code" \
	"$(code lxc-usernsexec -m b:0:300000:10 -- sh -c 'id -u; id -G; cat /proc/self/gid_map; exit 7')" 7
is "as they were given" "$(out | tr -s ' \n' ' ')" "0 0 0 300000 10 "
is "usernsexec -s: and our own above" "$(lxc-usernsexec -s -m u:0:300000:5 -m g:0:300000:9 -- cat /proc/self/uid_map /proc/self/gid_map | tail -n +2 | tr -s ' \n' ' ')" \
	" 5 0 1 0 300000 9 9 0 1 "
is "usernsexec -u -g" "$(lxc-usernsexec -m b:0:300000:10 -u 3 -g 4 -- id -u)" 3

# before 1.0
like "lxc-list" "$(lxc-list "${P[@]}" | tr '\n' '|')" "RUNNING\|  $a \(auto\)\|  $d\|\|FROZEN\|\|STOPPED\|  $b \(auto\)\|"
like "lxc-ps" "$(lxc-ps "${P[@]}" -n "$a" -- -eo pid,args)" "^CONTAINER +PID.*"
like "its init" "$(lxc-ps "${P[@]}" -n "$a" -- -eo pid,args)" "^$a +$(lxc-info "${P[@]}" "$a" -pH) .*init"
is "nobody else's" "$(lxc-ps "${P[@]}" --lxc -- -eo pid | tail -n +2 | grep -cvE "^($a|$d) ")" 0
lxc-kill "${P[@]}" "$d" USR2
lxc-kill "${P[@]}" "$d" 9
check "lxc-kill" lxc-wait "${P[@]}" "$d" -s STOPPED -t 5
check "lxc-shutdown -w" lxc-shutdown "${P[@]}" "$a" -w
is "has stopped it" "$(state_of "$a")" STOPPED
