#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Templates that make their trees of packages or archives in other ways: pacman, stage 3 archives, runit, Slackware's
# packages, more distributions of rpm; and those that say what to use instead.
. "${0%/*}/lib.sh"
. "${0%/*}/templates.sh"

# --- pacman ---------------------------------------------------------------------------------------------------------------

# pacman_package NAME TREE [PROVIDED…]: NAME-1-1-any.pkg.tar.zst, unsigned
pacman_package() {
	local name=$1 tree=$2 p
	shift 2
	{
		printf 'pkgname = %s\npkgbase = %s\npkgver = 1-1\npkgdesc = a test\nurl = http://example.org\n' "$name" "$name"
		printf 'builddate = 1700000000\npackager = nobody\nsize = 1\narch = any\n'
		for p; do printf 'provides = %s\n' "$p"; done
	} >"$tree/.PKGINFO"
	# .PKGINFO comes first.
	(cd "$tree" && find . -mindepth 1 -maxdepth 1 ! -name .PKGINFO -printf '%P\n' >"$T/files" && tar -I zstd -cf "$T/$name-1-1-any.pkg.tar.zst" .PKGINFO -T "$T/files")
}
# pacman_repository FOLDER NAME FILE…: its data base as repo-add writes it
pacman_repository() {
	local dir=$1 name=$2 p d
	shift 2
	rm -rf "$dir" "$T/db" && mkdir -p "$dir" "$T/db" && cp "$@" "$dir/"
	for p in "$dir"/*.pkg.tar.zst; do
		d=$T/db/$(basename "$p" -any.pkg.tar.zst)
		mkdir "$d"
		tar -xOf "$p" .PKGINFO | awk -F' = ' -v file="$(basename "$p")" -v size="$(stat -c %s "$p")" -v sum="$(sha256sum <"$p" | cut -c -64)" '
			{ v[$1] = v[$1] $2 "\n" }
			END {
				printf "%%FILENAME%%\n%s\n\n%%NAME%%\n%s\n%%VERSION%%\n%s\n%%CSIZE%%\n%s\n\n", file, v["pkgname"], v["pkgver"], size
				printf "%%ISIZE%%\n%s\n%%SHA256SUM%%\n%s\n\n%%ARCH%%\n%s\n", v["size"], sum, v["arch"]
				if (v["provides"]) printf "%%PROVIDES%%\n%s\n", v["provides"]
			}' >"$d/desc"
	done
	(cd "$T/db" && tar -czf "$dir/$name.db" ./* --transform='s,^\./,,')
}
if command -v pacman >/dev/null; then
	cp -a "$T/tiny" "$T/arch" && rm -rf "$T/arch"/{dev,proc,sys,run,tmp}
	mkdir -p "$T/arch/usr/lib/systemd/system" "$T/more/usr/share" && : >"$T/arch/usr/lib/systemd/systemd"
	: >"$T/arch/usr/lib/systemd/system/systemd-networkd.service"
	printf 'post_install() {\n\techo "scripts of $1" >/etc/scripts\n}\n' >"$T/arch/.INSTALL"
	echo more >"$T/more/usr/share/more"
	pacman_package tiny "$T/arch" base openssh
	pacman_package more "$T/more"
	packages=("$T/tiny-1-1-any.pkg.tar.zst" "$T/more-1-1-any.pkg.tar.zst")
	pacman_repository "$www/pacman" packages "${packages[@]}"
	fails "archlinux: packages that nobody signed" "missing required signature|failed retrieving file .*\.sig" \
		archlinux -a x86_64 --repo="$url/pacman" --keyring="$T/good.asc"
	for p in "${packages[@]}"; do
		gpg --batch --yes --quiet -u good@example.org --detach-sign "$p"
	done
	pacman_repository "$www/pacman" packages "${packages[@]}" "${packages[@]/%/.sig}"
	check "archlinux: of packages" create pac archlinux -a x86_64 --repo="$url/pacman" --keyring="$T/good.asc" -P more
	r=$(root pac)
	is "archlinux: its scripts have run, inside" "$(cat "$r/etc/scripts" 2>&1) $(ls /etc/scripts 2>/dev/null)" "scripts of 1-1 "
	is "archlinux: what -P adds, in its data base" "$(cat "$r/usr/share/more") $(cd "$r/var/lib/pacman/local" && echo *)" \
		"more ALPM_DB_VERSION more-1-1 tiny-1-1"
	is "archlinux: networkd has eth0" "$(grep -c DHCP "$r/etc/systemd/network/eth0.network")" 1
	is "archlinux: nothing of the build is left" "$(cd "$r" && echo *)" "bin dev etc proc root sbin sys tmp usr var"
	runs pac
	is "archlinux: the cache has no more than the base" "$(find "$LXC_CACHE_PATH/archlinux" -name more | wc -l)" 0
	core=$www/pac/core/os/x86_64
	pacman_repository "$core" core "${packages[@]}" "${packages[@]/%/.sig}"
	pacman_repository "$www/pac/extra/os/x86_64" extra "${packages[1]}" "${packages[1]}.sig"
	check "archlinux: of a mirror" create pac archlinux -a x86_64 --mirror="$url/pac" --keyring="$T/good.asc"
	is "archlinux: its mirror" "$(cat "$(root pac)/etc/pacman.d/mirrorlist")" "Server = $url/pac/\$repo/os/\$arch"
	runs pac
	fails "archlinux: keys of somebody else" "pacman could not build Arch Linux" \
		archlinux -F -a x86_64 --mirror="$url/pac" --keyring="$T/bad.gpg"
	fails "archlinux: a mirror that is not" "pacman could not build Arch Linux" \
		archlinux -F -a x86_64 --mirror="$url/none" --keyring="$T/good.asc"
else
	skip "archlinux of packages" "no pacman here (package pacman-package-manager)"
fi

# passwords TREE: a chpasswd for it, which busybox may lack.
passwords() {
	printf '#!/bin/sh\nread -r line && echo "$line" >/password\n' >"$1/usr/bin/chpasswd" && chmod 755 "$1/usr/bin/chpasswd"
}

# --- stage 3 --------------------------------------------------------------------------------------------------------------

echo "ssh-ed25519 AAAA me" >"$T/id.pub"
stage=$www/gentoo/releases/amd64/autobuilds/current-stage3-amd64-openrc file=stage3-amd64-openrc-20260101T000000Z.tar.xz
cp -a "$T/tiny" "$T/gentoo" && mkdir -p "$T/gentoo/etc/init.d" "$T/gentoo/etc/runlevels/boot" "$stage" "$T/portage/profiles"
: >"$T/gentoo/usr/bin/openrc" && chmod 755 "$T/gentoo/usr/bin/openrc" && echo '#rc_sys=""' >"$T/gentoo/etc/rc.conf"
ln -s ../bin/busybox "$T/gentoo/usr/sbin/agetty"
passwords "$T/gentoo"
printf 'c1:12345:respawn:/sbin/agetty 38400 tty1 linux\n' >"$T/gentoo/etc/inittab"
tar -C "$T/gentoo" -cJf "$stage/$file" .
(cd "$stage" && sha256sum $file >$file.sha256)
printf '# of today\n%s %s\n' "20260101T000000Z/$file" "$(stat -c %s "$stage/$file")" >"$stage/latest-stage3-amd64-openrc.txt"
sign good@example.org "$stage/$file"
gentoo=(gentoo -a amd64 -m "$url/gentoo" --keyring="$T/good.asc")
check "gentoo" create gen "${gentoo[@]}" -S "$T/id.pub" -w secret --autologin --tty 2 --portage-dir "$T/portage"
r=$(root gen)
is "gentoo: DHCP by netifrc" "$(cat "$r/etc/conf.d/net") $(readlink "$r/etc/runlevels/default/net.eth0")" 'config_eth0="dhcp" /etc/init.d/net.eth0'
is "gentoo: OpenRC knows where it is" "$(grep ^rc_sys "$r/etc/rc.conf")" 'rc_sys="lxc"'
is "gentoo: logged in on the console" "$(grep -c 'agetty -a root 38400 console' "$r/etc/inittab")" 1
is "gentoo: a password" "$(cat "$r/password")" root:secret
is "gentoo: a key" "$(cat "$r/root/.ssh/authorized_keys")" "ssh-ed25519 AAAA me"
is "gentoo: its configuration" "$(lxc-info -P "$LXCPATH" -n "$CT-gen" -c lxc.tty.max -c lxc.mount.entry 2>&1 | grep -c -e 'tty.max = 2' -e "$T/portage var/db/repos/gentoo none ro,bind")" 2
sed -i '/portage/d' "$LXCPATH/$CT-gen/config"
runs gen
check "gentoo: the cached tree only" create gen "${gentoo[@]}" -c
is "gentoo: and no container" "$(ls "$LXCPATH")" ''
check "gentoo: fewer capabilities" create gen "${gentoo[@]}" -s moresecure
like "gentoo: which it has not" "$(lxc-info -P "$LXCPATH" -n "$CT-gen" -c lxc.cap.drop | xargs)" sys_admin
runs gen
fails "gentoo: another configuration" "there is no .*gentoo.none.conf" "${gentoo[@]}" -s none
fails "gentoo: no package tree" "it has no profiles" "${gentoo[@]}" --portage-dir "$T/tiny"
fails "gentoo: signed by somebody" "no good signature" gentoo -F -a amd64 -m "$url/gentoo" --keyring="$T/bad.gpg"
fails "gentoo: a variant that is not" "no Gentoo latest .*404" gentoo -a amd64 -m "$url/gentoo" -v systemd
echo >>"$stage/$file"
fails "gentoo: a forged archive" "wrong checksum" "${gentoo[@]}" -F

# --- runit ----------------------------------------------------------------------------------------------------------------

cp -a "$T/tiny" "$T/void" && mkdir -p "$T/void/etc"/{runit/runsvdir/default,sv/dhcpcd,sv/agetty-tty1,sv/agetty-console} "$www/void/current"
: >"$T/void/etc/runit/1" && rm "$T/void/etc/inittab"
ln -s /etc/sv/udevd "$T/void/etc/runit/runsvdir/default/udevd"
printf '#!/bin/sh\necho "$@" >/xbps.log\n' >"$T/void/usr/bin/xbps-install" && chmod 755 "$T/void/usr/bin/xbps-install"
passwords "$T/void"
tar -C "$T/void" -cJf "$www/void/current/void-x86_64-ROOTFS-20260101.tar.xz" .
(cd "$www/void/current" && sha256sum --tag ./*.xz | sed 's,\./,,' >sha256sum.txt)
check "voidlinux" create void voidlinux -a x86_64 --mirror="$url/void" -P nano,vim -r secret
r=$(root void)
is "voidlinux: services of a container" "$(cd "$r/etc/runit/runsvdir/default" && readlink ./* | xargs)" \
	"/etc/sv/agetty-console /etc/sv/agetty-tty1 /etc/sv/dhcpcd"
is "voidlinux: packages by its own xbps" "$(cat "$r/xbps.log")" "-Sy -- nano vim"
is "voidlinux: a password" "$(cat "$r/password")" root:secret
is "voidlinux: how it ends" "$(lxc-info -P "$LXCPATH" -n "$CT-void" -c lxc.signal.halt -c lxc.environment | xargs)" \
	"lxc.signal.halt = 18 lxc.environment = VIRTUALIZATION=lxc"
runs void
sed -i 's/= ..../= 0000/' "$www/void/current/sha256sum.txt"
fails "voidlinux: a forged image" "wrong checksum" voidlinux -F -a x86_64 --mirror="$url/void"

# --- Slackware ------------------------------------------------------------------------------------------------------------

# slack_package FILE TREE: with doinst.sh in TREE/install
slack=$www/slack/slackware64-15.0
slack_package() { mkdir -p "$slack/${1%/*}" && (cd "$2" && tar -cJf "$slack/$1" .); }
cp -a "$T/tiny" "$T/slack" && rm "$T/slack/bin" "$T/slack/sbin" "$T/slack/usr/bin/sh" && mkdir "$T/slack/install"
echo old >"$T/slack/etc/HOSTNAME"
printf '( cd usr/bin ; rm -rf sh )\n( cd usr/bin ; ln -sf busybox sh )\n( cd . ; ln -sf usr/bin bin )\n( cd . ; ln -sf usr/sbin sbin )\n( cd etc ; ln -sf /../../../outside trap )\n' >"$T/slack/install/doinst.sh"
slack_package slackware64/a/aaa_base-15.0-x86_64-1.txz "$T/slack"
mkdir -p "$T/pkgtools/usr/sbin"
cat >"$T/pkgtools/usr/sbin/installpkg" <<'END'
#!/bin/sh
echo "$@" >>/installed
END
chmod 755 "$T/pkgtools/usr/sbin/installpkg"
slack_package slackware64/a/pkgtools-15.0-noarch-1.txz "$T/pkgtools"
mkdir -p "$T/bash/etc" && echo old >"$T/bash/etc/version"
slack_package slackware64/a/bash-5.1-x86_64-1.txz "$T/bash"
echo patched >"$T/bash/etc/version"
slack_package patches/packages/bash-5.2-x86_64-1_slack15.0.txz "$T/bash"
(cd "$slack" && find . -name '*.txz' -exec md5sum {} + >CHECKSUMS.md5)
sign good@example.org "$slack/CHECKSUMS.md5"
out=$(create slack slackware -a x86_64 --mirror="$url/slack" --keyring="$T/good.asc" 2>&1)
like "slackware: says what the mirror has not" "$out" "mirror has no .*coreutils"
r=$(root slack)
is "slackware: packages by its own installpkg, patches first" "$(xargs <"$r/installed")" \
	"--terse aaa_base-15.0-x86_64-1.txz --terse bash-5.2-x86_64-1_slack15.0.txz --terse pkgtools-15.0-noarch-1.txz"
is "slackware: the patched one" "$(cat "$r/etc/version")" patched
is "slackware: its name where it looks" "$(cat "$r/etc/HOSTNAME")" "$CT-slack"
is "slackware: DHCP, mirror" "$(grep -c DHCP "$r/etc/rc.d/rc.inet1.conf") $(cat "$r/etc/slackpkg/mirrors")" "1 $url/slack/slackware64-15.0/"
is "slackware: nothing of the build is left" "$(ls -d "$r/packages" "$r/install" 2>/dev/null)" ''
runs slack
fails "slackware: signed by somebody" "no good signature" slackware -F -a x86_64 --mirror="$url/slack" --keyring="$T/bad.gpg"
fails "slackware: a release that is not" "no Slackware 3.0 .*404" slackware -r 3.0 -a x86_64 --mirror="$url/slack"
sed -i 's/^..../0000/' "$slack/CHECKSUMS.md5"
fails "slackware: a forged package" "wrong checksum" slackware -F -a x86_64 --mirror="$url/slack"

# --- rpm ------------------------------------------------------------------------------------------------------------------

if rpm_tiny "$(table_packages anolis openeuler openmandriva fedora-legacy),extra" && command -v dnf >/dev/null; then
	rpm_sign
	rpm_repository "$www"/rpm/8/{BaseOS,AppStream}/"$arch/os" "$www"/rpm/openEuler-24.03-LTS/{OS,everything}/"$arch" \
		"$www/rpm/rock/repository/$arch/main"/{release,updates} "$www/rpm/releases/20/Everything/$arch/os" "$www/rpm/updates/20/$arch"
	for d in "anolis 8" "openeuler 24.03-LTS"; do
		check "${d% *}" create rpm "${d% *}" -R "${d#* }" --mirror="$url/rpm" --keyring="$T/good.asc" --fqdn=rpm.example.org
		is "${d% *}: scripts have run, its name" "$(cat "$(root rpm)/etc/scripts" "$(root rpm)/etc/hostname" | xargs)" "scripts rpm.example.org"
		echo "$CT-rpm" >"$(root rpm)/etc/hostname"
		runs rpm
	done
	mkdir -p "$T/etc/profiles" && echo extra >"$T/etc/profiles/mine"
	mkdir -p /etc/lxc && mount -t tmpfs tmpfs /etc/lxc && cp -a "$T/etc/profiles" /etc/lxc/
	check "openmandriva" create rpm openmandriva --mirror="$url/rpm" --keyring="$T/good.asc" -P mine -4 10.1.2.3/24 -g 10.1.2.1 -G fe80::1 -d 9.9.9.9
	is "openmandriva: its network" "$(xargs <"$(root rpm)/etc/systemd/network/eth0.network")" \
		"[Match] Name=eth0 [Network] Address=10.1.2.3/24 Gateway=10.1.2.1 Gateway=fe80::1 DNS=9.9.9.9"
	runs rpm
	fails "openmandriva: a profile that is not" "cannot read /etc/lxc/profiles/none" openmandriva --mirror="$url/rpm" -P none
	umount /etc/lxc
	check "fedora-legacy" create rpm fedora-legacy -R 20 --mirror="$url/rpm" --keyring="$T/good.asc" --mask-tmp
	is "fedora-legacy: a data base where its rpm looks" "$(find "$(root rpm)" -name 'rpmdb.sqlite' -printf '/%P\n')" /var/lib/rpm/rpmdb.sqlite
	runs rpm
	fails "fedora-legacy: whose keys" "no one address of the keys .*--keyring=FILE" fedora-legacy -F -R 20 --mirror="$url/rpm"
	fails "openeuler: keys beside what can be forged" "where anybody may have put them" openeuler -F -R 24.03-LTS --mirror="$url/rpm"
else
	skip "anolis, openeuler, openmandriva, fedora-legacy" "no rpmbuild, createrepo_c and dnf here (packages rpm, createrepo-c, dnf)"
fi

# --- poldek ---------------------------------------------------------------------------------------------------------------

mkdir "$T/bin"
cat >"$T/bin/poldek" <<END
#!/bin/sh
echo "\$@" >"$T/poldek.log"
cp -a "$T/tiny/." "\$2"
END
chmod 755 "$T/bin/poldek"
if command -v rpm >/dev/null; then
	PATH=$T/bin:$PATH check "pld: by the host's poldek" create pld pld -A x86_64 --repo="$url/pld"
	like "pld: how it is called" "$(cat "$T/poldek.log" 2>&1)" \
		"^--root .*/tree --cachedir .* --noask --nohold --noignore --source $url/pld -u basesystem .*rc-scripts"
	is "pld: DHCP" "$(grep -c dhcp "$(root pld)/etc/sysconfig/interfaces/ifcfg-eth0")" 1
	runs pld
else
	skip "pld" "no rpm here"
fi
command -v poldek >/dev/null || fails "pld: what is missing" "poldek is not installed|rpm is not installed" pld -F -a x86_64

# --- elsewhere ------------------------------------------------------------------------------------------------------------

fails "sabayon: what to use instead" "mirrors are gone; lxc-create -t gentoo" sabayon
fails "sparclinux: what to use instead" "repositories are gone; lxc-create -t oracle" sparclinux
fails "plamo: what to use instead" "lxc-create -t download -n NAME -- -d plamo" plamo

# --- what configurations of LXC's templates include -----------------------------------------------------------------------

bad=
for f in "$(dirname "$(command -v creel)")"/../share/lxc/config/*.conf; do
	f=${f##*/}
	printf 'lxc.include = %s\n' "$(dirname "$(command -v creel)")/../share/lxc/config/$f" >"$T/inc"
	lxc-create -P "$LXCPATH" -n "$CT-inc" -t none -f "$T/inc" >"$T/.out" 2>&1 && lxc-info -P "$LXCPATH" -n "$CT-inc" -s >"$T/.out" 2>&1 || bad+=" $f: $(cat "$T/.out")"
	lxc-destroy -P "$LXCPATH" -n "$CT-inc" >/dev/null 2>&1
done
is "every file of configuration is one" "$bad" ''
missing=
for d in alpine archlinux centos debian devuan fedora gentoo kali opensuse openwrt oracle plamo sabayon slackware sparclinux ubuntu ubuntu-cloud voidlinux; do
	for k in common userns; do
		[ -s "$(dirname "$(command -v creel)")/../share/lxc/config/$d.$k.conf" ] || missing+=" $d.$k.conf"
	done
done
is "every file that LXC's templates name" "$missing" ''
templates_end
