#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# runs: root
# creel registry serve, with skopeo and by hand: protocol, access, TLS, a cache, and collection while it serves.
. "${0%/*}/lib.sh"
need skopeo openssl python3 curl jq

peer() { "$HERE/registry-peer.py" "$@"; }
answers() { (exec 3<>"/dev/tcp/${1%:*}/${1#*:}") 2>/dev/null; }
serve() { # NAME ADDRESS OPTION...
	daemon "$T/$1.log" creel registry serve --addr "$2" --root "$T/$1" --access-log "$T/$1.access" --pid-file "$T/$1.pid" "${@:3}"
	wait_for 10 test -s "$T/$1.pid"
}
stop() { kill "$(cat "$T/$1.pid")" && wait_for 10 test ! -e "$T/$1.pid"; }
A=127.0.0.1:6001 U=http://127.0.0.1:6001/v2
code() { curl -s -o "$T/.body" -D "$T/.head" -w '%{http_code}' "$@"; }
header() { sed -n "s/^$1: *//Ip" "$T/.head" | tr -d '\r'; }
error() { jq -r '.errors[0].code' "$T/.body"; }
digest_of() { echo "sha256:$(sha256sum <"$1" | cut -d' ' -f1)"; }
# blob FILE REPO: pushed in one piece.
blob() { code -X POST --data-binary "@$1" -H 'Content-Type: application/octet-stream' "$U/$2/blobs/uploads/?digest=$(digest_of "$1")"; }

digest=$(peer image "$T/image" 3000000 70000 100) || exit 1
head -c 1000 /dev/urandom >"$T/a" && head -c 5000000 /dev/urandom >"$T/b"
a=$(digest_of "$T/a") b=$(digest_of "$T/b")
printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}' >"$T/c"
c=$(digest_of "$T/c")

check "it serves" serve plain $A
gives "version 2 of the protocol" 200 code $U/
is "which it says" "$(header Docker-Distribution-API-Version)" registry/2.0
refuse "a second one of the same folder" timeout 5 creel registry serve --addr 127.0.0.1:6099 --root "$T/plain"
like "says why" "$(cat "$T/.out")" 'is being served by another registry'

# --- with skopeo
check "skopeo pushes" skopeo copy -q --dest-tls-verify=false "oci:$T/image" docker://$A/first/app:1
check "and pulls" skopeo copy -q --src-tls-verify=false docker://$A/first/app:1 "oci:$T/back"
check "the same" diff -r "$T/image/blobs" "$T/back/blobs"
gives "by digest" "$digest" skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$A/first/app@$digest"
check "as Docker's format" skopeo copy -q --format v2s2 --src-tls-verify=false --dest-tls-verify=false docker://$A/first/app:1 docker://$A/first/docker:1
gives "tags" '["1"]' bash -c "skopeo list-tags --tls-verify=false docker://$A/first/app | jq -c .Tags"
check "what it keeps is a layout" jq -e '.imageLayoutVersion == "1.0.0"' "$T/plain/oci-layout"

# --- uploads by hand
gives "in one piece" 201 blob "$T/a" hand/x
gives "begun" 202 code -X POST "$U/hand/x/blobs/uploads/"
at=$(header Location)
head -c 2000000 "$T/b" >"$T/b1" && tail -c +2000001 "$T/b" >"$T/b2"
gives "first piece" 202 code -X PATCH --data-binary "@$T/b1" -H 'Content-Range: 0-1999999' "http://$A$at"
is "so far" "$(header Range)" 0-1999999
gives "the same again does not fit" 416 code -X PATCH --data-binary "@$T/b1" -H 'Content-Range: 0-1999999' "http://$A$at"
stop plain && serve plain $A
gives "known after a restart" 204 code "http://$A$at"
is "to the byte" "$(header Range)" 0-1999999
gives "not by another repository" 404 code "http://$A${at/hand/other}"
gives "last piece" 202 code -X PATCH --data-binary "@$T/b2" "http://$A$at"
gives "with a wrong digest" 400 code -X PUT "http://$A$at?digest=$a"
is "says so" "$(error)" DIGEST_INVALID
gives "is gone then" 404 code "http://$A$at"
gives "begun again" 202 code -X POST "$U/hand/x/blobs/uploads/"
gives "all with the last request" 201 code -X PUT --data-binary "@$T/b" -H 'Content-Type: application/octet-stream' "http://$A$(header Location)?digest=$b"
gives "begun and cancelled" 202 code -X POST "$U/hand/x/blobs/uploads/"
at=$(header Location)
gives "cancelled" 204 code -X DELETE "http://$A$at"
gives "no such upload" 404 code -X PATCH --data-binary x "http://$A$at"
is "by its code" "$(error)" BLOB_UPLOAD_UNKNOWN
gives "mounted" 201 code -X POST "$U/hand/y/blobs/uploads/?mount=$a&from=hand/x"
gives "not from where it is not: an upload begins" 202 code -X POST "$U/hand/z/blobs/uploads/?mount=$a&from=hand/none"
: >"$T/kill"
(head -c 3000000 "$T/b" && while [ -e "$T/kill" ]; do sleep 0.05; done) |
	curl -s -T - -X PATCH "http://$A$(code -X POST "$U/hand/k/blobs/uploads/" >/dev/null && header Location)" >/dev/null 2>&1 &
some() { [ "$(stat -c %s "$T"/plain/ingest/upload-* 2>/dev/null | sort -n | tail -n 1)" -ge 3000000 ]; }
wait_for 10 some
kill -9 "$(cat "$T/plain.pid")"
rm -f "$T/kill" "$T/plain.pid"
check "after kill -9 in the middle of an upload it serves" serve plain $A
gives "all that was there" 200 code "$U/hand/x/blobs/$b"

# --- blobs
check "a blob" cmp "$T/.body" "$T/b"
gives "a part of it" 206 code -H 'Range: bytes=100-199' "$U/hand/x/blobs/$b"
check "which is that" cmp "$T/.body" <(tail -c +101 "$T/b" | head -c 100)
is "says which" "$(header Content-Range)" "bytes 100-199/5000000"
gives "from behind its end" 416 code -H 'Range: bytes=5000000-' "$U/hand/x/blobs/$b"
gives "what one has already" 304 code -H "If-None-Match: \"$b\"" "$U/hand/x/blobs/$b"
gives "not there" 404 code "$U/hand/none/blobs/$b"
is "by its code" "$(error)" BLOB_UNKNOWN
gives "no digest" 400 code "$U/hand/x/blobs/sha256:xyz"
gives "a name that is none" 404 code "$U/Hand/tags/list"
gives "nor is this" 404 code --path-as-is "$U/hand/../../etc/blobs/$a"

# --- manifests, tags, referrers
m() { printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"%s","size":%s},"layers":[%s]%s}' \
	application/vnd.oci.image.manifest.v1+json "${3:-application/vnd.oci.image.config.v1+json}" "$1" "$(stat -c %s "$T/c")" "$2" "${4-}"; }
put() { code -X PUT --data-binary "@$1" -H "Content-Type: ${3:-application/vnd.oci.image.manifest.v1+json}" "$U/$2"; }
m "$c" '' >"$T/m"
gives "a manifest whose blobs are not there" 400 put "$T/m" hand/x/manifests/v1
is "by its code" "$(error)" MANIFEST_BLOB_UNKNOWN
gives "its blob" 201 blob "$T/c" hand/x
gives "a manifest" 201 put "$T/m" hand/x/manifests/v1
is "known by" "$(header Docker-Content-Digest)" "$(digest_of "$T/m")"
gives "by a wrong digest" 400 put "$T/m" "hand/x/manifests/$a"
gives "by its digest with tags" 201 put "$T/m" "hand/x/manifests/$(digest_of "$T/m")?tag=v2&tag=v3"
gives "another type than it says" 400 put "$T/m" hand/x/manifests/v4 application/vnd.oci.image.index.v1+json
printf '{"schemaVersion":2,"config":{"mediaType":"a","digest":"%s","size":1},"layers":[],"manifests":[]}' "$c" >"$T/bad"
gives "CVE-2021-41190: an image and an index at once" 400 put "$T/bad" hand/x/manifests/bad
for bad in '' '[]' '{' '{"schemaVersion":1}' '{"schemaVersion":2}' '{"schemaVersion":2,"config":7}' "$(printf '[%.0s' {1..100})"; do
	printf %s "$bad" >"$T/bad"
	gives "no manifest: $bad" 400 put "$T/bad" hand/x/manifests/bad
done
head -c 5000000 /dev/zero | tr '\0' ' ' >"$T/bad"
gives "one of five megabytes" 413 put "$T/bad" hand/x/manifests/bad
gives "a tag that is none" 400 put "$T/m" hand/x/manifests/-v
gives "first page of tags" 200 code "$U/hand/x/tags/list?n=2"
is "two of them" "$(jq -c .tags "$T/.body")" '["v1","v2"]'
is "and where the next is" "$(header Link)" '</v2/hand/x/tags/list?n=2&last=v2>; rel="next"'
gives "second page" 200 code "$U/hand/x/tags/list?n=2&last=v2"
is "the rest" "$(jq -c .tags "$T/.body")$(header Link)" '["v3"]'
gives "no number" 400 code "$U/hand/x/tags/list?n=many"
gives "catalog" 200 code "$U/_catalog"
is "of all" "$(jq -c .repositories "$T/.body")" '["first/app","first/docker","hand/x"]'
m "$c" '' application/vnd.example.sbom ",\"annotations\":{\"k\":\"v\"},\"subject\":{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"$(digest_of "$T/m")\",\"size\":$(stat -c %s "$T/m")}" >"$T/s"
gives "a referrer" 201 put "$T/s" "hand/x/manifests/$(digest_of "$T/s")"
is "said to be one" "$(header OCI-Subject)" "$(digest_of "$T/m")"
gives "is listed" 200 code "$U/hand/x/referrers/$(digest_of "$T/m")?artifactType=application/vnd.example.sbom"
is "with what it is" "$(jq -c '.manifests[0] | [.digest, .artifactType, .annotations]' "$T/.body")" \
	"[\"$(digest_of "$T/s")\",\"application/vnd.example.sbom\",{\"k\":\"v\"}]"
is "filtered" "$(header OCI-Filters-Applied)" artifactType
gives "a tag goes" 202 code -X DELETE "$U/hand/x/manifests/v3"
gives "and no other" 200 code "$U/hand/x/manifests/v2"
gives "a manifest goes" 202 code -X DELETE "$U/hand/x/manifests/$(digest_of "$T/m")"
gives "with its tags" 404 code "$U/hand/x/manifests/v1"
gives "a blob goes" 202 code -X DELETE "$U/hand/y/blobs/$a"
gives "once" 404 code -X DELETE "$U/hand/y/blobs/$a"
like "the access log" "$(cat "$T/plain.access")" 'remote=127.0.0.1 method=DELETE url="/v2/hand/y/blobs/.*" status=202 .*agent="curl'

# --- collection
gives "nobody needs it any more" 201 blob "$T/b" first/app
stop plain
like "collected" "$(creel registry gc --root "$T/plain" --gc-grace 0 2>&1)" '^[3-9] blobs of [0-9]+ bytes'
check "it serves again" serve plain $A --gc-interval 1 --gc-grace 0 --gc-untagged
gives "what no manifest names has gone" 404 code "$U/first/app/blobs/$b"
check "what one names is whole" skopeo copy -q --src-tls-verify=false docker://$A/first/app:1 "oci:$T/after"
check "the same" diff -r "$T/image/blobs" "$T/after/blobs"
gives "an image without a tag" 202 code -X DELETE "$U/first/app/manifests/1"
no_manifest() { [ "$(code "$U/first/app/manifests/$digest")" = 404 ]; }
check "goes while it serves" wait_for 10 no_manifest
check "and others stay" skopeo copy -q --src-tls-verify=false docker://$A/first/docker:1 "oci:$T/after2"
stop plain

# --- who may
printf 'ann:%s\n' "$(openssl passwd -6 secret)" >"$T/passwd"
check "with users" serve users $A --htpasswd "$T/passwd"
gives "asked who it is" 401 code $U/
is "how" "$(header WWW-Authenticate)" 'Basic realm="creel"'
gives "wrong password" 401 code -u ann:wrong $U/
gives "right" 200 code -u ann:secret $U/
gives "and once more" 200 code -u ann:secret $U/
check "skopeo pushes" skopeo copy -q --dest-creds ann:secret --dest-tls-verify=false "oci:$T/image" docker://$A/app:1
refuse "and without" skopeo copy -q --dest-tls-verify=false "oci:$T/image" docker://$A/app:2
stop users
check "read-only" serve users $A --read-only
gives "nothing is taken" 405 code -X POST "$U/app/blobs/uploads/"
gives "nor deleted" 405 code -X DELETE "$U/app/manifests/1"
gives "but given" 200 code "$U/app/manifests/1"

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/key.pem" -out "$T/cert.pem" -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null
b64() { openssl base64 -A | tr '+/' '-_' | tr -d =; }
jwt() { # CLAIMS
	local text
	text="$(printf '{"alg":"RS256","typ":"JWT"}' | b64).$(printf '%s' "$1" | b64)"
	echo "$text.$(printf %s "$text" | openssl dgst -sha256 -sign "$T/key.pem" -binary | b64)"
}
now=$(date +%s)
claims() { printf '{"iss":"%s","aud":"%s","exp":%d,"nbf":%d,"access":[{"type":"repository","name":"app","actions":["%s"]}]}' "$1" "$2" "$3" $((now - 9)) "$4"; }
B=127.0.0.1:6002 V=https://127.0.0.1:6002/v2
check "with tokens, encrypted" serve tokens $B --tls-cert "$T/cert.pem" --tls-key "$T/key.pem" --token-realm https://auth.example/token \
	--token-service reg --token-issuer iss --token-key "$T/cert.pem"
bearer() { code --cacert "$T/cert.pem" -H "Authorization: Bearer $1" "${@:2}"; }
gives "asked for one" 401 code --cacert "$T/cert.pem" -X POST "$V/app/blobs/uploads/"
is "that may" "$(header WWW-Authenticate)" 'Bearer realm="https://auth.example/token",service="reg",scope="repository:app:pull,push"'
gives "one that may" 202 bearer "$(jwt "$(claims iss reg $((now + 600)) push)")" -X POST "$V/app/blobs/uploads/"
gives "one that may pull only" 401 bearer "$(jwt "$(claims iss reg $((now + 600)) pull)")" -X POST "$V/app/blobs/uploads/"
gives "of another repository" 401 bearer "$(jwt "$(claims iss reg $((now + 600)) push)")" -X POST "$V/other/blobs/uploads/"
gives "too old" 401 bearer "$(jwt "$(claims iss reg $((now - 600)) push)")" -X POST "$V/app/blobs/uploads/"
gives "of another issuer" 401 bearer "$(jwt "$(claims you reg $((now + 600)) push)")" -X POST "$V/app/blobs/uploads/"
gives "for another service" 401 bearer "$(jwt "$(claims iss you $((now + 600)) push)")" -X POST "$V/app/blobs/uploads/"
good=$(jwt "$(claims iss reg $((now + 600)) push)")
gives "changed on the way" 401 bearer "${good%.*}.$(printf x | b64)" -X POST "$V/app/blobs/uploads/"
gives "signed by nobody" 401 bearer "$(printf '{"alg":"none"}' | b64).$(claims iss reg $((now + 600)) push | b64)." -X POST "$V/app/blobs/uploads/"
gives "one may not mount what one may not read" 202 bearer "$good" -X POST "$V/app/blobs/uploads/?mount=$a&from=secret"

# --- a cache
check "a cache of the one before" serve cache 127.0.0.1:6003 --proxy http://$A
check "pulled through it" skopeo copy -q --src-tls-verify=false docker://127.0.0.1:6003/app:1 "oci:$T/through"
check "the same" diff -r "$T/image/blobs" "$T/through/blobs"
gives "nothing is pushed to it" 405 code -X POST http://127.0.0.1:6003/v2/app/blobs/uploads/
stop users
check "also without the other" skopeo copy -q --src-tls-verify=false docker://127.0.0.1:6003/app:1 "oci:$T/without"
check "the same" diff -r "$T/image/blobs" "$T/without/blobs"
gives "what it never had" 404 code http://127.0.0.1:6003/v2/app/manifests/none
stop cache
stop tokens

# --- bad input
for bad in --addr=nowhere --addr=127.0.0.1:99999999 --tls-cert=/nonexistent --htpasswd=/nonexistent --token-realm=x --gc-interval=-1 --unknown; do
	refuse "refused: $bad" timeout 5 creel registry serve --root "$T/never" --addr 127.0.0.1:6004 "$bad"
done
refuse "no verb" creel registry
refuse "no such folder" creel registry gc --root "$T/nowhere"
