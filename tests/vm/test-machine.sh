#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The machine is the one that the tier promises; everything else here relies on it.
n=0 bad=0
check() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then echo "ok $n - $1"; else
		bad=1
		echo "not ok $n - $1: '$2', expected '$3'"
	fi
}
check "cgroup v2 alone" "$(stat -f -c %T /sys/fs/cgroup)" cgroup2fs
check "systemd is process 1" "$(cat /proc/1/comm)" systemd
check "AppArmor is on" "$(cat /sys/module/apparmor/parameters/enabled)" Y
check "systemd came up" "$(systemctl is-active basic.target)" active
check "unprivileged user name spaces" "$(setpriv --reuid tester --regid tester --clear-groups unshare -Ur id -u)" 0
echo "# $(uname -r), up $(cut -d. -f1 /proc/uptime) s, controllers: $(cat /sys/fs/cgroup/cgroup.controllers)"
echo "1..$n"
exit $bad
