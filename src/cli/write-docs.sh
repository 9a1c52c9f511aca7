#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Writes manual pages and completions, which creel itself prints: write-docs.sh CREEL FOLDER FILE...
set -eu
creel=$1 dir=$2
shift 2
for file; do
	case $file in
	*.[1-8]) set -- --man "${file%.*}" ;;
	creel.bash) set -- --completion bash ;;
	_creel) set -- --completion zsh ;;
	creel.fish) set -- --completion fish ;;
	*.fish) set -- --completion fish "${file%.fish}" ;;
	*) exit 2 ;;
	esac
	"$creel" help "$@" >"$dir/$file"
done
