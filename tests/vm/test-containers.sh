#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The container tests again, on cgroup v2 alone and under systemd: every file that says "runs: … vm", as root, and as an
# ordinary user where it says "user"; not those that say "vm-root".
set -u
cd /test || exit 1
if [ -z "${CREEL_STAGE-}" ]; then
	echo "1..0 # SKIP nothing is staged"
	exit 77
fi
status=0
for f in tests/container/test-*.sh tests/security/test-*.sh; do
	head -n 5 "$f" 2>/dev/null | grep -q '^# runs:.*vm' || continue
	echo "# $f, as root, $(cut -d. -f1 /proc/uptime) s"
	timeout 600 tests/container/run "$f" || status=1
	if head -n 5 "$f" | grep -q '^# runs:.*user vm$'; then
		echo "# $f, as an ordinary user, $(cut -d. -f1 /proc/uptime) s"
		timeout 600 tests/container/run --user "$f" || status=1
	fi
done
exit $status
