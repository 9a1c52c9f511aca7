#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# install-links.sh DIR NAME...: DIR/lxc-NAME is distribution.sh under another name. Run by meson install; unlike its own
# links these replace a program of the same name that an older version installed.
set -eu
dir=${DESTDIR:-}$1
case $1 in
/*) ;;
*) dir=$MESON_INSTALL_DESTDIR_PREFIX/$1 ;;
esac
shift
for n; do
	ln -sfn distribution.sh "$dir/lxc-$n"
done
