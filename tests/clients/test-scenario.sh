#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# prepares: Debian in the cache, and packages for images, from its mirror
#
# A day with images: Debian is pushed to a registry of ours, images are built from it there and pushed, and run where nothing of
# them is yet: iperf between two containers, redis with a volume, nginx with a port and a folder of the host, python. apt-get
# takes its packages from a folder, as a container of the test has no way out.
packages="iperf redis-server nginx-light python3-minimal"
cache=${LXC_CACHE_PATH:-/var/cache/lxc}
debs=$cache/debs-images
debian=$(find "$cache/debian" -maxdepth 1 -name 'rootfs-*-*' -type d 2>/dev/null | sort | head -n 1)
if [ "${1-}" = prepare ]; then
	if [ -z "$debian" ]; then
		lxc-create -P "$LXCPATH" -n prepare -t debian && lxc-destroy -P "$LXCPATH" -n prepare || exit 1
		debian=$(find "$cache/debian" -maxdepth 1 -name 'rootfs-*-*' -type d | sort | head -n 1)
	fi
	[ ! -e "$debs/.made" ] || exit 0
	mkdir -p "$T/over" "$debs" && mount -t tmpfs tmpfs "$T/over" && mkdir "$T"/over/{up,work,root} || exit 1
	export debian debs packages
	# shellcheck disable=SC2016 # of the inner shell
	unshare -m bash -c 'mount -t overlay overlay -o "lowerdir=$debian,upperdir=$T/over/up,workdir=$T/over/work" "$T/over/root" &&
		cd "$T/over/root" && mount -t proc proc proc && mount --rbind /dev dev && cp /etc/resolv.conf etc/ && mkdir -p debs/partial &&
		DEBIAN_FRONTEND=noninteractive chroot . sh -ec "apt-get update -qq
			apt-get install -y -qq --no-install-recommends --download-only -o Dir::Cache::archives=/debs $packages" &&
		cp debs/*.deb "$debs/" && : >"$debs/.made"'
	r=$?
	umount "$T/over"
	exit $r
fi
. "${0%/*}/lib.sh"
need tar curl
{ [ -n "$debian" ] && [ -e "$debs/.made" ]; } || skip_file "no Debian, or no packages, in $cache"
export HOME=$T
R=127.0.0.1:5050
data=/var/lib/creel
mkdir -p $data && mount -t tmpfs -o mode=0711 tmpfs $data
creel_ends() {
	creel ps -aq | xargs -r creel rm -f >/dev/null
	creel network prune -f >/dev/null
	creel net down >/dev/null 2>&1
	umount $data
}
trap 'creel_ends; at_end' EXIT
answers() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# --- a registry, Debian in it
daemon "$T/registry.log" creel registry serve --addr $R --root "$T/registry"
check "a registry serves" wait_for 10 answers 127.0.0.1 5050
mkdir "$T/root" && mount -t tmpfs tmpfs "$T/root" && tar -C "$debian" --exclude ./usr/share/doc --exclude ./usr/share/locale \
	--exclude ./usr/share/man --exclude ./var/lib/apt/lists -cf - . | tar -C "$T/root" -xpf - || exit 1
make_image "$T/root" "$T/debian.tar" $R/debian:12 '["bash"]' && umount "$T/root" || exit 1
check "Debian as an image" creel load -q -i "$T/debian.tar"
rm "$T/debian.tar"

# --- its own systemd boots; network and ssh are set up in no image
masks=(-v /dev/null:/etc/systemd/system/ssh.service -v /dev/null:/etc/systemd/system/networking.service)
check "Debian boots" creel run -d --name system --system --network none "${masks[@]}" $R/debian:12
state() { creel exec system systemctl is-system-running 2>/dev/null; }
up() { [ "$(state)" = running ]; }
started() { creel inspect -f '{{.State.StartedAt}}' system; }
booted() { [ "$(started)" != "$was" ] && up; }
wait_for 120 up || note "$(creel exec system systemctl --failed --no-legend 2>&1)"
is "the whole of it" "$(state)" running
like "it tells of it" "$(creel logs system)" 'Reached target.*multi-user'
was=$(started)
check "it reboots" creel exec system systemctl reboot
check "and is there again" wait_for 120 booted
check "it stops" creel stop -t 30 system
is "by itself" "$(creel inspect -f '{{.State.Status}} {{.State.ExitCode}}' system)" "exited 0"
creel start system >/dev/null
wait_for 120 up
creel exec system systemctl poweroff
ended() { [ "$(creel inspect -f '{{.State.Status}}' system)" = exited ]; }
check "it goes down when it is told so inside" wait_for 120 ended
check "and is removed" creel rm system
check "push" creel push $R/debian:12
check "and it is removed here" creel rmi $R/debian:12
is "nothing is left" "$(creel images -q)" ""

# --- images from it
mkdir "$T/context" "$T/context/debs" && cp "$debs"/*.deb "$T/context/debs/" && cd "$T/context" || exit 1
for f in debs/*.deb; do
	dpkg-deb -f "$f" | grep -v '^$'
	printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${f##*/}" "$(stat -c %s "$f")" "$(sha256sum <"$f" | cut -d' ' -f1)"
done >debs/Packages
cat >Dockerfile.base <<D
FROM $R/debian:12
COPY debs /debs
RUN rm -f /etc/apt/sources.list.d/* && echo 'deb [trusted=yes] file:/debs ./' >/etc/apt/sources.list && apt-get update
D
cat >Dockerfile.iperf <<D
FROM $R/base
RUN apt-get install -y --no-install-recommends iperf
EXPOSE 5001
CMD ["iperf", "-s"]
D
cat >Dockerfile.services <<D
FROM $R/base
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get install -y --no-install-recommends redis-server nginx-light python3-minimal
VOLUME /data
WORKDIR /data
EXPOSE 6379 80
CMD ["redis-server", "--protected-mode", "no", "--appendonly", "yes", "--dir", "/data"]
D
for i in base iperf services; do
	check "build: $i" creel build -q -f Dockerfile.$i -t $R/$i .
	[ $i = services ] || like "which says what it is" "$(creel images -q $R/$i)" '^[0-9a-f]{12}$'
	check "push: $i" creel push -q $R/$i
done
like "layers that the registry has are mounted" "$(creel push $R/iperf 2>&1)" 'Layer already exists'
creel rmi $R/base $R/iperf $R/services >/dev/null
check "the builds' own go, too" creel image prune -af
is "nothing is left here" "$(creel images -aq)" ""

# --- iperf between two containers, pulled as they are run
check "a network" creel network create lab
like "run pulls what is not there" "$(creel run -d --name server --network lab $R/iperf 2>&1)" 'Status: Downloaded newer image'
like "iperf from one container to the other, by its name" \
	"$(creel run --rm --network lab $R/iperf iperf -c server -t 1 2>&1)" '[1-9][0-9.]* .?bits/sec'
like "the server has seen it" "$(creel logs server)" 'connected with'
check "it stops" creel stop -t 1 server

# --- redis: a port of the host, a volume that outlives the container
redis() { # COMMAND...: over the host's port
	exec 3<>/dev/tcp/127.0.0.1/6379 && printf '%s\r\n' "$*" >&3 && IFS= read -r -t 5 line <&3 && echo "${line%$'\r'}"
	exec 3>&-
}
check "redis" creel run -d --name redis -p 127.0.0.1:6379:6379 -v store:/data $R/services
ponged() { [ "$(redis PING 2>/dev/null)" = +PONG ]; }
check "answers on the host's port" wait_for 10 ponged
is "it takes" "$(redis SET key from-here)" +OK
gives "it gives, to its own client" from-here creel exec redis redis-cli GET key
check "its container goes" creel rm -f redis
check "another has its volume" creel run -d --name again -p 127.0.0.1:6379:6379 -v store:/data $R/services
wait_for 10 ponged
gives "with what was in it" from-here creel exec again redis-cli GET key
like "the port is shown" "$(creel ps)" '127.0.0.1:6379->6379/tcp'

# --- nginx: a folder of the host, read-only
mkdir "$T/site" && echo "from the host" >"$T/site/index.html" && chmod 755 "$T/site"
check "nginx" creel run -d --name web -p 8080:80 -v "$T/site:/var/www/html:ro" $R/services nginx -g 'daemon off;'
served() { [ "$(curl -s -m 5 http://127.0.0.1:8080/)" = "from the host" ]; }
check "serves it" wait_for 10 served
gives "cannot change it" no creel exec web sh -c 'touch /var/www/html/x 2>/dev/null || echo no'

# --- python
gives "python" "42 linux" creel run --rm $R/services python3 -c 'import sys; print(6 * 7, sys.platform)'
is "from standard input" "$(echo 'print("typed")' | creel run --rm -i $R/services python3 -)" typed
exits "its exit status" 3 creel run --rm $R/services python3 -c 'raise SystemExit(3)'
