#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# creel build: the Dockerfile language executed, its cache, kills in the middle, the same digest twice; other tools read it.
. "${0%/*}/lib.sh"
export CREEL_ROOT=$T/data
# Overlayfs does not lie over everything that the test's own folder may be on.
fresh_store() { mkdir -p "$CREEL_ROOT" && mount -t tmpfs -o mode=0711 tmpfs "$CREEL_ROOT"; }
fresh_store
mkdir "$T/c" && cd "$T/c" || exit 1
make_rootfs "$T/root" && chmod 1777 "$T/root/tmp" && tar -C "$T/root" -czf base.tar.gz . && rm -rf "$T/root"

# dockerfile NAME: standard input
dockerfile() { cat >"$T/c/$1"; }
# build ARG…: standard output and error in $out, the exit code in $code
build() {
	out=$(timeout 60 creel build "$@" 2>&1 </dev/null)
	code=$?
}
# files IMAGE: the names in it
files() {
	rm -rf "$T/out"
	printf 'FROM %s\n' "$1" | creel build -q -o "$T/out" -f - "$T/c" >/dev/null
	(cd "$T/out" && find . -mindepth 1 | sort)
}
leftovers() { find "$CREEL_ROOT/layers/roots" "$CREEL_ROOT/build" -maxdepth 1 -name '????????????????????????????????????????????????????????????????' | wc -l; }

dockerfile base <<'D'
FROM scratch
ADD base.tar.gz /
ENV PATH=/bin:/sbin
CMD ["sh"]
D
build -t base -f base .
is "a base of an archive is built" "$code" 0
like "in the words of the classic builder" "$out" '^Step 1/4 : FROM scratch$'
like "with its id" "$out" '^Successfully built [0-9a-f]{12}$'
like "and its name" "$out" '^Successfully tagged base:latest$'

# --- the language
mkdir -p d/sub && echo one >d/one && echo two >d/sub/two && echo x >d/x.o && echo secret >d/.env
printf '%s\n' '**/*.o' d/.env >.dockerignore
dockerfile all <<'D'
# syntax=docker/dockerfile:1
ARG FROM_TAG=latest
FROM base:$FROM_TAG AS tools
ARG WHO=nobody
ENV GREETING="hello ${WHO:-you}"
RUN echo "$GREETING" >/greeting
SHELL ["/bin/ash", "-ec"]
RUN false || echo "of $0" >/shell
FROM base
ARG WHO
WORKDIR /w
WORKDIR sub
COPY --from=tools --chown=65534 --chmod=600 /greeting ./
COPY --exclude=one d /d/
COPY d/o* d/sub/tw[o] /many/
COPY <<a <<"b" /here/
who: $WHO
a
who: $WHO
b
RUN <<E
set -e
ls -l /w/sub/greeting >/owner
cat /here/b >>/owner
E
RUN --mount=type=bind,from=tools,target=/tools --mount=type=tmpfs,target=/scratch \
    --mount=type=secret,id=token,required=true --mount=type=cache,target=/cache <<"E"
#!/bin/sh
echo "$(cat /tools/shell) $(cat /run/secrets/token) $(touch /scratch/x /cache/x && ls /scratch /cache | grep -c x)" | tr a-z A-Z >/mounts
E
LABEL a=b "a b"="e $WHO"
EXPOSE 80 53/udp
USER nobody
VOLUME /vol
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --retries=2 CMD true
ENTRYPOINT ["/bin/echo"]
RUN id -un >/tmp/me; echo "$WHO" >>/tmp/me
D
echo t0pSecret >token
echo token >>.dockerignore
build -t all --build-arg WHO=world --secret id=token,src=token -f all .
is "all of the language is executed" "$code" 0
[ "$code" = 0 ] || note "$out"
list=$(files all)
like "contents of a folder are copied, and folders made" "$list" '^\./d/sub/two$'
unlike "what .dockerignore and --exclude leave out is not" "$list" '(x\.o|\.env|/d/one)$'
like "patterns are expanded" "$list" '^\./many/two$'
unlike "mount points do not stay" "$list" '^\./(tools|scratch|cache|run/secrets)'
is "variables" "$(cat "$T/out/w/sub/greeting")" "hello world"
is "owner and mode of a copy" "$(stat -c '%u %g %a' "$T/out/w/sub/greeting")" "65534 65534 600"
is "here documents, expanded and not" "$(cat "$T/out/here/a" "$T/out/here/b")" "who: world
who: \$WHO"
like "a here document is a script" "$(cat "$T/out/owner")" 'nobody +nogroup'
is "mounts of every kind, and an interpreter of its own" "$(cat "$T/out/mounts")" "OF /BIN/ASH T0PSECRET 2"
is "the user, and an ARG in the environment" "$(tr '\n' ' ' <"$T/out/tmp/me")" "nobody world "
config=$(creel image inspect all)
for want in '"/bin/echo"' '"53/udp"' '"a b": "e world"' '"SIGINT"' '"/vol"' '"WorkingDir": "/w/sub"' '"Retries": 2' '"User": "nobody"'; do
	like "the configuration has $want" "$config" "$want"
done
is "a secret is nowhere" "$(grep -rl t0pSecret "$T/out" | wc -l) $(creel history --no-trunc all | grep -c t0pSecret)" "0 0"

# --- the cache
build -t all --build-arg WHO=world --secret id=token,src=token -f all .
unlike "nothing is executed twice" "$out" 'Running in'
t0=$(date +%s%N)
for _ in 1 2 3; do creel build -q --build-arg WHO=world -f all . >/dev/null; done
note "a cached build of 26 steps: $((($(date +%s%N) - t0) / 3000000)) ms"
id=$(creel build -q -f base .)
touch -d '2001-01-01' base.tar.gz
is "times of files do not matter" "$(creel build -q -f base .)" "$id"
echo three >d/one
build --build-arg WHO=world --secret id=token,src=token -f all .
like "a file that has changed does" "$out" 'Running in'
build --no-cache -f base .
unlike "--no-cache" "$out" 'Using cache'

# --- stages
dockerfile stages <<'D'
FROM base AS slow
RUN --mount=type=cache,target=/meet echo slow; until [ -e /meet/b ]; do sleep 0.1; done; touch /meet/a; echo a >/a
FROM base AS other
RUN --mount=type=cache,target=/meet echo other; touch /meet/b; until [ -e /meet/a ]; do sleep 0.1; done; echo b >/b
FROM base AS unused
RUN exit 9
FROM base
COPY --from=slow /a /
COPY --from=other /b /
D
build -f stages .
is "independent stages run at the same time, and what nobody needs does not" "$code" 0
is "their output is in order" "$(grep -xE 'slow|other' <<<"$out" | tr '\n' ' ')" "slow other "
build --target unused -f stages .
is "--target builds that one, and its command's code is the build's" "$code" 9
like "what failed is named" "$out" "^The command '/bin/sh -c exit 9' returned a non-zero code: 9$"
like "with its line" "$out" '^ +6 \| RUN exit 9$'

# --- ONBUILD, --squash, --output
dockerfile trigger <<'D'
FROM base
ONBUILD COPY d/one /triggered
ONBUILD RUN echo "triggered too" >/too
RUN echo 1 >/1 && echo 2 >/2
RUN rm /1 && rm -r /mnt
D
build -t trigger --squash -f trigger .
is "--squash" "$code" 0
layers() { creel image inspect "$1" --format '{{len .RootFS.Layers}}'; }
is "makes one layer over the base" "$(layers trigger)" "$(($(layers base) + 1))"
printf 'FROM trigger\n' | creel build -q -t triggered -f - . >/dev/null
list=$(files triggered)
like "triggers are executed" "$list" '^\./triggered$'
like "all of them" "$list" '^\./too$'
unlike "what a squashed layer removed is gone" "$list" '^\./(1|mnt)$'
printf 'FROM base\n' | creel build -q -o type=tar,dest="$T/out.tar" -f - . >/dev/null
like "--output as an archive" "$(tar -tf "$T/out.tar")" 'bin/busybox'

# --- contexts
is "a Dockerfile on standard input" "$(printf 'FROM base\nRUN echo hi\n' | creel build - 2>&1 | grep -cx hi)" 1
is "an archive on standard input" "$(tar -cz . | creel build -f base -q - | cut -c1-7)" "sha256:"
mkdir "$T/named" && echo named >"$T/named/n"
dockerfile named <<'D'
FROM base
COPY --from=extra n /n
D
build --build-context extra="$T/named" -t named -f named .
like "a context with a name" "$(files named)" '^\./n$'

# --- ADD
mkdir "$T/web" && echo served >"$T/web/file.txt" && tar -C "$T/web" -czf "$T/web/a.tgz" file.txt
(cd "$T/web" && exec python3 -m http.server --bind 127.0.0.1 8765 >/dev/null 2>&1) &
web=$!
wait_for 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8765'
sum=$(sha256sum "$T/web/file.txt" | cut -d' ' -f1)
printf 'FROM base\nADD --checksum=sha256:%s http://127.0.0.1:8765/file.txt /url/\nADD http://127.0.0.1:8765/a.tgz /url/\n' "$sum" >add
cp "$T/web/a.tgz" local.tgz
printf 'ADD local.tgz /unpacked/\nADD --unpack=false local.tgz /kept/\n' >>add
build -t add -f add .
is "ADD of URLs and archives" "$code" 0
[ "$code" = 0 ] || note "$out"
list=$(files add)
for name in url/file.txt url/a.tgz unpacked/file.txt kept/local.tgz; do like "makes $name" "$list" "^\\./$name\$"; done
is "a file of a URL is the owner's only" "$(stat -c %a "$T/out/url/file.txt")" 600
printf 'FROM base\nADD --checksum=sha256:%064d http://127.0.0.1:8765/file.txt /x\n' 0 >add
build -f add .
like "a checksum that is wrong" "$out" 'checksum mismatch'
printf 'FROM base\nADD http://127.0.0.1:8765/nothing /x\n' >add
build -f add .
like "a URL that is not there" "$out" 'with status 404'
kill "$web"
wait "$web" 2>/dev/null

# --- archives are read by creel itself: no program of the host sees them
mkdir many && echo in >many/x && mknod many/null c 1 3
tools=
for how in gzip bzip2 xz zstd; do
	command -v $how >/dev/null && tools="$tools $how"
done
for how in $tools; do
	tar -C many -cf - . | $how -c >"many.$how"
	tar -cf - --exclude 'many*' . | $how -c >"$T/context.$how"
done
for how in $tools tar; do mount --bind /bin/false "$(readlink -f "$(command -v "$how")")"; done
for how in $tools; do
	printf 'FROM base\nADD many.%s /%s/\n' "$how" "$how" >addtar
	build -t addtar -f addtar .
	is "ADD of a tar by $how" "$code $(files addtar | grep -c "^\\./$how/x\$")" "0 1"
	out=$(timeout 60 creel build -f base - <"$T/context.$how" 2>&1)
	like "a context by $how" "$out" '^Successfully built'
done
printf 'FROM base\nRUN echo a >/a\nRUN echo b >/b && rm /a\n' >squash2
build --squash --no-cache -f squash2 -t squash2 .
unlike "--squash" "$(files squash2)" '^\./a$'
head -c 300 "$T/context.gzip" >"$T/context.cut"
out=$(timeout 60 creel build -f base - <"$T/context.cut" 2>&1)
is "an archive that is cut off" "$?" 1
for how in $tools tar; do umount "$(readlink -f "$(command -v "$how")")"; done
rm -rf many many.*

# --- the same digest on any machine
reproduce() {
	(cd "$1" && SOURCE_DATE_EPOCH=1700000000 creel build -q --no-cache -t base -f base . >/dev/null &&
		SOURCE_DATE_EPOCH=1700000000 creel build -q --no-cache --build-arg WHO=world --secret id=token,src=token -f all .)
}
first=$(reproduce "$T/c")
cp -r "$T/c" "$T/c2" && find "$T/c2" -exec touch -d '2025-02-02' {} +
umount -l "$CREEL_ROOT" && fresh_store
like "an empty store" "$first" '^sha256:'
is "SOURCE_DATE_EPOCH: the same digest from the same input" "$(reproduce "$T/c2")" "$first"

# --- what comes of a build, and the cache of elsewhere
creel registry serve --addr 127.0.0.1:5099 --root "$T/registry" >"$T/registry.log" 2>&1 &
registry=$!
wait_for 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/5099'
dockerfile out <<'D'
FROM base AS first
ARG SALT
RUN echo "$SALT one" >/one
FROM base
ARG SALT
COPY --from=first /one /
RUN echo "$SALT two" >/two
D
build -f out -t out:1 -t out:2 --label a=b --iidfile "$T/iid" --metadata-file "$T/meta" --output type=docker,dest="$T/docker.tar" \
	--output type=oci,dest="$T/oci.tar" --output type=tar,dest="$T/files.tar" -o "$T/folder" .
is "several outputs, names and files of one build" "$code" 0
[ "$code" = 0 ] || note "$out"
id=$(creel image inspect out:2 --format '{{.Id}}')
is "--iidfile" "$(cat "$T/iid")" "$id"
like "--metadata-file has the manifest's digest" "$(cat "$T/meta")" "\"containerimage.digest\": ?\"$(tar -xOf "$T/oci.tar" index.json | grep -o 'sha256:[0-9a-f]*' | head -n 1)\""
like "and the names" "$(cat "$T/meta")" 'library/out:1,docker.io/library/out:2'
like "type=docker is an archive for docker load" "$(tar -xOf "$T/docker.tar" manifest.json)" '"out:1","out:2"'
is "type=oci is a layout" "$(tar -xOf "$T/oci.tar" oci-layout | grep -c imageLayoutVersion)" 1
is "type=tar and a folder have the files" "$(tar -xOf "$T/files.tar" two) $(cat "$T/folder/one")" " two  one"
is "-o - says all else on the other stream" "$(creel build -f out -o - . 2>/dev/null | tar -xO two)" " two"
is "--quiet" "$(creel build -q -f out .)" "$(creel build --progress=quiet -f out . && creel build -q -f out .)"
build -f out --push -t 127.0.0.1:5099/out:1 .
like "--push" "$out" '1: digest: sha256:'
build -f out --output type=registry,name=127.0.0.1:5099/out:2 .
is "--output type=registry" "$code" 0
creel rmi -f 127.0.0.1:5099/out:1 127.0.0.1:5099/out:2 >/dev/null
check "what was pushed is there" creel pull -q 127.0.0.1:5099/out:2
build -f out --push .
like "a push wants a name" "$out" 'tag is needed when pushing'

# Another machine: another root with the same base.
elsewhere() { CREEL_ROOT=$T/elsewhere timeout 60 creel build "$@" 2>&1 </dev/null; }
again() { # a fresh root
	CREEL_ROOT=$T/elsewhere creel net down >/dev/null 2>&1
	mountpoint -q "$T/elsewhere" && umount -l "$T/elsewhere"
	mkdir -p "$T/elsewhere" && mount -t tmpfs -o mode=0711 tmpfs "$T/elsewhere"
	CREEL_ROOT=$T/elsewhere creel load -q -i "$T/base.tar" >/dev/null
}
creel save -o "$T/base.tar" base
export SOURCE_DATE_EPOCH=1700000000
for salt in inline local registry; do
	case $salt in
	inline) to=type=inline from=127.0.0.1:5099/cached:1 ;;
	local) to=type=local,dest=$T/cache,mode=max from=type=local,src=$T/cache ;;
	registry) to=type=registry,ref=127.0.0.1:5099/cache from=type=registry,ref=127.0.0.1:5099/cache ;;
	esac
	build -f out --build-arg SALT=$salt -t 127.0.0.1:5099/cached:1 --push --cache-to "$to" .
	is "--cache-to $to" "$code" 0
	[ "$code" = 0 ] || note "$out"
	again
	out=$(elsewhere -f out --build-arg SALT=$salt --cache-from "$from" -t cached .)
	is "--cache-from $from: the last stage's steps are known elsewhere" "$(sed -n '/^Step.*COPY/,$p' <<<"$out" | grep -c 'Using cache')" 2
	[ $salt != local ] || unlike "mode=max: those of the others, too" "$out" 'Running in'
	[ $salt = inline ] || is "and its image is the same" "$(CREEL_ROOT=$T/elsewhere creel image inspect cached --format '{{.Id}}')" \
		"$(creel image inspect 127.0.0.1:5099/cached:1 --format '{{.Id}}')"
done
unset SOURCE_DATE_EPOCH
build -q -f out -t 127.0.0.1:5099/cached:1 --cache-to type=registry,ref=127.0.0.1:5099/cached:1 .
is "a cache by an image's name leaves the name where it was" "$(creel image inspect 127.0.0.1:5099/cached:1 --format '{{.Id}}')" "$out"
mkdir "$T/tagged" && creel save -o "$T/tagged/cache.tar" out:1
unlike "an archive of names is a cache" "$(elsewhere -f out --cache-from type=local,src="$T/tagged" .)" 'failed to import'
is "a folder's cache brings no names along" "$(CREEL_ROOT=$T/elsewhere creel images -q out)" ""
out=$(elsewhere -f out --cache-from 127.0.0.1:5099/nothing .)
like "a cache that is not there is a warning" "$out" '\[Warning\] failed to import the cache of'
like "and no more" "$out" '^Successfully built'
umount -l "$T/elsewhere"
kill $registry
wait $registry 2>/dev/null

# --- repositories and named contexts
if command -v git >/dev/null; then
	mkdir "$T/repo" "$T/repo/sub" && cd "$T/repo" || exit 1
	g() { git -c user.name=a -c user.email=a@b -c init.defaultBranch=main "$@" >/dev/null 2>&1; }
	printf 'FROM base\nCOPY f /f\n' | tee Dockerfile sub/Dockerfile >/dev/null
	echo top >f && echo below >sub/f && g init && g add . && g commit -m 1 && g tag v1
	first=$(git rev-parse HEAD)
	echo later >f && g commit -am 2 && cd "$T/c" || exit 1
	git clone -q --bare "$T/repo" "$T/repo.git" 2>/dev/null
	cat_f() { creel build -q -t git "$1" >/dev/null && creel run --rm --network none git cat /f; }
	is "a repository" "$(cat_f "file://$T/repo.git")" later
	is "at a tag" "$(cat_f "file://$T/repo.git#v1")" top
	is "at a commit" "$(cat_f "file://$T/repo.git#$first")" top
	is "a folder of it" "$(cat_f "file://$T/repo.git#main:sub")" below
	mkdir "$T/mine" && (cd "$T/mine" && g init) && cp -r "$T/mine" "$T/mine.before"
	is "a hook's own repository is left alone" "$(GIT_DIR=$T/mine/.git GIT_WORK_TREE=$T/mine cat_f "file://$T/repo.git")" later
	check "nothing is in it" diff -r "$T/mine" "$T/mine.before"
	printf 'FROM base\nADD file://%s/repo.git /r\n' "$T" >addgit
	build -f addgit .
	like "a Dockerfile has no repositories of the host" "$out" 'ADD file://.*: a Dockerfile cannot have a repository of the host'
	# Nor the keys of whoever builds: ssh is for who says so, and has the agent's keys alone.
	mkdir "$T/fake" && printf '#!/bin/sh\necho "$SSH_AUTH_SOCK $*" >>%s/ssh.log\nfor last; do :; done\nexec sh -c "$last"\n' "$T" >"$T/fake/ssh"
	chmod 755 "$T/fake/ssh"
	printf 'FROM base\nADD git@nowhere.invalid:%s/repo.git /r\n' "$T" >addssh
	PATH=$T/fake:$PATH build -f addssh .
	like "a Dockerfile has no keys of the host" "$out" 'unset ssh forward key default'
	check "ssh is not even called" test ! -e "$T/ssh.log"
	PATH=$T/fake:$PATH build -f addssh -t git --ssh default="$T/an-agent" .
	is "but the agent's that --ssh names" "$(creel run --rm --network none git cat /r/f) $(cut -d' ' -f1 "$T/ssh.log")" "later $T/an-agent"
	like "and no others" "$(cat "$T/ssh.log")" ' IdentityFile=none '
	# One with another beside it, by a relative address.
	mkdir "$T/super" && cd "$T/super" && g init && printf '[submodule "sub"]\n\tpath = sub\n\turl = ../repo.git\n' >.gitmodules &&
		g add . && g update-index --add --cacheinfo "160000,$(git -C "$T/repo" rev-parse HEAD),sub" && g commit -m 1
	cd "$T/c" && git clone -q --bare "$T/super" "$T/super.git" 2>/dev/null
	git daemon --export-all --base-path="$T" --listen=127.0.0.1 --port=8767 >"$T/daemon.log" 2>&1 &
	web=$!
	wait_for 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8767'
	at=git://127.0.0.1:8767
	printf 'FROM base\nADD --checksum=%s %s/repo.git#main /r\n' "$first" $at >addgit
	build -f addgit .
	like "a commit that is another one" "$out" "expected checksum to match $first, got "
	printf 'FROM base\nADD --checksum=%s %s/repo.git#v1 /r\nADD --keep-git-dir=true %s/super.git /k/\n' "${first:0:12}" $at $at >addgit
	# Whose configuration would lead elsewhere.
	mkdir "$T/home" && printf '[url "/nowhere"]\n\tinsteadOf = git:\n' >"$T/home/.gitconfig"
	HOME=$T/home build -f addgit -t addgit .
	is "ADD of repositories" "$(creel run --rm --network none addgit sh -c 'cat /r/f /k/sub/f; ls -d /r/.git /k/.git 2>/dev/null; grep -c "super.git" /k/.git/config' | tr '\n' ' ')" \
		"top later /k/.git 0 "
	kill "$web"
	wait "$web" 2>/dev/null
	printf 'FROM base\nCOPY --from=named f /f\n' >fromgit
	build -f fromgit -t git --build-context named="file://$T/repo.git#v1" .
	is "--build-context of a repository" "$(creel run --rm --network none git cat /f)" top
	build "file://$T/repo.git#nosuch"
	like "no such branch" "$out" 'failed to fetch file:.*nosuch'
else
	skip "repositories" "no git"
fi
(cd "$T" && exec python3 -m http.server --bind 127.0.0.1 8766 >/dev/null 2>&1) &
web=$!
wait_for 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8766'
printf 'FROM base\nRUN echo of a URL >/f\n' >"$T/web/Dockerfile" && tar -C "$T/web" -czf "$T/context.tgz" .
build -t url http://127.0.0.1:8766/context.tgz
like "an archive from a URL" "$out" '^Successfully tagged url'
build -t url http://127.0.0.1:8766/web/Dockerfile
like "a Dockerfile from a URL" "$out" '^Successfully tagged url'
kill "$web"
wait "$web" 2>/dev/null

# --- what BuildKit's own tests ask for besides
mkdir -p many/a/b/c/e many/a/b2/c/e ctx tree && echo 1 >many/a/b/c/e/one && echo 2 >many/a/b2/c/e/two && echo in >tree/in
echo yes >ctx/yes && echo no >ctx/no && echo no >ctx/.dockerignore && tar -cf owned.tar tree
dockerfile more <<'D'
FROM base AS src
RUN mkdir /in && echo 12 >/in/file
FROM base AS trigger
ONBUILD COPY --from=src /in/file /triggered
FROM trigger AS last
ARG DEFAULT=${NOWHERE:?not there}
ARG TARGETSTAGE
ADD --chown=100:200 owned.tar /owned/
COPY --chmod=770 tree/in /mode/below/in
COPY --parents many/a/b*/./c/**/e many/a/./b/c/e/* /parents/
COPY --from=ctx . /ctx/
RUN --mount=from=ctx,target=/c --mount=type=cache,target=/m,uid=5,gid=6,mode=0751 { ls /c; stat -c '%u %g %a' /m; } >/mounts
RUN --mount=type=cache,target=/m { echo "$DEFAULT $TARGETSTAGE $http_proxy $HTTP_PROXY"; stat -c '%u %g %a' /m; \
    stat -c '%u:%g %a %n' /owned/tree/in /mode /mode/below; ls /ctx; cd /parents && find . -type f | sort; } >/said
D
build -f more -t more --build-arg DEFAULT=given --build-arg HTTP_PROXY=proxy --build-context ctx=ctx .
is "the same of archives, modes, parents, contexts and caches" "$(creel run --rm --network none more cat /triggered /mounts /said)" "12
yes
5 6 751
given last proxy proxy
0 0 755
100:200 644 /owned/tree/in
0:0 770 /mode
0:0 770 /mode/below
yes
./b/c/e/one
./c/e/one
./c/e/two"
wrong() {
	printf '%b' "$2" >wrong
	build -f wrong .
	like "$1" "$out" "$3"
}
wrong "a stage that comes later" 'FROM base AS one\nCOPY --from=two / /o\nFROM base AS two\nFROM one\n' \
	'cannot copy from stage "two", it needs to be defined before current stage "one"'
wrong "--from is no variable" 'FROM base\nARG F=base\nCOPY --from=$F / /o\n' 'variable expansion is not supported for --from'
wrong "a checksum is of what is fetched" 'FROM base\nADD --checksum=sha256:00 tree /o\n' 'checksum requires HTTP\(S\) or Git sources'
wrong "an empty platform" 'FROM --platform=$NONE base\n' 'empty platform value from expression \$NONE'
wrong "half a platform" 'FROM --platform=linux/$NONE base\n' 'cannot parse platform specifier'

# --- secrets and agents
export TOKEN=fromEnv
printf 'FROM base\nRUN --mount=type=secret,id=a,target=/s,mode=0444 --mount=type=secret,id=b,env=B cat /s; echo " $B"\n' >secrets
echo -n fromFile >"$T/secret"
build -f secrets --secret id=a,src="$T/secret" --secret id=b,env=TOKEN .
like "secrets of files and of variables" "$out" '^fromFile fromEnv$'
if command -v ssh-agent ssh-add ssh-keygen >/dev/null; then
	eval "$(ssh-agent -a "$T/agent" 2>/dev/null)" >/dev/null
	ssh-keygen -q -t ed25519 -N '' -C of-the-agent -f "$T/key" && ssh-add -q "$T/key" 2>/dev/null
	mkdir ssh.d && for f in "$(command -v ssh-add)" $(ldd "$(command -v ssh-add)" | grep -o '/[^ ]*'); do cp -L --parents "$f" ssh.d/; done
	dockerfile ssh <<'D'
FROM base
COPY ssh.d /
RUN --mount=type=ssh /usr/bin/ssh-add -l
RUN --mount=type=ssh,id=other,target=/o.sock [ -S /o.sock ] && echo other agent
RUN [ -z "$SSH_AUTH_SOCK" ] && echo no agent
D
	build -f ssh --ssh default --ssh other="$T/agent" .
	like "RUN --mount=type=ssh speaks to the agent" "$out" '^256 SHA256:.* of-the-agent '
	like "each by its id" "$out" '^other agent$'
	like "and only where it was asked for" "$out" '^no agent$'
	unset SSH_AUTH_SOCK
	build -f ssh --ssh default .
	like "no agent is told" "$out" 'SSH_AUTH_SOCK is set'
	kill "$SSH_AGENT_PID"
	rm -r ssh.d
else
	skip "RUN --mount=type=ssh" "no ssh-agent"
fi

# --- what builds keep
dockerfile keep <<'D'
FROM base
RUN --mount=type=cache,id=keep,target=/k head -c 3000000 /dev/zero >/k/zeroes && echo kept >/kept
D
build -t keep -f keep .
du=$(creel builder du)
folder=$(printf keep | sha256sum | cut -d' ' -f1)
like "builder du shows a cache mount" "$du" "^$folder +true +3(\\.[0-9]+)?MB"
like "and what images share" "$du" '^Shared:		[1-9]'
like "with all that is known of each" "$(creel builder du --verbose)" '^Description:	/bin/sh -c head -c 3000000'
bytes=$(creel system df --format '{{if eq .Type "Build Cache"}}{{.TotalCount}} {{.Size}}{{end}}' | grep .)
like "system df counts it" "$bytes" '^[1-9][0-9]* 3(\.[0-9]+)?MB$'
unlike "what is used since stays" "$(creel builder prune -f --filter until=1h)" 'Deleted'
unlike "as much as is to be kept does" "$(creel builder prune -f --keep-storage 1GB)" 'Deleted'
out=$(creel builder prune -f)
like "builder prune" "$out" "^$folder\$"
like "says what came of it" "$out" '^Total reclaimed space: 3(\.[0-9]+)?MB$'
build -t keep -f keep .
like "steps whose layers an image has stay" "$out" 'Using cache'
creel rmi keep >/dev/null
like "-a removes all" "$(creel builder prune -af)" '^Deleted build cache objects:$'
build -t keep -f keep .
unlike "then nothing is known any more" "$out" 'Using cache'
is "a prune that is not wanted" "$(echo n | creel builder prune 2>/dev/null | grep -c 'dangling build cache')" 1
dockerfile used <<'D'
FROM base
RUN --mount=type=cache,id=used,target=/u touch /u/here; until [ -e /u/go ]; do sleep 0.1; done; ls /u >/u/seen
D
folder=$CREEL_ROOT/build/cache/$(printf used | sha256sum | cut -d' ' -f1)
creel build -f used . >"$T/used.log" 2>&1 &
pid=$!
wait_for 20 test -e "$folder/here"
creel builder prune -af >/dev/null
creel rmi -f keep >/dev/null 2>&1
check "a cache that is used is not pruned" test -e "$folder/here"
touch "$folder/go"
wait $pid
is "nor is its build hurt" "$?" 0
# Many builds make the same cache at once: it begins once, from what it is made from, whole.
dockerfile race <<'D'
FROM base AS from
RUN mkdir /f && for i in $(seq 200); do echo $i >/f/$i; done
FROM base
ARG N
RUN --mount=type=cache,id=race,target=/r,from=from,source=/f,uid=7 [ "$(ls /r | wc -l) $(stat -c %u /r)" = "200 7" ] && echo $N >/n
D
creel build -q --target from -f race . >/dev/null
pids=
for i in 1 2 3 4; do
	creel build -q --build-arg N=$i -f race . >"$T/race.$i" 2>&1 &
	pids="$pids $!"
done
code=0
for pid in $pids; do wait "$pid" || code=1; done
is "a cache is there whole or not at all, for builds at the same time" "$code" 0
[ "$code" = 0 ] || note "$(cat "$T"/race.?)"
# An image that a build begins from is removed meanwhile.
printf 'FROM base\nRUN echo below >/below\n' | creel build -q -t below -f - . >/dev/null
dockerfile onit <<'D'
FROM below
RUN --mount=type=cache,id=onit,target=/u touch /u/here; until [ -e /u/go ]; do sleep 0.1; done; cat /below >/above
D
folder=$CREEL_ROOT/build/cache/$(printf onit | sha256sum | cut -d' ' -f1)
creel build -t onit -f onit . >"$T/onit.log" 2>&1 &
pid=$!
wait_for 20 test -e "$folder/here"
creel rmi -f below >/dev/null
creel image prune -f >/dev/null
touch "$folder/go"
wait $pid
is "the image below is removed during a build" "$?" 0
is "whose image has all of it" "$(creel run --rm --network none onit cat /above)" below

# --- killed
dockerfile kill <<'D'
FROM base
RUN echo done >/done
RUN --mount=type=cache,id=kill,target=/meet touch /meet/running; sleep 61
D
flag=$CREEL_ROOT/build/cache/$(printf kill | sha256sum | cut -d' ' -f1)/running
creel build -f kill . >"$T/kill.log" 2>&1 &
pid=$!
check "a step is under way" wait_for 20 test -e "$flag"
kill -9 $pid
wait $pid 2>/dev/null
check "what it ran is ended with it" wait_for 5 sh -c "! pgrep -f 'sleep [6]1'"
sed -i 's/; sleep 61//' kill
build -f kill .
is "after kill -9 the build goes on" "$code" 0
is "from where it was" "$(grep -c 'Using cache' <<<"$out")" 1
check "nothing of it runs any more" wait_for 5 sh -c "! pgrep -f 'sleep [6]1'"
is "no root is left" "$(leftovers)" 0
sed -i 's/running/running; sleep 61/' kill
rm -f "$flag"
creel build -f kill . >"$T/kill.log" 2>&1 &
pid=$!
wait_for 20 test -e "$flag"
kill -TERM $pid
wait $pid
is "an interrupted build fails" "$?" 1
is "and leaves nothing" "$(leftovers)" 0
check "that runs, either" wait_for 5 sh -c "! pgrep -f 'sleep [6]1'"

# Whenever it is killed: the next build goes on, and nothing of it is left.
dockerfile knocks <<'D'
FROM base AS a
ARG N
RUN --mount=type=cache,target=/k echo $N >/k/n; sleep 0.2; cp /k/n /a
FROM base
ARG N
COPY --from=a /a /
RUN sleep 0.1; [ "$(cat /a)" = "$N" ]
D
for n in 1 2 3 4 5 6 7 8; do
	setsid creel build --build-arg N=$n -f knocks . >"$T/knock.log" 2>&1 &
	pid=$!
	sleep 0.$((RANDOM % 9))
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
done
check "all that was run has ended" wait_for 10 sh -c '! pgrep -f "sleep [0].[12]"'
build --build-arg N=9 -f knocks .
is "a build after eight that were killed" "$code" 0
[ "$code" = 0 ] || note "$out"
is "no root of them is left" "$(leftovers)" 0
is "no address" "$(creel network inspect bridge --format '{{len .Containers}}')" 0
is "no state" "$(find /run/creel -maxdepth 1 -name '????????????????????????????????????????????????????????????????' | wc -l)" 0
like "doctor finds nothing" "$(creel doctor 2>&1; echo "ends with $?")" 'ends with 0'

# --- the network of a RUN
dockerfile network <<'D'
FROM base
RUN ip -4 -o addr show dev eth0 >/default && ip route >>/default && cat /etc/hosts /etc/resolv.conf >/names
RUN --network=none ls /sys/class/net >/none
RUN --network=host ls /sys/class/net >/host; grep CapEff /proc/self/status >>/host
D
build -t network --add-host box:192.0.2.9 -f network .
[ "$code" = 0 ] || note "$out"
is "the network of a RUN" "$code" 0
list=$(files network)
like "by default it is on the bridge" "$(cat "$T/out/default")" 'inet 172\.[0-9.]+/16'
like "with a way out" "$(cat "$T/out/default")" '^default via 172\.'
like "--add-host" "$(cat "$T/out/names")" '^192\.0\.2\.9	box$'
is "--network=none" "$(cat "$T/out/none")" lo
like "--network=host" "$(cat "$T/out/host")" '^creel0$'
is "has no CAP_NET_RAW" $((0x$(sed -n 's/^CapEff:	//p' "$T/out/host") >> 13 & 1)) 0
is "hosts and resolv.conf of the run are in no layer" "$(cat "$T/out/etc/hosts" "$T/out/etc/resolv.conf" 2>/dev/null)" ""
printf 'FROM base\nRUN ls /sys/class/net\n' >network2
build --network none -f network2 .
unlike "--network none of the build" "$out" eth0
build --network host -f network2 .
like "--network host of the build, which is another step" "$out" '^creel0$'
is "an end of a run has no address any more" "$(creel network inspect bridge --format '{{len .Containers}}')" 0

# --- what a RUN may
dockerfile rights <<'D'
FROM base
RUN grep -E '^(Seccomp|CapEff):' /proc/self/status >/rights
USER nobody
RUN [ "$(id -u)" != 0 ] && awk '$5 == "/" {print $6}' /proc/self/mountinfo >/tmp/root
D
build -t rights -f rights .
is "rights of a RUN" "$code" 0
rights=$(creel run --rm --network none rights cat /rights /tmp/root)
like "a policy of system calls" "$rights" '^Seccomp:	2$'
is "CAP_NET_RAW, in a network of its own" $((0x$(sed -n 's/^CapEff:	//p' <<<"$rights") >> 13 & 1)) 1
unlike "set-id programs work" "$rights" nosuid
printf 'FROM base\nRUN --security=insecure grep CapEff /proc/self/status\n' >insecure
build -f insecure .
is "a Dockerfile grants itself nothing" "$code" 1
like "it says what would" "$out" 'security.insecure'
build --allow security.insecure -f insecure .
is "who builds it may" "$code" 0
echo plain | gzip -n >plain.gz
printf 'FROM base\nADD plain.gz /plain.gz\n' >addgz
build -t addgz -f addgz .
is "ADD of a compressed file that is no archive" "$(creel run --rm --network none addgz zcat /plain.gz 2>&1)" plain

# --- --check
printf 'FROM base AS Base\nRUN exit 1\n' >check
build --check -f check .
is "--check builds nothing, and ends with 1" "$code $(grep -c 'Running in' <<<"$out")" "1 0"
like "it says what it found" "$out" '^WARNING: StageNameCasing - https://'
like "where" "$out" '^   1 \| >>> FROM base AS Base$'
build --check -f base .
like "and where there is nothing" "$code $out" '^0 Check complete, no warnings found'
sed -i '1i # check=error=true' check
build -f check .
like "a Dockerfile can want it to be an error" "$out" 'lint violation found for rule StageNameCasing'
printf '# check=skip=all;error=true\nFROM base AS Base\n' >check
build -f check .
is "or leave it out" "$code" 0

# --- what BuildKit does with patterns and with nothing
printf 'FROM scratch\nCOPY d/sub/two nothing* no-[x] /here/\n' >patterns
build -t patterns -f patterns .
is "a pattern that nothing matches is no error" "$code" 0
is "an image of nothing has a PATH and a working directory" "$(creel image inspect patterns --format '{{.Config.Env}} {{.Config.WorkingDir}}')" \
	"[PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin] /"

printf 'FROM scratch\n' >scratch.df
is "nothing has no files" "$(creel build -q -f scratch.df -o - . 2>/dev/null | tar -t | wc -l)" 0
printf 'FROM base AS a\nRUN echo a >/x\nFROM base AS b\nRUN echo b >/x\nFROM base\nRUN --mount=type=cache,from=a,target=/c cp /c/x /a\nRUN --mount=type=cache,from=b,target=/c cat /a /c/x\n' >from
build -f from .
is "a cache mount that begins with something else is another" "$code $(grep -cxE 'a|b' <<<"$out")" "0 2"

# --- bad input
bad() {
	local what=$1 want=$2
	shift 2
	build "$@"
	if [ "$code" = 1 ] && grep -Eq -- "$want" <<<"$out"; then ok "$what"; else note "$code: $out" && nok "$what"; fi
}
# bad_file WHAT REGEX TEXT
bad_file() {
	printf '%b' "$3" >"$T/c/bad"
	bad "$1" "$2" -f bad .
}
ln -s /etc "$T/c/etc-link"
bad_file "an unknown instruction" 'parse error on line 3: unknown instruction: ROUND \(did you mean RUN\?\)' 'FROM base\n\nROUND x\n'
bad_file "a file that is not there" '^ +2 \| COPY nothing /$' 'FROM base\nCOPY nothing /\n'
bad_file "a file outside of the context" 'file not found in build context' 'FROM base\nCOPY ../../etc/shadow /\n'
bad_file "a link out of the context" 'file not found in build context' 'FROM base\nCOPY etc-link/hostname /h\n'
bad_file "a secret that nobody gave" 'secret no: not found' 'FROM base\nRUN --mount=type=secret,id=no,required=true x\n'
bad_file "a variable that must be set" 'B: unset' 'FROM base\nENV A=${B:?unset}\n'
bad_file "a user who is not there" 'nosuch' 'FROM base\nUSER nosuch\nRUN true\n'
bad_file "a stage that comes later" 'names no stage before this one' 'FROM base\nCOPY --from=1 /a /\nFROM base\n'
bad_file "no instruction" 'file with no instructions' '# nothing\n'
bad "a name that is none" 'must be lowercase|invalid reference format' -t 'UPPER' -f base .
bad "a target that is not there" 'target stage "no" could not be found' --target no -f base .
bad "a network that is not possible" 'network mode' --network nosuch -f base .
bad "no Dockerfile" 'no such file or directory' -f nofile .
bad "no context" 'not found' "$T/nowhere"
bad "a progress mode that is none" 'invalid progress mode' --progress fancy -f base .
bad "an isolation of elsewhere" 'there is only default' --isolation hyperv -f base .
bad "security options" 'does not support setting security options' --security-opt x -f base .
bad "an output of no known type" 'output of type cloud is not known' -o type=cloud -f base .
bad "a cache of no known type" 'cache of type gha is not known' --cache-from type=gha -f base .
bad_file "devices of CDI" 'no devices of CDI' 'FROM base\nRUN --device=vendor.com/x=y true\n'
bad "no context at all" 'requires exactly 1 argument' -f base
is "nothing is left of those" "$(leftovers)" 0
build --build-arg NOPE=1 -f base .
like "an argument that no ARG takes is told" "$out" 'One or more build-args \[NOPE\] were not consumed'
cd / && creel net down >/dev/null
umount -l "$CREEL_ROOT"
