#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets one system call of a command fail, at each of its places in turn: create, start, execute, stop, destroy.

Whatever fails, the command ends in time, and either succeeds or exits with a failure and at least one line that says
so; after `creel doctor --fix` nothing of the container is left that should not be, and the next command works. Runs in
mount and network name spaces of its own. Usage: test-fault-sweep.py [SECONDS]; the commands are taken from PATH, strace does
the injecting. Prints TAP; the seed is in the first line.
"""

import importlib.machinery
import importlib.util
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 30
# The same places each time, so that a run says something of the change it runs on; SEED names others.
SEED = int(os.environ.get("SEED", 615823))
NAME = "fault%d" % os.getpid()
HANG = 30

# Calls of ours that can fail on a loaded or misconfigured host, and how.
FAULTS = [
    ("openat", "EMFILE"), ("openat", "ENOMEM"), ("mkdir", "ENOSPC"), ("mkdirat", "ENOSPC"), ("write", "ENOSPC"),
    ("renameat", "ENOSPC"), ("unlinkat", "EBUSY"), ("clone", "EAGAIN"), ("clone3", "EAGAIN"), ("socketpair", "EMFILE"),
    ("socket", "EMFILE"), ("pipe2", "EMFILE"), ("move_mount", "EINVAL"),
    ("fsopen", "ENODEV"), ("fsmount", "EPERM"), ("open_tree", "EPERM"), ("mount_setattr", "EINVAL"),
    ("pivot_root", "EINVAL"), ("sendmsg", "ENOBUFS"), ("recvmsg", "ENOMEM"), ("pidfd_open", "EMFILE"), ("ioctl", "EIO"),
    ("execve", "ENOMEM"), ("sethostname", "EPERM"), ("setresuid", "EAGAIN"), ("capset", "EPERM"), ("flock", "ENOLCK"),
    ("bind", "EADDRINUSE"), ("umount2", "EBUSY"), ("signalfd4", "ENOMEM"), ("mknodat", "EPERM"), ("unshare", "ENOSPC"),
]


def load_knocks():
    """World and its helpers are test-hard-knocks.py's."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "test-hard-knocks.py")
    with open(path) as f:
        text = f.read()
    # Without its last line, which runs it.
    text = text[: text.rindex("sys.exit(main())")]
    spec = importlib.util.spec_from_loader("knocks", loader=None)
    module = importlib.util.module_from_spec(spec)
    argv, sys.argv = sys.argv, sys.argv[:1]
    exec(compile(text, path, "exec"), module.__dict__)
    sys.argv = argv
    module.NAME = NAME
    return module


def sh(cmd, **kw):
    return subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)


def inject(cmd, call, error, when):
    """CMD under strace, the WHENth CALL of each of its processes failing with ERROR. (status or None, output)"""
    # -D: the command is our child, and strace stays with what outlives it.
    full = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
            "inject=%s:error=%s:when=%d" % (call, error, when), "--"] + cmd
    proc = subprocess.Popen(full, stdin=subprocess.DEVNULL, stdout=OUT, stderr=OUT, start_new_session=True)
    try:
        status = proc.wait(HANG)
    except subprocess.TimeoutExpired:
        status = None
        proc.kill()
    OUT.seek(0)
    text = OUT.read().decode(errors="replace")
    OUT.seek(0)
    OUT.truncate()
    return status, text


OUT = tempfile.TemporaryFile()


def quiet(cmd):
    return subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=HANG)


def count_calls(cmd):
    """How often each call is made by the busiest process of CMD."""
    trace = tempfile.mkdtemp()
    calls = {}
    quiet(["strace", "-D", "-ff", "-qq", "-o", trace + "/t", "-e", "trace=" + ",".join(sorted({c for c, _ in FAULTS})), "--"] + cmd)
    for name in os.listdir(trace):
        here = {}
        with open(os.path.join(trace, name), errors="replace") as f:
            for line in f:
                call = line.split("(", 1)[0]
                here[call] = here.get(call, 0) + 1
        for call, n in here.items():
            calls[call] = max(calls.get(call, 0), n)
    shutil.rmtree(trace, ignore_errors=True)
    return calls


def commands(world):
    return {
        "create": world.cmd("create"),
        "start": world.cmd("start"),
        "execute": ["lxc-execute", "-P", world.path, "-n", NAME + "x", "--", "/bin/true"],
        "stop": world.cmd("stop"),
        "destroy": world.cmd("destroy"),
    }


def one(k, world, verb, cmd, call, error, when):
    why = k.prepare(world, verb if verb != "execute" else "start")
    if why:
        return ["before: " + why]
    status, text = inject(cmd, call, error, when)
    k.settle(world, ("RUNNING", "STOPPED", ""))
    # Who cleans up after a later stop is a descendant of the command, and may be hit as well: doctor comes after that.
    if world.state() == "RUNNING":
        sh(world.cmd("stop"))
        k.settle(world, ("STOPPED", ""))
    bad = []
    if status is None:
        bad.append("hangs")
    elif status < 0 or status > 128:
        bad.append("died of a signal: %d, %s" % (status, text.strip()))
    elif status != 0 and not text.strip():
        bad.append("failed with %d and said nothing" % status)
    elif status != 0 and text.count("\n") > 6:
        bad.append("said too much: " + text)
    return bad + k.check(world, verb)


def sweep(k, world):
    rng = random.Random(SEED)
    cmds = commands(world)
    todo = []
    for verb in ("create", "start", "execute", "stop", "destroy"):
        k.prepare(world, verb if verb != "execute" else "start")
        calls = count_calls(cmds[verb])
        k.settle(world, ("RUNNING", "STOPPED", ""))
        sh(["creel", "doctor", "--fix"])
        todo += [(verb, c, e, n) for c, e in FAULTS for n in range(1, calls.get(c, 0) + 1)]
    rng.shuffle(todo)
    print("# seed %d, %d places" % (SEED, len(todo)), flush=True)
    end = time.monotonic() + SECONDS
    n = failed = 0
    for verb, call, error, when in todo:
        if time.monotonic() > end:
            break
        n += 1
        bad = one(k, world, verb, cmds[verb], call, error, when)
        print("%s %d - %s: %s %d is %s" % ("not ok" if bad else "ok", n, verb, call, when, error), flush=True)
        for b in bad:
            print("#   " + b.replace("\n", "\n#   "))
        failed += bool(bad)
    print("1..%d" % n)
    return failed


def main():
    if os.environ.get("CREEL_FAULTS") != "inside":
        os.environ["CREEL_FAULTS"] = "inside"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--propagation", "private", sys.executable] + sys.argv)
    for tool in ("strace", "busybox"):
        if not shutil.which(tool):
            print("1..0 # SKIP %s is not installed" % tool)
            return 0
    k = load_knocks()
    os.makedirs("/run/creel", exist_ok=True)
    sh(["mount", "-t", "tmpfs", "tmpfs", "/run/creel"], check=True)
    sh(["ip", "link", "set", "lo", "up"])
    sh(["ip", "link", "add", "br-knock", "type", "bridge"], check=True)
    sh(["ip", "link", "set", "br-knock", "up"])
    world = k.World()
    world.make_template()
    # The template is hit too: what it cannot do it must say.
    with open(world.template) as f:
        text = f.read().replace("#!/bin/sh\n", "#!/bin/sh\nset -e\n", 1)
    with open(world.template, "w") as f:
        f.write(text)
    try:
        failed = sweep(k, world)
    finally:
        sh(world.cmd("destroy") + ["-f"])
        sh(["creel", "doctor", "--fix"])
        shutil.rmtree(world.path, ignore_errors=True)
    return 1 if failed else 0


sys.exit(main())
