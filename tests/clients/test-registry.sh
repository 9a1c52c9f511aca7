#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# shellcheck disable=SC2012 # names that this test has made
# The registry's client against Debian's docker-registry, as it is and behind a proxy that does what networks and liars do.
. "${0%/*}/lib.sh"
need docker-registry skopeo openssl python3

TOOL=$(ls -t "$HERE"/../../build/{,check-gcc/}tests/clients/registry-tool 2>/dev/null | head -n 1)
[ -n "$TOOL" ] || skip_file "registry-tool is not built"
peer() { "$HERE/registry-peer.py" "$@"; }
tool() { "$TOOL" "$@"; }
export DOCKER_CONFIG=$T/config
A=127.0.0.1:5001 AUTH=127.0.0.1:5002 TOKEN=127.0.0.1:5003 PROXY=127.0.0.1:5010

# registry NAME ADDRESS [YAML]: one of docker-registry, on a store of its own, and waits for it.
answers() { (exec 3<>"/dev/tcp/${1%:*}/${1#*:}") 2>/dev/null; }
registry() {
	printf 'version: 0.1\nlog: {level: info, accesslog: {disabled: false}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "%s"%s}\n%s\n' \
		"$T/$1" "$2" "${4-}" "${3-}" >"$T/$1.yml"
	daemon "$T/$1.log" docker-registry serve "$T/$1.yml"
	wait_for 10 answers "$2"
}
server() { # ADDRESS ARGUMENTS...
	daemon "$T/peer.log" "$HERE/registry-peer.py" "${@:2}"
	wait_for 10 answers "$1"
}
whole() { # STORE: all of the image is there, and nothing else
	diff -r "$T/image/blobs/sha256" "$1/blobs/sha256" && [ -z "$(ls -A "$1/ingest")" ]
}
says() { # WHAT REGEX COMMAND...: it fails and says so, in one line
	refuse "$1" "${@:3}"
	like "$1: it says why" "$(cat "$T/.out")" "$2"
}
blobs_of() { find "$1" -type f -path '*/blobs/*' | wc -l; }

digest=$(peer image "$T/image" 3000000 70000 100) || exit 1
check "docker-registry runs" registry plain $A
check "a proxy before it" server $PROXY proxy ${PROXY#*:} $A "$T/proxy.log"

# --- there and back
check "push" tool push "$T/image" "$digest" $A/first/app:1
gives "pushed again, nothing is sent" "there there there" \
	bash -c "'$TOOL' push '$T/image' $digest $A/first/app:2 | cut -d' ' -f2 | paste -sd' '"
check "skopeo has it" skopeo copy -q --src-tls-verify=false docker://$A/first/app:1 "dir:$T/skopeo"
check "which skopeo sends under another name" skopeo copy -q --dest-tls-verify=false "dir:$T/skopeo" docker://$A/skopeo:1
check "fetch" tool fetch $A/skopeo:1 "$T/fetched"
check "it is the same" whole "$T/fetched"
gives "by digest" "$digest application/vnd.oci.image.manifest.v1+json" \
	bash -c "'$TOOL' manifest '$A/first/app@$digest' | cut -d' ' -f1,2"
gives "tags" "1 2" bash -c "'$TOOL' tags $A/first/app | sort | paste -sd' '"
like "search, by the catalog" "$(tool search $A/app)" '"results":\[\{"name":"first/app"'
gives "mounted from another repository" "mounted mounted mounted" \
	bash -c "'$TOOL' push '$T/image' $digest $A/third:1 first/app | cut -d' ' -f2 | paste -sd' '"
like "by the registry's log, too" "$(grep -c 'POST /v2/third/blobs/uploads/?mount=.*from=first/app.* 201 ' "$T/plain.log")" '^3$'
says "no such tag" 'manifest unknown' tool manifest $A/first/app:none
says "no such host" 'Could not resolve|Could not connect|Couldn.t connect' tool -r 1 manifest nowhere.invalid/a:1

# --- what breaks off
for how in cut slow wrong short long away huge busy; do
	tool push "$T/image" "$digest" $A/$how/app:1 first/app >/dev/null || nok "prepare $how"
done
check "a line that breaks every 300 kB" tool fetch $PROXY/cut/app:1 "$T/cut"
check "and all is there" whole "$T/cut"
like "taken up to the byte" "$(grep -c 'GET /v2/cut/.*206 range=bytes=[369]00000-' "$T/proxy.log")" '^3$'
layer=$(cd "$T/image/blobs/sha256" && ls -S | head -n 1)
"$TOOL" fetch $PROXY/slow/app:1 "$T/slow" >/dev/null 2>&1 &
pid=$!
some() { [ "$(stat -c %s "$T/slow/ingest/sha256:$layer")" -gt 500000 ]; }
wait_for 10 some
kill -9 $pid
wait $pid 2>/dev/null
had=$(stat -c %s "$T/slow/ingest/sha256:$layer")
check "after kill -9" tool fetch $PROXY/slow/app:1 "$T/slow"
check "all is there" whole "$T/slow"
like "it went on at byte $had" "$(grep 'GET /v2/slow/.*206' "$T/proxy.log")" "range=bytes=$had-"

check "an upload that breaks off" tool push "$T/image" "$digest" $PROXY/cutup/app:1
like "goes on at the byte" "$(grep 'PATCH /v2/cutup' "$T/proxy.log")" 'range=300000-30'
check "and is whole" tool fetch $A/cutup/app:1 "$T/cutup"

# --- mirrors
check "by a mirror, which has it" tool -m "gone.invalid=http://$A" fetch gone.invalid/first/app:1 "$T/mirror"
check "all is there" whole "$T/mirror"
check "a mirror with a path" tool -m "gone.invalid=http://$A/first" manifest gone.invalid/app:1
check "a mirror that has it not, then the registry" tool -m "$A=http://$PROXY/denied" manifest $A/first/app:1
check "a mirror that is not there" tool -m "$A=http://127.0.0.1:1" manifest $A/first/app:1
says "a mirror that is no URL" 'expected DOMAIN=URL' tool -m "$A=nonsense" manifest $A/first/app:1
echo '{"mirrors":{"gone.invalid":["http://127.0.0.1:1","http://'$A'/first"]},"registry-mirrors":["http://'$A'"],"debug":true}' >"$T/hosts.json"
check "mirrors of the host's file" tool -h "$T/hosts.json" manifest gone.invalid/app:1
check "of Docker Hub, too" tool -h "$T/hosts.json" manifest first/app:1
says "a file that is none" 'insecure-registries. is no array' bash -c "echo '{\"insecure-registries\":1}' >'$T/bad.json'; '$TOOL' -h '$T/bad.json' manifest $A/first/app:1"
check "push" tool push "$T/image" "$digest" $A/app:1 first/app
check "a mirror that lies: then the registry" tool -m "$A=http://$PROXY/wrong" fetch $A/app:1 "$T/liar-mirror"
check "all is there" whole "$T/liar-mirror"

# --- liars
says "content with another digest" 'expected sha256' tool -r 1 fetch $PROXY/wrong/app:1 "$T/wrong"
is "of which nothing stays" "$(ls -A "$T/wrong/ingest" | wc -l) $(blobs_of "$T/wrong")" "0 1"
says "content that is too short" 'the registry sent [0-9]+ bytes of' tool -r 1 fetch $PROXY/short/app:1 "$T/short"
says "content that is too long" 'longer than the' tool -r 1 fetch $PROXY/long/app:1 "$T/long"
is "nothing stays" "$(ls -A "$T/long/ingest" | wc -l)" 0
says "a manifest of five megabytes" 'larger than' tool manifest $PROXY/huge/app:1
says "a redirection to itself" 'more than 10 redirections' tool manifest $PROXY/loop/app:1
says "denied" 'denied: requested access' tool manifest $PROXY/denied/app:1
check "429 with Retry-After: 1" tool manifest $PROXY/busy/app:1
says "429 for an hour" 'too many requests' tool manifest $PROXY/never/app:1

# --- whole images, in Docker's words
said() { tool "$@" 2>&1 | sed 's/^[0-9a-f]\{12\}: /LAYER: /' | sort | uniq -c | sed 's/^ *//'; }
is "pull" "$(said image-pull "$T/data" $A/first/app:1)" "1 1: Pulling from first/app
1 Digest: $digest
3 LAYER: Download complete
3 LAYER: Pull complete
3 LAYER: Pulling fs layer
3 LAYER: Verifying Checksum
1 Status: Downloaded newer image for $A/first/app:1"
gives "its files" "3000000 70000 100" bash -c "find '$T/data/layers' -name 'file[0-9]' -printf '%s\n' | sort -rn | paste -sd' '"
is "once more" "$(said image-pull "$T/data" $A/first/app:1)" "1 1: Pulling from first/app
1 Digest: $digest
1 Status: Image is up to date for $A/first/app:1"
is "by digest" "$(said image-pull "$T/data" "$A/first/app@$digest" | tail -n 1)" "1 $digest: Pulling from first/app"
is "from elsewhere" "$(said image-pull "$T/data" $A/third:1 | grep LAYER)" "3 LAYER: Already exists"
check "another name" tool image-tag "$T/data" $A/first/app:1 $A/fourth:new
is "push" "$(said image-push "$T/data" $A/fourth:new)" "3 LAYER: Mounted from first/app
3 LAYER: Preparing
1 The push refers to repository [$A/fourth]
1 new: digest: $digest size: $(stat -c %s "$T/image/blobs/sha256/${digest#*:}")"
is "push once more" "$(said image-push "$T/data" $A/fourth:new | grep already)" "3 LAYER: Layer already exists"
check "which is what it was" tool fetch $A/fourth:new "$T/fourth"
check "all of it" whole "$T/fourth"
check "a name in a third repository" tool image-tag "$T/data" $A/fourth:new $A/fifth:new
like "is mounted, too" "$(said image-push "$T/data" $A/fifth:new)" '3 LAYER: Mounted from (first/app|third|fourth)'
says "push of nothing" 'does not exist locally with the tag' tool image-push "$T/data" $A/nothing:1
says "pull of nothing" 'manifest for .*first/app:no not found' tool image-pull "$T/data" $A/first/app:no
says "pull that is denied" 'pull access denied for .*denied' tool image-pull "$T/data" $PROXY/denied/app:1
check "on a line that breaks" tool image-pull "$T/broken" $PROXY/cut/app:1
gives "the files" "3000000 70000 100" bash -c "find '$T/broken/layers' -name 'file[0-9]' -printf '%s\n' | sort -rn | paste -sd' '"
"$TOOL" image-pull "$T/killed" $PROXY/slow/app:1 >/dev/null 2>&1 &
pid=$!
some() { [ "$(stat -c %s "$T/killed/blobs/ingest/sha256:$layer")" -gt 500000 ]; }
wait_for 10 some
kill -9 $pid
wait $pid 2>/dev/null
check "after kill -9" tool image-pull "$T/killed" $PROXY/slow/app:1
gives "the files" "3000000 70000 100" bash -c "find '$T/killed/layers' -name 'file[0-9]' -printf '%s\n' | sort -rn | paste -sd' '"
says "a layer that is another than the configuration says" 'sha256:e3b0c442' \
	bash -c "d=\$('$HERE/registry-peer.py' image '$T/bad' 1000 bad:2000 3000) && '$TOOL' push '$T/bad' \$d $A/bad:1 >/dev/null && '$TOOL' image-pull '$T/other' $A/bad:1"
is "is not unpacked" "$(find "$T/other/layers" -name 'file[12]' | wc -l)" 0
case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
other=$(peer image "$T/small" 500) && tool push "$T/small" "$other" $A/multi:small >/dev/null && tool push "$T/image" "$digest" $A/multi:big >/dev/null
index=$(peer index $A multi 1 "s390x=$other" "$arch=$digest") || nok "an index"
like "an index: this machine's" "$(tool image-pull "$T/multi" $A/multi:1)" "Digest: $index"
gives "is what was pulled" "3000000 70000 100" bash -c "find '$T/multi/layers' -name 'file[0-9]' -printf '%s\n' | sort -rn | paste -sd' '"
peer index $A multi 2 "s390x=$other" >/dev/null
says "an index without it" 'no matching manifest' tool image-pull "$T/multi" $A/multi:2

# --- basic authentication
# shellcheck disable=SC2016 # no variables
echo 'huma:$2y$05$KaoV5qqRZJnHHXsQZYz0H.f2CPiV1uj4EEQuFpGOIFoOmFKv5s96i' >"$T/htpasswd"
check "a registry with passwords" registry auth $AUTH "auth: {htpasswd: {realm: creel, path: $T/htpasswd}}"
says "without one" 'authentication required' tool push "$T/image" "$digest" $AUTH/a:1
says "with a wrong one" 'authentication required|unauthorized' tool login $AUTH huma wrong
is "which is not kept" "$(cat "$T/config/config.json" 2>/dev/null)" ""
check "log-in" tool login $AUTH huma pass:word
is "the file is private" "$(stat -c %a "$T/config/config.json")" 600
check "push" tool push "$T/image" "$digest" $AUTH/a:1
check "skopeo reads our file" skopeo inspect --tls-verify=false --authfile "$T/config/config.json" docker://$AUTH/a:1
check "credentials of a caller" tool -c "$T/none" -a "$(printf '{"username":"huma","password":"pass:word"}' | base64 -w0)" manifest $AUTH/a:1
server 127.0.0.1:5011 proxy 5011 $AUTH "$T/away.log"
tool login 127.0.0.1:5011 huma pass:word >/dev/null
tool push "$T/image" "$digest" $AUTH/away/app:1 a >/dev/null
says "content at another host" 'authentication required|unauthorized' tool fetch 127.0.0.1:5011/away/app:1 "$T/away"
like "which does not get the password" "$(grep 'host=localhost' "$T/away.log")" 'auth=-$'
unlike "never" "$(grep 'host=localhost' "$T/away.log")" 'auth=Basic'
check "log-out" tool logout $AUTH
says "then it is refused" 'authentication required' tool manifest $AUTH/a:1

# --- as people type it: passwords, a credential helper, search, and how far it is
export CREEL_ROOT=$T/typed
cli() { creel docker "$@"; }
login() { printf '%s\n' "$1" | cli "${@:2}" login -u huma --password-stdin $AUTH; }
says "login with a wrong password" 'Error response from daemon: .*unauthorized' login wrong
like "login" "$(login pass:word 2>/dev/null)" '^Login Succeeded$'
like "login says where the password is" "$(login pass:word 2>&1)" "password will be stored unencrypted in $T/config/config.json"
check "pull by it" cli pull -q $AUTH/a:1
is "logout" "$(cli logout $AUTH)" "Removing login credentials for $AUTH"
is "logout of what nobody is logged in to" "$(cli logout $AUTH)" "Not logged in to $AUTH"
check "rmi" cli rmi $AUTH/a:1
says "then a pull is refused" 'authentication required|pull access denied' cli pull $AUTH/a:1
mkdir -p "$T/helped" "$T/helpers"
echo '{"credsStore": "creeltest"}' >"$T/helped/config.json"
printf '#!/bin/sh\ncase $1 in\nstore) cat >%s ;;\nget) cat %s 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;\nerase) rm -f %s ;;\nesac\n' \
	"$T/vault" "$T/vault" "$T/vault" >"$T/helpers/docker-credential-creeltest"
chmod 755 "$T/helpers/docker-credential-creeltest"
PATH=$T/helpers:$PATH
is "login with a credential helper" "$(login pass:word --config "$T/helped" 2>&1)" "Login Succeeded"
like "it has the password" "$(cat "$T/vault")" '"Secret": ?"pass:word"'
unlike "config.json has not" "$(cat "$T/helped/config.json")" "$(printf huma:pass:word | base64)|pass:word"
check "pull by it" cli --config "$T/helped" pull -q $AUTH/a:1
cli --config "$T/helped" logout $AUTH >/dev/null
check "logout takes it away" test ! -e "$T/vault"
is "search" "$(cli search --format '{{.Name}}' $A/app | grep -cx first/app)" 1
like "search, the table" "$(cli search --limit 1 $A/app)" '^NAME +DESCRIPTION +STARS +OFFICIAL$'
unlike "without a terminal there are plain lines" "$(cli pull $PROXY/slow/app:1 2>&1 | cat -v)" '\^\[|\^M|MB'
# shellcheck disable=SC2046 # several ids
cli rmi -f $(cli images -q) >/dev/null
wide() { on_pty "${@:3}" -- sh -c 'stty cols 140; TERM=xterm exec creel docker "$0" "$1"' "$1" "$2" | cat -v; }
like "on one a pull shows bytes and the time left" "$(wide pull $PROXY/slow/app:1)" 'Downloading +\[=+> +\] +[0-9.]+[kM]B/3(\.[0-9]+)?MB [0-9]+s'
cli tag $PROXY/slow/app:1 $A/typed:1
head -c 3000000 /dev/urandom >"$T/helped/big"
printf 'FROM scratch\nCOPY big /\n' >"$T/helped/Dockerfile"
check "something new" cli build -q -t $A/typed:big "$T/helped"
like "push: plain lines" "$(cli push $A/typed:1 | sed 's/^[0-9a-f]\{12\}/LAYER/' | sort -u | tr '\n' ';')" '^1: digest: sha256:[0-9a-f]{64} size: [0-9]+;LAYER: Preparing;LAYER: (Mounted from [^;]*|Pushed);The push refers to repository'
like "push on a terminal" "$(wide push $A/typed:big)" 'Pushing +\[[=>]+ *\] +[0-9.]+[kM]?B/3(\.[0-9]+)?MB'
says "push of nothing" 'An image does not exist locally with the tag: nosuch$' cli push nosuch
says "push of a tag that is none" "tag does not exist: $A/typed:no" cli push $A/typed:no
unset CREEL_ROOT

# --- tokens
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 -subj /CN=token 2>/dev/null
check "a token server" server 127.0.0.1:5004 token 5004 "$T/key.pem" "$T/cert.pem" huma secret "$T/tokens.log"
check "a registry that wants tokens" registry token $TOKEN "auth: {token: {realm: 'http://127.0.0.1:5004/t', service: creel-registry, issuer: creel-test, rootcertbundle: $T/cert.pem}}"
says "without log-in" 'denied|unauthorized|authentication' tool push "$T/image" "$digest" $TOKEN/public/app:1
check "log-in" tool login $TOKEN huma secret
says "with a wrong password" 'unauthorized|authentication' tool login $TOKEN huma nonsense
: >"$T/tokens.log"
check "push" tool push "$T/image" "$digest" $TOKEN/public/app:1
like "one token does for all of it" "$(wc -l <"$T/tokens.log")" '^1$'
like "which was asked for by name" "$(cat "$T/tokens.log")" 'service=creel-registry.*scope=repository:public/app:pull,push.*account=huma.* Basic'
check "mounts ask for both repositories" tool push "$T/image" "$digest" $TOKEN/other:1 public/app
like "by scope" "$(cat "$T/tokens.log")" 'scope=repository:other:pull,push&scope=repository:public/app:pull'
check "log-out" tool logout $TOKEN
check "who is nobody reads what is public" tool fetch $TOKEN/public/app:1 "$T/public"
says "and nothing else" 'denied|unauthorized|authentication' tool manifest $TOKEN/other:1

check "a token server that gives tokens for passwords" server 127.0.0.1:5006 token 5006 "$T/key.pem" "$T/cert.pem" huma secret "$T/oauths.log" refresh
registry oauth 127.0.0.1:5007 "auth: {token: {realm: 'http://127.0.0.1:5006/t', service: creel-registry, issuer: creel-test, rootcertbundle: $T/cert.pem}}"
check "log-in" tool login 127.0.0.1:5007 huma secret
like "the token is kept" "$(cat "$T/config/config.json")" '"identitytoken": ?"of-long-life"'
unlike "the password is not" "$(cat "$T/config/config.json")" "$(printf huma:secret | base64)"
check "it lets us in" tool push "$T/image" "$digest" 127.0.0.1:5007/private/app:1
like "by OAuth" "$(cat "$T/oauths.log")" 'POST grant_type=refresh_token&service=creel-registry&client_id=creel&refresh_token=of-long-life&scope=repository:private/app:pull,push'

# --- TLS. A name: on 127.0.0.0/8 any certificate will do.
H=registry.test:5005
echo "127.0.0.1 registry.test" >>/etc/hosts
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/tls.key" -out "$T/tls.crt" -days 2 -subj /CN=registry.test -addext subjectAltName=DNS:registry.test 2>/dev/null
check "a registry with a certificate of its own" registry tls 127.0.0.1:5005 '' ", tls: {certificate: $T/tls.crt, key: $T/tls.key}"
says "which nobody knows" 'certificate' tool push "$T/image" "$digest" $H/a:1
like "with the cure" "$(cat "$T/.out")" 'hint: .*certs.d'
mkdir -p "$T/certs/$H" && cp "$T/tls.crt" "$T/certs/$H/ca.crt"
check "its authority is known" tool -t "$T/certs" push "$T/image" "$digest" $H/a:1
check "or nobody is asked" tool -i $H manifest $H/a:1
says "a client certificate without its key" 'missing key' bash -c ": >'$T/certs/$H/me.cert'; '$TOOL' -t '$T/certs' manifest $H/a:1"
check "on loopback, any" tool manifest 127.0.0.1:5005/a:1
says "plain HTTP, where it is not asked for" 'SSL|TLS|wrong version' tool -r 1 manifest registry.test:5001/first/app:1
echo '{"insecure-registries":["registry.test:5001"]}' >"$T/hosts.json"
check "where the host's file says so" tool -h "$T/hosts.json" manifest registry.test:5001/first/app:1
check "where it is" tool -i registry.test:5001 manifest registry.test:5001/first/app:1
