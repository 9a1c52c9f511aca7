#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Manual pages: all that LXC has, one a template, no complaint of the formatter; what they must name is what the programs
# know.
. "${0%/*}/lib.sh"
man=${CREEL_STAGE:-build/stage}/usr/share/man
templates=${CREEL_STAGE:-build/stage}/usr/share/lxc/templates
[ -d "$man" ] || { skip "manual pages" "nothing is installed in ${man%/usr/*}" && exit; }
plain() { sed 's/\\-/-/g; s/\\&//g; s/\\e/\\/g' "$1"; }

missing=
for p in 1/lxc-{attach,autostart,cgroup,checkconfig,checkpoint,config,console,copy,create,destroy,device,execute,freeze,info,ls} \
	1/lxc-{monitor,snapshot,start,stop,top,unfreeze,unpriv-attach,unpriv-start,unshare,update-config,user-nic,usernsexec,wait} \
	5/lxc-usernet 5/lxc.conf 5/lxc.container.conf 5/lxc.system.conf 7/lxc; do
	[ -s "$man/man${p%%/*}/${p#*/}.${p%%/*}" ] || missing+=" $p"
done
is "every page of LXC's that we have a program for" "$missing" ""
unsaid=
for t in "$templates"/lxc-*; do
	page=$man/man1/${t##*/}.1
	[ -s "$page" ] || unsaid+=" ${t##*/}"
	for o in $(sh "$t" -h | grep -oE '^ +(-., )?--[a-z_-]+' | grep -oE -- '--.*'); do
		plain "$page" | grep -q -- "^\.B .*$o" || unsaid+=" ${t##*/}:$o"
	done
done
is "every option of every template" "$unsaid" ""
unsaid=
for k in $(lxc-config -l); do
	plain "$man/man5/lxc.system.conf.5" | grep -q "^\.B $k$" || unsaid+=" $k"
done
is "every item of lxc-config" "$unsaid" ""
if command -v groff >/dev/null; then
	for p in "$man"/man*/*.[1-8]; do
		(cd "$man" && groff -man -Tutf8 -K utf8 -ww -z "$p" 2>&1 | grep -v 'can.t break line\|cannot break line\|cannot adjust line\|can.t adjust')
	done >"$T/groff"
	is "the formatter has nothing to say" "$(head -n 5 "$T/groff")" ""
else
	skip "the formatter" "groff is not installed"
fi
