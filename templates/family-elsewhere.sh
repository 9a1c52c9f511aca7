# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
# Distributions that LXC had a template of and that cannot be made any more, or not here: what there is instead.
# Sourced by distribution.sh.

usage() {
	cat <<END
Usage: lxc-create -t $dist -n NAME

There is no $title to be made here: $keys.

  -h, --help                        this text
END
}

check_options() {
	die "there is no $title to be made here: $keys"
}
