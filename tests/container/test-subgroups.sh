#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root vm
# On cgroup v2 a container's systemd passes controllers on to its sub-groups; its group then takes no processes itself,
# and who enters must do so by a leaf under the same limits.
. "${0%/*}/lib.sh"
c=$CT-sub
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
	skip "entering a group with sub-groups" "needs cgroup v2 alone"
	exit 0
fi
make_container "$c" <<EOF
lxc.mount.auto = proc:mixed
lxc.cgroup2.memory.max = 64M
EOF
cat >"$LXCPATH/$c/rootfs/sbin/init" <<'EOF'
#!/bin/sh
trap 'exit 0' PWR TERM
mount -t cgroup2 none /mnt && mkdir /mnt/init && echo 1 >/mnt/init/cgroup.procs
echo "+memory +pids" >/mnt/cgroup.subtree_control && cat /mnt/cgroup.subtree_control >/run/passed
while :; do sleep 3600 & wait $!; done
EOF
check "start" start_ct "$c"
check "its init passes controllers on" wait_for 10 grep -q memory "$LXCPATH/$c/rootfs/run/passed"
is "a command enters, and its exit status comes back" "$(in_ct "$c" sh -c 'exit 7'; echo $?)" 7
like "by a group of its own" "$(in_ct "$c" cat /proc/self/cgroup)" '^0::/\.creel$'
in_ct "$c" dd if=/dev/zero of=/dev/null bs=120M count=1 >/dev/null 2>&1
is "the container's limit holds for it" $? 137
check "stop" lxc-stop -P "$LXCPATH" -n "$c" -k
