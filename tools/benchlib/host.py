# SPDX-License-Identifier: LGPL-2.1-or-later
"""What LXC's users do with many containers: copies and snapshots, starting all of them, and calls of the library."""
import os
import shutil
import statistics
import subprocess

from benchlib.lxc import Subject
from benchlib.run import die, in_turns, note, summary

CALLS = ("state", "get_config_item", "get_ips")


class Host(Subject):
    """One implementation, with its library."""

    def __init__(self, name, tools, work, inner, setup=None, library=None):
        super().__init__(name + "-host", tools, work, inner, setup)
        self.name, self.work, self.library = name, work, library
        self.probe = os.path.join(inner, "liblxc-calls")

    def make_own(self, name):
        """A container with a root of its own in its folder, which LXC wants of what it copies."""
        self.make(name)
        top = os.path.join(self.path, name)
        subprocess.run(["cp", "-a", os.path.join(self.work, "rootfs"), top], check=True)
        with open(os.path.join(top, "config"), encoding="utf-8") as f:
            text = f.read()
        with open(os.path.join(top, "config"), "w", encoding="utf-8") as f:
            f.write(text.replace(f"dir:{self.inner}/rootfs", f"dir:{self.lxcpath}/{name}/rootfs"))

    def destroy(self, name):
        return self.lxc("destroy", "-n", name)["ms"]

    def calls(self):
        """Microseconds of each call, as the program that loads the library has measured them."""
        out = self.runner.run(self.probe, self.library, self.lxcpath, "calls")["out"]
        return {name: float(us) for name, us in (line.split() for line in out.splitlines())}


def one_copy(s):
    copy = s.lxc("copy", "-n", "plain", "-N", "copy", "-s", "-B", "overlay")["ms"]
    return {"copy": copy, "destroy": s.destroy("copy")}


def one_snapshot(s):
    take = s.lxc("snapshot", "-n", "origin")["ms"]
    restore = s.lxc("snapshot", "-n", "origin", "-r", "snap0", "-N", "back")["ms"]
    s.destroy("back")
    return {"snapshot": take, "restore": restore, "forget": s.lxc("snapshot", "-n", "origin", "-d", "snap0")["ms"]}


def measure_autostart(subjects, count, turns=3):
    """All of COUNT containers started by one lxc-autostart."""
    for s in subjects:
        for n in range(count):
            s.make(f"a{n:02}")
            with open(os.path.join(s.path, f"a{n:02}", "config"), "a", encoding="utf-8") as f:
                f.write("lxc.start.auto = 1\n")

    def one(s):
        start = s.lxc("autostart")["ms"]
        if sum(word[1:].isdigit() for word in s.lxc("ls", "--running")["out"].split()) != count:
            die(f"{s.name}: lxc-autostart has not started all {count}")
        return {"autostart": start, "autokill": s.lxc("autostart", "-k")["ms"]}

    samples = {}
    for _ in range(turns):
        for s in subjects:
            for measure, ms in one(s).items():
                samples.setdefault(measure, {}).setdefault(s.name, []).append(ms)
    for s in subjects:
        for n in range(count):
            shutil.rmtree(os.path.join(s.path, f"a{n:02}"))
    return {m: {name: statistics.median(v) for name, v in by.items()} for m, by in samples.items()}


def build_probe(work, top):
    """The program that calls a liblxc.so.1, which it is given by path."""
    subprocess.run(["gcc", "-O2", "-std=gnu17", "-D_GNU_SOURCE", "-I" + os.path.join(top, "include"), "-o",
                    os.path.join(work, "liblxc-calls"), os.path.join(top, "tests/bench/liblxc-calls.c"), "-ldl"], check=True)


# measure, title, unit, {other: creel ≤ n × other}, creel ≤ n
ROWS = [
    ("copy", "lxc-copy -s, by overlay", "ms", {"lxc": 0.5}, None),
    ("destroy", "lxc-destroy of the copy", "ms", {}, None),
    ("snapshot", "lxc-snapshot", "ms", {"lxc": 0.5}, None),
    ("restore", "lxc-snapshot -r", "ms", {"lxc": 0.5}, None),
    ("forget", "lxc-snapshot -d", "ms", {}, None),
    ("autostart", "lxc-autostart of {auto}", "ms", {"lxc": 0.5}, None),
    ("autokill", "lxc-autostart -k of {auto}", "ms", {}, None),
    ("state", "liblxc: state()", "µs", {"lxc": 1}, None),
    ("get_config_item", "liblxc: get_config_item()", "µs", {"lxc": 1}, None),
    ("get_ips", "liblxc: get_ips()", "µs", {"lxc": 1}, None),
]
COLUMNS = ["creel", "lxc"]


def collect(args, subjects):
    """The section of the report."""
    for s in subjects:
        s.make_own("plain")
        s.lxc("copy", "-n", "plain", "-N", "origin", "-s", "-B", "overlay")
    note(f"lxc-copy, lxc-snapshot: {args.runs} turns")
    samples = in_turns(subjects, args.runs, one_copy)
    samples.update(in_turns(subjects, args.runs, one_snapshot))
    if all(s.library for s in subjects):
        note(f"calls of the library: {args.runs} turns")
        for s in subjects:
            s.make("calls")
            s.start("calls")
        samples.update(in_turns(subjects, args.runs, Host.calls))
    report = summary(samples)
    note(f"lxc-autostart: {args.auto} containers")
    report["values"].update(measure_autostart(subjects, args.auto))
    return report
