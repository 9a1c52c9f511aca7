# SPDX-License-Identifier: LGPL-2.1-or-later
"""The OCI runtimes: creel-oci, runc, crun and the floor, each with the same bundle (benchlib/bundle.py)."""
import os
import random
import shutil
import statistics

from benchlib import bundle
from benchlib.run import Runner, die, in_turns, note, pid_of, summary

SLEEP = ["/bin/sleep", "100003"]
PAGE = os.sysconf("SC_PAGE_SIZE")

# measure, title, unit, {other: creel ≤ n × other}, creel ≤ n
ROWS = [
    ("run", "run /bin/true", "ms", {"floor": 2, "crun": 0.5, "runc": 0.15}, None),
    ("life", "create + start + delete", "ms", {"floor": 2, "crun": 0.5, "runc": 0.15}, None),
    ("create", "· create", "ms", {}, None),
    ("begin", "· start", "ms", {}, None),
    ("delete", "· delete", "ms", {}, None),
    ("exec", "exec /bin/true", "ms", {"crun": 0.5}, None),
    ("exec_over", "exec: over bare fork + exec", "ms", {}, 2),
    ("memory", "smallest memory limit for /bin/true", "kB", {}, 512),
    ("together", "{together} runs at once, each", "ms", {}, None),
    ("run_growth", "run: last quarter of {sequence} / first", "×", {"floor": 1.25}, None),
    ("left", "left after all of them", "", {}, 0),
]
COLUMNS = ["bare", "floor", "creel", "crun", "runc"]


class Runtime:
    """A program with runc's command line. OUTER and INNER: the work folder as we and as the program see it."""

    def __init__(self, name, program, outer, inner, seccomp, setup=None):
        self.name, self.program, self.inner, self.seccomp = name, program, inner, seccomp
        self.outer = outer
        self.folder = f"oci-{name}"
        self.word = f"bench-{name}-{os.getpid()}"
        self.state = f"/run/bench-oci-{name}"
        os.mkdir(os.path.join(outer, self.folder))
        self.runner = Runner(setup)
        self.bundles = set()

    def version(self):
        """None: it is none of these. (A creel without the dialect knows no --root.)"""
        if self.oci("list", check=False)["status"] != 0:
            return None
        reply = self.runner.run(self.program, "--version", check=False)
        return reply["out"].splitlines()[0].split()[-1] if reply["status"] == 0 and reply["out"] else None

    def bundle(self, name, args, memory=None):
        """The bundle NAME as the program sees it, and a container's id for it."""
        cid = f"{self.word}-{name}"
        if name not in self.bundles or memory is not None:
            rootfs = os.path.join(self.inner, "rootfs")
            bundle.make(os.path.join(self.outer, self.folder), cid, args, self.seccomp, rootfs, memory)
            self.bundles.add(name)
        return os.path.join(self.inner, self.folder, cid), cid

    def oci(self, *args, check=True):
        return self.runner.run(self.program, "--root", self.state, *args, check=check)

    def run_argv(self, name, memory=None):
        path, cid = self.bundle(name, ["/bin/true"], memory)
        return [self.program, "--root", self.state, "run", "--bundle", path, cid]

    def create(self, name, args):
        path, cid = self.bundle(name, args)
        return self.oci("create", "--bundle", path, cid)["ms"]

    def start(self, name):
        return self.oci("start", f"{self.word}-{name}")["ms"]

    def delete(self, name):
        return self.oci("delete", f"{self.word}-{name}")["ms"]

    def exec(self, name):
        return self.oci("exec", f"{self.word}-{name}", "/bin/true")["ms"]

    def kill(self, name):
        self.oci("kill", f"{self.word}-{name}", "KILL")
        self.runner.call("reap")
        self.delete(name)

    def clean(self):
        for name in self.bundles:
            self.oci("delete", "--force", f"{self.word}-{name}", check=False)


class Floor:
    name = "floor"

    def __init__(self, program, work, blob):
        self.program, self.root, self.blob = program, os.path.join(work, "rootfs"), blob
        self.word = f"bench-floor-{os.getpid()}"
        self.runner = Runner()
        self.pid = None

    def run_argv(self, name, memory=None):
        argv = [self.program, "oci", self.root, self.blob, "/bin/true"]
        return argv if memory is None else ["/usr/bin/env", f"FLOOR_MEMORY={memory}"] + argv

    def create(self, name, args):
        return self.runner.run(self.program, "oci-create", f"/run/{self.word}-{name}", self.root, self.blob, *args)["ms"]

    def start(self, name):
        ms = self.runner.run(self.program, "oci-start", f"/run/{self.word}-{name}")["ms"]
        return ms

    def delete(self, name):
        return self.runner.run(self.program, "oci-delete", f"/run/{self.word}-{name}")["ms"]

    def exec(self, name):
        if not self.pid:
            self.pid = pid_of(*SLEEP[:1], "100004")
        return self.runner.run(self.program, "oci-exec", str(self.pid), self.blob, "/bin/true")["ms"]

    def kill(self, name):
        os.kill(self.pid or pid_of(*SLEEP[:1], "100004"), 9)
        self.runner.call("reap")
        self.delete(name)

    def clean(self):
        pass


class Bare:
    """fork and exec of the same program, in no container."""

    name = "bare"

    def __init__(self, work):
        self.program = os.path.join(work, "rootfs/bin/true")
        self.runner = Runner()

    def exec(self, name):
        return self.runner.run(self.program)["ms"]


def one_run(s):
    return {"run": s.runner.run(*s.run_argv("one"))["ms"]}


def one_life(s):
    create, start = s.create("life", ["/bin/true"]), s.start("life")
    s.runner.call("reap")
    delete = s.delete("life")
    return {"life": create + start + delete, "create": create, "begin": start, "delete": delete}


def one_exec(s):
    return {"exec": s.exec("exec")}


def measure_exec(args, subjects, bare):
    for s in subjects:
        s.create("exec", ["/bin/sleep", "100004"] if isinstance(s, Floor) else SLEEP)
        s.start("exec")
    samples = in_turns(subjects + [bare], args.runs, one_exec)
    for s in subjects:
        s.kill("exec")
    over = {n: [ms - b for ms, b in zip(v, samples["exec"]["bare"])] for n, v in samples["exec"].items() if n != "bare"}
    return samples, {n: statistics.median(v) for n, v in over.items()}


def smallest_memory(s):
    """The smallest limit, in kB, with which three runs of three succeed; by halving, on pages."""

    def enough(pages):
        return all(s.runner.run(*s.run_argv("memory", pages * PAGE), check=False)["status"] == 0 for _ in range(3))

    low, high = 0, 4
    while not enough(high):
        low, high = high, high * 2
        if high * PAGE > 256 << 20:
            die(f"{s.name}: no memory is enough for /bin/true")
    while high - low > max(1, high // 64):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high * PAGE / 1024


def measure_together(s, count):
    """Wall-clock time of COUNT at once, for each of them."""
    argvs = [s.run_argv(f"t{n}") for n in range(count)]
    replies = s.runner.call("together", argvs)
    bad = [r for r in replies if r["status"] != 0]
    if bad:
        die(f"{s.name}: {len(bad)} of {count} runs at once failed: {bad[0]['err'].strip()}")
    return max(r["ms"] for r in replies) / count


def in_sequence(subjects, count):
    """COUNT runs of each, ten at a time: what else the machine does in that time meets them all."""
    series = {s.name: [] for s in subjects}
    while any(len(ms) < count for ms in series.values()):
        for s in random.sample(subjects, len(subjects)):
            todo = min(10, count - len(series[s.name]))
            series[s.name] += [one_run(s)["run"] for _ in range(todo)]
    return series


def collect(args, subjects, bare):
    samples = {}
    before = {s.name: s.runner.call("look", s.word) for s in subjects}
    note(f"oci run: {args.runs} turns")
    samples.update(in_turns(subjects, args.runs, one_run))
    note(f"oci create, start, delete: {args.runs} turns")
    samples.update(in_turns(subjects, args.runs, one_life))
    note(f"oci exec: {args.runs} turns")
    more, over = measure_exec(args, subjects, bare)
    samples.update(more)
    report = summary(samples)
    values = report["values"]
    values["exec_over"] = over
    note("oci: the smallest memory limit")
    values["memory"] = {s.name: smallest_memory(s) for s in subjects}
    note(f"oci: {args.together} at once")
    values["together"] = {s.name: measure_together(s, args.together) for s in subjects}
    note(f"oci: {args.sequence} in sequence")
    report["series"] = in_sequence(subjects, args.sequence)
    report["series_title"] = f"each of {args.sequence} runs, ms"
    q = max(args.sequence // 4, 1)
    values["run_growth"] = {n: statistics.median(v[-q:]) / statistics.median(v[:q]) for n, v in report["series"].items()}
    report["left"], values["left"] = {}, {}
    for s in subjects:
        after = s.runner.call("look", s.word)
        report["left"][s.name] = after["found"]
        values["left"][s.name] = len(after["found"]) + abs(after["mounts"] - before[s.name]["mounts"])
    return report


def find_program(path, name):
    return os.path.join(path, name) if os.access(os.path.join(path, name), os.X_OK) else shutil.which(name)
