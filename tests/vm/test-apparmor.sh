#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Labels on a kernel with AppArmor: generated, unconfined, missing; unloaded again when the container has gone.
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
with no-such-profile
lxc-start -n $name 2>"/tmp/$name.err"
check "a missing profile refuses the start" $? 1
check "and is named" "$(grep -c no-such-profile "/tmp/$name.err")" 1
check "nothing is left" "$(creel doctor)" "nothing is left of dead containers"
lxc-destroy -n $name
rm -f "/tmp/$name.err"
echo "1..$n"
exit $bad
