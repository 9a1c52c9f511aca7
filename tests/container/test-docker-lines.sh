#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Lines that scripts type at docker, with the answers of Docker 26.1.5: docker-lines/*.cases, recorded by docker-lines.py.
. "${0%/*}/lib.sh"
. "${0%/*}/docker.sh"
here=$(realpath "${0%/*}")
mkdir "$T/bin" "$T/w"
ln -s "$(command -v creel)" "$T/bin/docker"
export PATH=$T/bin:$PATH
for f in "$here"/docker-lines/${LINES_OF:-*}.cases; do
	name=${f##*/}
	make_rootfs "$T/w/tree" || exit 1
	while read -r line; do
		case $line in
		'ok '*) ok "${name%.cases}: ${line#*- }" ;;
		'not ok '*) nok "${name%.cases}: ${line#*- }" ;;
		'#'*) echo "$line" ;;
		esac
	done < <(cd "$T/w" && "$here/docker-lines.py" ${LINES_MODE:+"$LINES_MODE"} "$f" 2>&1)
	# shellcheck disable=SC2046 # ids
	dk rm -fv $(dk ps -aq) >/dev/null 2>&1
	dk system prune -af --volumes >/dev/null 2>&1
	dk volume prune -af >/dev/null 2>&1
	rm -rf "$T/w"/*
done
