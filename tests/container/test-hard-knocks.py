#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kills the command, the keeper or the container's first process at random points of create, start, stop and destroy.

After each kill `creel doctor --fix` must leave no mount, control group, network device, firewall rule, process or file
behind, and the container must start again. Runs in mount and network name spaces of its own, with its own /run.
Usage: test-hard-knocks.py [ROUNDS]; the commands are taken from PATH. Prints TAP; the seed is in the first line.
Every 24 rounds have each victim of each command.
"""

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 192
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
NAME = "knock%d" % os.getpid()
VERBS = ["create", "start", "start", "stop", "halt", "destroy"]
VICTIMS = ["command", "command", "keeper", "child"]
BUSYBOX = shutil.which("busybox")


def sh(cmd, **kw):
    return subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)


def payload_cgroups():
    found = []
    for root, dirs, _ in os.walk("/sys/fs/cgroup"):
        found += [os.path.join(root, d) for d in dirs if NAME in d]
        if root.count("/") > 5:
            dirs.clear()
    return found


def processes():
    """Processes that belong to the container or to its keeper."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        try:
            with open("/proc/%s/cmdline" % pid, "rb") as f:
                line = f.read().replace(b"\0", b" ").decode(errors="replace")
            root = os.readlink("/proc/%s/root" % pid)
        except OSError:
            continue
        if NAME in line or NAME in root:
            found.append((int(pid), line))
    return found


class World:
    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="creel-knocks-")
        self.dir = os.path.join(self.path, NAME)

    def make_template(self):
        """A template that takes its time, so that a create can be killed half-way."""
        self.template = os.path.join(self.path, "template")
        with open(self.template, "w") as f:
            # A kill may hit one of its own commands, whose name has /bin/start in it, too: then it is no container.
            f.write("""#!/bin/sh -e
for a; do case $a in --path=*) p=${a#*=};; --rootfs=*) r=${a#*=};; esac; done
mkdir -p $r/bin $r/proc $r/sys $r/dev $r/etc
sleep 0.01
cp %s $r/bin/busybox
for b in sh sleep true init; do ln $r/bin/busybox $r/bin/$b; done
printf '#!/bin/sh\\ntrap "exit 0" PWR\\nwhile :; do sleep 0.05; done\\n' > $r/bin/start
chmod 755 $r/bin/start
sleep 0.01
printf 'lxc.uts.name = k\\nlxc.init.cmd = /bin/start\\nlxc.mount.auto = proc sys\\nlxc.tty.max = 2\\n' >> $p/config
printf 'lxc.net.0.type = veth\\nlxc.net.0.link = br-knock\\nlxc.net.0.flags = up\\n' >> $p/config
""" % BUSYBOX)
        os.chmod(self.template, 0o755)
        self.conf = os.path.join(self.path, "empty.conf")
        open(self.conf, "w").close()

    def cmd(self, verb):
        return {
            "create": ["lxc-create", "-P", self.path, "-n", NAME, "-t", self.template, "-f", self.conf],
            "start": ["lxc-start", "-P", self.path, "-n", NAME],
            "stop": ["lxc-stop", "-P", self.path, "-n", NAME, "-k"],
            "halt": ["lxc-stop", "-P", self.path, "-n", NAME, "-t", "5"],
            "destroy": ["lxc-destroy", "-P", self.path, "-n", NAME],
        }[verb]

    def state(self):
        """Empty when there is no such container."""
        r = sh(["lxc-info", "-P", self.path, "-n", NAME, "-sH"])
        return "" if r.returncode else r.stdout.strip()

    def residue(self, defined):
        """What is there and should not be. The container's own directory may be when DEFINED."""
        left = ["cgroup " + c for c in payload_cgroups()]
        left += ["process %d %s" % p for p in processes()]
        links = sh(["ip", "-br", "link"]).stdout
        left += ["link " + l for l in links.splitlines() if l.split()[0].startswith("veth")]
        if sh(["nft", "list", "ruleset"]).stdout.strip():
            left.append("nft rules")
        with open("/proc/self/mountinfo") as f:
            left += ["mount " + l.strip() for l in f if NAME in l or "/run/creel/" in l]
        for root, dirs, files in os.walk("/run/creel"):
            for f in files:
                full = os.path.join(root, f)
                ok = defined and (f in ("state", "events") or root.endswith("/locks"))
                if root.endswith("/locks"):
                    ok = True
                if not ok:
                    left.append("file " + full)
        if os.path.isdir(self.dir) != defined:
            left.append("directory %s: %s" % (self.dir, "missing" if defined else "there"))
        return left


def victim_of(kind, proc):
    """The pid to kill: the command, its keeper, or the container's first process."""
    if kind == "command":
        return proc.pid
    for pid, line in processes():
        if kind == "keeper" and line.startswith("creel-keeper"):
            return pid
        if kind == "child" and ("/bin/start" in line or "lxc-start " in line):
            return pid
    return 0


def busy():
    """Somebody still works on the container: a start goes on when the command that began it is killed."""
    for name in os.listdir("/run/creel/locks") if os.path.isdir("/run/creel/locks") else []:
        with open("/run/creel/locks/" + name, "rb") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
    return False


def settle(world, want):
    """Waits until no transition is under way."""
    for _ in range(300):
        if not busy() and world.state() in want:
            return True
        time.sleep(0.02)
    return False


def prepare(world, verb):
    """Brings the container into the state that VERB begins from. None, or why it cannot be."""
    if verb == "create":
        if os.path.isdir(world.dir):
            r = sh(world.cmd("destroy") + ["-f"])
            if r.returncode:
                return "destroy: " + r.stdout
        return None
    if not os.path.isdir(world.dir):
        r = sh(world.cmd("create"))
        if r.returncode:
            return "create: " + r.stdout
    running = world.state() == "RUNNING"
    if verb in ("stop", "halt") and not running:
        r = sh(world.cmd("start"))
        return "start: " + r.stdout if r.returncode else None
    if verb in ("start", "destroy") and running:
        r = sh(world.cmd("stop"))
        return "stop: " + r.stdout if r.returncode else None
    return None


def knocks(rng):
    """Pairs of a command and a victim without end, in a random order, each as often as the others."""
    while True:
        deck = [(verb, kind) for verb in VERBS for kind in VICTIMS]
        rng.shuffle(deck)
        yield from deck


def one_round(world, rng, times, verb, kind):
    why = prepare(world, verb)
    if why:
        return verb, kind, 0, ["before: " + why]
    delay = rng.uniform(0, times[verb] * 1.2)
    proc = subprocess.Popen(world.cmd(verb), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
    time.sleep(delay)
    pid = victim_of(kind, proc)
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    try:
        proc.wait(20)
    except subprocess.TimeoutExpired:
        proc.kill()
        return verb, kind, delay, ["the command hangs"]
    settle(world, ("RUNNING", "STOPPED", ""))
    time.sleep(0.05)
    return verb, kind, delay, check(world, verb)


def check(world, verb):
    doctor = sh(["creel", "doctor", "--fix"])
    bad = []
    if doctor.returncode not in (0, 1):
        bad.append("doctor: %d %s" % (doctor.returncode, doctor.stdout))
    defined = os.path.exists(os.path.join(world.dir, "config")) if verb in ("create", "destroy") else True
    if world.state() == "RUNNING":
        # The kill came too late or hit nobody: it lives as it should, and must stop cleanly. With 2 it is not running any
        # more: an end that was asked for before the kill has come in between.
        r = sh(world.cmd("stop"))
        if r.returncode and not (r.returncode == 2 and verb in ("halt", "stop") and world.state() == "STOPPED"):
            bad.append("stop afterwards: " + r.stdout)
    for _ in range(50):
        left = world.residue(defined)
        if not left:
            break
        time.sleep(0.02)
    if left:
        return bad + left + ["doctor said: " + doctor.stdout.strip()]
    if not defined:
        r = sh(world.cmd("create"))
        if r.returncode:
            return bad + ["create afterwards: " + r.stdout]
    r = sh(world.cmd("start"))
    if r.returncode:
        bad.append("start afterwards: " + r.stdout)
    return bad


def calibrate(world):
    times = {}
    for verb in ("create", "start", "stop", "start", "halt", "destroy"):
        t = time.monotonic()
        r = sh(world.cmd(verb))
        if r.returncode:
            print("not ok 1 - %s works at all" % verb)
            print("# " + r.stdout.replace("\n", "\n# "))
            print("1..1")
            sys.exit(1)
        times[verb] = time.monotonic() - t
    return times


def main():
    if os.environ.get("CREEL_KNOCKS") != "inside":
        os.environ["CREEL_KNOCKS"] = "inside"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable] + sys.argv)
    if not BUSYBOX:
        print("1..0 # SKIP busybox is not installed")
        return 0
    os.makedirs("/run/creel", exist_ok=True)
    sh(["mount", "-t", "tmpfs", "tmpfs", "/run/creel"], check=True)
    sh(["ip", "link", "set", "lo", "up"])
    sh(["ip", "link", "add", "br-knock", "type", "bridge"], check=True)
    sh(["ip", "link", "set", "br-knock", "up"])
    rng = random.Random(SEED)
    world = World()
    world.make_template()
    print("# seed %d, %d rounds" % (SEED, ROUNDS), flush=True)
    failed = 0
    try:
        times = calibrate(world)
        deck = knocks(rng)
        for n in range(1, ROUNDS + 1):
            verb, kind, delay, bad = one_round(world, rng, times, *next(deck))
            print("%s %d - kill the %s %.1f ms into %s" % ("not ok" if bad else "ok", n, kind, delay * 1000, verb),
                  flush=True)
            for b in bad:
                print("#   " + b.replace("\n", "\n#   "))
            failed += bool(bad)
    finally:
        sh(world.cmd("destroy") + ["-f"])
        sh(["creel", "doctor", "--fix"])
        shutil.rmtree(world.path, ignore_errors=True)
    print("1..%d" % ROUNDS)
    return 1 if failed else 0


sys.exit(main())
