# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# For tests of templates, after lib.sh: a server of small mirrors on the loopback device, a root of one busybox, keys. At
# the end: templates_end.
# shellcheck disable=SC2034 # variables of the tests
www=$T/www url=http://127.0.0.1:8321 arch=$(uname -m)
mkdir -p "$www" "$T/tmp" "$T/cache"
# Whole file systems are synced when a tree is finished: this one costs nothing.
mount -t tmpfs -o mode=755 cache "$T/cache"
chmod 700 "$T/tmp"
export LXC_CACHE_PATH=$T/cache TMPDIR=$T/tmp GNUPGHOME=$T/gnupg
export no_proxy='*'
unset http_proxy https_proxy
printf 'lxc.net.0.type = empty\n' >"$T/conf"
python3 -m http.server --bind 127.0.0.1 --directory "$www" 8321 >"$T/www.log" 2>&1 &
server=$!
wait_for 10 curl -fsS "$url/" || note "the server does not answer"

# create NAME TEMPLATE [OPTION...]
create() {
	local name=$1 template=$2
	shift 2
	lxc-create -P "$LXCPATH" -n "$CT-$name" -f "$T/conf" -t "$template" -- "$@"
}
# runs NAME: it is a container, named as it should be, that runs programs of its own, and it goes.
runs() {
	local out
	out=$(lxc-execute -P "$LXCPATH" -n "$CT-$1" -- /bin/sh -c 'echo "$(cat /etc/hostname) $(hostname) $(cat /etc/tiny)"' 2>&1 </dev/null)
	is "$1: runs" "$out" "$CT-$1 $CT-$1 tiny"
	lxc-destroy -P "$LXCPATH" -n "$CT-$1" >/dev/null 2>&1
}
root() { echo "$LXCPATH/$CT-$1/rootfs"; }
# fails WHAT REGEX TEMPLATE [OPTION...]: with that text, and nothing is left.
fails() {
	local what=$1 re=$2 out
	shift 2
	out=$(create bad "$@" 2>&1 </dev/null) && note "it was made"
	like "$what" "$out" "$re"
	[ ! -e "$LXCPATH/$CT-bad" ] || nok "$what: something is left"
}
# A root of one busybox that is linked to nothing.
tiny_tree() {
	local t=$1 d
	mkdir -p "$t"/usr/{bin,sbin} "$t"/{dev,etc,proc,root,run,sys,tmp}
	ln -s usr/bin "$t/bin" && ln -s usr/sbin "$t/sbin"
	cp "$(command -v busybox)" "$t/usr/bin/busybox"
	for d in sh cat hostname ls id grep; do ln -s busybox "$t/usr/bin/$d"; done
	ln -s ../bin/busybox "$t/usr/sbin/init"
	echo tiny >"$t/etc/tiny"
	printf 'root:x:0:0:root:/root:/bin/sh\nother:x:33:44::/:/bin/sh\n' >"$t/etc/passwd"
	printf 'root:x:0:\nstaff:x:50:\n' >"$t/etc/group"
	printf 'root::19000:0:99999:7:::\n' >"$t/etc/shadow"
	printf 'tty7::respawn:/sbin/getty 38400 tty7\n::sysinit:/bin/true\n' >"$t/etc/inittab"
}
tiny_tree "$T/tiny"

# --- keys ---------------------------------------------------------------------------------------------------------------

mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --no-auto-check-trustdb --passphrase '' --quick-gen-key good@example.org rsa2048 sign never 2>"$T/gpg.log" || note "$(cat "$T/gpg.log")"
gpg --batch --quiet --no-auto-check-trustdb --passphrase '' --quick-gen-key bad@example.org rsa2048 sign never 2>"$T/gpg.log" || note "$(cat "$T/gpg.log")"
gpg --batch --quiet --no-auto-check-trustdb --export --armor good@example.org >"$T/good.asc"
gpg --batch --quiet --export bad@example.org >"$T/bad.gpg"
keyid=$(gpg --batch --quiet --no-auto-check-trustdb --fingerprint good@example.org | tr -d ' ' | grep -oE '[0-9A-F]{40}' | head -n1)
sign() {
	local f
	for f in "${@:2}"; do gpg --batch --yes --quiet -u "$1" --armor --detach-sign -o "$f.asc" "$f"; done
}

# rpm_tiny PACKAGES: $rpm, one package that is all of PACKAGES; false where none can be built.
rpm_tiny() {
	command -v rpmbuild >/dev/null && command -v createrepo_c >/dev/null && command -v rpmsign >/dev/null || return 1
	mkdir -p "$T/rpm"
	cat >"$T/rpm/tiny.spec" <<END
Name: tiny
Version: 1
Release: 1
Summary: a root of one program
License: none
AutoReqProv: no
Provides: /bin/sh, $1
%description
A root of one program.
%install
cp -a $T/tiny/. %{buildroot}
rm -rf %{buildroot}/{dev,proc,sys}
%post -p /bin/sh
echo scripts >/etc/scripts
%files
/*
END
	rpmbuild --quiet -bb --define "_topdir $T/rpm" --define '__os_install_post %{nil}' --define '_build_id_links none' \
		"$T/rpm/tiny.spec" >"$T/rpm.log" 2>&1 || note "$(tail -n5 "$T/rpm.log")"
	rpm=$(find "$T/rpm/RPMS" -name '*.rpm')
}
rpm_sign() {
	rpmsign --define '_gpg_name good@example.org' --define "__gpg $(command -v gpg)" --define "_gpg_path $GNUPGHOME" \
		--addsign "$rpm" >"$T/rpm.log" 2>&1 || note "$(cat "$T/rpm.log")"
}
# rpm_repository FOLDER…: each with $rpm
rpm_repository() {
	local r
	for r; do
		mkdir -p "$r" && rm -rf "${r:?}"/* && cp "$rpm" "$r/" && createrepo_c -q "$r" >"$T/rpm.log" 2>&1
	done
}
# The packages that the table of packages has for these distributions.
table_packages() {
	awk -F'|' -v want=" $* " '{ split($1, w, " ") } index(want, " " w[1] " ") { print $2 }' \
		"$(dirname "$(command -v creel)")/../share/lxc/templates/packages" | tr ' ' '\n' | sort -u | xargs | tr ' ' ','
}

templates_end() {
	kill "$server"
	wait "$server" 2>/dev/null
	umount "$T/cache"
	is "nothing is left in the temporary folder" "$(ls -A "$T/tmp")" ''
}
