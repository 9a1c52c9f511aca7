#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# runs: root
#
# NOTIFY_SOCKET: a service manager hears from the container that it is ready, and from us who its main process is.
. "${0%/*}/lib.sh"
B=$T/b c=$CT-n
socket=$T/manager/socket
mkdir -p "$T/manager"
heard() { grep -qx "$1" "$T/heard"; }
# manager SOCKET
manager() {
	: >"$T/heard"
	rm -f "$1"
	"${0%/*}/notify.py" manager "$1" "$T/heard" &
	manager=$!
	wait_for 5 grep -q " $1\$\| $1 \|${1##*/}" /proc/net/unix
}
dismiss() {
	kill "$manager"
	wait "$manager" 2>/dev/null
}
host_dirs='.mounts += [("/usr", "/lib", "/lib64" | {destination: ., source: ., type: "bind", options: ["rbind", "ro"]})]'
make_bundle "$B" "$host_dirs" '.root.readonly = false'
install -m 755 "${0%/*}/notify.py" "$B/rootfs/notify.py"
mkdir -p "$B/rootfs/go" "$B/rootfs/usr" "$B/rootfs/lib" "$B/rootfs/lib64"
say() { args /usr/bin/python3 /notify.py say "$@"; }

manager "$socket"
set_config "$B" "$(say STATUS=starting 'MAINPID=1' 'FDSTORE=1' 'X=1
READY=1' READY=1 STATUS=there)"
is "run: what it says is read to the end" "$(NOTIFY_SOCKET=$socket creel-oci run -b "$B" "$c" </dev/null & echo $! >"$T/pid"; wait)" heard
check "it was told" wait_for 5 heard "MAINPID=$(cat "$T/pid")"
is "and nothing else: once, our pid as the main one" "$(tr '\n' ' ' <"$T/heard")" "READY=1 MAINPID=$(cat "$T/pid") "
is "nothing is left" "$(left_of "$c")" ""

set_config "$B" "$(args sh -c 'echo $NOTIFY_SOCKET; ls -ld /run/notify; ls -l /run/notify; touch /run/notify/x; grep -c " /run/notify ro,nosuid,nodev,noexec" /proc/self/mountinfo')"
NOTIFY_SOCKET=$socket creel-oci run -b "$B" "$c" >"$T/out" 2>&1 </dev/null
like "inside: runc's place, that of nobody else" "$(tr '\n' ' ' <"$T/out")" '^/run/notify/notify.sock drwxr-xr-x .* srwxrwxrwx .*notify.sock .*Read-only file system 1 $'

# create, start: start is as long as it takes.
: >"$T/heard"
set_config "$B" "$(args sh -c 'while [ ! -e /go/now ]; do sleep 0.05; done; /usr/bin/python3 /notify.py say READY=1; sleep 1000')"
NOTIFY_SOCKET=$socket quiet creel-oci create --pid-file "$T/init" -b "$B" "$c"
NOTIFY_SOCKET=$socket creel-oci start "$c" >"$T/start" 2>&1 </dev/null &
start=$!
check "it runs" wait_for 5 is_status "$c" "" running
sleep 0.3
check "start waits" kill -0 $start
is "others may have the lock meanwhile" "$(code_of timeout 5 creel-oci kill "$c" 0)" 0
check "pause too" timeout 5 creel-oci pause "$c"
check "resume" timeout 5 creel-oci resume "$c"
: >"$B/rootfs/go/now"
wait $start
is "start ends well once it is ready" "$?$(cat "$T/start")" 0
is "told: ready, its pid, and a barrier so that we are known" "$(tr '\n' ' ' <"$T/heard")" "READY=1 MAINPID=$(cat "$T/init") BARRIER=1 with an fd "
check "delete --force" creel-oci delete -f "$c"
is "nothing is left" "$(left_of "$c")" ""

: >"$T/heard"
NOTIFY_SOCKET=$socket quiet creel-oci run -d --pid-file "$T/init" -b "$B" "$c"
is "run -d waits, too" "$(head -n 2 "$T/heard" | tr '\n' ' ')" "READY=1 MAINPID=$(cat "$T/init") "
check "delete --force" creel-oci delete -f "$c"
rm "$B/rootfs/go/now"
NOTIFY_SOCKET=$socket creel-oci run -d -b "$B" "$c" >"$T/start" 2>&1 </dev/null &
start=$!
check "it runs" wait_for 5 is_status "$c" "" running
check "and is killed" creel-oci kill "$c" KILL
wait $start
is "run -d waits no longer than it lives" $? 0
check "delete" creel-oci delete "$c"
dismiss

# An abstract address; nobody there; said on one side only.
: >"$B/rootfs/go/now"
set_config "$B" "$(say READY=1)"
manager "@creel-$CT"
is "an abstract socket" "$(NOTIFY_SOCKET=@creel-$CT creel-oci run -b "$B" "$c" </dev/null)" heard
check "is told" wait_for 5 heard READY=1
dismiss
is "a manager that is not there is no failure" "$(NOTIFY_SOCKET=$T/manager/gone creel-oci run -b "$B" "$c" </dev/null 2>&1)" heard
like "the log says so" "$(NOTIFY_SOCKET=$T/manager/gone creel-oci --debug run -b "$B" "$c" </dev/null 2>&1)" 'NOTIFY_SOCKET .*/gone: '
set_config "$B" "$(args sh -c 'echo ${NOTIFY_SOCKET-none}')"
creel-oci create -b "$B" "$c" >"$T/out" 2>&1 </dev/null
is "start alone with it" "$(NOTIFY_SOCKET=$socket code_of timeout 5 creel-oci start "$c")" 0
check "its end" wait_for 5 is_status "$c" "" stopped
is "has none" "$(cat "$T/out")" none
check "delete" creel-oci delete "$c"
NOTIFY_SOCKET=$socket quiet creel-oci create -b "$B" "$c"
is "create alone with it" "$(env -u NOTIFY_SOCKET timeout 5 creel-oci start "$c" 2>&1)" ""
check "its end" wait_for 5 is_status "$c" "" stopped
check "delete" creel-oci delete "$c"

# crun puts it where it is on the host; who says --cgroup-manager means crun.
ln -sf "$(command -v creel)" "$T/crun"
set_config "$B" "$(args sh -c 'echo $NOTIFY_SOCKET; ls /run/the/socket')"
is "as crun" "$(NOTIFY_SOCKET=/run/the/socket "$T/crun" run -b "$B" "$c" </dev/null | tr '\n' ' ')" "/run/the/socket/notify notify "
is "for callers of crun" "$(NOTIFY_SOCKET=/run/the/socket creel-oci --cgroup-manager cgroupfs run -b "$B" "$c" </dev/null | tr '\n' ' ')" "/run/the/socket/notify notify "
like "--version: what they look for" "$("$T/crun" --version | tail -n 1)" '^\+SYSTEMD .*\+SECCOMP'
is "nothing is left" "$(left_of "$c")" ""
