#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Control groups where systemd is process 1 and v2 stands alone: by cgroupfs, and as systemd's units, of the system's
# manager and of an ordinary user's.
set -u
cd /test || exit 1
status=0
[ -x tests/unit/test-cgroup-systemd ] || {
	echo "1..0 # SKIP the unit tests are not built"
	exit 77
}
echo "# test-cgroup-systemd, as root"
tests/unit/test-cgroup-systemd || status=1

echo "# test-cgroup-systemd, as an ordinary user"
uid=$(id -u tester)
# This machine has no pam_systemd, which would set the variable.
mkdir -p "/run/systemd/system/user@.service.d"
printf '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%%i\n' >"/run/systemd/system/user@.service.d/creel.conf"
systemctl daemon-reload
systemctl start "user-runtime-dir@$uid.service" "user@$uid.service"
as() {
	setpriv --reuid tester --regid tester --init-groups env HOME=/home/tester "XDG_RUNTIME_DIR=/run/user/$uid" "$@"
}
# On a busy host it takes a while to answer at first.
for _ in $(seq 20); do
	if as systemctl --user show -p Version >/dev/null 2>&1; then break; fi
	sleep 1
done
if as systemctl --user show -p Version >/dev/null; then
	as tests/unit/test-cgroup-systemd || status=1
else
	systemctl status "user@$uid.service" | sed 's/^/# /'
	echo "not ok - the user's service manager does not come up"
	status=1
fi
echo "# test-cgroup-live on v2 alone"
tests/unit/test-cgroup-live || status=1
exit $status
