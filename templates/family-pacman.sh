# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh disable=SC2034
#
# Arch Linux: by the host's pacman with the keys of its packagers, else from the archive that Arch publishes to install
# itself from, whose pacman then installs the rest. Sourced by distribution.sh.

. "$here/family-tar.sh"

# Arch has packages of today only: what it had on another day is in its archives.
find_pacman() {
	[ -z "$tarball" ] && [ "$release" = "$default_release" ] || return 1
	[ -z "$keyring$repo" ] || return 0
	[ -r "${keys%% *}" ] && command -v pacman >/dev/null
}

resolve_release() {
	if find_pacman; then
		[ "$clean" = 1 ] || refuse_userns "$title"
	else
		resolve_image
	fi
}

made_of() {
	if find_pacman; then
		echo "release=$release arch=$arch format=1 repo=$repo packages=$(base_packages)"
	else
		made_of_image
	fi
}

# The keys of --keyring are trusted because they were given, those of Arch as its master keys say.
prepare_keys() {
	need gpg gpg
	mkdir -p "$work/keys" && chmod 0700 "$work/keys"
	if [ -n "$keyring" ]; then
		trust=TrustAll
		contained gpg --homedir "$work/keys" --batch --import -- "$keyring" || complain "--keyring: no keys in $keyring"
	else
		trust=TrustedOnly
		[ -r "${keys%% *}" ] || die "the keys of $title are not here (package ${keys#* }, or --keyring=FILE)"
		contained pacman-key --gpgdir "$work/keys" --init || complain "cannot make pacman's keys"
		contained pacman-key --gpgdir "$work/keys" --populate archlinux || complain "cannot fill pacman's keys"
	fi
}

# install_from_host TREE PACKAGE...
install_from_host() {
	into=$1
	shift
	need pacman pacman-package-manager
	prepare_keys
	{
		printf '[options]\nArchitecture = %s\nSigLevel = Required DatabaseOptional %s\n' "$arch" "$trust"
		if [ -n "$repo" ]; then
			printf '[packages]\nServer = %s\n' "${repo%/}"
		else
			printf '[%s]\nServer = %s/$repo/os/$arch\n' core "$mirror" extra "$mirror"
		fi
	} >"$work/pacman.conf"
	mkdir -p "$into/var/lib/pacman" "$work/pacman"
	with_devices "$into" pacman --config "${pacman_config:-$work/pacman.conf}" --root "$into" --dbpath "$into/var/lib/pacman" \
		--cachedir "$work/pacman" --gpgdir "$work/keys" --logfile /dev/null --noconfirm --noprogressbar -Sy -- "$@" || return 1
}

build_tree() {
	if find_pacman; then
		# shellcheck disable=SC2046 # a list
		install_from_host "$work/tree" $(base_packages) || complain "pacman could not build $title ($arch) from ${repo:-$mirror}"
	else
		unpack_image
	fi
	t=$work/tree
	printf 'Server = %s/$repo/os/$arch\n' "$mirror" | put /etc/pacman.d/mirrorlist
	if has /usr/bin/pacman-key; then
		put /etc/resolv.conf </dev/null
		in_root pacman-key --init || complain "cannot make pacman's keys"
		in_root pacman-key --populate || complain "cannot fill pacman's keys"
	fi
	generalize "$work/tree"
}

in_tree_packages() {
	make_work
	if find_pacman; then
		# shellcheck disable=SC2086 # a list
		install_from_host "$rootfs" $packages || complain "--packages: cannot install $packages"
	else
		# shellcheck disable=SC2086 # a list
		in_root pacman -Sy --noconfirm --noprogressbar -- $packages || complain "--packages: cannot install $packages"
	fi
}

unit_names() {
	for n in $(echo "$1" | tr ',' ' '); do
		case $n in
		*/* | .*) die "'$n' is no name of a unit" ;;
		*.*) echo "$n" ;;
		*) echo "$n.service" ;;
		esac
	done
}

add_account() {
	[ -z "$pacman_config" ] || put /etc/pacman.conf <"$pacman_config"
	[ -z "$root_password" ] || set_password root "$root_password"
	for n in $(unit_names "$enable_units"); do
		enable_unit multi-user.target "$n"
	done
	for n in $(unit_names "$disable_units"); do
		inside /etc/systemd/system
		for w in "$real"/*.wants; do
			drop "${w#"$t"}/$n"
		done
	done
}
