#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: user
# liblxc.so.1 in the hands of an ordinary user: a C program, and the distribution's Python binding, unpacked.
# prepares: with the machine's network
debs=${LXC_CACHE_PATH:-${T:?}}/bindings
if [ "${1-}" = prepare ]; then
	cd "${0%/*}/../.." && . tools/lib/packages.sh
	unpack_packages "$debs" lxc-dev python3-lxc lua-lxc
	exit
fi
. "${0%/*}/lib.sh"
stage=${CREEL_STAGE:-build/stage}
[ -e "$stage/usr/lib/liblxc.so.1" ] || { skip "liblxc.so.1" "nothing is installed in $stage" && exit; }
export PKG_CONFIG_PATH=$stage/usr/lib/pkgconfig LD_LIBRARY_PATH=$stage/usr/lib
a=$CT-a

run_tap() {
	local line seen=
	timeout -k 5 100 "$@" >"$T/tap" 2>"$T/tap.err" </dev/null
	local r=$?
	while IFS= read -r line; do
		case $line in
		ok\ *) ok "${line#ok * - }" ;;
		not\ ok\ *) nok "${line#not ok * - }" ;;
		1..*) seen=1 ;;
		*) note "$line" ;;
		esac
	done <"$T/tap"
	[ -n "$seen" ] || { note "$(tail -n 20 "$T/tap.err")" && nok "$1 ended early, with $r"; }
}

make_container "$a" <<<"lxc.net.0.type = empty"
check "a program of our header, by pkg-config" bash -c \
	'cc -Wall -Werror -D_GNU_SOURCE -o "$1/user" tests/liblxc/user.c $(pkg-config --cflags --libs lxc)' - "$T"
run_tap "$T/user" "$LXCPATH" "$a"
if [ -e "$debs/.lua-lxc" ]; then
	PYTHONPATH=$debs/usr/lib/python3/dist-packages run_tap /usr/bin/python3 tests/liblxc/user.py "$LXCPATH" "$a"
else
	skip "the distribution's Python binding" "its package cannot be had"
fi
