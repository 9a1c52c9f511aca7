#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every header compiles alone, twice included, with warnings as errors. BUILD: the build tree that holds config.h.
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
n=0
bad=0
for h in $(find src include tests -name '*.h' 2>/dev/null | sort); do
	n=$((n + 1))
	if ! printf '#include "%s"\n#include "%s"\n' "$PWD/$h" "$PWD/$h" |
		${CC:-cc} -x c -std=gnu17 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Wall -Wextra -Werror -Wno-unused-parameter \
			-Wno-missing-field-initializers -Wno-sign-compare -Wno-unused-function \
			-Isrc -Iinclude -Itests -I"$BUILD" -fsyntax-only - 2>&1; then
		echo "$h: does not compile alone"
		bad=$((bad + 1))
	fi
done
echo "$bad findings, $n looked at"
[ "$n" -gt 0 ] && [ "$bad" -eq 0 ]
