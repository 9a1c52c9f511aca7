#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# codespell over text and comments; words it must accept are in codespell-words.txt.
set -eu
cd "$(dirname "$0")/../.."
command -v codespell >/dev/null || {
	echo "codespell is not installed"
	exit 77
}
set --
for d in src include templates bindings man completions docs tests tools README.md CONTRIBUTING.md meson.build; do
	[ -e "$d" ] && set -- "$@" "$d"
done
codespell --ignore-words=tools/gates/codespell-words.txt --skip='*/corpus/*,*.svg,*.png,*/codespell-words.txt' "$@"
