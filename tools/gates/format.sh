#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# C text is as clang-format 14 leaves it (.clang-format at the top).
set -eu
cd "$(dirname "$0")/../.."
tool=
for t in clang-format-14 clang-format; do
	if command -v "$t" >/dev/null && "$t" --version | grep -q 'version 14\.'; then
		tool=$t
		break
	fi
done
[ -n "$tool" ] || {
	echo "clang-format 14 is not there (other versions lay out differently)"
	exit 77
}
find src include tests tools \( -name '*.c' -o -name '*.h' \) -print0 2>/dev/null |
	xargs -0 "$tool" --dry-run --Werror --ferror-limit=3
