#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root user
# creel's own Python package (bindings/python), used on a real container.
. "${0%/*}/lib.sh"
top=$(cd "${0%/*}/../.." && pwd)
c=$CT-py
command -v python3 >/dev/null || {
	skip "the Python package" "python3 is not installed"
	exit 0
}
make_container "$c" <<EOF
lxc.environment = A=B
EOF
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$top/bindings/python NAME=$c python3 "$top/tests/container/python-calls.py" >"$T/py.out" 2>&1 || echo "not ok" "it ended with $?" >>"$T/py.out"
while read -r line; do
	case $line in
	"ok "*) ok "${line#ok }" ;;
	"not ok "*) nok "${line#not ok }" ;;
	*) note "$line" ;;
	esac
done <"$T/py.out"
like "all of it ran" "$(tail -n 1 "$T/py.out")" '^done$'
if command -v mypy >/dev/null; then
	check "its types hold" mypy --strict --no-error-summary --cache-dir "$T/mypy" "$top/bindings/python/creel"
else
	skip "its types hold" "mypy is not installed"
fi
