#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Containers of images at a host's stop and start: what `creel boot` does, when the host was asked to go and when its power failed.
. "${0%/*}/lib.sh"
. "${0%/*}/docker.sh"
check "an image" base_image
# Who heeds SIGTERM has time for it.
run() { dk run -d --stop-timeout "$@" >/dev/null; }
ends='trap "exit 0" TERM; while :; do sleep 0.05; done'
run 60 --name always --restart always base sh -c "$ends"
run 60 --name left --restart always base sh -c "$ends"
run 60 --name unless --restart unless-stopped base sh -c "$ends"
run 60 --name halted --restart unless-stopped base sh -c "$ends"
run 1 --name failing --restart on-failure base sleep 1000
run 1 --name fine --restart on-failure base true
run 1 --name none -p 8099:80 base sleep 1000
run 60 --name frozen --restart always base sh -c "$ends"
run 1 --name volatile --rm base sleep 1000
dk create --name never --restart always base true >/dev/null
dk stop left halted >/dev/null
dk pause frozen >/dev/null
# NAME... : what each is
states() {
	local n
	for n; do printf '%s ' "$(dk inspect -f '{{.State.Status}}' "$n" 2>/dev/null | grep . || echo gone)"; done
}
all=(always left unless halted failing fine none frozen volatile never)
is "as they are" "$(states "${all[@]}")" \
	"running exited running exited running exited running paused running created "

# Everything that was in memory goes: processes, mounts, what /run has, networks.
power_fails() {
	local p g
	for g in /sys/fs/cgroup/freezer/creel-*; do echo THAWED >"$g/freezer.state"; done 2>/dev/null
	for g in /sys/fs/cgroup/creel-*; do echo 0 >"$g/cgroup.freeze"; done 2>/dev/null
	for p in $(pgrep -x creel-keeper) $(dk ps -q | xargs -r creel docker inspect -f '{{.State.Pid}}'); do kill -9 "$p"; done
	wait_for 10 eval '! pgrep -x creel-keeper'
	awk -v at="$T/data/" 'index($5, at) == 1 {print $5}' /proc/self/mountinfo | sort -r | xargs -r umount -l
	find /sys/fs/cgroup -mindepth 2 -maxdepth 2 -name 'creel-*' -exec rmdir {} + 2>/dev/null
	nft delete table inet creel-nat
	ip link del creel0
	rm -rf /run/creel/*
}
up() { creel boot up 2>"$T/boot.err" | tr '\n' ' '; }
power_fails
is "power fails: none runs" "$(dk ps -q)" ""
is "ended as nobody has seen it" "$(dk inspect -f '{{.State.ExitCode}}' none)" 255
is "it comes up: the oldest first" "$(up)" "always left unless failing frozen "
is "without a complaint" "$(cat "$T/boot.err")" ""
is "those that are wanted run" "$(states "${all[@]}")" "running running running exited running exited exited running gone created "
is "again: there is nothing to do" "$(up)" ""
check "a port of one that does not run is another's" dk run -d --name other -p 8099:80 base sleep 1000
refuse "and not its own any more" dk start none
dk rm -f other >/dev/null
check "until that has gone" dk start none

# The host is asked to go.
dk stop halted left >/dev/null 2>&1
dk pause frozen >/dev/null
is "down: all that run" "$(creel boot down 2>&1 | sort | tr '\n' ' ')" "always failing frozen none unless "
is "none runs" "$(dk ps -q)" ""
is "those that could ended by themselves" "$(dk inspect -f '{{.State.ExitCode}}' always unless frozen failing | tr '\n' ' ')" "0 0 0 137 "
is "no policy starts them now" "$(sleep 0.3; dk ps -q)" ""
power_fails 2>/dev/null
is "it comes up" "$(up)" "always left unless failing frozen "
is "as before" "$(states "${all[@]}")" "running running running exited running exited exited running gone created "

# One that cannot be started is told of, and stops no other.
run 1 --name broken --restart always -v "$T/there:/there" base sleep 1000
run 1 --name last --restart always base sleep 1000
creel boot down >/dev/null
rmdir "$T/there" && : >"$T/there"
power_fails 2>/dev/null
like "one that cannot start" "$(up)" "frozen last $"
like "is named" "$(cat "$T/boot.err")" '^creel boot: broken: .*/there'
creel boot up >/dev/null 2>&1
is "its exit code" $? 1
refuse "a word that it does not know" creel boot sideways

stage=$(dirname "$(dirname "$(command -v creel)")")
check "creel.service: what it executes is there" sh -c \
	"sed -n 's/^Exec[A-Za-z]*=-*\([^ ]*\).*/\1/p' '$stage/lib/systemd/system/creel.service' | xargs -n 1 test -x"
