#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Labels on a kernel with AppArmor: generated, unconfined, missing; unloaded again when the container has gone. And those
# that an OCI container names: enforced for its first process and for whoever is executed in it.
n=0 bad=0
check() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then echo "ok $n - $1"; else
		bad=1
		echo "not ok $n - $1: '$2', expected '$3'"
	fi
}
profiles=/sys/kernel/security/apparmor/profiles
name=aa$$
dir=/var/lib/lxc/$name
with() {
	sed -i '/^lxc.apparmor/d; /^lxc.net/d' "$dir/config"
	echo "lxc.apparmor.profile = $1" >>"$dir/config"
}

lxc-create -n $name -t busybox >/dev/null || exit 1
with generated
lxc-start -n $name
check "a start with a generated profile" $? 0
check "init is confined by it" "$(lxc-attach -n $name -- cat /proc/1/attr/current)" "creel-$name (enforce)"
check "so is what enters" "$(lxc-attach -n $name -- cat /proc/self/attr/current)" "creel-$name (enforce)"
check "it is loaded once" "$(grep -c "creel-$name" $profiles)" 1
check "sysrq is out of reach" "$(lxc-attach -n $name -- sh -c 'echo x 2>&- >/proc/sysrq-trigger && echo written' 2>/dev/null)" ""
lxc-stop -k -n $name
check "unloaded after the stop" "$(grep -c "creel-$name" $profiles)" 0
with unconfined
lxc-start -n $name
check "unconfined is unconfined" "$(lxc-attach -n $name -- cat /proc/1/attr/current)" unconfined
lxc-stop -k -n $name
with unchanged
lxc-start -n $name
check "unchanged is the label of who starts it" "$(lxc-attach -n $name -- cat /proc/1/attr/current)" "$(cat /proc/self/attr/current)"
check "the audit says that nothing confines it" "$(creel audit $name --format json | grep -c lsm.unconfined)" 1
lxc-stop -k -n $name
# A second procfs is out of reach, unless containers inside are meant to be.
second() { lxc-attach -n $name -- sh -c 'mkdir -p /tmp/x && mount -t proc proc /tmp/x 2>/dev/null && echo mounted'; }
with generated
echo secret >"$dir/rootfs/secret"
lxc-start -n $name
check "generated: no second procfs" "$(second)" ""
check "the audit knows that it is confined" "$(creel audit $name --format json | grep -c lsm.unconfined)" 0
lxc-stop -k -n $name
with generated
printf '%s\n' "lxc.apparmor.allow_nesting = 1" "lxc.apparmor.raw = deny /secret rw," "lxc.apparmor.raw = deny /etc/hostname w," >>"$dir/config"
lxc-start -n $name
check "allow_nesting: one can be mounted" "$(second)" mounted
check "raw: a rule of one's own" "$(lxc-attach -n $name -- cat /secret 2>/dev/null)" ""
check "raw: and a second" "$(lxc-attach -n $name -- sh -c 'echo x 2>&- >/etc/hostname && echo written' 2>/dev/null)" ""
lxc-stop -k -n $name
with generated
lxc-start -n $name
check "cleared: the rules are gone" "$(lxc-attach -n $name -- cat /secret) $(second)" "secret "
lxc-stop -k -n $name
with creel-test-given
printf 'profile creel-test-given flags=(attach_disconnected,mediate_deleted) {\n file, capability, network, signal, mount, umount, pivot_root, ptrace, unix,\n deny /secret rw,\n}\n' >"/tmp/$name.profile"
apparmor_parser -r "/tmp/$name.profile"
lxc-start -n $name
check "a profile that is given" "$(lxc-attach -n $name -- cat /proc/1/attr/current)" "creel-test-given (enforce)"
check "is enforced" "$(lxc-attach -n $name -- cat /secret 2>/dev/null)" ""
lxc-stop -k -n $name
check "and stays loaded" "$(grep -c creel-test-given $profiles)" 1
apparmor_parser -R "/tmp/$name.profile"
rm -f "/tmp/$name.profile"
with no-such-profile
lxc-start -n $name 2>"/tmp/$name.err"
check "a missing profile refuses the start" $? 1
check "and is named" "$(grep -c no-such-profile "/tmp/$name.err")" 1
check "nothing is left" "$(creel doctor)" "nothing is left of dead containers"
rm -f "/tmp/$name.err"

bundle=/tmp/$name
mkdir "$bundle"
mv "$dir/rootfs" "$bundle/rootfs"
mkdir "$dir/rootfs"
lxc-destroy -n $name
for p in a b; do
	cat <<EOF
profile creel-test-$p flags=(attach_disconnected,mediate_deleted) {
  file, capability, network, signal, umount,
  deny /secret-$p rw,
}
EOF
done >"$bundle/profiles"
apparmor_parser -r "$bundle/profiles"
echo a >"$bundle/rootfs/secret-a"
echo b >"$bundle/rootfs/secret-b"
creel-oci spec -b "$bundle"
config() { jq "$1" "$bundle/config.json" >"$bundle/new" && mv "$bundle/new" "$bundle/config.json"; }
config '.process.terminal = false | .process.args = ["sleep", "1000"] | .process.apparmorProfile = "creel-test-a"'
creel-oci run -d -b "$bundle" $name </dev/null >"$bundle/out" 2>&1
check "apparmorProfile of a config.json" $? 0
check "the first process is confined" "$(creel-oci exec $name cat /proc/1/attr/current)" "creel-test-a (enforce)"
check "so is exec, by the same" "$(creel-oci exec $name cat /proc/self/attr/current)" "creel-test-a (enforce)"
check "it is enforced" "$(creel-oci exec $name sh -c 'cat /secret-a; cat /secret-b' 2>/dev/null)" b
check "exec --apparmor" "$(creel-oci exec --apparmor creel-test-b $name cat /proc/self/attr/current)" "creel-test-b (enforce)"
check "and that is enforced" "$(creel-oci exec --apparmor creel-test-b $name sh -c 'cat /secret-a; cat /secret-b' 2>/dev/null)" a
jq -n '{"args": ["cat", "/proc/self/attr/current"], "cwd": "/", "user": {"uid": 0, "gid": 0}, "apparmorProfile": "creel-test-b"}' >"$bundle/process.json"
check "process.json names one, too" "$(creel-oci exec -p "$bundle/process.json" $name)" "creel-test-b (enforce)"
creel-oci exec --apparmor no-such-profile $name true 2>"$bundle/err"
check "exec with a missing one fails" "$(($? > 0)) $(grep -c no-such-profile "$bundle/err")" "1 1"
creel-oci delete -f $name
config '.process.apparmorProfile = "no-such-profile"'
creel-oci run -b "$bundle" $name </dev/null >"$bundle/out" 2>&1
check "a missing one in config.json" "$(($? > 0)) $(grep -c no-such-profile "$bundle/out")" "1 1"
config '.process.apparmorProfile = "unconfined" | .process.args = ["cat", "/proc/self/attr/current"]'
check "unconfined" "$(creel-oci run -b "$bundle" $name </dev/null)" unconfined
check "nothing is left" "$(creel doctor)" "nothing is left of dead containers"
apparmor_parser -R "$bundle/profiles"
rm -rf "$bundle"
echo "1..$n"
exit $bad
