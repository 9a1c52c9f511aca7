#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# runs: root
#
# What is wrong with a bundle or an option is refused with one line that names it, and nothing of it is left.
. "${0%/*}/lib.sh"
B=$T/b c=$CT-r

# no WHAT EXTENDED-REGEX [OPTION…]: create and run refuse the bundle, saying so; nothing is left.
no() {
	local what=$1 words=$2 v
	shift 2
	for v in create run; do
		is "$v: $what" "$(code_of creel-oci "$@" $v -b "$B" "$c")" 1
		like "$v: $what, said so" "$(grep level=error "$T/.out")" "$words"
		is "$v: $what, in one line" "$(grep -c . "$T/.out")" 1
		is "$v: $what, nothing is left" "$(left_of "$c")" ""
		creel-oci delete -f "$c" 2>/dev/null
	done
}
with() { make_bundle "$B" "$(args true)" "$@"; }

with . && echo '{"ociVersion": "1.0.2",
  "process": {"args": ["a" "b"]}}' >"$B/config.json"
no "broken JSON" 'config.json:2:[0-9]+: '
with '.process.args = "true"'
no "a string for a list" 'process.args: expected'
with '.process.args = ["true", 3]'
no "a number for a string" 'process.args\[1\]: expected a string'
with '.process.user.uid = -1'
no "a negative user" 'process.user.uid'
with '.process.capabilities.bounding += ["CAP_NONSENSE"]'
is "an unknown capability is ignored, as runc does" "$(code_of creel-oci run -b "$B" "$c")" 0
like "and said to be" "$(cat "$T/.out")" 'level=warning .*CAP_NONSENSE'
with '.linux.namespaces += [{"type": "nonsense"}]'
no "an unknown name space" 'nonsense'
with '.linux.intelRdt = {"closID": "x"}'
no "what nothing here does" 'linux.intelRdt'
with '.root.path = "nosuch"'
no "no root file system" 'invalid rootfs: stat .*/b/nosuch: No such file'
with '.root.path = "config.json"'
no "a root that is a file" 'invalid rootfs: .*not a directory'
with '.process.args = ["nosuch"]'
no "no such program" 'exec: ."nosuch.": executable file not found in .PATH'
with '.process.args = ["/etc"]'
no "a directory for a program" '/etc'
with '.process.args = []'
no "no program" 'args'
with '.process.scheduler = {policy: "SCHED_DEADLINE", deadline: 20000000, period: 20000000}'
no "a deadline without a run time" 'process.scheduler: SCHED_DEADLINE needs a runtime'
with '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 20000000, deadline: 10000000}'
no "a deadline that comes too soon" 'process.scheduler: SCHED_DEADLINE needs a deadline'
with '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 10000000, deadline: 20000000, period: 15000000}'
no "a period shorter than the deadline" 'process.scheduler: SCHED_DEADLINE needs a period'
with '.process.cwd = "relative"'
no "a relative working directory" 'process.cwd'
with '.mounts += [{"destination": "/proc/sys", "type": "tmpfs", "source": "x"}]'
no "a mount over /proc" '/proc'
with '.mounts += [{"destination": "/mnt", "type": "bind", "source": "/nosuch", "options": ["bind"]}]'
no "a bind of what is not there" '/nosuch'
with '.mounts += [{"destination": "/mnt", "type": "nosuchfs", "source": "x"}]'
no "an unknown file system" 'nosuchfs'
with '(.linux.namespaces[] | select(.type == "network")) |= {"type": "network", "path": "/proc/self/ns/uts"}'
no "a path of another kind of name space" '/proc/self/ns/uts'
with '(.linux.namespaces[] | select(.type == "network")) |= {"type": "network", "path": "/nosuch"}'
no "a name space that is not there" '/nosuch'
with '.linux.sysctl = {"kernel.nosuch": "1"}'
no "a sysctl of the host" 'kernel.nosuch'
with '.hooks = {"createRuntime": [{"path": "/bin/false"}]}'
no "a hook that fails" '/bin/false'
with '.hooks = {"startContainer": [{"path": "relative"}]}'
no "a hook by a relative path" 'hooks'
with '.process.terminal = true'
is "create: a terminal that nobody takes" "$(code_of creel-oci create -b "$B" "$c")" 1
like "create: a terminal, runc's words" "$(cat "$T/.out")" 'cannot allocate tty if runc will detach without setting console socket'
is "create: a console socket that is not there" "$(code_of creel-oci create --console-socket "$T/s" -b "$B" "$c")" 1
is "create: a console, nothing is left" "$(left_of "$c")" ""
with .
is "create: a console socket without a terminal" "$(code_of creel-oci create --console-socket "$T/s" -b "$B" "$c")" 1
is "create: a pid file that cannot be" "$(code_of creel-oci create --pid-file /nosuch/p -b "$B" "$c")" 1
is "run: a pid file that cannot be" "$(code_of creel-oci run --pid-file /nosuch/p -b "$B" "$c")" 1
is "create: a pidfd socket that is not there" "$(code_of creel-oci create --pidfd-socket /nosuch -b "$B" "$c")" 1
is "nothing is left" "$(left_of "$c")" ""
for id in '' . .. ../x a/b 'a b' 'a@b' "$(printf 'x%.0s' {1..1025})" $'a\nb'; do
	is "a bad id: ${id:0:20}" "$(code_of creel-oci create -b "$B" "$id")" 1
	is "and with --force there is nothing: ${id:0:20}" "$(code_of creel-oci delete "$id")" 1
done
is "no bundle" "$(code_of creel-oci create -b "$T/nosuch" "$c")" 1
mkdir "$T/empty"
is "a bundle without config.json" "$(code_of creel-oci create -b "$T/empty" "$c")" 1
like "which is said" "$(cat "$T/.out")" 'JSON specification file config.json not found'

# --- the command line ------------------------------------------------------------------------------------------------
is "no verb: help" "$(code_of creel-oci)" 0
like "help: its second line" "$(sed -n 2p "$T/.out")" ' creel-oci - Open Container Initiative runtime$'
is "an unknown verb" "$(code_of creel-oci nosuch)" 3
like "an unknown verb: said so" "$(cat "$T/.out")" "No help topic for 'nosuch'"
for v in create start run exec kill delete state ps pause resume update events; do
	is "$v: no id" "$(code_of creel-oci $v)" 1
	like "$v: no id, said so" "$(tail -n 1 "$T/.out")" "creel-oci: ..?$v..? requires"
	is "$v: an unknown option" "$(code_of creel-oci $v --nosuch x)" 1
	is "$v --help" "$(code_of creel-oci $v --help)" 0
	like "$v --help: its second line" "$(sed -n 2p "$T/.out")" "^   creel-oci $v - "
done
is "help VERB" "$(creel-oci help exec)" "$(creel-oci exec --help)"
is "help of what there is not" "$(code_of creel-oci help nosuch)" 3
is "state: too many" "$(code_of creel-oci state a b)" 1
is "checkpoint --help tells that there is none" "$(code_of creel-oci checkpoint --help)" 1
is "checkpoint -h is for people" "$(code_of creel-oci checkpoint -h)" 0
is "restore" "$(code_of creel-oci restore x)" 1
is "an unknown global option" "$(code_of creel-oci --nosuch list)" 1
is "an unknown log format" "$(code_of creel-oci --log-format x list)" 1
is "a log that is no file" "$(cd "$T" && code_of creel-oci --log journald:x list; ls "$T"/journald* 2>/dev/null)" 1
is "an unknown log level" "$(code_of creel-oci --log-level x list)" 1
with '.process.capabilities.bounding += ["CAP_NONSENSE"]'
is "--log-level error: no warnings" "$(creel-oci --log-level error run -b "$B" "$c" 2>&1 </dev/null)" ""
like "--log-level debug" "$(creel-oci --log-level debug list 2>&1)" level=debug
is "a log that cannot be" "$(code_of creel-oci --log /nosuch/x list)" 1
is "spec: not over another" "$(code_of creel-oci spec -b "$B")" 1
like "--version" "$(creel-oci --version | head -n 1)" '^creel-oci version [0-9]'
like "a text log" "$(creel-oci state nosuch 2>&1)" '^time="20[0-9T:Z-]+" level=error msg="container does not exist"$'
is "--log: the bare message" "$(creel-oci --log "$T/log" --log-format json state nosuch 2>&1)" "container does not exist"
is "--log: a line of JSON" "$(jq -r '.level + " " + .msg' "$T/log")" "error container does not exist"
ln -s "$(command -v creel)" "$T/runc"
like "by the name of runc" "$("$T/runc" --version | head -n 1)" '^runc version '
is "single dashes, as Go has them" "$(creel-oci -log-format=json -root "$T/other" list -format json -quiet=false)" null
is "creel oci" "$(creel oci --root "$T/other" list -f json)" null
