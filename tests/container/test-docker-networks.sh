#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# Networks of images' containers: bridges, names, ports, host, none, another's; connected while they run.
. "${0%/*}/lib.sh"
. "${0%/*}/docker.sh"
for p in nft dnsmasq ip python3; do command -v $p >/dev/null || { echo "1..0 # SKIP no $p" && trap - EXIT && exit 77; }; done

gives() { # WHAT WANTED COMMAND...
	local what=$1 wanted=$2
	is "$what" "$("${@:3}" 2>&1 </dev/null)" "$wanted"
}
# Docker's exit status of what could not be run at all.
denied() { # WHAT COMMAND...
	local what=$1 r
	shift
	"$@" >"$T/.out" 2>&1 </dev/null
	r=$?
	is "$what" $r 125
}
ip_of() { dk inspect -f "{{(index .NetworkSettings.Networks \"${2:-bridge}\").IPAddress}}" "$1"; }
# A server in a container: answers each connection with one line.
serve() { dk run -d --name "$1" "${@:2}" base sh -c 'while :; do echo here-is-'"$1"' | nc -l -p 80; done' >/dev/null; }
ask() { nc -w 2 "$1" "$2" </dev/null 2>/dev/null || busybox nc -w 2 "$1" "$2" </dev/null 2>/dev/null; }
fetch() { dk exec "$1" nc -w 2 "$2" "${3:-80}" </dev/null; }
answers() { [ "$(ask "$1" "$2")" = "$3" ]; }
reaches() { [ "$(fetch "$1" "$2" "${4:-80}" 2>/dev/null)" = "$3" ]; }

ip link set lo up
check "an image" base_image

# --- the built-in ones
like "bridge, host and none are there" "$(dk network ls --format '{{.Name}} {{.Driver}} {{.Scope}}' | sort | paste -sd,)" '^bridge bridge local,host host local,none null local$'
gives "host" "$(readlink /proc/self/ns/net)" dk run --rm --network host base readlink /proc/self/ns/net
gives "none: a loopback only" lo dk run --rm --network none base sh -c 'ls /sys/class/net'
check "a container on bridge" serve web -p 8080:80 -p 127.0.0.1:9090:80
a=$(ip_of web)
like "has an address" "$a" '^172\.[0-9]+\.0\.2$'
check "which the host reaches" wait_for 10 answers "$a" 80 here-is-web
gives "inside it is eth0" "eth0 lo" bash -c "creel docker exec web ls /sys/class/net | sort | paste -sd' '"
gives "a way out" "default via ${a%.*}.1 dev eth0" bash -c "creel docker exec web ip route | grep default | sed 's/ *$//'"
like "its name in /etc/hosts" "$(dk exec web cat /etc/hosts)" "^$a	$(dk inspect -f '{{.Config.Hostname}}' web)$"
gives "its name" "$(dk inspect -f '{{.Config.Hostname}}' web)" dk exec web hostname
like "a name server" "$(dk exec web cat /etc/resolv.conf)" '^nameserver '

# --- ports
check "a published port, from the host" wait_for 5 answers 127.0.0.1 8080 here-is-web
check "at one address only" wait_for 5 answers 127.0.0.1 9090 here-is-web
gives "port" "0.0.0.0:8080
127.0.0.1:9090" dk port web 80/tcp
like "ps" "$(dk ps --format '{{.Ports}}')" '0.0.0.0:8080->80/tcp, 127.0.0.1:9090->80/tcp|127.0.0.1:9090->80/tcp, 0.0.0.0:8080->80/tcp'
denied "a port that is another's" dk run --rm -p 8080:80 base true
like "says so" "$(cat "$T/.out")" 'port is already allocated'
gives "and leaves no container" web dk ps -a --format '{{.Names}}'
python3 -c 'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 7777)); s.listen(); time.sleep(60)' &
listener=$!
wait_for 5 grep -q ':1E61 ' /proc/net/tcp
denied "a port that the host uses" dk run --rm -p 7777:80 base true
like "says so, too" "$(cat "$T/.out")" 'address already in use'
kill $listener 2>/dev/null
first=$(dk run -d --name any -p 80 base sleep 1000 >/dev/null; dk port any 80 | sed 's/.*://')
denied "a port that somebody has, whichever others are chosen" dk run --rm -p 81 -p "$first:80" base true
check "the one that is named goes before those that are chosen" dk run --rm -p 81 -p "$((first + 1)):80" base true
dk rm -f any >/dev/null

# --- another's network is as it is
for what in "--dns 1.2.3.4=dns and the network mode" "-p 80:80=port publishing and the container type network mode" "-P=port publishing and the container" \
	"--expose 80=port exposing and the container type network mode" "-h other=hostname and the network mode" "--add-host a:1.2.3.4=custom host-to-IP mapping and the network mode"; do
	# shellcheck disable=SC2086 # an option and its argument
	like "with ${what%%=*} it is not shared" "$(dk run --rm --network container:web ${what%%=*} base true 2>&1)" "conflicting options: ${what#*=}"
done
like "nor with itself" "$(dk run --rm --name me --network container:me base true 2>&1)" 'cannot join own network'
gives "who shares it has its name" "$(dk exec web hostname)" dk run --rm --network container:web base hostname
check "any port" serve any -p 80
like "is one of those" "$(dk port any 80)" '^0.0.0.0:(3[2-9]|[45][0-9])[0-9]{3}$'
check "from one container to another by the host's address" wait_for 10 reaches any "$(ip -4 -o addr show creel0 | awk '{print $4}' | cut -d/ -f1)" here-is-web 8080
check "restarted" dk restart -t 0 web
check "the port leads there again" wait_for 10 answers 127.0.0.1 8080 here-is-web
check "stopped" dk stop -t 0 web any
refuse "nobody answers" bash -c "exec 3<>/dev/tcp/127.0.0.1/8080"
gives "no port is left in the table" "" bash -c "nft list map inet creel-nat any4 | grep -o '8080' ; true"
check "removed" dk rm web any

# --- networks of one's own
check "made" dk network create --subnet 10.99.0.0/24 --label a=b blue
gives "inspected" "10.99.0.0/24 10.99.0.1 b" dk network inspect -f '{{(index .IPAM.Config 0).Subnet}} {{(index .IPAM.Config 0).Gateway}} {{.Labels.a}}' blue
refuse "twice" dk network create blue
like "says so" "$(cat "$T/.out")" 'network with name blue already exists'
refuse "over another's" dk network create --subnet 10.99.0.128/25 clash
like "says so" "$(cat "$T/.out")" 'Pool overlaps with other one on this address space'
refuse "of a driver that is none" dk network create -d carrier-pigeon x
check "an internal one" dk network create --internal red
check "a container" serve db --network blue --network-alias database --ip 10.99.0.77
gives "at its address" 10.99.0.77 ip_of db blue
check "another" dk run -d --name app --network blue base sleep 1000
check "reaches it by its name" wait_for 10 reaches app db here-is-db
check "and by its alias" wait_for 10 reaches app database here-is-db
gives "a name that nobody has" 1 bash -c 'creel docker exec app nslookup nobody >/dev/null 2>&1; echo $?'
gives "members" "app db" bash -c "creel docker network inspect -f '{{range .Containers}}{{println .Name}}{{end}}' blue | sort | paste -sd' ' | sed 's/^ *//'"
refuse "one that is used is not removed" dk network rm blue
like "says by whom" "$(cat "$T/.out")" 'has active endpoints'
check "one that is on red only" serve hidden --network red
h=$(ip_of hidden red)
refuse "is not reached from blue" bash -c "creel docker exec app nc -w 1 $h 80 | grep here"
check "until app is there, too" dk network connect red app
gives "with a second interface" "eth0 eth1" bash -c "creel docker exec app ls /sys/class/net | grep eth | sort | paste -sd' '"
check "then it is" wait_for 5 reaches app "$h" here-is-hidden
check "by its name as well" wait_for 5 reaches app hidden here-is-hidden
check "beside the first network's names" wait_for 5 reaches app db here-is-db
check "and by its name of one network" wait_for 5 reaches app db.blue here-is-db
dk exec app sh -c 'echo 192.0.2.7 mine >>/etc/hosts'
check "who comes later has a name, too" dk run -d --name late --network red --network-alias tardy base sleep 1000
gives "at once" "$(ip_of late red)" bash -c "creel docker exec app awk '/ tardy\$/ {print \$1}' /etc/hosts"
check "and goes with it" dk rm -f late
gives "from the list" 0 bash -c "creel docker exec app grep -c tardy /etc/hosts; true"
check "restarted" dk restart -t 0 app
check "it has both networks' names again" wait_for 10 reaches app hidden here-is-hidden
check "and those" wait_for 10 reaches app db here-is-db
dk exec app sh -c 'echo 192.0.2.7 mine >>/etc/hosts'
hosts=$T/data/containers/$(dk inspect -f '{{.Id}}' app)/hosts
python3 -c 'import fcntl, signal, sys, time
signal.signal(signal.SIGIO, signal.SIG_IGN)
f = open(sys.argv[1])
fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_RDLCK)
print("held", flush=True)
time.sleep(60)' "$hosts" >"$T/lease" &
lease=$!
wait_for 5 test -s "$T/lease"
check "nobody waits for what a container does with its file" timeout 20 creel docker run --rm --network red base true
kill $lease && wait $lease 2>/dev/null
check "and no more" dk network disconnect red app
gives "nor its names" 0 bash -c "creel docker exec app grep -c hidden /etc/hosts; true"
gives "what the container wrote stays" 1 bash -c "creel docker exec app grep -c mine /etc/hosts"
check "one of the built-in network" dk run -d --name plain base sleep 1000
check "connected while it runs" dk network connect blue plain
check "has the names" wait_for 10 reaches plain database here-is-db
check "with the first network gone, too" bash -c 'creel docker network disconnect bridge plain && creel docker exec plain grep -q database /etc/hosts && creel docker rm -f plain'
gives "its interface has gone" eth0 bash -c "creel docker exec app ls /sys/class/net | grep eth"
gives "another's network" "$(dk exec app cat /proc/self/net/dev | grep -c eth0)" bash -c "creel docker run --rm --network container:app base cat /proc/self/net/dev | grep -c eth0"
denied "a network that is none" dk run --rm --network nowhere base true
like "says so" "$(cat "$T/.out")" 'network nowhere not found'
gives "host names given along" "10.1.2.3	friend" bash -c "creel docker run --rm --add-host friend:10.1.2.3 base grep friend /etc/hosts"
gives "name servers given along" "nameserver 192.0.2.53" bash -c "creel docker run --rm --dns 192.0.2.53 base grep nameserver /etc/resolv.conf"
check "all gone" dk rm -f app db hidden
gives "nobody serves names" "" bash -c "pgrep -af 'dnsmasq.*--interface=br-' | grep -v pgrep; true"
check "networks, too" dk network rm blue red
gives "no bridge is left of them" "" bash -c "ls /sys/class/net | grep '^br-' ; true"
