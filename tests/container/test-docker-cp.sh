#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# cp in both directions: containers that run and that do not, volumes, links, owners.
. "${0%/*}/lib.sh"
. "${0%/*}/docker.sh"
N=(--network none)
says() { like "$1" "$(dk "${@:3}" 2>&1 >/dev/null </dev/null)" "$2"; }
# owner CONTAINER:PATH; content CONTAINER:PATH
owner() { dk cp "$1" - | tar -tvn --numeric-owner | awk 'NR == 1 {print $2}'; }
content() { dk cp "$1" - | tar -xO; }
names() { dk cp "$1" - | tar -t | sort | tr '\n' ' '; }

base_image >/dev/null || exit 1
mkdir -p "$T/dir/sub" "$T/bound"
echo hi >"$T/file" && echo deep >"$T/dir/sub/f" && ln -s sub/f "$T/dir/link" && ln -s /etc/passwd "$T/dir/out"
chown -R 1234:2345 "$T/file" "$T/dir"
echo single >"$T/single" && echo bound >"$T/bound/f"
echo secret >"$T/secret"
dk run --rm "${N[@]}" -v named:/d base sh -c 'mkdir /d/sub; echo vol >/d/sub/f' || exit 1

for state in stopped running; do
	c=$CT-$state
	dk create --name "$c" "${N[@]}" -v "$T/single:/etc/single" -v "$T/bound:/bound" -v "$T/bound:/ro:ro" -v named:/vol -v "$T/single:/vol/sub/single" \
		base sleep 1000 >/dev/null
	[ $state = stopped ] || dk start "$c" >/dev/null
	check "$state: a file" dk cp "$T/file" "$c:/tmp/f"
	is "$state: keeps its owner" "$(owner "$c:/tmp/f") $(content "$c:/tmp/f")" "1234/2345 hi"
	check "$state: a folder, under a new name" dk cp "$T/dir" "$c:/tmp/new"
	is "$state: is all there" "$(names "$c:/tmp/new")" "new/ new/link new/out new/sub/ new/sub/f "
	check "$state: again, now into it" dk cp "$T/dir" "$c:/tmp/new"
	is "$state: is below it" "$(content "$c:/tmp/new/dir/sub/f")" deep
	check "$state: what is in a folder" dk cp "$T/dir/." "$c:/tmp/flat"
	is "$state: and not the folder" "$(names "$c:/tmp/flat")" "flat/ flat/link flat/out flat/sub/ flat/sub/f "
	check "$state: a link is a link" dk cp "$T/dir/link" "$c:/tmp/link"
	like "$state: with its target" "$(dk cp "$c:/tmp/link" - | tar -tv)" 'link -> sub/f'
	check "$state: -L is what it points to" dk cp -L "$T/dir/link" "$c:/tmp/followed"
	is "$state: a file" "$(content "$c:/tmp/followed")" deep
	says "$state: no folder over a file" "^cannot copy directory" cp "$T/dir" "$c:/etc/passwd"
	says "$state: a file is no folder" "^no such directory" cp "$T/file" "$c:/etc/passwd/"
	says "$state: nor is there one" "Could not find the file /nosuch in container" cp "$T/file" "$c:/nosuch/x"
	says "$state: nothing to copy" "Could not find the file /nosuch in container" cp "$c:/nosuch" "$T/x"
	is "$state: a bind of one file" "$(content "$c:/etc/single")" single
	check "$state: which is in its folder" bash -c "creel docker cp '$c:/etc' - | tar -xO etc/single | grep -q single"
	is "$state: a bound folder" "$(content "$c:/bound/f")" bound
	is "$state: a volume" "$(content "$c:/vol/sub/f")" vol
	is "$state: a bind in a volume" "$(content "$c:/vol/sub/single")" single
	check "$state: into a volume" dk cp "$T/file" "$c:/vol/$state"
	is "$state: which has it" "$(cat "$T/data/volumes/named/_data/$state")" hi
	check "$state: into a bound folder" dk cp "$T/file" "$c:/bound/$state"
	is "$state: which has it, too" "$(cat "$T/bound/$state")" hi
	refuse "$state: not into one that is read-only" dk cp "$T/file" "$c:/ro/x"
	like "$state: and says why" "$(cat "$T/.out")" "mounted volume is marked read-only"
	# Links of the container lead to its own files.
	dk cp - "$c:/tmp" < <(mkdir -p "$T/evil" && ln -sfn "$T" "$T/evil/host" && ln -sfn ../../../../../.. "$T/evil/up" && tar -C "$T/evil" -c host up)
	says "$state: a link leads to nothing of the host" "Could not find the file" cp "$c:/tmp/host/secret" "$T/x"
	says "$state: nor one that climbs" "Could not find the file" cp "$c:/tmp/up$T/secret" "$T/x"
	says "$state: and nothing is written there" "Could not find the file" cp "$T/file" "$c:/tmp/host/written"
	refuse "$state: nothing was" test -e "$T/written"
	check "$state: out, into a folder" dk cp "$c:/tmp/new" "$T/bound"
	is "$state: is the caller's" "$(stat -c %u:%g "$T/bound/new/sub/f") $(cat "$T/bound/new/sub/f")" "0:0 deep"
	check "$state: out, what is in it" dk cp "$c:/tmp/new/." "$T/bound/flat-$state"
	is "$state: under that name" "$(cat "$T/bound/flat-$state/sub/f")" deep
	check "$state: out, a slash at its end" dk cp "$c:/tmp/new/" "$T/bound"
	is "$state: is the folder itself" "$(cat "$T/bound/new/sub/f")" deep
	check "$state: out, what is in it, into one that is there" dk cp "$c:/tmp/new/." "$T/bound/new/sub"
	is "$state: is there" "$(cat "$T/bound/new/sub/sub/f")" deep
	check "$state: out with -a" dk cp -a "$c:/tmp/f" "$T/kept-$state"
	is "$state: keeps its owner outside" "$(stat -c %u:%g "$T/kept-$state")" 1234:2345
	dk rm -f "$c" >/dev/null
	rm -rf "$T/bound/new" "$T/bound/flat-$state"
done
dk create --name owned -u nobody:0 "${N[@]}" base true >/dev/null
check "-a into a container with a user" dk cp -a "$T/dir" owned:/tmp/a
is "is that user's" "$(owner owned:/tmp/a)" "65534/0"
check "without -a" dk cp "$T/dir" owned:/tmp/b
is "it is not" "$(owner owned:/tmp/b)" "1234/2345"
dk create --name locked --read-only "${N[@]}" -v named:/vol base true >/dev/null
says "not into a root that is read-only" "container rootfs is marked read-only" cp "$T/file" locked:/tmp/x
check "but into its volume" dk cp "$T/file" locked:/vol/x
dk create --name early "${N[@]}" -v "$T/not-yet:/x" base true >/dev/null
check "a bind whose folder is not there yet" dk cp "$T/file" early:/x/f
is "is made, as a start does" "$(cat "$T/not-yet/f")" hi
refuse "nothing stays mounted" grep -q "$T/data/containers" /proc/self/mountinfo
