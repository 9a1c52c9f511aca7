#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# clang-tidy with the checks of .clang-tidy, any finding an error. BUILD: a tree set up by meson (compile_commands.json).
# shellcheck disable=SC2086 # one word, or none
# Without the static analyzer, which takes three times as long as all else; ANALYZE=1 is for all (tools/check analyze).
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
command -v clang-tidy >/dev/null || {
	echo "clang-tidy is not installed"
	exit 77
}
[ -f "$BUILD/compile_commands.json" ] || {
	echo "$BUILD/compile_commands.json is missing: run meson setup $BUILD"
	exit 1
}
# The error functions' own file is the one that must not see them redefined.
model="--extra-arg=-include$PWD/tools/gates/analyzer-model.h"
checks=
[ -n "${ANALYZE-}" ] || checks="--checks=-clang-analyzer-*" model=--extra-arg=-DCREEL_NOT_ANALYZED
tidy() {
	xargs -P "$(nproc)" -n 2 nice clang-tidy -p "$BUILD" --quiet $checks --extra-arg=-Wno-unknown-warning-option "$@" 2>/dev/null
}
# Only sources that the build knows: others would be checked with the wrong flags.
known() {
	find src -name '*.c' | sort | while read -r f; do
		if grep -q "\"file\": \".*$f\"" "$BUILD/compile_commands.json"; then echo "$f"; fi
	done
}
known | grep -q .
out=$(mktemp)
trap 'rm -f "$out"' EXIT
{
	known | grep -vE '^src/(base/err|api/registry/jwt|cli/early-.*)\.c$' | tidy "$model" || true
	# jwt.c has a library's ERR_STATE.
	printf '%s\n' src/base/err.c src/api/registry/jwt.c | tidy || true
	# Built with arguments that clang has not, and without our include path.
	nice clang-tidy --quiet $checks src/cli/early-*.c -- -D_GNU_SOURCE -std=gnu17 -ffreestanding 2>/dev/null || true
} >"$out"
# "FILE CHECK REASON" of tidy-accepted.txt: findings that were looked at and are wrong.
found=$(grep -E ': (error|warning): ' "$out" | sed "s,$PWD/,,; s,^$BUILD/\.\./,,; s,^\.\./,," | sort -u | while read -r line; do
	accepted=
	while read -r file check _; do
		case $line in
		*"$file:"*"[$check"*) accepted=1 ;;
		esac
	done <tools/gates/tidy-accepted.txt
	[ -n "$accepted" ] || echo "$line"
done)
[ -z "$found" ] || {
	cat "$out"
	echo "$found"
	exit 1
}
