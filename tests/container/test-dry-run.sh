#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# --dry-run changes nothing: no system call of it could; and what it prints is what a start does.
. "${0%/*}/lib.sh"
P=(-P "$LXCPATH")
a=$CT-a
if ! command -v strace >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
	skip "--dry-run" "no strace"
	exit
fi
make_container "$a" <<E
lxc.mount.auto = proc:mixed sys:ro cgroup:mixed
lxc.tty.max = 2
lxc.pty.max = 16
lxc.net.0.type = veth
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.9.8.7/24
lxc.mount.entry = tmpfs mnt tmpfs rw,create=dir 0 0
lxc.cgroup.memory.limit_in_bytes = 64M
lxc.hook.pre-start = /bin/true
E

# Everything that changes a file, a mount, a name space, a process, a network or a control group.
calls='mkdir,mkdirat,rmdir,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mknod,mknodat,chmod,fchmod,
fchmodat,chown,fchown,lchown,fchownat,truncate,ftruncate,mount,umount2,move_mount,open_tree,fsopen,fsmount,mount_setattr,
pivot_root,chroot,unshare,setns,clone,clone3,fork,vfork,execve,execveat,kill,tkill,tgkill,pidfd_send_signal,sethostname,
setxattr,utimensat,bpf,open,openat,openat2,creat,sendto,sendmsg,sendmmsg,reboot,init_module,seccomp,setuid,setgid,ptrace'
calls=$(tr -d '\n' <<<"$calls")
# The call that starts the command is not its own; opening to read is none; nor is taking a place that nobody can write
# to for itself: a detached mount of its own folder. What may be sent are questions.
changes() {
	sed -e 's/^[0-9]* *//' "$1" | grep -v -e '^+++' -e '^---' -e ' = -1 ' |
		grep -Ev '^(open|openat|openat2)\(.*O_RDONLY' |
		grep -Ev '^execve\(' |
		grep -Ev '^(open_tree\(AT_FDCWD, "[^"]*", (OPEN_TREE_CLONE\|OPEN_TREE_CLOEXEC|OPEN_TREE_CLOEXEC\|OPEN_TREE_CLONE)\)|mount_setattr\([0-9]*, "", AT_EMPTY_PATH, \{attr_set=MOUNT_ATTR_RDONLY, attr_clr=0|execveat\([0-9]*, "creel(-docker)?")' |
		grep -Ev 'O_PATH' |
		grep -Ev '^(sendto|sendmsg)\(.*(RTM_GET|nlmsg_type=0x[0-9a-f]*2[26ae] )'
}
tree_of() {
	find "$LXCPATH" /run/creel -printf '%p %y %m %U %G %s %T@\n' 2>/dev/null | sort
	grep -v strace /proc/self/mountinfo
	ip -o link | sed 's/state [A-Z]*//'
	find /sys/fs/cgroup -maxdepth 2 -type d -name "*$CT*"
}
dry() {
	local what=$1 r
	shift
	tree_of >"$T/tree.before"
	strace -f -qq -o "$T/trace" -e trace="$calls" "$@" >"$T/plan" 2>"$T/err" </dev/null
	r=$?
	changes "$T/trace" >"$T/changes"
	tree_of >"$T/tree.after"
	if [ $r != 0 ]; then
		note "$* = $r: $(cat "$T/err")"
		nok "$what: succeeds"
	elif [ -s "$T/changes" ]; then
		note "$(head -n 20 "$T/changes" | cut -c 1-240)"
		nok "$what: not one changing system call"
	elif ! diff "$T/tree.before" "$T/tree.after" >"$T/diff"; then
		note "$(head -n 20 "$T/diff")"
		nok "$what: nothing has changed"
	elif [ ! -s "$T/plan" ] && [ ! -s "$T/err" ]; then
		nok "$what: says what it would do"
	else
		ok "$what"
	fi
}

# The host's end of a veth has a new name each time.
any_veth() { sed 's/ at=[0-9a-f:]*//; s/veth[0-9A-Za-z]\{6\}/vethX/g' "$1"; }

dry "lxc-start" lxc-start "${P[@]}" -n "$a" --dry-run
cp "$T/plan" "$T/start.plan"
dry "lxc-start -F" lxc-start "${P[@]}" -n "$a" -F --dry-run
dry "lxc-execute" lxc-execute "${P[@]}" -n "$a" --dry-run -- /bin/true
dry "lxc-destroy" lxc-destroy "${P[@]}" -n "$a" --dry-run
dry "lxc-create" lxc-create "${P[@]}" -n "$CT-new" -t none --dry-run
dry "creel start" creel start "${P[@]}" --dry-run "$a"
dry "creel plan" creel plan "${P[@]}" "$a"
cp "$T/plan" "$T/plan.plan"
is "creel plan and lxc-start --dry-run say the same" "$(diff <(any_veth "$T/plan.plan") <(any_veth "$T/start.plan") | head -n 3)" ""

# The plan's operations, and those that a real start logs.
awk 'NF > 1 && $1 ~ /^(host|parent|child|ready)$/ {print $2}' "$T/start.plan" | sort | uniq -c >"$T/ops.plan"
lxc-start "${P[@]}" -n "$a" -o "$T/log" -l TRACE </dev/null || nok "start"
sed -n 's/.* TRACE  *//p' "$T/log" | awk '{print $1}' | grep -E '^[a-z]+(\.[a-z_-]+)?$' | sort | uniq -c >"$T/ops.real"
if [ -s "$T/ops.plan" ] && [ -s "$T/ops.real" ]; then
	# What runs inside has no log.
	while read -r n op; do
		grep -Eq " $n $op\$" "$T/ops.plan" || { note "$n $op: not in the plan" && missing=1; }
	done <"$T/ops.real"
	is "every operation of a real start is in the plan, as often" "${missing-none}" none
else
	note "$(head -n 5 "$T/start.plan"; head -n 3 "$T/log")"
	nok "plan and log name operations"
fi
for c in lxc-stop "lxc-stop -k" "lxc-stop -r" lxc-freeze "lxc-attach -- /bin/true" "lxc-cgroup cpu.shares 512" "lxc-destroy -f"; do
	read -r first rest <<<"$c"
	# shellcheck disable=SC2086 # words
	dry "$c" $first "${P[@]}" -n "$a" --dry-run $rest
done
dry "creel stop" creel stop "${P[@]}" --dry-run "$a"
dry "creel exec" creel exec "${P[@]}" --dry-run "$a" /bin/true
is "and it still runs" "$(state_of "$a")" RUNNING
lxc-freeze "${P[@]}" -n "$a"
dry "lxc-unfreeze" lxc-unfreeze "${P[@]}" -n "$a" --dry-run
lxc-unfreeze "${P[@]}" -n "$a"
dry "creel net up" creel net up --dry-run
kill_ct "$a"
