#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# The setuid helper of ordinary users' networks: what it gives, and what users have got out of such helpers before.
. "${0%/*}/../container/lib.sh"
stage=$(dirname "$(dirname "$(command -v lxc-start)")")
helper=$stage/libexec/lxc/lxc-user-nic
etc=$(dirname "$stage")/etc/lxc
[ "$stage" != /usr ] || etc=/etc/lxc
br=${CT}br
ip link add "$br" type bridge && ip link set "$br" up || exit 1
ip link add "${CT}other" type bridge
mkdir -p "$T/etc" "$T/run" "$T/home" /run/lxc
cp /etc/passwd "$T/passwd" && cp /etc/group "$T/group"
printf '%s:x:%s:%s::/:/bin/sh\n' alice 4301 4301 bob 4302 4302 carol 4303 4303 dan 4304 4304 >>"$T/passwd"
printf 'alice:x:4301:\nbob:x:4302:\ncarol:x:4303:\ndan:x:4304:\nnetters:x:4310:bob,carol,dan\n' >>"$T/group"
chmod 644 "$T/passwd" "$T/group"
chmod 755 "$T" "$T/run" "$T/etc"
mount --bind "$T/passwd" /etc/passwd && mount --bind "$T/group" /etc/group && mount --bind "$T/etc" "$etc" &&
	mount --bind "$T/run" /run/lxc || exit 1
cat >"$etc/lxc-usernet" <<EOC
# who what where how-many
alice veth $br 2
@netters veth $br 1
dan veth $br 0
EOC
# Descriptors of ours are none of the users'.
as() {
	local id=$1
	shift
	setpriv --reuid "$id" --regid "$id" --init-groups env HOME=/ USER=x "$@" </dev/null 3>&- 4>&-
}
# started UID COMMAND...: "sleep 600" in the end, whose process is $pid.
started() {
	as "$@" sleep 600 &
	wait_for 5 pgrep -P $! -x sleep
	pid=$(pgrep -P $! -x sleep)
	pids="$pids $pid"
}
# A container's first process: in a user and a network name space of that user.
in_netns() { started "$1" unshare -Urn; }
pids=
in_netns alice && a=$pid
in_netns bob && b=$pid
in_netns carol && c=$pid
in_netns dan && d=$pid
started alice && plain=$pid
create() { as "$1" "$helper" create /x c1 "${@:2}"; }
delete() { as "$1" "$helper" delete /x c1 "${@:2}"; }
nics() { grep -c . /run/lxc/nics; }
says() {
	local what=$1 text=$2 out r
	shift 2
	out=$("$@" 2>&1)
	r=$?
	is "$what: fails" $r 1
	like "$what: says so" "$out" "$text"
}

# What it is for
check "is setuid root" test -u "$helper"
out=$(create alice "$a" veth "$br" lan0 2>&1)
like "create: prints both ends" "$out" "^lan0:[0-9]+:veth[A-Za-z0-9]+:[0-9]+\$"
nic=$(cut -d: -f3 <<<"$out")
check "the container's end is there" nsenter -t "$a" -U -n --preserve-credentials ip link show lan0
like "the host's is on the bridge, and up" "$(ip -o link show "$nic")" "<.*UP.* master $br "
is "and in the data base" "$(cat /run/lxc/nics)" "alice veth $br $nic 4301"
like "create without a name" "$(create alice "$a" veth "$br")" "^eth0:[0-9]+:veth"
says "over the quota" "user alice has used up" create alice "$a" veth "$br"
says "another bridge" "user alice may have no interface" create alice "$a" veth "${CT}other"
says "another type" "only veth" create alice "$a" macvlan "$br"
check "delete" delete alice "/proc/$a/ns/net" veth "$br" "$nic"
refuse "it is gone" ip link show "$nic"
check "a place is free again" create alice "$a" veth "$br" lan1
like "a group's quota" "$(create bob "$b" veth "$br" lan0)" "^lan0:"
says "is shared by its members" "has used up" create carol "$c" veth "$br"
says "0 for a user is nothing, whatever his groups have" "may have no interface" create dan "$d" veth "$br"
bobs=$(awk '$5 == 4302 {print $4}' /run/lxc/nics)

# CVE-2017-5985: a network name space that is not his
no="names no network name space of yours"
says "CVE-2017-5985: another user's" "$no" create alice "$b" veth "$br"
says "CVE-2017-5985: the host's" "$no" create alice "$plain" veth "$br"
says "CVE-2017-5985: of root" "$no" create alice 1 veth "$br"
# CVE-2018-6556, CVE-2022-47952: what is there must not be told from what is not
for path in /root/.profile /nonexistent /etc/shadow "/proc/$b/ns/net" "/proc/$a/ns/../ns/net" "/proc/self/ns/net" "/proc/$a/ns/mnt" \
	"/proc/1/root/proc/$a/ns/net" ""; do
	is "CVE-2018-6556: '$path'" "$(delete alice "$path" veth "$br" x 2>&1)" "lxc-user-nic: '$path' $no"
done
for p in 0 -1 99999999 4294967296 "$a/../$b" "1 " ""; do
	is "CVE-2018-6556: process '$p'" "$(create alice "$p" veth "$br" 2>&1)" "lxc-user-nic: '$p' $no"
done
# CVE-2026-39402: what another has
ip link add "${CT}x" type veth peer name "${CT}y"
says "CVE-2026-39402: another member's of the same group" "no interface of yours" delete carol "/proc/$c/ns/net" veth "$br" "$bobs"
says "CVE-2026-39402: another user's" "no interface of yours" delete alice "/proc/$a/ns/net" veth "$br" "$bobs"
says "CVE-2026-39402: the host's own" "no interface of yours" delete alice "/proc/$a/ns/net" veth "$br" "${CT}x"
says "CVE-2026-39402: the bridge itself" "no interface of yours" delete alice "/proc/$a/ns/net" veth "$br" "$br"
says "CVE-2026-39402: on another bridge" "no interface of yours" delete bob "/proc/$b/ns/net" veth "${CT}other" "$bobs"
check "all are still there" sh -c "ip link show $bobs && ip link show ${CT}x && ip link show $br"
ip link del "${CT}x"

# names
for name in "a b" ../x 'x
root veth '"$br"' y 0' abcdefghijklmnop "" -x; do
	says "name '$(head -n 1 <<<"$name")'" "is no name of" create alice "$a" veth "$br" "$name"
	says "bridge '$(head -n 1 <<<"$name")'" "is no name of" create alice "$a" veth "$name"
done
says "too few words" "^Usage:" create alice "$a"
# what the caller sets up
kept=$(cat /run/lxc/nics)
as alice sh -c "ulimit -f 0; ulimit -n 4; ulimit -v 4000; exec '$helper' create /x c1 $a veth $br" >/dev/null 2>&1
is "limits of the caller leave the data base whole" "$(cat /run/lxc/nics)" "$kept"
check "closed descriptors" as alice sh -c "'$helper' delete /x c1 /proc/$a/ns/net veth $br none <&- >&- 2>&-; test \$? = 1"
is "still whole" "$(cat /run/lxc/nics)" "$kept"
mkdir "$T/evil" && printf '#!/bin/sh\nid >%s/evil/ran\n' "$T" >"$T/evil/nft"
chmod 777 "$T/evil" && chmod 755 "$T/evil/nft" && cp "$T/evil/nft" "$T/evil/ovs-vsctl"
as alice env PATH="$T/evil" LD_PRELOAD=/nonexistent.so "$helper" create /x c1 "$a" veth "$br" >/dev/null 2>&1
refuse "nothing of the caller's PATH runs" test -e "$T/evil/ran"
# a data base that somebody spoilt, and what died half-way
printf 'garbage\nalice veth %s vethgone0 4301\n\0\n' "$br" >>/run/lxc/nics
delete alice "/proc/$a/ns/net" veth "$br" "$(awk '$5 == 4301 {print $4}' /run/lxc/nics | head -n 1)"
check "lines of what is gone do not count" create alice "$a" veth "$br" lan5
refuse "and go" grep -a -e garbage -e vethgone0 /run/lxc/nics
# many at once
# shellcheck disable=SC2013 # words
for n in $(awk '$5 == 4301 {print $4}' /run/lxc/nics); do delete alice "/proc/$a/ns/net" veth "$br" "$n"; done
jobs=
for _ in 1 2 3 4 5 6 7 8; do
	create alice "$a" veth "$br" >/dev/null 2>&1 &
	jobs="$jobs $!"
done
# shellcheck disable=SC2086 # words
wait $jobs
is "eight at once: two are given" "$(grep -c "^alice " /run/lxc/nics)" 2
is "and made" "$(ip -o link show master "$br" | wc -l)" 3
# who is not root, and who made it setuid
cp "$helper" "$T/copy" && chmod 755 "$T/copy"
says "not setuid" "not installed setuid root" as alice "$T/copy" create /x c1 "$a" veth "$br"
chmod 777 /run/lxc
says "a run directory that others may write" "is not root's alone" create alice "$a" veth "$br"
chmod 755 /run/lxc
# shellcheck disable=SC2086 # words
kill $pids; disown -a
gone() { ! ip -o link show master "$br" | grep -q .; }
check "interfaces go with the name spaces" wait_for 5 gone
umount /run/lxc "$etc" /etc/group /etc/passwd
ip link del "$br"
ip link del "${CT}other"
rmdir /run/lxc 2>/dev/null
true
