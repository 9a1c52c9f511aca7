#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The units that are installed, under a systemd that is process 1: the bridge, the containers that start with the host, one
# container as a service, the monitor daemon; containers of images.
[ -n "${CT-}" ] || exec tests/container/run "$0"
. tests/container/lib.sh
LXCPATH=/var/lib/lxc
units=$CREEL_STAGE/usr/lib/systemd/system
a=${CT}a b=${CT}b c=${CT}c
mkdir -p "$LXCPATH"
active() { systemctl is-active "$1"; }
is_active() { [ "$(active "$1")" = "$2" ]; }
in_state() { [ "$(state_of "$1")" = "$2" ]; }
pid_of() { lxc-info -n "$1" -pH; }
group_of() { sed 's/^0:://' "/proc/$(pid_of "$1")/cgroup"; }
states() { for n in "$a" "$b" "$c"; do printf '%s ' "$(state_of "$n")"; done; }
show() { systemctl show -p "$2" --value "$1"; }

cp "$CREEL_STAGE"/etc/default/lxc* /etc/default/
for u in creel lxc-net lxc lxc-monitord lxc@; do
	is "$u: is without fault" "$(systemd-analyze verify --man=no "$units/$u.service" 2>&1)" ""
done
systemctl link -q "$units"/*.service
systemctl daemon-reload

# --- the bridge ----------------------------------------------------------------------------------------------------------
bridge() { ip -4 -br addr show lxcbr0 2>/dev/null | awk '{print $3}'; }
check "lxc-net starts" systemctl start lxc-net
is "it is there" "$(active lxc-net) $(bridge)" "active 10.0.3.1/24"
check "with a dnsmasq" pgrep -F /run/lxc/dnsmasq.pid
check "restarts" systemctl restart lxc-net
is "it is there again" "$(active lxc-net) $(bridge)" "active 10.0.3.1/24"
check "reloads" systemctl reload lxc-net
is "it is still there" "$(active lxc-net) $(bridge)" "active 10.0.3.1/24"
check "stops" systemctl stop lxc-net
is "it has gone" "$(active lxc-net) $(bridge)" "inactive "

# --- what starts with the host -------------------------------------------------------------------------------------------
printf '%s\n' "lxc.start.auto = 1" "lxc.net.0.type = veth" "lxc.net.0.link = lxcbr0" "lxc.net.0.flags = up" \
	"lxc.net.0.ipv4.address = 10.0.3.77/24" | make_container "$a"
printf '%s\n' "lxc.start.auto = 1" "lxc.group = onboot" "lxc.net.0.type = empty" | make_container "$b"
echo "lxc.net.0.type = empty" | make_container "$c"
check "lxc starts" systemctl start lxc
is "and the network with it" "$(active lxc) $(active lxc-net)" "active active"
is "what is to start by itself runs, and no other" "$(states)" "RUNNING RUNNING STOPPED "
check "and has the network" in_ct "$a" ping -c 1 -W 10 10.0.3.1
p=$(pid_of "$a")
check "restarts" systemctl restart lxc
is "they run" "$(states)" "RUNNING RUNNING STOPPED "
unlike "anew" "$(pid_of "$a")" "^$p\$"
start_ct "$c"
check "stops" systemctl stop lxc
is "all are stopped, those that were started by hand, too" "$(active lxc) $(states)" "inactive STOPPED STOPPED STOPPED "
is "nothing is left in its group" "$(find /sys/fs/cgroup/system.slice/lxc.service -type d 2>/dev/null)" ""
sed -i 's/^LXC_AUTO=.*/LXC_AUTO="false"/' /etc/default/lxc
check "LXC_AUTO=false" systemctl start lxc
is "starts none" "$(active lxc) $(states)" "active STOPPED STOPPED STOPPED "
systemctl stop lxc

# --- one container ---------------------------------------------------------------------------------------------------------
check "lxc@ starts" systemctl start "lxc@$c"
check "it runs" wait_for 10 in_state "$c" RUNNING
is "as the unit, and no other with it" "$(active "lxc@$c") $(states)" "active STOPPED STOPPED RUNNING "
like "its command is the unit's" "$(tr '\0' ' ' <"/proc/$(show "lxc@$c" MainPID)/cmdline")" "lxc-start -F -n $c"
p=$(pid_of "$c")
check "restarts" systemctl restart "lxc@$c"
again() { local n; n=$(pid_of "$c" 2>/dev/null) && [ -n "$n" ] && [ "$n" != "$p" ]; }
check "it runs anew" wait_for 10 again
wait_for 10 test -e "/proc/$(pid_of "$c")/root/run/up"
check "stops" systemctl stop "lxc@$c"
is "as it should" "$(active "lxc@$c") $(show "lxc@$c" Result) $(state_of "$c")" "inactive success STOPPED"
systemctl start "lxc@$c"
wait_for 10 in_state "$c" RUNNING && wait_for 10 test -e "/proc/$(pid_of "$c")/root/run/up"
check "stopped by lxc-stop" lxc-stop -n "$c" -t 30
check "the unit ends" wait_for 10 is_active "lxc@$c" inactive
systemctl start "lxc@$CT-none"
check "of no container: it has failed" wait_for 10 is_active "lxc@$CT-none" failed
systemctl reset-failed "lxc@$CT-none"

# --- the monitor's ---------------------------------------------------------------------------------------------------------
listens() { grep -q '@lxc/' /proc/net/unix; }
check "lxc-monitord starts" systemctl start lxc-monitord
check "it listens" wait_for 10 listens
is "it is active" "$(active lxc-monitord)" active
check "restarts" systemctl restart lxc-monitord
check "it listens again" wait_for 10 listens
check "stops" systemctl stop lxc-monitord
is "as it should" "$(active lxc-monitord) $(show lxc-monitord Result)" "inactive success"
check "nobody listens" eval "! listens"

# --- containers of images ----------------------------------------------------------------------------------------------------
unset CREEL_ROOT
ct() { printf '%s ' "$(active creel)" "$(creel inspect -f '{{.State.Status}}' "$a")"; }
tar -C "$LXCPATH/$a/rootfs" -c . | creel import - "$CT" >/dev/null
creel run -d --name "$a" --restart unless-stopped "$CT" sh -c 'trap "exit 0" TERM; while :; do sleep 0.2; done' >/dev/null
check "creel starts" systemctl start creel
is "one that runs goes on" "$(ct)" "active running "
check "stops" systemctl stop creel
is "and that one with it, in its own way" "$(ct)$(creel inspect -f '{{.State.ExitCode}}' "$a")" "inactive exited 0"
check "starts" systemctl start creel
is "both again" "$(ct)" "active running "
creel stop -t 30 "$a" >/dev/null
check "restarts" systemctl restart creel
is "what somebody has stopped stays so" "$(ct)" "active exited "
systemctl stop creel
creel rm "$a" >/dev/null
creel rmi "$CT" >/dev/null

systemctl stop lxc-net
for n in "$a" "$b" "$c"; do lxc-destroy -n "$n"; done
systemctl disable -q creel lxc lxc-net lxc-monitord lxc@ 2>/dev/null
rm -f /etc/systemd/system/{creel,lxc*}.service /etc/default/lxc /etc/default/lxc-net
systemctl daemon-reload
