#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
#
# linux.seccomp on whole containers: what the kernel then does, the listener and whoever listens, commands that enter.
. "${0%/*}/../security/oci-lib.sh"
[ "$(uname -m)" = x86_64 ] || { trap - EXIT && echo "1..0 # SKIP the numbers are x86_64's" && exit 77; }
HERE=$(cd "${0%/*}" && pwd)
SOCK=$T/agent LOG=$T/agent.log

# policy DEFAULT RULES [MORE]: python that sets one, RULES being NAMES:ACTION[:ERRNO] …
policy() {
	printf '%s' "
s = c['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_$1', 'architectures': ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'], 'syscalls': []}
for rule in '''$2'''.split():
    w = rule.split(':')
    s['syscalls'].append({'names': w[0].split(','), 'action': 'SCMP_ACT_' + w[1]})
    if len(w) > 2:
        s['syscalls'][-1]['errnoRet'] = int(w[2])
${3-}"
}
agent() {
	rm -f "$SOCK" "$LOG"
	"$HERE/seccomp-agent.py" "$SOCK" "$LOG" "$@" &
	AGENT=$!
	wait_for 10 test -S "$SOCK"
}
no_agent() { kill "$AGENT" 2>/dev/null && wait "$AGENT" 2>/dev/null; }
listen="s['listenerPath'] = '$SOCK'; s['listenerMetadata'] = 'told'"

# said EXPRESSION [LINE]: of what the agent was told, the last or that line
said() {
	python3 -c 'import json, sys; v = [json.loads(l) for l in open(sys.argv[1])][int(sys.argv[3])]; print(eval(sys.argv[2]))' \
		"$LOG" "$1" "${2--1}" 2>&1
}

# --- what the kernel does ----------------------------------------------------------------------------------------------

like "ERRNO is EPERM without a number" "$(run_in errno "$(policy ALLOW mkdir,mkdirat:ERRNO)" 'mkdir /tmp/a')" 'not permitted'
like "ERRNO with a number" "$(run_in errno "$(policy ALLOW mkdir,mkdirat:ERRNO:123)" 'mkdir /tmp/a')" 'No medium found'
run_in kill "$(policy ALLOW mkdir,mkdirat:KILL)" 'exec mkdir /tmp/a' >/dev/null
is "KILL ends it with SIGSYS" $? 159
run_in killp "$(policy ALLOW mkdir,mkdirat:KILL_PROCESS)" 'exec mkdir /tmp/a' >/dev/null
is "KILL_PROCESS, too" $? 159
run_in trap "$(policy ALLOW mkdir,mkdirat:TRAP)" 'exec mkdir /tmp/a' >/dev/null
is "TRAP, without a handler" $? 159
like "TRACE without a tracer" "$(run_in trace "$(policy ALLOW mkdir,mkdirat:TRACE)" 'mkdir /tmp/a')" 'not implemented'
is "LOG lets it happen" "$(run_in log "$(policy ALLOW mkdir,mkdirat:LOG)" 'mkdir /tmp/a && echo made')" made
is "names that nobody knows are passed over" "$(run_in odd "$(policy ALLOW mkdirr,call_of_2031:KILL)" 'echo fine')" fine
is "flags" "$(run_in flags "$(policy ALLOW mkdirat:ERRNO "s['flags'] = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW']")" 'echo fine')" fine
is "one filter, loaded in the container" "$(run_in one "$(policy ALLOW mkdirat:ERRNO)" \
	'grep -h -e ^Seccomp: -e ^NoNewPrivs /proc/self/status | tr -d "\t\n"')" NoNewPrivs:1Seccomp:2
is "without no_new_privs no right of ours stays" "$(run_in caps \
	"c['process']['noNewPrivileges'] = False; $(policy ALLOW mkdirat:ERRNO)" \
	'grep -h -e ^CapEff -e ^CapPrm -e ^CapBnd -e ^Seccomp: /proc/self/status | tr -d "\t\n"')" \
	CapPrm:0000000020000420CapEff:0000000020000420CapBnd:0000000020000420Seccomp:2
is "the same as a user" "$(run_in user \
	"c['process']['noNewPrivileges'] = False; c['process']['user'] = {'uid': 7, 'gid': 7}; $(policy ALLOW mkdirat:ERRNO)" \
	'grep -h -e ^CapEff -e ^CapPrm -e ^Seccomp: /proc/self/status | tr -d "\t\n"')" \
	CapPrm:0000000000000000CapEff:0000000000000000Seccomp:2
if probe "$T/tree"; then
	got=$(run_in new "$(policy ALLOW mkdirat:ERRNO)
s['defaultAction'] = 'SCMP_ACT_ERRNO'; s['defaultErrnoRet'] = 6
s['syscalls'] = [{'names':
    'read write close open openat execve exit exit_group brk mmap munmap mprotect rt_sigaction rt_sigprocmask ioctl arch_prctl uname readlink fstat newfstatat prlimit64 getrandom set_tid_address set_robust_list rseq getuid getpid getppid getcwd stat clone fork vfork wait4 dup2 fcntl setpgid futex getgid geteuid getegid rt_sigreturn close_range prctl writev access statx'.split(),
    'action': 'SCMP_ACT_ALLOW'}]" 'probe 83; probe 9999; probe 450')
	is "what the policy is older than is ENOSYS, the rest as it says" "$got" "6
38
38"
	got=$(run_in cond "$(policy ALLOW getpriority:ERRNO:7)
s['syscalls'][0]['args'] = [{'index': 0, 'value': 1, 'op': 'SCMP_CMP_EQ'}, {'index': 0, 'value': 2, 'op': 'SCMP_CMP_EQ'}]" \
		'probe 140 0 0; probe 140 1 0; probe 140 2 0')
	is "conditions on one argument are alternatives" "$got" "0
7
7"
	got=$(run_in masked "$(policy ALLOW getpriority:ERRNO:7)
s['syscalls'][0]['args'] = [{'index': 1, 'value': 0xf0, 'valueTwo': 0x50, 'op': 'SCMP_CMP_MASKED_EQ'}]" \
		'probe 140 0 0x5a; probe 140 0 0x6a')
	like "MASKED_EQ has the mask first" "$got" '^7$'
else
	skip "calls by number" "no C compiler that links statically"
fi

# --- what is wrong ------------------------------------------------------------------------------------------------------

bad() {
	local what=$1 code=$2 words=$3 got
	got=$(run_in bad "$code" true)
	is "$what: fails" $? 1
	like "$what: says why" "$got" "$words"
	is "$what: nothing is left" "$(ls "$ROOT")" ""
}
bad "an unknown action" "$(policy FORGIVE mkdir:ERRNO)" 'SCMP_ACT_FORGIVE|defaultAction'
bad "an unknown flag" "$(policy ALLOW mkdir:ERRNO "s['flags'] = ['SECCOMP_FILTER_FLAG_FAST']")" 'SECCOMP_FILTER_FLAG_FAST|flags'
bad "an unknown architecture" "$(policy ALLOW mkdir:ERRNO "s['architectures'] = ['SCMP_ARCH_VAX']")" 'SCMP_ARCH_VAX|architectures'
bad "NOTIFY without listenerPath" "$(policy ALLOW mkdir:NOTIFY)" 'listenerPath'
bad "NOTIFY of write" "$(policy ALLOW write:NOTIFY "$listen")" 'SCMP_ACT_NOTIFY cannot be used for the write syscall'
bad "NOTIFY by default" "$(policy NOTIFY read:ALLOW "$listen")" 'SCMP_ACT_NOTIFY cannot be used as default action'
bad "nobody listens" "$(policy ALLOW mkdir:NOTIFY "$listen")" 'failed to connect with seccomp agent'

# --- the listener ---------------------------------------------------------------------------------------------------------

for nnp in True False; do
	agent 83=123 258=123
	got=$(run_in told "c['process']['noNewPrivileges'] = $nnp; $(policy ALLOW mkdir,mkdirat:NOTIFY "$listen")" \
		'mkdir /tmp/a; mkdir /tmp/b; echo $$')
	is "the agent decides (noNewPrivileges $nnp)" "$(sort -u <<<"$got")" "1
mkdir: can't create directory '/tmp/a': No medium found
mkdir: can't create directory '/tmp/b': No medium found"
	is "and was told once" "$(wc -l <"$LOG")" 1
	is "what" "$(said '(v["fds"], v["count"], v["metadata"], v["ociVersion"][:2], v["state"]["id"], v["state"]["bundle"])')" \
		"(['seccompFd'], 1, 'told', '1.', '$CT-told', '$T/told')"
	is "of whom" "$(said 'v["pid"] == v["state"]["pid"] > 1 and v["state"]["status"]')" creating
	no_agent
done

agent
is "the agent listens for what hands the listener over, and for the exec" "$(run_in all \
	"$(policy ALLOW sendmsg,sendto,close,futex,openat,open,read,execve,fcntl,exit,wait4,readv:NOTIFY "$listen")" 'echo fine')" fine
no_agent

agent 83=123 258=123
bundle two "$(policy ALLOW mkdir,mkdirat:NOTIFY "$listen"); sh('mkdir /tmp/a; sleep 1000')"
check "create" rt create --bundle "$T/two" "$CT-two"
is "the listener is there before start" "$(wc -l <"$LOG" 2>/dev/null)" 1
like "and the container is created" "$(rt state "$CT-two")" '"status": "created"'
check "start" rt start "$CT-two"
is "once for start" "$(wc -l <"$LOG")" 1
got=$(rt exec "$CT-two" /bin/sh -c 'mkdir /tmp/c; grep -h ^Seccomp: /proc/self/status | tr -d "\t"' 2>&1)
is "exec is under the policy, and has a listener of its own" "$got" "mkdir: can't create directory '/tmp/c': No medium found
Seccomp:2"
is "told apart" "$(said '(v["pid"] != v["state"]["pid"], v["state"]["status"])')" "(True, 'running')"
no_agent
got=$(rt exec "$CT-two" /bin/true 2>&1)
is "exec without the agent fails" $? 255
like "and says why" "$got" 'failed to connect with seccomp agent'
rt delete -f "$CT-two"

agent
bundle gone "$(policy ALLOW mkdir,mkdirat:NOTIFY "$listen"); sh('sleep 2; mkdir /tmp/a')"
rt run --bundle "$T/gone" "$CT-gone" >"$T/gone.out" 2>&1 &
wait_for 10 test -s "$LOG"
no_agent
wait $!
like "when the agent goes, calls fail" "$(cat "$T/gone.out")" 'not implemented'
rt delete -f "$CT-gone" 2>/dev/null

# --- hooks inside --------------------------------------------------------------------------------------------------------

hook() { echo "c['hooks'] = {'startContainer': [{'path': '/bin/sh', 'args': ['sh', '-c', '''$1''']}]}"; }
run_in hooked "$(policy ALLOW mkdir,mkdirat:ERRNO:5); $(hook 'mkdir /made || mknod /refused p')" 'ls -d /made /refused' >"$T/.got" 2>&1
like "startContainer hooks are under the policy" "$(cat "$T/.got")" '^/refused'
unlike "and cannot do what it refuses" "$(cat "$T/.got")" '^/made'

# --- what nobody knows -----------------------------------------------------------------------------------------------------

bundle typo "$(policy ALLOW no_such_call,mkdir,other_call:ERRNO pass); sh('true')"
rt --debug run --bundle "$T/typo" "$CT-typo" >"$T/.got" 2>&1
is "a call that nobody knows is left out" $? 0
like "and the log names it" "$(cat "$T/.got")" 'level=debug msg="seccomp: unknown system calls .*: .*no_such_call'
rt run --bundle "$T/typo" "$CT-typo" >"$T/.got" 2>&1
is "but not unless asked" "$(cat "$T/.got")" ""

# --- what `features` promises ------------------------------------------------------------------------------------------------

listed() { creel-oci features | jq -r ".linux.seccomp.$1[]"; }
like "features: flags, actions" "$(listed supportedFlags) $(listed actions)" SCMP_ACT_ALLOW
for flag in $(listed supportedFlags); do
	bundle flag "$(policy ALLOW mkdir,mkdirat:ERRNO "s['flags'] = ['$flag']"); sh('mkdir /a; echo \$?')"
	is "supported: $flag" "$(rt run --bundle "$T/flag" "$CT-flag" 2>/dev/null)" 1
done
for action in $(listed actions | grep -v NOTIFY); do
	bundle action "$(policy ALLOW "swapoff:${action#SCMP_ACT_}" pass); sh('echo yes')"
	is "recognised: $action" "$(rt run --bundle "$T/action" "$CT-action" 2>&1)" yes
done
