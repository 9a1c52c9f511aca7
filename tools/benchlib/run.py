# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs and times commands, in mount name spaces of their own, and lets subjects take turns."""
import ctypes
import json
import os
import platform
import random
import resource  # os.wait4() wants it, which a peer's userland need not have
import signal
import statistics
import sys
import tempfile
import time


def die(text):
    sys.exit(f"bench: {text}")


def note(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)

PR_SET_CHILD_SUBREAPER = 36


def libc_call(name, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*args) < 0:
        err = ctypes.get_errno()
        raise OSError(err, f"{name}: {os.strerror(err)}")


def mount(source, target, fstype=None, flags=0):
    def enc(s):
        return s.encode() if s is not None else None

    libc_call("mount", enc(source), enc(target), enc(fstype), ctypes.c_ulong(flags), None)


CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x00020000, 4096, 16384, 1 << 18, 2


def own_run():
    """A mount name space of our own with /run in memory, which some machines (build hosts) do not have."""
    libc_call("unshare", CLONE_NEWNS)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", "/run", "tmpfs")


def enter_root(root, work):
    """The same with the peer's userland as its root and the work folder in /mnt/bench."""
    libc_call("unshare", CLONE_NEWNS)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount(root, root, None, MS_BIND | MS_REC)
    os.chdir(root)
    for d in ("proc", "sys", "dev"):
        mount("/" + d, d, None, MS_BIND | MS_REC)
    mount("tmpfs", "run", "tmpfs")
    mount("tmpfs", "mnt", "tmpfs")
    os.mkdir("mnt/bench")
    mount(work, "mnt/bench", None, MS_BIND)
    syscall_pivot_root = {"x86_64": 155}.get(platform.machine(), 41)
    libc_call("syscall", ctypes.c_long(syscall_pivot_root), b".", b".")
    libc_call("umount2", b".", MNT_DETACH)
    os.chdir("/")


def without_unified():
    """crun refuses a version 2 hierarchy beside those of version 1: in this mount name space only, a /sys/fs/cgroup that
    has none."""
    top = "/sys/fs/cgroup"
    with open("/proc/self/mounts", encoding="utf-8") as f:
        fields = [line.split() for line in f]
    v1 = [m[1] for m in fields if m[2] == "cgroup" and os.path.dirname(m[1]) == top]
    if not v1 or all(m[2] != "cgroup2" for m in fields):
        return
    stage = tempfile.mkdtemp(prefix="bench-", dir="/run")
    mount("tmpfs", stage, "tmpfs")
    for path in v1:
        os.mkdir(os.path.join(stage, os.path.basename(path)))
        mount(path, os.path.join(stage, os.path.basename(path)), None, MS_BIND)
    for name in os.listdir(top):
        if os.path.islink(os.path.join(top, name)):
            os.symlink(os.readlink(os.path.join(top, name)), os.path.join(stage, name))
    libc_call("umount2", top.encode(), MNT_DETACH)
    mount(stage, top, None, MS_BIND | MS_REC)
    libc_call("umount2", stage.encode(), MNT_DETACH)
    os.rmdir(stage)


class Runner:
    """A process that starts commands and times them from the start to the end; it may live in another root. It inherits
    what its commands leave behind, as containerd's shim does."""

    def __init__(self, setup=None):
        self.req_r, self.req_w = os.pipe()
        self.rep_r, self.rep_w = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self.req_w)
                os.close(self.rep_r)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # who made us cleans up through us
                libc_call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
                if setup:
                    setup()
                self.serve()
            except BaseException as e:  # whatever it is, the parent is to know
                os.write(self.rep_w, (json.dumps({"error": str(e)}) + "\n").encode())
            os._exit(0)
        os.close(self.req_r)
        os.close(self.rep_w)
        self.req = os.fdopen(self.req_w, "w", buffering=1)
        self.rep = os.fdopen(self.rep_r)

    def serve(self):
        null = os.open("/dev/null", os.O_RDWR)

        def spawn(argv):
            out, err = os.memfd_create("out"), os.memfd_create("err")
            actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)]
            return os.posix_spawn(argv[0], argv, os.environ, file_actions=actions, setsigdef=[signal.SIGTERM]), out, err

        def result(ns, status, out, err, kb=0):
            texts = []
            for fd in (out, err):
                texts.append(os.pread(fd, 1 << 20, 0).decode(errors="replace"))
                os.close(fd)
            return {"ms": ns / 1e6, "status": os.waitstatus_to_exitcode(status), "out": texts[0], "err": texts[1], "kb": kb}

        def run(argv):
            t0 = time.perf_counter_ns()
            pid, out, err = spawn(argv)
            _, status, usage = os.wait4(pid, 0)
            return result(time.perf_counter_ns() - t0, status, out, err, usage.ru_maxrss)

        def together(argvs):
            t0 = time.perf_counter_ns()
            children = [spawn(argv) for argv in argvs]
            return [result(time.perf_counter_ns() - t0, os.waitpid(pid, 0)[1], out, err) for pid, out, err in children]

        def reap():
            """All that was left to us, until there is nothing."""
            n = 0
            try:
                while os.waitpid(-1, 0):
                    n += 1
            except ChildProcessError:
                return n

        def look(word):
            """What there is with WORD in its name: mounts, control groups, files under /run."""
            with open("/proc/self/mountinfo", encoding="utf-8") as f:
                mounts = [line.split()[4] for line in f]
            found = [m for m in mounts if word in m]
            for top in ("/sys/fs/cgroup", "/run"):
                for path, dirs, files in os.walk(top):
                    found += [os.path.join(path, n) for n in dirs + files if word in n]
                    dirs[:] = [d for d in dirs if word not in d]
            return {"mounts": len(mounts), "found": found}

        calls = {"run": run, "together": together, "reap": reap, "look": look}
        for line in os.fdopen(self.req_r):
            name, *args = json.loads(line)
            os.write(self.rep_w, (json.dumps({"result": calls[name](*args)}) + "\n").encode())

    def call(self, name, *args):
        self.req.write(json.dumps([name, *args]) + "\n")
        line = self.rep.readline()
        reply = json.loads(line) if line else {"error": "the runner died"}
        if "error" in reply:
            die(f"{name} {args}: {reply['error']}")
        return reply["result"]

    def run(self, *argv, check=True):
        reply = self.call("run", argv)
        if check and reply["status"] != 0:
            die(f"{' '.join(argv)}: exit {reply['status']}: {reply['err'].strip() or reply['out'].strip()}")
        return reply

    def close(self):
        self.req.close()
        os.waitpid(self.pid, 0)


def in_turns(subjects, runs, one):
    """ONE(subject) → {measure: ms}, RUNS times for each in a random order, after a warm-up."""
    samples = {}
    for n in range(runs + 3):
        for s in random.sample(subjects, len(subjects)):
            for measure, ms in one(s).items():
                if n >= 3:
                    samples.setdefault(measure, {}).setdefault(s.name, []).append(ms)
    return samples


def summary(samples):
    """values, ratios and spread of SAMPLES, {measure: {subject: [ms]}}."""
    values, ratios, spread = {}, {}, {}
    for measure, by in samples.items():
        # Turn by turn: what slows the machine for a second slows both sides of a ratio.
        if "creel" in by:
            ratios[measure] = {n: statistics.median(c / o for c, o in zip(by["creel"], v)) for n, v in by.items()}
        values[measure] = {n: statistics.median(v) for n, v in by.items()}
        spread[measure] = {n: [min(v)] + statistics.quantiles(v, n=4) + [max(v)] for n, v in by.items()}
    return {"values": values, "ratios": ratios, "spread": spread}


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
            return f.read().rstrip("\0").split("\0")
    except OSError:
        return []


def pid_of(*argv):
    return next(int(p) for p in os.listdir("/proc") if p.isdigit() and cmdline(p) == list(argv))


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def pss_kb(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("Pss:"))
