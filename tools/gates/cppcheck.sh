#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# cppcheck, any finding an error; what is suppressed, and why, is in cppcheck-suppressions.txt.
set -eu
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
command -v cppcheck >/dev/null || {
	echo "cppcheck is not installed"
	exit 77
}
cache=build/cppcheck
mkdir -p "$cache"
grep -v '^#' tools/gates/cppcheck-suppressions.txt >"$cache/suppressions"
nice cppcheck -q -j "$(nproc)" --cppcheck-build-dir="$cache" --std=c11 --language=c --enable=warning,performance,portability \
	--inline-suppr --suppressions-list="$cache/suppressions" --error-exitcode=1 --library=posix --library=gnu --library=tools/gates/cppcheck-json-c.cfg \
	-D_GNU_SOURCE -DCREEL_VERSION='"0"' -DCREEL_LIBEXEC='""' -DCREEL_BUILD_LIBEXEC='""' -DCREEL_DATADIR='""' \
	-DCREEL_BINDIR='""' -DCREEL_SYSCONFDIR='""' -Isrc -Iinclude -I"$BUILD" src
