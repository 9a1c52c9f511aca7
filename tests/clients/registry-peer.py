#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The other side of tests/clients/test-registry.sh.

    registry-peer.py image DIR LAYERS-IN-BYTES...     an image layout with a content store's folder; prints the manifest's digest.
                                                      "bad:N": the configuration has another digest for this layer
    registry-peer.py index HOST PATH TAG ARCH=DIGEST... an image index of manifests that are there
    registry-peer.py proxy PORT TARGET LOG            passes requests on; path prefixes say how (below)
    registry-peer.py token PORT KEY CERT USER PASS LOG [refresh]   Docker's token server; tokens are signed with openssl.
                                                      With "refresh" a log-in gives a token in place of the password

A repository below these names, seen through the proxy, is treated so:
    cut/…    each answer with content breaks off after 300 kB, whatever was asked for
    cutup/…  the first upload of more than that breaks off after so much, which the registry has then
    slow/…   content trickles, so that the client can be killed on the way
    wrong/…  content is changed in its last byte         short/…  content ends early, and says that it is whole
    long/…   content is longer than it should be         huge/…   manifests have five megabytes
    loop/…   redirects to itself                         away/…   content is at another host, ("localhost" for "127.0.0.1")
    busy/…   the first request of each kind is refused with 429, Retry-After: 1
    never/…  all are, for an hour                        denied/… 403, in the registry's words
"""

import base64
import gzip
import hashlib
import http.client
import http.server
import io
import json
import os
import random
import socketserver
import subprocess
import sys
import tarfile
import time
import urllib.parse


def image(root, sizes):
    os.makedirs(root + "/blobs/sha256", exist_ok=True)

    def blob(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{root}/blobs/sha256/{digest}", "wb") as f:
            f.write(data)
        return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data)}

    layers, diffs = [], []
    for i, said in enumerate(sizes):
        size = said.removeprefix("bad:")
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            info = tarfile.TarInfo(f"file{i}")
            info.size = int(size)
            tar.addfile(info, io.BytesIO(random.Random(i).randbytes(int(size))))
        diffs.append("sha256:" + hashlib.sha256(out.getvalue() if size == said else b"").hexdigest())
        layers.append(blob(gzip.compress(out.getvalue(), 1, mtime=0), "layer.v1.tar+gzip"))
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": diffs}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": blob(json.dumps(config).encode(), "config.v1+json"), "layers": layers}
    top = blob(json.dumps(manifest).encode(), "manifest.v1+json")
    with open(root + "/index.json", "w") as f:
        json.dump({"schemaVersion": 2, "manifests": [top]}, f)
    os.mkdir(root + "/ingest")
    with open(root + "/oci-layout", "w") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    print(top["digest"])


def index(host, path, tag, entries):
    kinds = "application/vnd.oci.image."
    to = http.client.HTTPConnection(host)
    manifests = []
    for arch, digest in (entry.split("=") for entry in entries):
        to.request("GET", f"/v2/{path}/manifests/{digest}", headers={"Accept": kinds + "manifest.v1+json"})
        size = len(to.getresponse().read())
        manifests.append({"mediaType": kinds + "manifest.v1+json", "digest": digest, "size": size,
                          "platform": {"os": "linux", "architecture": arch}})
    body = json.dumps({"schemaVersion": 2, "mediaType": kinds + "index.v1+json", "manifests": manifests})
    to.request("PUT", f"/v2/{path}/manifests/{tag}", body, {"Content-Type": kinds + "index.v1+json"})
    reply = to.getresponse()
    print(reply.getheader("Docker-Content-Digest"))
    sys.exit(0 if reply.status == 201 else 1)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    seen = set()
    goes_on = ""


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target = log = ""

    def log_message(self, *args):
        pass

    def note(self, status):
        with open(self.log, "a") as f:
            f.write(f"{self.command} {self.path} {status} range={self.headers.get('Range', self.headers.get('Content-Range', '-'))} "
                    f"host={self.headers['Host']} auth={self.headers.get('Authorization', '-').split(' ')[0]}\n")

    def answer(self, status, body=b"", length=None, **headers):
        self.note(status)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def special(self, how):
        port = self.server.server_address[1]
        if how == "loop":
            self.answer(307, Location=f"http://127.0.0.1:{port}{self.path}")
        elif how == "away" and "/blobs/" in self.path and self.headers["Host"].startswith("127."):
            self.answer(307, Location=f"http://localhost:{port}{self.path}")
        elif how == "huge" and "/manifests/" in self.path:
            self.answer(200, b" " * (5 << 20), Content_Type="application/vnd.oci.image.manifest.v1+json")
        elif how == "never":
            self.answer(429, Retry_After="3600")
        elif how == "denied":
            self.answer(403, b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}')
        elif how == "cutup" and self.command == "GET" and "/uploads/" in self.path:
            self.answer(204, Range="0-299999", Location=self.server.goes_on)
        elif how == "busy" and self.path not in self.server.seen:
            self.server.seen.add(self.path)
            self.answer(429, Retry_After="1")
        else:
            return False
        return True

    def do_GET(self):
        parts = self.path.split("/")
        how = parts[2] if len(parts) > 4 and parts[1] == "v2" else ""
        if self.special(how):
            return
        to = http.client.HTTPConnection(self.target)
        length = int(self.headers.get("Content-Length") or 0)
        cut = how == "cutup" and length > 300000 and "cutup" not in self.server.seen
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "content-length")}
        body = self.rfile.read(300000 if cut else length)
        if cut:
            self.server.seen.add("cutup")
            to.request(self.command, self.path, body, headers)
            reply = to.getresponse()
            reply.read()
            # docker-registry knows how far it is by this address only, which the client does not hear of.
            self.server.goes_on = reply.getheader("Location")
            self.note("cut")
            self.close_connection = True
            return
        to.request(self.command, self.path, body, headers)
        reply = to.getresponse()
        data = reply.read()
        self.note(reply.status)
        self.send_response(reply.status)
        content = "/blobs/sha256" in self.path and reply.status in (200, 206) and self.command == "GET"
        length = len(data)
        if content and how == "wrong":
            data = data[:-1] + bytes([data[-1] ^ 1])
        elif content and how == "short":
            data = data[:100]
            length = 100
        elif content and how == "long":
            data += b"x"
            length += 1
        for k, v in reply.getheaders():
            if k.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(k, v)
        if self.command == "HEAD":
            length = reply.getheader("Content-Length") or 0
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if content and how == "cut" and len(data) > 300000:
            self.wfile.write(data[:300000])
            self.close_connection = True
        elif content and how == "slow":
            for i in range(0, len(data), 50000):
                self.wfile.write(data[i:i + 50000])
                time.sleep(0.02)
        else:
            self.wfile.write(data)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET


class Token(http.server.BaseHTTPRequestHandler):
    key = cert = user = log = ""
    refresh = False

    def log_message(self, *args):
        pass

    def sign(self, claims):
        def part(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")

        with open(self.cert) as f:
            der = "".join(line.strip() for line in f if "-----" not in line)
        text = part(json.dumps({"typ": "JWT", "alg": "RS256", "x5c": [der]}).encode()) + b"." + part(json.dumps(claims).encode())
        made = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text, capture_output=True, check=True)
        return (text + b"." + part(made.stdout)).decode()

    def do_POST(self):
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        query = urllib.parse.parse_qs(form)
        with open(self.log, "a") as f:
            f.write(f"POST {form}\n")
        self.grant(query, query.get("refresh_token") == ["of-long-life"], query["scope"][0].split(" "))

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        given = self.headers.get("Authorization", "")
        with open(self.log, "a") as f:
            f.write(f"{self.path} {given.split(' ')[0]}\n")
        if given and given != "Basic " + base64.b64encode(self.user.encode()).decode():
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.grant(query, given, query.get("scope", []))

    def grant(self, query, known, scopes):
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            # Who is not logged in may read what is public.
            allowed = actions.split(",") if known else ["pull"] if name.startswith("public/") else []
            access.append({"type": kind, "name": name, "actions": allowed})
        now = int(time.time())
        claims = {"iss": "creel-test", "sub": "u", "aud": query["service"][0], "exp": now + 300, "nbf": now - 10, "iat": now,
                  "jti": str(random.random()), "access": access}
        answer = {"token": self.sign(claims), "expires_in": 300}
        if self.refresh and query.get("offline_token"):
            answer["refresh_token"] = "of-long-life"
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    verb, args = sys.argv[1], sys.argv[2:]
    if verb == "image":
        image(args[0], args[1:])
    elif verb == "index":
        index(*args[:3], args[3:])
    elif verb == "proxy":
        Proxy.target, Proxy.log = args[1], args[2]
        Server(("127.0.0.1", int(args[0])), Proxy).serve_forever()
    elif verb == "token":
        Token.key, Token.cert, Token.user, Token.log = args[1], args[2], f"{args[3]}:{args[4]}", args[5]
        Token.refresh = len(args) > 6
        Server(("127.0.0.1", int(args[0])), Token).serve_forever()


main()
