#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# creel audit: what it finds in containers that were left open on purpose, that each fix it names closes the finding, and
# that one which was shut has nothing grave left. LXC's and OCI's, running and not.
. "${0%/*}/../oci/lib.sh"
P=(-P "$LXCPATH")
a=$CT-a
audit() { creel audit "${P[@]}" "$@"; }
ids() { audit "$@" --format json | jq -r '.findings[] | .severity + " " + .id' | sort -u; }
has() { if grep -qx "$2" <<<"$1"; then ok "found: $2"; else nok "not found: $2"; fi; }
gone() { if grep -q " $2\$" <<<"$1"; then nok "found, but closed: $2"; else ok "closed: $2"; fi; }

# One socket of the host, and whatever else is there to be left open.
python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/host.sock"
mkdir "$T/data"
open_lines="lxc.net.0.type = none
lxc.namespace.keep = ipc
lxc.mount.auto = proc:rw sys:rw
lxc.mount.entry = /etc mnt none bind,create=dir 0 0
lxc.mount.entry = $T/data data none bind,create=dir 0 0
lxc.mount.entry = $T/host.sock run/h.sock none bind,ro,create=file 0 0
lxc.cgroup.devices.deny = a
lxc.cgroup.devices.allow = c 1:3 rwm
lxc.cgroup.devices.allow = c 5:* rwm
lxc.cgroup.devices.allow = c 136:* rwm
lxc.cgroup.devices.allow = b 8:0 rwm
lxc.cap.drop = sys_boot
lxc.keyring.session = 1"
open_ids="high cap.sys_admin
high cap.sys_module
high device.extra
high mount.precious
high mount.socket
high ns.net
high proc.writable
high sys.writable
medium keyring.shared
medium limit.memory
medium limit.pids
medium mount.writable
medium ns.ipc
medium ns.user
medium seccomp.none
low limit.cpu
low no_new_privs.off
low rlimits.none
low root.setuid"
make_container "$a" <<<"$open_lines"
check_open() {
	local got
	got=$(ids "$a")
	while read -r id; do has "$got" "$id"; done <<<"$open_ids"
	gone "$got" cap.sys_boot
}
note "stopped"
check_open
is "stopped: exit code" "$(code_of audit "$a")" 1
like "the key is named" "$(audit "$a")" 'fix: lxc\.cap\.drop = sys_module'
check "starts" start_ct "$a"
note "running"
check_open
like "who has it is counted" "$(audit "$a")" 'sys_module is kept; [1-9][0-9]* of [1-9][0-9]* processes have it'
in_ct "$a" true
kill_ct "$a"

# Its processes are somebody else's: then nothing has what is kept.
b=$CT-b
make_container "$b" <<<"lxc.net.0.type = empty
lxc.init.uid = 12
lxc.init.gid = 12"
chmod 1777 "$LXCPATH/$b/rootfs/run" "$LXCPATH/$b/rootfs/tmp"
check "starts as a user" start_ct "$b"
like "kept, in no process's use" "$(audit "$b")" 'sys_module is kept, and no process has it'
kill_ct "$b"

# What the findings say, done: nothing of it is left, and the container works.
sub_lines="lxc.net.0.type = empty
lxc.mount.auto = proc:mixed sys:ro
lxc.mount.entry = $T/data data none bind,ro,create=dir 0 0
lxc.cap.keep = chown dac_override fowner setuid setgid kill
lxc.seccomp.profile = default
lxc.no_new_privs = 1
lxc.prlimit.nofile = 1024:4096
lxc.cgroup2.pids.max = 100
lxc.cgroup2.memory.max = 100M
lxc.cgroup2.cpu.max = 100000 100000
lxc.idmap = u 0 300000 65536
lxc.idmap = g 0 300000 65536"
s=$CT-s
make_container "$s" <<<"$sub_lines"
chown -R 300000:300000 "$LXCPATH/$s/rootfs"
is "shut, stopped: nothing grave" "$(audit "$s" --level medium 2>&1; echo $?)" "$s: 0 high, 0 medium, $(audit "$s" | sed -n 's/.*, \([0-9]* low\)/\1/p')
0"
check "shut: starts" start_ct "$s"
got=$(ids "$s")
for id in cap.sys_admin device.extra mount.precious mount.socket mount.writable ns.net ns.ipc ns.user proc.writable sys.writable seccomp.none \
	keyring.shared limit.pids limit.memory limit.cpu no_new_privs.off rlimits.none root.setuid; do gone "$got" $id; done
is "shut, running: exit code of --level medium" "$(code_of audit "$s" --level medium)" 0
kill_ct "$s"

# A policy of one's own is asked call by call.
printf '2\ndenylist\nbpf errno 1\n' >"$T/policy"
make_container "$CT-p" <<<"lxc.seccomp.profile = $T/policy"
out=$(audit "$CT-p")
like "calls that pass are named" "$out" 'lets through: init_module, finit_module'
unlike "and those that do not are not" "$out" 'lets through: .*\bbpf\b'
printf 'lxc.seccomp.profile = %s\n' "$T/nothing" >>"$LXCPATH/$CT-p/config"
refuse "a policy that cannot be read is an error" audit "$CT-p"
refuse "no such container" audit "$CT-none"
refuse "no such level" audit "$a" --level grave

# The same of config.json.
make_bundle "$T/b" "$(args sleep 100)" '.process.capabilities |= map_values(. + ["CAP_SYS_MODULE"])' 'del(.linux.readonlyPaths)' \
	'.linux.namespaces |= map(select(.type != "network"))' '.process.noNewPrivileges = false' \
	'.mounts += [{"destination": "/mnt", "source": "/etc", "options": ["bind"]}]'
o=$CT-o
quiet creel-oci run -d --bundle "$T/b" "$o"
is "an OCI container runs" "$(status_of "$o")" running
oids() { creel audit "$1" --format json | jq -r '.findings[] | .severity + " " + .id' | sort -u; }
check_oci() {
	local got
	got=$(oids "$o")
	for id in "high cap.sys_module" "high ns.net" "high mount.precious" "high proc.writable" "medium seccomp.none" "low no_new_privs.off"; do has "$got" "$id"; done
	gone "$got" cap.sys_admin
	gone "$got" device.extra
	gone "$got" sys.writable
	like "the member is named" "$(creel audit "$o")" 'fix: process\.capabilities: take CAP_SYS_MODULE out'
}
check_oci
quiet creel-oci kill "$o" KILL
wait_for 5 is_status "$o" "" stopped
note "stopped"
check_oci
quiet creel-oci delete -f "$o"
