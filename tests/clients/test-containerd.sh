#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# containerd on the runtime under test, by ctr and by the interface that a kubelet uses; docs/kubernetes.md is what it reads.
. "${0%/*}/lib.sh"
need containerd ctr containerd-shim-runc-v2

page=$HERE/../../docs/kubernetes.md
export CONTAINERD_ADDRESS=$T/containerd.sock CONTAINERD_NAMESPACE=creel
RT=(--runtime io.containerd.runc.v2 --runc-binary "$BIN/creel-oci")
IMAGE=localhost/bb:1
run() { # ID and options last before the image, as ctr wants
	local id=$1 opts=()
	shift
	while [ "$1" != -- ]; do opts+=("$1") && shift; done
	ctr run "${RT[@]}" --cgroup "$CGROUP/$id" "${opts[@]}" "$IMAGE" "$id" "${@:2}"
}
task() { ctr task "$@"; }
exec_in() { # ID [OPTION]... -- COMMAND...
	local id=$1 opts=()
	shift
	while [ "$1" != -- ]; do opts+=("$1") && shift; done
	task exec --exec-id "e$((++n_exec))-$RANDOM" "${opts[@]}" "$id" "${@:2}"
}
n_exec=0
status_of() { task ls | awk -v id="$1" '$1 == id {print $3}'; }
has_status() { [ "$(status_of "$1")" = "$2" ]; }
clean() {
	local c
	for c in $(ctr task ls -q); do ctr task kill -s KILL "$c" && sleep 0.5 && ctr task rm -f "$c"; done
	for c in $(ctr container ls -q); do ctr container rm "$c"; done
	for c in $(ctr -n k8s.io task ls -q); do ctr -n k8s.io task kill -s KILL "$c"; done
}

# --- the configuration of docs/kubernetes.md -----------------------------------------------------------------------------

# Both blocks of the page that are TOML, as an administrator would copy them.
awk '/^```toml/ {on = 1; next} /^```/ {on = 0} on' "$page" >"$T/page.toml"
is "the page has the runtime and the default" "$(grep -c '^\[plugins\|^  \[plugins' "$T/page.toml")" 3
containerd --config "$T/page.toml" config dump >"$T/dump" 2>"$T/err" || note "$(cat "$T/err")"
# key VALUE of SECTION in what containerd understood
dumped() { awk -v s="[plugins.\"io.containerd.grpc.v1.cri\".containerd$1]" -v k="$2" \
	'{gsub(/^ +/, "")} /^\[/ {on = $0 == s} on && $1 == k {print $3}' "$T/dump"; }
is "containerd reads the runtime's type from it" "$(dumped .runtimes.creel runtime_type)" '"io.containerd.runc.v2"'
is "and its program" "$(dumped .runtimes.creel.options BinaryName)" '"/usr/bin/creel-oci"'
is "and who makes control groups" "$(dumped .runtimes.creel.options SystemdCgroup)" true
is "and the default" "$(dumped '' default_runtime_name)" '"creel"'
handler=$(sed -n 's/^handler: //p' "$page")
is "the RuntimeClass refers to it" "$handler $(sed -n 's/^ *runtimeClassName: //p' "$page")" "creel creel"
while read -r line; do
	key=${line%% =*} value=${line#*= }
	grep -qF "$key = $value" "$T/dump" || nok "a line of the page that containerd does not have: $line"
done < <(grep -v '^ *\[' "$T/page.toml" | grep .)

# What this machine adds: private folders; the runtime under test; no systemd here, and perhaps no right to lower
# oom_score_adj.
{
	cat <<EOC
version = 2
root = "$T/containerd"
state = "$T/containerd-state"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "$CONTAINERD_ADDRESS"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
EOC
	sed -e /^version/d -e "s|/usr/bin/creel-oci|$BIN/creel-oci|" -e 's/SystemdCgroup = true/SystemdCgroup = false/' "$T/page.toml"
} >"$T/config.toml"
rm -f /etc/cni/net.d/*
cat >/etc/cni/net.d/10-creel.conflist <<'EOC'
{"cniVersion": "0.4.0", "name": "creel", "plugins": [
	{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.85.0.0/16"}]]}}]}
EOC
daemon "$T/containerd.log" containerd --config "$T/config.toml"
if ! wait_for 20 ctr version; then
	note "$(tail -n 5 "$T/containerd.log")"
	skip_file "containerd does not start on this machine"
fi
make_tree "$T/tree" && make_image "$T/tree" "$T/bb.tar" "$IMAGE" || exit 1
check "import of an OCI archive" ctr image import "$T/bb.tar"

# --- ctr ---------------------------------------------------------------------------------------------------------------

works containerd run first --rm -- true
gives "run" "hello image" run one --rm -- sh -c 'echo hello $FROM'
exits "run: the exit status" 7 run one --rm -- sh -c 'exit 7'
fails "run: no such command" run one --rm -- nonesuch
like "and says so" "$(cat "$T/.out")" nonesuch
fails "run: no such runtime" ctr run --runc-binary /nonexistent --rm "$IMAGE" none true
like "which says what the page says" "$(cat "$T/.out")" 'fork/exec /nonexistent: no such file or directory'
ctr container rm none >/dev/null 2>&1
gives "run: folder, environment, arguments" "/tmp v" run one --rm --cwd /tmp --env K=v -- sh -c 'echo $PWD $K'
gives "run: --read-only" ro run one --rm --read-only -- sh -c 'touch /x 2>/dev/null || echo ro'
mkdir "$T/volume" && echo outside >"$T/volume/file"
gives "run: a mount" outside run one --rm --mount "type=bind,src=$T/volume,dst=/v,options=rbind:ro" -- cat /v/file
like "run: the default seccomp profile" "$(run one --rm --seccomp -- grep Seccomp: /proc/self/status)" '2$'
drop=()
for c in AUDIT_WRITE DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL; do
	drop+=(--cap-drop "CAP_$c")
done
gives "run: capabilities" "0000000000000001" run one --rm "${drop[@]}" -- awk '/CapEff/ {print $2}' /proc/self/status
gives "run: ids mapped" "0 100000 1000" run one --rm --uidmap 0:100000:1000 --gidmap 0:100000:1000 -- sh -c 'echo $(cat /proc/self/uid_map)'
out=$(on_pty expect='# ' send='tty; echo $((6 * 7))\r' expect=42 send='exit\r' -- \
	ctr run "${RT[@]}" --cgroup "$CGROUP/term" --rm -t "$IMAGE" term sh)
like "run -t is on a terminal" "$out" '/dev/(pts/0|console)'
unlike "which ends by itself" "$out" 'in vain'

check "run -d" run box -d --memory-limit 67108864 -- sh -c 'trap "exit 4" USR1; while :; do sleep 0.1; done'
is "it runs" "$(status_of box)" RUNNING
pid=$(task ls | awk '$1 == "box" {print $2}')
is "in the group that was asked for" "$(awk -F: '$2 == "pids" {print $3}' "/proc/$pid/cgroup")" "$CGROUP/box"
is "which has the limit" "$(cat "/sys/fs/cgroup/memory$CGROUP/box/memory.limit_in_bytes")" 67108864
gives "exec, in that group" "0 $CGROUP/box" exec_in box -- sh -c 'echo $(id -u) $(awk -F: "\$2 == \"pids\" {print \$3}" /proc/self/cgroup)'
gives "exec: user, folder" "5 /tmp" exec_in box --user 5 --cwd /tmp -- sh -c 'echo $(id -u) $PWD'
exits "exec: the exit status" 9 exec_in box -- sh -c 'exit 9'
fails "exec: no such command" exec_in box -- nonesuch
check "exec -d" exec_in box -d -- sh -c 'echo $$ >/detached; exec sleep 300'
check "which stays" wait_for 10 exec_in box -- sh -c 'kill -0 $(cat /detached)'
out=$(on_pty expect='# ' send='tty; echo $((6 * 7))\r' expect=42 send='exit\r' -- ctr task exec --exec-id pty -t box sh)
like "exec -t is on a terminal" "$out" '/dev/pts/[0-9]'
unlike "which ends by itself, too" "$out" 'in vain'
like "ps" "$(task ps box)" "^$pid "
like "metrics: processes" "$(task metrics box)" 'pids.current +[1-9]'
like "metrics: memory" "$(task metrics box)" 'memory.limit_in_bytes +67108864|memory.usage_limit +67108864'
check "pause" task pause box
is "it is paused" "$(status_of box)" PAUSED
fails "nothing is entered that is paused" timeout 10 ctr task exec --exec-id frozen box true
check "resume" task resume box
is "it runs again" "$(status_of box)" RUNNING
gives "and can be entered" alive exec_in box -- echo alive
fails "what runs is not removed" task rm box
check "kill, by a signal it takes" task kill -s USR1 box
check "it ends" wait_for 10 has_status box STOPPED
like "with its exit status" "$(task rm box 2>&1)" 'exit code 4"'
check "the container is removed" ctr container rm box
check "another" run box2 -d -- sleep 300
check "kill -s KILL" task kill -s KILL box2
check "it ends by that" wait_for 10 has_status box2 STOPPED
like "with that exit status" "$(task rm box2 2>&1)" 'exit code 137"'
ctr container rm box2
exits "too much memory" 137 run hog --rm --memory-limit 16777216 -- sh -c 'tail -c 64m /dev/zero; exit 137'
# The shim's own calls, seen from outside: a killed process is reported, its record removed.
check "one that is killed from outside" run box3 -d -- sleep 300
kill -9 "$(task ls | awk '$1 == "box3" {print $2}')"
check "is seen to have ended" wait_for 10 has_status box3 STOPPED
task rm box3 >/dev/null 2>&1
ctr container rm box3
many() {
	local i pids=() bad=0
	for i in 1 2 3 4; do run "many$i" --rm -- true & pids+=($!); done
	for i in "${pids[@]}"; do wait "$i" || bad=1; done
	return $bad
}
check "several at once" many
is "containerd has nothing left" "$(ctr task ls -q) $(ctr container ls -q)" " "

# --- as a kubelet ----------------------------------------------------------------------------------------------------------

# Debian's own python, whose module it is.
if /usr/bin/python3 -c 'import grpc' 2>/dev/null; then
	cri() { "$HERE/cri.py" "$CONTAINERD_ADDRESS" "$@"; }
	network=pod
	[ -x /usr/lib/cni/bridge ] || network=node
	CONTAINERD_NAMESPACE=k8s.io ctr image import "$T/bb.tar" >/dev/null
	make_image "$T/tree" "$T/pause.tar" localhost/pause:1 '["sleep","3000"]' && CONTAINERD_NAMESPACE=k8s.io ctr image import "$T/pause.tar" >/dev/null
	gives "CRI answers" containerd cri version
	fails "no pod by a handler that is not configured" cri run-pod none nosuch "$CGROUP/none" node
	like "which says what the page says" "$(cat "$T/.out")" 'no runtime for "nosuch" is configured'
	pod=$(cri run-pod web "$handler" "$CGROUP/pod" $network 2>"$T/err") || note "$(cat "$T/err")"
	like "a pod by the handler of the page" "$pod" '^[0-9a-f]{64}$'
	ct=$(cri create "$pod" web "$CGROUP/pod" $network "$IMAGE" sh -c 'trap "exit 0" TERM; echo up; while :; do sleep 0.1; done' 2>"$T/err") || note "$(cat "$T/err")"
	like "a container in it" "$ct" '^[0-9a-f]{64}$'
	check "which starts" cri start "$ct"
	is "and runs" "$(cri state "$ct")" running
	gives "exec, as a probe does" "web v 67108864" cri exec "$ct" sh -c 'echo $(hostname) $K $(cat /sys/fs/cgroup/memory/memory.limit_in_bytes)'
	exits "a probe that fails" 3 cri exec "$ct" sh -c 'exit 3'
	[ $network = node ] || like "the pod's network" "$(cri exec "$ct" ip -o addr)" 'eth0.*10\.85\.'
	check "the limit is changed in place" cri memory "$ct" 100663296
	gives "and is so inside" 100663296 cri exec "$ct" cat /sys/fs/cgroup/memory/memory.limit_in_bytes
	ctpid=$(CONTAINERD_NAMESPACE=k8s.io ctr task ls | awk -v id="$ct" '$1 == id {print $2}')
	is "its shim was told to use creel" "$(tr '\0' '\n' <"/proc/$(awk '{print $4}' "/proc/$ctpid/stat")/cmdline" | grep -c containerd-shim-runc-v2)" 1
	is "the network is the sandbox's" "$(readlink "/proc/$ctpid/ns/net")" \
		"$(readlink "/proc/$(CONTAINERD_NAMESPACE=k8s.io ctr task ls | awk -v id="$pod" '$1 == id {print $2}')/ns/net")"
	# Neither containerd's root nor its name for the container hides it.
	case $("$BIN/creel-oci" --version) in
	creel*)
		like "creel ps on the node lists it" "$(creel ps)" "${ct:0:12}"
		check "creel doctor has nothing to say" creel doctor
		;;
	*) skip "creel ps on the node lists it" "another runtime is under test" ;;
	esac
	check "stop" cri stop "$ct" 10
	is "it has ended" "$(cri state "$ct")" exited
	check "rm" cri rm "$ct"
	check "the pod is stopped" cri stop-pod "$pod"
	check "and removed" cri remove-pod "$pod"
	# A kubelet's default: no handler at all.
	pod=$(cri run-pod plain "" "$CGROUP/pod2" node 2>"$T/err") || note "$(cat "$T/err")"
	# The runtime's options, in base64.
	like "a pod that names no runtime is on the default" \
		"$(CONTAINERD_NAMESPACE=k8s.io ctr container info "$pod" | sed -n '/"Runtime"/,/}/s/.*"value": "\(.*\)".*/\1/p' | base64 -d | tr -d '\0')" "$BIN/creel-oci"
	cri stop-pod "$pod" && cri remove-pod "$pod"
	client_groups+=(pod pod2) # a kubelet makes and removes these
else
	skip "pods, as a kubelet runs them" "no grpc module for Python on this machine"
fi
is "the runtime has nothing left" "$(ls -d /run/containerd/runc/*/* 2>/dev/null)" ""
