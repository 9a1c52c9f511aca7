#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Containers of images on a kernel with AppArmor: one profile for those that name none, their own for those that boot a system.
n=0 bad=0
check() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then echo "ok $n - $1"; else
		bad=1
		echo "not ok $n - $1: '$2', expected '$3'"
	fi
}
profiles=/sys/kernel/security/apparmor/profiles
work=$(mktemp -d)
mkdir -p "$work/root/bin" "$work/root/mnt" "$work/root/tmp"
cp "$(command -v busybox)" "$work/root/bin/busybox"
for a in sh cat echo mount kill sleep; do ln -s busybox "$work/root/bin/$a"; done
echo a >"$work/root/secret-a"
printf 'profile creel-test-a flags=(attach_disconnected,mediate_deleted) {\n file, capability, network, signal, umount,\n deny /secret-a rw,\n}\n' >"$work/profiles"
tar -C "$work/root" -c . | creel import -c 'ENV PATH=/bin' - aa >/dev/null
d() { creel run --rm --network none "$@" 2>/dev/null </dev/null; }
check "an image's container" "$(d aa cat /proc/self/attr/current)" "creel-default (enforce)"
check "which is loaded once and stays" "$(d aa true; grep -c '^creel-default ' $profiles)" 1
check "no mount, even with the capability" "$(d --cap-add SYS_ADMIN aa sh -c 'mount -t tmpfs x /mnt && echo mounted')" ""
check "unconfined" "$(d --security-opt apparmor=unconfined --cap-add SYS_ADMIN aa sh -c 'mount -t tmpfs x /mnt && cat /proc/self/attr/current')" unconfined
check "no setting of the kernel's is written" "$(d --security-opt systempaths=unconfined --cap-add SYS_ADMIN aa sh -c 'echo 0 2>&- >/proc/sys/kernel/randomize_va_space && echo written')" ""
check "its own files are" "$(d aa sh -c 'echo x >/tmp/f && cat /tmp/f && kill -0 1 && echo signals')" "x
signals"
apparmor_parser -r "$work/profiles"
check "one of the host's" "$(d --security-opt apparmor=creel-test-a aa sh -c 'cat /proc/self/attr/current; cat /secret-a')" "creel-test-a (enforce)"
d --security-opt apparmor=no-such-profile aa true
check "one that is missing" $(($? > 0)) 1
check "privileged" "$(d --privileged aa cat /proc/self/attr/current)" unconfined
creel run -d --name aa --network none aa sleep 1000 >/dev/null
check "inspect, exec" "$(creel docker inspect -f '{{.AppArmorProfile}}' aa) $(creel docker exec aa cat /proc/self/attr/current)" "creel-default creel-default (enforce)"
creel docker rm -f aa >/dev/null
check "--system boots by one of its own" "$(d --system aa sh -c 'cat /proc/self/attr/current' | sed 's/creel-[0-9a-f]\{64\} /own /')" "own (enforce)"
check "which goes with it" "$(grep -c 'creel-[0-9a-f]\{64\}' $profiles)" 0
creel docker rmi aa >/dev/null
apparmor_parser -R "$work/profiles"
rm -rf "$work"
echo "1..$n"
exit $bad
