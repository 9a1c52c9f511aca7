#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# boots: apparmor=0 security=selinux selinux=1 enforcing=0
#
# Labels on a kernel with SELinux, which has a machine of its own, since there is one such module at a time: of processes,
# mounts and keyrings, enforced by the least policy that can tell domains apart (selinux.cil).
n=0 bad=0
check() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then echo "ok $n - $1"; else
		bad=1
		echo "not ok $n - $1: '$2', expected '$3'"
	fi
}
name=se$$
bundle=/tmp/$name
mkdir "$bundle"
[ -e /sys/fs/selinux/load ] || mount -t selinuxfs selinuxfs /sys/fs/selinux
secilc -c 33 -o "$bundle/policy" -f /dev/null tests/vm/selinux.cil
# The kernel wants all of it in one write.
dd if="$bundle/policy" of=/sys/fs/selinux/load bs=1M 2>/dev/null
echo 1 >/sys/fs/selinux/enforce
check "a policy is loaded and enforced" "$(cat /sys/fs/selinux/enforce) $(tr -d '\0' </proc/self/attr/current)" "1 system_u:system_r:kernel_t:s0-s0:c0,c1"

inside=system_u:system_r:container_t:s0:c0,c1
trusted=system_u:system_r:trusted_t:s0
files=system_u:object_r:container_file_t:s0:c0,c1
label() { python3 -c 'import os, sys; os.setxattr(sys.argv[1], "security.selinux", sys.argv[2].encode() + b"\0")' "$@"; }
label_of() { python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "security.selinux").decode().rstrip("\0"))' "$1"; }
current() { tr -d '\0\n'; }

lxc-create -n $name -t busybox >/dev/null || exit 1
dir=/var/lib/lxc/$name
echo hidden >"$dir/rootfs/secret"
label "$dir/rootfs/secret" system_u:object_r:secret_t:s0
sed -i '/^lxc.net/d; /^lxc.apparmor/d' "$dir/config"
cp "$dir/config" "$bundle/config"
printf 'lxc.selinux.context = %s\nlxc.selinux.context.keyring = system_u:system_r:key_t:s0\n' "$inside" >>"$dir/config"
lxc-start -n $name
check "lxc.selinux.context" "$(lxc-attach -n $name -- cat /proc/1/attr/current | current)" "$inside"
check "what enters has it" "$(lxc-attach -n $name -- cat /proc/self/attr/current | current)" "$inside"
check "lxc-attach -c" "$(lxc-attach -n $name -c $trusted -- cat /proc/self/attr/current | current)" "$trusted"
check "it is enforced" "$(lxc-attach -n $name -- cat /secret 2>&1)" "cat: can't open '/secret': Permission denied"
check "and not for the other" "$(lxc-attach -n $name -c $trusted -- cat /secret 2>&1)" hidden
# The labels of all of root's keyrings: whose they are is not to be seen from here.
key_of() { awk '/ keyring / {print $1}' /proc/keys | while read -r k; do keyctl security "0x$k" 2>/dev/null; done | tr -d '\0'; }
check "lxc.selinux.context.keyring" "$(key_of | grep -c key_t)" 1
lxc-stop -k -n $name
{ cat "$bundle/config" && echo "lxc.selinux.context = system_u:system_r:nobody_t:s0"; } >"$dir/config"
lxc-start -n $name 2>"$bundle/err"
check "a context that the policy does not have" "$? $(grep -c nobody_t "$bundle/err")" "1 1"
mv "$dir/rootfs" "$bundle/rootfs"
mkdir "$dir/rootfs"
lxc-destroy -n $name

creel-oci spec -b "$bundle"
config() { jq "$1" "$bundle/config.json" >"$bundle/new" && mv "$bundle/new" "$bundle/config.json"; }
config ".process.terminal = false | .process.args = [\"sleep\", \"1000\"] | .process.selinuxLabel = \"$inside\" | .linux.mountLabel = \"$files\""
creel-oci run -d --pid-file "$bundle/pid" -b "$bundle" $name </dev/null >"$bundle/out" 2>&1
check "selinuxLabel and mountLabel of a config.json" "$? $(cat "$bundle/out")" "0 "
pid=$(cat "$bundle/pid")
check "the first process has the label" "$(creel-oci exec $name cat /proc/1/attr/current | current)" "$inside"
check "exec has it" "$(creel-oci exec $name cat /proc/self/attr/current | current)" "$inside"
check "exec --process-label" "$(creel-oci exec --process-label $trusted $name cat /proc/self/attr/current | current)" "$trusted"
check "it is enforced" "$(creel-oci exec $name cat /secret 2>&1)" "cat: can't open '/secret': Permission denied"
check "and not for the other" "$(creel-oci exec --process-label $trusted $name cat /secret 2>&1)" hidden
check "new file systems have the mount label" "$(for d in dev dev/shm dev/pts dev/mqueue; do label_of "/proc/$pid/root/$d"; done | sort -u)" "$files"
check "those of the kernel do not" "$(label_of "/proc/$pid/root/proc")" system_u:object_r:file_t:s0
check "the keyring has the process's" "$(key_of | grep -c container_t)" 1
creel-oci exec --process-label system_u:system_r:nobody_t:s0 $name true 2>"$bundle/err"
check "exec with a label that the policy does not have" "$(($? > 0)) $(grep -c nobody_t "$bundle/err")" "1 1"
creel-oci delete -f $name
config '.process.selinuxLabel = "system_u:system_r:nobody_t:s0"'
creel-oci run -b "$bundle" $name </dev/null >"$bundle/out" 2>&1
check "the same in config.json" "$(($? > 0)) $(grep -c nobody_t "$bundle/out")" "1 1"
config ".process.selinuxLabel = \"$inside\" | .linux.mountLabel = \"no:such:label:s0\""
creel-oci run -b "$bundle" $name </dev/null >"$bundle/out" 2>&1
check "a mount label that the policy does not have" "$(($? > 0)) $(grep -c no:such:label "$bundle/out")" "1 1"
check "nothing is left" "$(creel doctor)" "nothing is left of dead containers"
echo 0 >/sys/fs/selinux/enforce
rm -rf "$bundle"
echo "1..$n"
exit $bad
