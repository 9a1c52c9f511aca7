# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images: containers run from them, pulled, built, committed and served, by creel, podman, Docker and their relatives."""
import contextlib
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import tarfile
import time
import zlib

from benchlib.run import Runner, die, in_turns, note, summary

PORT, NGINX_PORT = 5055, 5056
IMAGE, LARGE = "bench:1", f"127.0.0.1:{PORT}/large:1"
STEPS = 10


class Engine:
    """What has the commands of Docker's client."""

    def __init__(self, name, argv, work, inner, setup):
        self.name, self.argv, self.work, self.inner = name, argv, work, inner
        self.runner = Runner(setup)

    def do(self, *args, check=True):
        return self.runner.run(*self.argv, *args, check=check)

    def works(self):
        """Whether it runs containers here; it has the small image then."""
        reply = self.do("import", f"{self.inner}/small.tar", IMAGE, check=False)
        if reply["status"] == 0:
            reply = self.do("run", "--rm", "--network", "none", IMAGE, "/bin/true", check=False)
        if reply["status"] != 0:
            note(f"{self.name} cannot be measured: {reply['err'].strip()}")
        return reply["status"] == 0

    def version(self):
        return (self.do("--version", check=False)["out"].split() or [None])[-1]

    def daemon_kb(self):
        return 0

    def end(self):
        self.do("rm", "-f", *self.do("ps", "-aq", check=False)["out"].split(), check=False)
        self.runner.close()


class Docker(Engine):
    """Docker, with a daemon of its own; its memory is the daemons'."""

    def __init__(self, work, inner, setup):
        host = "unix:///run/docker.sock"
        super().__init__("docker", ["/usr/bin/docker", "-H", host], work, inner, setup)
        self.runner.run("/bin/sh", "-c", "PATH=/usr/sbin:/usr/bin:/sbin:/bin setsid dockerd --data-root " + inner +
                        "/docker --exec-root /run/docker --pidfile /run/docker.pid -H " + host + " --iptables=false"
                        " --ip6tables=false --bridge=none >" + inner + "/dockerd.log 2>&1 &")
        with contextlib.suppress(TimeoutError):  # then it cannot be measured
            until(30, lambda: self.do("version", check=False)["status"] == 0)

    def version(self):
        return self.do("version", "-f", "{{.Server.Version}}", check=False)["out"].strip() or None

    def daemons(self):
        files = "/run/docker.pid /run/docker/containerd/containerd.pid"
        out = self.runner.run("/bin/sh", "-c", f"for f in {files}; do cat $f; echo; done", check=False)["out"]
        return [int(pid) for pid in out.split()]

    def daemon_kb(self):
        """The most that they have had since they were asked last."""
        total = 0
        for pid in self.daemons():
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                total += next(int(line.split()[1]) for line in f if line.startswith("VmHWM:"))
            with open(f"/proc/{pid}/clear_refs", "w", encoding="utf-8") as f:
                f.write("5\n")
        return total

    def end(self):
        pids = self.daemons()
        self.do("rm", "-f", *self.do("ps", "-aq", check=False)["out"].split(), check=False)
        with contextlib.suppress(TimeoutError, ProcessLookupError):
            os.kill(pids[0], signal.SIGTERM)
            until(20, lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids))
        self.runner.close()


def until(seconds, fn):
    end = time.monotonic() + seconds
    while not fn():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.1)


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


# --- what is measured with ---------------------------------------------------------------------------------------------


def small_tar(work):
    with tarfile.open(os.path.join(work, "small.tar"), "w") as tar:
        tar.add(os.path.join(work, "rootfs"), ".")


def write_layer(path, source, megabytes, skip):
    """A gzip layer of MEGABYTES and its tar's digest: files of the tree SOURCE, those after the first SKIP."""
    raw, packed = hashlib.sha256(), zlib.compressobj(1, zlib.DEFLATED, 31)
    size = taken = 0
    with open(path, "wb") as out:
        def put(data):
            nonlocal size
            raw.update(data)
            size += out.write(packed.compress(data))

        for folder, dirs, names in os.walk(source):
            dirs.sort()
            for name in sorted(names):
                full = os.path.join(folder, name)
                if size >= megabytes << 20:
                    break
                if not os.path.isfile(full) or os.path.islink(full) or (taken := taken + 1) <= skip:
                    continue
                info = tarfile.TarInfo(os.path.relpath(full, source))
                with open(full, "rb") as f:
                    data = f.read()
                info.size, info.mode = len(data), 0o644
                put(info.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % 512))
        put(bytes(1024))
        size += out.write(packed.flush())
    return "sha256:" + raw.hexdigest(), size, taken


def digest_of(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def large_archive(work, source, megabytes):
    """An OCI archive of three layers of a system's files, over the small root; the size of what is pulled."""
    top = os.path.join(work, "large")
    blobs = os.path.join(top, "blobs/sha256")
    os.makedirs(blobs)
    layers, ids, skip = [], [], 0

    def blob(path, kind):
        name, size = digest_of(path), os.path.getsize(path)
        os.rename(path, os.path.join(blobs, name))
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": "sha256:" + name, "size": size}

    def text(value, kind):
        path = os.path.join(top, "new")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(value, f)
        return blob(path, kind)

    with open(os.path.join(work, "small.tar"), "rb") as f:
        data = f.read()
    with open(os.path.join(top, "new"), "wb") as f:
        f.write(zlib.compress(data, 1, 31))
    ids.append("sha256:" + hashlib.sha256(data).hexdigest())
    layers.append(blob(os.path.join(top, "new"), "layer.v1.tar+gzip"))
    for _ in range(3):
        diff, _, skip = write_layer(os.path.join(top, "new"), source, megabytes // 3, skip)
        ids.append(diff)
        layers.append(blob(os.path.join(top, "new"), "layer.v1.tar+gzip"))
    config = text({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["sh"]},
                   "rootfs": {"type": "layers", "diff_ids": ids}}, "config.v1+json")
    manifest = text({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                     "layers": layers}, "manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": LARGE, "io.containerd.image.name": LARGE}
    for name, value in (("oci-layout", {"imageLayoutVersion": "1.0.0"}), ("index.json", {"schemaVersion": 2, "manifests": [manifest]})):
        with open(os.path.join(top, name), "w", encoding="utf-8") as f:
            json.dump(value, f)
    with tarfile.open(top + ".tar", "w") as tar:
        tar.add(top, ".")
    shutil.rmtree(top)
    return max(layers, key=lambda layer: layer["size"]), sum(layer["size"] for layer in layers)


# --- measures ------------------------------------------------------------------------------------------------------------


def one_life(s):
    none = ("--network", "none")
    result = {"run": s.do("run", "--rm", *none, IMAGE, "/bin/true")["ms"]}
    result["run_d"] = s.do("run", "-d", "--name", "one", *none, IMAGE, "/bin/sleep", "1000")["ms"]
    result["exec"] = s.do("exec", "one", "/bin/true")["ms"]
    result["ps"] = s.do("ps")["ms"]
    result["stop"] = s.do("stop", "-t", "0", "one")["ms"]
    result["start"] = s.do("start", "one")["ms"]
    result["rm"] = s.do("rm", "-f", "one")["ms"]
    return result


def measure_lists(subjects, count, turns=5):
    """ps, images and inspect of COUNT containers that were made and not started."""
    result = {}
    for s in subjects:
        ids = [s.do("create", "--network", "none", IMAGE, "/bin/true")["out"].strip() for _ in range(count)]
        for measure, args in (("ps_many", ["ps", "-a"]), ("images_many", ["images"]), ("inspect_many", ["inspect", *ids])):
            result.setdefault(measure, {})[s.name] = statistics.median(s.do(*args)["ms"] for _ in range(turns))
        s.do("rm", *ids)
    return result


def pull(s):
    """Milliseconds and kB of one pull into an engine that has not got it."""
    s.do("rmi", "-f", LARGE, check=False)
    s.daemon_kb()
    reply = s.do("pull", "-q", *(["--tls-verify=false"] if s.name == "podman" else []), LARGE)
    return reply["ms"], s.daemon_kb() or reply["kb"]


def measure_pull(subjects, skopeo, turns):
    samples, memory = {}, {}
    for _ in range(turns):
        for s in random.sample(subjects, len(subjects)):
            ms, kb = pull(s)
            samples.setdefault("pull", {}).setdefault(s.name, []).append(ms)
            memory.setdefault(s.name, []).append(kb)
        if skopeo:
            target = os.path.join(skopeo.work, "skopeo")
            reply = skopeo.runner.run("/usr/bin/skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + LARGE,
                                      f"dir:{skopeo.inner}/skopeo")
            samples["pull"].setdefault("skopeo", []).append(reply["ms"])
            memory.setdefault("skopeo", []).append(reply["kb"])
            shutil.rmtree(target)
    return samples, {n: statistics.median(v) for n, v in memory.items()}


def measure_build(subjects, buildah, work, turns):
    """STEPS steps, of which nothing is to be done any more."""
    context = os.path.join(work, "context")
    os.mkdir(context)
    with open(os.path.join(context, "Dockerfile"), "w", encoding="utf-8") as f:
        f.write(f"FROM {IMAGE}\nCOPY Dockerfile /\n" + "".join(f"ENV K{n}=v\n" for n in range(STEPS - 1)))
    makers = [(s.name, s.runner, [*s.argv, "build"], s.inner) for s in subjects if s.name == "creel"]
    if buildah:
        makers.append(("buildah", buildah.runner, ["/usr/bin/buildah", *buildah.argv[1:7], "build", "--layers", "--isolation",
                                                   "chroot"], buildah.inner))
    samples = {}
    for n in range(turns + 1):
        for name, runner, argv, inner in makers:
            ms = runner.run(*argv, "-q", "-t", "built:1", inner + "/context")["ms"]
            if n:
                samples.setdefault("build", {}).setdefault(name, []).append(ms)
    return samples


def one_commit(s):
    """10 MB changed in a container of the large image."""
    s.do("run", "-d", "--name", "changed", "--network", "none", LARGE, "/bin/sh", "-c",
         "head -c 10000000 /dev/urandom >/change; exec sleep 1000")
    until(20, lambda: s.do("exec", "changed", "/bin/sh", "-c", "test $(wc -c </change) = 10000000", check=False)["status"] == 0)
    ms = s.do("commit", "changed", "changed:1")["ms"]
    s.do("rm", "-f", "changed")
    s.do("rmi", "-f", "changed:1")
    return ms


def fetch_ms(port, path, size):
    buf, got, t0 = bytearray(1 << 20), 0, time.perf_counter_ns()
    c = http.client.HTTPConnection("127.0.0.1", port)
    c.request("GET", path)
    r = c.getresponse()
    if r.status != 200:
        die(f"GET {path}: {r.status}")
    while n := r.readinto(buf):
        got += n
    c.close()
    if got != size:
        die(f"GET {path}: {got} of {size} bytes")
    return (time.perf_counter_ns() - t0) / 1e6


def measure_serve(blob, nginx, turns):
    """The largest layer from the registry, and as a file from nginx."""
    digest, size = blob["digest"], blob["size"]
    servers = [("creel", PORT, f"/v2/large/blobs/{digest}")]
    if nginx:
        servers.append(("nginx", NGINX_PORT, "/blob"))
    samples = {}
    for _ in range(turns):
        for name, port, path in random.sample(servers, len(servers)):
            samples.setdefault("serve", {}).setdefault(name, []).append(fetch_ms(port, path, size))
    return samples


@contextlib.contextmanager
def process(argv, port, log):
    """A server as long as we are at it."""
    with open(log, "w", encoding="utf-8") as out, subprocess.Popen(argv, stdout=out, stderr=out) as p:
        try:
            until(20, lambda: answers(port) or p.poll() is not None)
            if p.poll() is not None:
                die(f"{argv[0]}: see {log}")
            yield p
        finally:
            p.terminate()


@contextlib.contextmanager
def nginx_serving(work, blob):
    """nginx, where the host has one, with the same bytes."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not program:
        note("no nginx: what it serves is not measured")
        yield False
        return
    top = os.path.join(work, "nginx")
    os.makedirs(top + "/html")
    with open(top + "/html/blob", "wb") as out:
        c = http.client.HTTPConnection("127.0.0.1", PORT)
        c.request("GET", f"/v2/large/blobs/{blob['digest']}")
        shutil.copyfileobj(c.getresponse(), out)
    with open(top + "/nginx.conf", "w", encoding="utf-8") as f:
        f.write(f"daemon off; error_log stderr; pid {top}/pid; worker_processes auto; user root;\n"
                f"events {{}} http {{ access_log off; sendfile on; tcp_nopush on; client_body_temp_path {top}/b;\n"
                f"server {{ listen 127.0.0.1:{NGINX_PORT}; root {top}/html; }} }}\n")
    with process([program, "-p", top, "-c", top + "/nginx.conf"], NGINX_PORT, top + "/log"):
        yield True


# measure, title, unit, {other: creel ≤ n × other}, creel ≤ n
ROWS = [
    ("run", "run --rm /bin/true", "ms", {"podman": 0.1}, 15),
    ("run_d", "run -d", "ms", {}, None),
    ("exec", "exec /bin/true", "ms", {}, None),
    ("ps", "ps", "ms", {}, None),
    ("stop", "stop -t 0", "ms", {}, None),
    ("start", "start", "ms", {}, None),
    ("rm", "rm -f of one that runs", "ms", {}, None),
    ("ps_many", "ps -a of {containers}", "ms", {"podman": 1, "docker": 1}, None),
    ("images_many", "images, beside {containers} containers", "ms", {"podman": 1, "docker": 1}, None),
    ("inspect_many", "inspect of {containers}", "ms", {"podman": 1, "docker": 1}, None),
    ("pull", "pull of {pull_mb} MB gzip from loopback", "ms", {"podman": 0.5, "docker": 0.5}, None),
    ("pull_memory", "· most memory", "kB", {}, 65536),
    ("build", "build of ten cached steps", "ms", {}, 100),
    ("commit", "commit of 10 MB changed", "ms", {}, 500),
    ("serve", "a blob served", "ms", {"nginx": 1.25}, None),
]
COLUMNS = ["creel", "podman", "docker", "skopeo", "buildah", "nginx"]


def collect(args, work, creel, engines, source):
    """The section of the report. CREEL: the program; SOURCE: a tree of files whose like is in images."""
    subjects = [s for s in engines if s.works()]
    if "creel" not in [s.name for s in subjects]:
        die("creel runs no containers here")
    podman = next((s for s in subjects if s.name == "podman"), None)
    note(f"run, exec, stop, start, rm: {args.runs} turns")
    samples = in_turns(subjects, args.runs, one_life)
    note(f"lists of {args.containers}")
    lists = measure_lists(subjects, args.containers)
    note(f"an image of {args.pull_mb} MB")
    blob, _ = large_archive(work, source, args.pull_mb)
    registry = [creel, "registry", "serve", "--addr", f"127.0.0.1:{PORT}", "--root", os.path.join(work, "registry")]
    with process(registry, PORT, os.path.join(work, "registry.log")):
        subjects[0].do("load", "-i", os.path.join(work, "large.tar"))
        subjects[0].do("push", "-q", LARGE)
        os.unlink(os.path.join(work, "large.tar"))
        turns = max(args.runs // 10, 2)
        note(f"pull: {turns} turns")
        pulls, memory = measure_pull(subjects, podman, turns)
        samples.update(pulls)
        note("build, commit, blobs")
        samples.update(measure_build(subjects, podman, work, args.runs))
        for _ in range(turns):
            for s in subjects:
                samples.setdefault("commit", {}).setdefault(s.name, []).append(one_commit(s))
        with nginx_serving(work, blob) as nginx:
            samples.update(measure_serve(blob, nginx, turns * 3))
    report = summary(samples)
    report["values"].update(lists)
    report["values"]["pull_memory"] = memory
    return report
