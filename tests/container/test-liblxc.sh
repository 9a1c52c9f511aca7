#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# liblxc.so.1 as others use it: C programs of our header and of the distribution's, its Python and Lua bindings. Those
# come from packages that are unpacked, not installed: they would bring LXC itself.
# prepares: with the machine's network
debs=${LXC_CACHE_PATH:-${T:?}}/bindings
if [ "${1-}" = prepare ]; then
	cd "${0%/*}/../.." && . tools/lib/packages.sh
	unpack_packages "$debs" lxc-dev python3-lxc lua-lxc
	exit
fi
. "${0%/*}/lib.sh"
stage=${CREEL_STAGE:-build/stage}
lib=$stage/usr/lib/liblxc.so.1
[ -e "$lib" ] || { skip "liblxc.so.1" "nothing is installed in $stage" && exit; }
export PKG_CONFIG_PATH=$stage/usr/lib/pkgconfig LD_LIBRARY_PATH=$stage/usr/lib

# As a test of ours: its lines, renumbered.
run_tap() {
	local line seen=
	timeout -k 5 150 "$@" >"$T/tap" 2>"$T/tap.err" </dev/null
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
fresh() { rm -rf "$T/l" && mkdir "$T/l"; }

# --- the library as a file -----------------------------------------------------------------------------------------------
is "its soname" "$(readelf -d "$lib" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" liblxc.so.1
is "no version nodes" "$(readelf -V "$lib" | grep -c 'Version definition')" 0
names=$(nm -D --defined-only "$lib" | awk '{print $3}' | sort)
for n in current_config list_{active,all,defined}_containers lxc_attach_run_{command,shell} \
	lxc_config_define_{add,free,load} lxc_config_item_is_supported lxc_config_parse_arch lxc_container_{get,new,put} \
	lxc_get_{global_config_item,version,wait_states} lxc_has_api_extension lxc_is_valid_storage_type lxc_log_{close,init}; do
	grep -qx "$n" <<<"$names" || nok "exports $n"
done
is "as many names as LXC 6 has, and none that it has not" "$(wc -l <<<"$names") $(grep -Evx \
	'current_config|list_.*_containers|lxc_.*|mod_all_rdeps|write_id_mapping|__safe_mount_beneath_at' <<<"$names")" "76 "
like "a thread's own current_config" "$(readelf -sW --dyn-syms "$lib" | grep -w current_config)" 'TLS +GLOBAL'

# --- C ---------------------------------------------------------------------------------------------------------------------
ip link add lxt0 type veth peer name lxt1
check "a program of our header, by pkg-config" bash -c \
	'cc -Wall -Werror -D_GNU_SOURCE -o "$1/calls" tests/liblxc/calls.c $(pkg-config --cflags --libs lxc) -lpthread' - "$T"
fresh
run_tap "$T/calls" "$T/l"

if [ -e "$debs/.lua-lxc" ]; then
	check "the same program of the distribution's header" cc -D_GNU_SOURCE -I"$debs/usr/include" -o "$T/calls-old" \
		tests/liblxc/calls.c "$lib" -lpthread
	fresh
	run_tap "$T/calls-old" "$T/l"
	# --- bindings ----------------------------------------------------------------------------------------------------------
	fresh
	PYTHONPATH=$debs/usr/lib/python3/dist-packages run_tap /usr/bin/python3 tests/liblxc/bindings.py "$T/l"
	if command -v lua5.2 >/dev/null; then
		fresh
		LUA_PATH="$debs/usr/share/lua/5.2/?.lua;;" LUA_CPATH="$(echo "$debs"/usr/lib/*/lua/5.2)/?.so;;" \
			run_tap lua5.2 tests/liblxc/bindings.lua "$T/l"
	else
		skip "the Lua binding" "lua5.2 is not installed"
	fi
else
	skip "the distribution's header and bindings" "their packages cannot be had"
fi
fresh
ip link del lxt0
