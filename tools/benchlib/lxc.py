# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lxc-* commands: creel, Debian's LXC and the floor."""
import os
import shutil
import signal
import statistics
import subprocess
import time

from benchlib.run import (Runner, die, in_turns, note, parent_of, pid_of, pss_kb, summary)

CONFIG = """\
lxc.uts.name = {name}
lxc.rootfs.path = dir:{work}/rootfs
lxc.init.cmd = /bin/sleep 100000
lxc.net.0.type = empty
lxc.tty.max = 1
lxc.pty.max = 1024
lxc.cap.drop = mac_admin mac_override sys_time sys_module sys_rawio
lxc.mount.auto = proc:mixed sys:ro
lxc.seccomp.profile = {work}/common.seccomp
lxc.cgroup.devices.deny = a
lxc.cgroup2.devices.deny = a
""" + "".join(
    f"lxc.cgroup{v}.devices.allow = {d}\n"
    for v in ("", "2")
    for d in ("c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm",
              "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm", "c 10:229 rwm")
)


class Subject:
    """One implementation of the lxc-* commands."""

    def __init__(self, name, tools, work, inner, setup=None):
        self.name, self.tools, self.inner = name, tools, inner
        self.path = os.path.join(work, f"lxc-{name}")
        self.lxcpath = os.path.join(inner, f"lxc-{name}")
        os.mkdir(self.path)
        self.runner = Runner(setup)

    def make(self, name):
        os.makedirs(os.path.join(self.path, name), exist_ok=True)
        with open(os.path.join(self.path, name, "config"), "w", encoding="utf-8") as f:
            f.write(CONFIG.format(name=name, work=self.inner))

    def lxc(self, tool, *args, check=True):
        return self.runner.run(os.path.join(self.tools, "lxc-" + tool), "-P", self.lxcpath, *args, check=check)

    def init_pid(self, name):
        return int(self.lxc("info", "-n", name, "-p", "-H")["out"])

    def start(self, name):
        ms = self.lxc("start", "-n", name, "-d")["ms"]
        state = self.lxc("info", "-n", name, "-s", "-H")["out"].strip()
        if state != "RUNNING":
            die(f"{self.name}: {name} is {state} after lxc-start")
        return ms

    def stop_all(self):
        for name in os.listdir(self.path):
            self.lxc("stop", "-n", name, "-k", check=False)


class Floor:
    name = "floor"

    def __init__(self, program, work):
        self.program, self.root = program, os.path.join(work, "rootfs")
        self.runner = Runner()
        self.pid = None

    def execute(self):
        return self.runner.run(self.program, "run", self.root, "/bin/true")["ms"]

    def start(self):
        ms = self.runner.run(self.program, "start", self.root, "/bin/sleep", "100001")["ms"]
        self.pid = pid_of("/bin/sleep", "100001")
        return ms

    def attach(self):
        return self.runner.run(self.program, "attach", str(self.pid), "/bin/true")["ms"]

    def stop(self):
        """From the signal to the end of the supervisor, which has removed the cgroups by then."""
        parent = parent_of(self.pid)
        fd = os.pidfd_open(parent)
        t0 = time.perf_counter_ns()
        os.kill(self.pid, signal.SIGKILL)
        while os.path.exists(f"/proc/{parent}/fd/0"):
            time.sleep(0.0002)
        ms = (time.perf_counter_ns() - t0) / 1e6
        os.close(fd)
        return ms


def one_execute(s):
    if isinstance(s, Floor):
        return {"execute": s.execute()}
    return {"execute": s.lxc("execute", "-n", "one", "--", "/bin/true")["ms"]}


def one_life(s):
    if isinstance(s, Floor):
        return {"start": s.start(), "attach": s.attach(), "stop": s.stop()}
    start = s.start("one")
    attach = s.lxc("attach", "-n", "one", "--", "/bin/true")["ms"]
    return {"start": start, "attach": attach, "stop": s.lxc("stop", "-n", "one", "-k")["ms"]}


def measure_memory(s, count):
    names = [f"m{n:03}" for n in range(count)]
    for name in names:
        s.make(name)
        s.start(name)
    time.sleep(1)
    kb = [pss_kb(parent_of(s.init_pid(name))) for name in names]
    for name in names:
        s.lxc("stop", "-n", name, "-k")
        shutil.rmtree(os.path.join(s.path, name))
    return statistics.mean(kb)


def measure_idle(program, count):
    children = [subprocess.Popen([program, "idle"]) for _ in range(count)]
    time.sleep(0.5)
    kb = statistics.mean(pss_kb(child.pid) for child in children)
    for child in children:
        child.kill()
        child.wait()
    return kb


def measure_many(subjects, count):
    """COUNT containers of each, one after the other: does the hundredth cost what the first did?"""
    names = [f"c{n:03}" for n in range(count)]
    result = {}
    for s in subjects:
        for name in names:
            s.make(name)
    for s in subjects:
        starts = [s.start(name) for name in names]
        lists = {}
        for _ in range(7):
            for key, args in (("ls", []), ("ls_fancy", ["-f"])):
                out = s.lxc("ls", *args)
                if out["out"].count("c") < count:
                    die(f"{s.name}: lxc-ls does not list all {count}")
                lists.setdefault(key, []).append(out["ms"])
        stops = [s.lxc("stop", "-n", name, "-k")["ms"] for name in names]
        q = max(count // 4, 1)
        result[s.name] = {
            "start_first": statistics.median(starts[:q]), "start_last": statistics.median(starts[-q:]),
            "stop_first": statistics.median(stops[:q]), "stop_last": statistics.median(stops[-q:]),
            "ls": statistics.median(lists["ls"][1:]), "ls_fancy": statistics.median(lists["ls_fancy"][1:]),
            "starts": starts, "stops": stops,
        }
    return result


# measure, title, unit, {other: creel ≤ n × other}, creel ≤ n
ROWS = [
    ("execute", "lxc-execute /bin/true", "ms", {"floor": 3, "lxc": 0.5}, None),
    ("start", "lxc-start -d until RUNNING", "ms", {"lxc": 0.5}, None),
    ("attach", "lxc-attach /bin/true", "ms", {"lxc": 0.5}, None),
    ("stop", "lxc-stop -k", "ms", {}, None),
    ("pss", "supervisor, PSS, mean of {memory}", "kB", {}, 64),
    ("ls", "lxc-ls of {containers}", "ms", {"lxc": 1}, None),
    ("ls_fancy", "lxc-ls -f of {containers}", "ms", {"lxc": 0.5}, None),
    ("start_growth", "start: last quarter of {containers} / first", "×", {}, 1.25),
    ("stop_growth", "stop: last quarter of {containers} / first", "×", {}, 1.25),
]
COLUMNS = ["floor", "creel", "lxc"]


def collect(args, subjects, floors):
    """The section of the report, for SUBJECTS, of which a Floor is one."""
    lxcs = [s for s in subjects if not isinstance(s, Floor)]
    for s in lxcs:
        s.make("one")
    note(f"lxc-execute: {args.runs} turns")
    samples = in_turns(subjects, args.runs, one_execute)
    note(f"lxc-start, -attach, -stop: {args.runs} turns")
    samples.update(in_turns(subjects, args.runs, one_life))
    report = summary(samples)
    values = report["values"]
    note(f"memory: {args.memory} containers")
    values["pss"] = {s.name: measure_memory(s, args.memory) for s in lxcs}
    report["idle"] = {name: measure_idle(program, args.memory) for name, program in floors.items()}
    values["pss"]["floor"] = min(report["idle"].values())
    note(f"many: {args.containers} containers")
    many = measure_many(lxcs, args.containers)
    for key in ("ls", "ls_fancy"):
        values[key] = {n: m[key] for n, m in many.items()}
    for key in ("start", "stop"):
        values[key + "_growth"] = {n: m[key + "_last"] / m[key + "_first"] for n, m in many.items()}
    report["series"] = {n: m["starts"] for n, m in many.items()}
    report["series_title"] = f"each of {args.containers} starts, ms"
    return report
