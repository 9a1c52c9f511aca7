# SPDX-License-Identifier: LGPL-2.1-or-later
"""LXC's command protocol, as its clients speak it: each command once, to the container NAME whose init is PID."""
import array
import ctypes
import os
import select
import socket
import struct
import subprocess
import sys
import time

ADDRESS = "\0" + sys.argv[1]
NAME, PID = os.environ["NAME"], int(os.environ["PID"])
ROOT = os.geteuid() == 0
(TTY, WINCH, STOP, STATE, INIT_PID, CLONE_FLAGS, CGROUP, CONFIG_ITEM, GET_NAME, LXCPATH, STATE_CLIENT, CONSOLE_LOG, SERVE,
 ADD_LISTENER, BPF_DEVICE, FREEZE, UNFREEZE, CGROUP2_FD, PIDFD, LIMIT_CGROUP, LIMIT_CGROUP2_FD, DEVPTS, NOTIFY_FD,
 CGROUP_CTX, CGROUP_FD, LIMIT_CGROUP_FD, SCOPE) = range(27)
STOPPED, STARTING, RUNNING, STOPPING, ABORTING, FREEZING, FROZEN, THAWED = range(8)


def check(what, good, note=""):
    print("ok" if good else "not ok", what, flush=True)
    if not good:
        print("# got", note)


def connect():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(20)
    s.connect(ADDRESS)
    return s


def send(s, cmd, data=b"", arg=0, creds=None):
    creds = creds or struct.pack("iII", os.getpid(), os.geteuid(), os.getegid())
    s.sendmsg([struct.pack("iiQ", cmd, len(data), arg)], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, creds)])
    if data:
        s.sendall(data)


def answer(s):
    head, anc, _, _ = s.recvmsg(16, socket.CMSG_SPACE(32 * 4))
    fds = array.array("i")
    for level, kind, data in anc:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[:len(data) - len(data) % 4])
    if len(head) < 16:
        return None
    ret, length, value = struct.unpack("iiQ", head)
    data = b""
    while len(data) < length:
        data += s.recv(length - len(data))
    return ret, value, data, list(fds)


def ask(cmd, data=b"", arg=0):
    with connect() as s:
        send(s, cmd, data, arg)
        return answer(s)


def text(cmd, word=b""):
    a = ask(cmd, word)
    return a[2].rstrip(b"\0").decode() if a and a[0] == 0 else None


def same(a, b):
    return os.path.samestat(os.fstat(a), os.stat(b))


def groups():
    """Controller list to path, as init has them."""
    with open(f"/proc/{PID}/cgroup") as f:
        return {l.split(":")[1]: l.rstrip("\n").split(":", 2)[2] for l in f}


def facts():
    check("state", ask(STATE)[1] == RUNNING, ask(STATE))
    check("pid of init", ask(INIT_PID)[1] == PID, ask(INIT_PID))
    a = ask(PIDFD)
    with open(f"/proc/self/fdinfo/{a[3][0]}") as f:
        check("pidfd of init", f"Pid:\t{PID}\n" in f.read())
    flags = ask(CLONE_FLAGS)[1]
    wanted = 0x20000 | 0x20000000 | 0x40000000 | 0x04000000 | 0x08000000 | (0 if ROOT else 0x10000000)
    check("name spaces", flags & wanted == wanted and bool(flags & 0x10000000) != ROOT, hex(flags))
    check("name", text(GET_NAME) == NAME, text(GET_NAME))
    check("lxcpath", text(LXCPATH) + "/" + NAME + "/command" == sys.argv[1], text(LXCPATH))
    check("an item", text(CONFIG_ITEM, b"lxc.uts.name\0") == NAME, text(CONFIG_ITEM, b"lxc.uts.name\0"))
    check("an item that is not set", ask(CONFIG_ITEM, b"lxc.apparmor.profile\0")[0] < 0)
    check("no item", ask(CONFIG_ITEM, b"lxc.nonsense\0")[0] < 0)
    check("a word without an end", ask(CONFIG_ITEM, b"lxc.uts.name")[0] == -22)
    a = ask(DEVPTS)
    check("its devpts", a[0] == 0 and same(a[3][0], f"/proc/{PID}/root/dev/pts"), a)
    check("no seccomp listener", ask(NOTIFY_FD)[0] == -9, ask(NOTIFY_FD))
    check("none is taken where nobody would answer", listener()[0] == -22, listener())


def listener():
    with connect() as s:
        send(s, ADD_LISTENER)
        fd = array.array("i", [0])
        s.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fd)])
        return answer(s)


def cgroups():
    own = groups()
    pure = list(own) == [""]
    one = "" if pure else next(k for k in own if k and not k.startswith("name="))
    word = b"memory\0" if pure else one.split(",")[0].encode() + b"\0"
    check("its group", text(CGROUP, word) == own[one], text(CGROUP, word))
    check("its group with the limits", text(LIMIT_CGROUP, word) == own[one], text(LIMIT_CGROUP, word))
    check("a controller that is none", ask(CGROUP, b"nonsense\0")[0] < 0)
    for cmd in CGROUP2_FD, LIMIT_CGROUP2_FD:
        a = ask(cmd)
        good = a[0] == 0 and same(a[3][0], "/sys/fs/cgroup" + own[""]) if pure else a[0] == -22
        check(f"version 2 by descriptor ({cmd})", good, a)
    for cmd in CGROUP_FD, LIMIT_CGROUP_FD:
        a = ask(cmd, struct.pack("iIii64s", 0, 0, 0, -9, word))
        good = a[0] == 0 and len(a[2]) == 80 and len(a[3]) == 1 and os.access(f"/proc/self/fd/{a[3][0]}/cgroup.procs", 0)
        check(f"a controller's group by descriptor ({cmd})", good, a)
    a = ask(CGROUP_CTX, struct.pack("iII20i4x", 0, 0, 0, *([-9] * 20)))
    layout, _, n = struct.unpack("iII", a[2][:12])
    inside = [str(PID) in open(f"/proc/self/fd/{fd}/cgroup.procs").read().split() for fd in a[3]]
    check("all its groups", a[0] == 0 and len(a[3]) == n and n >= 1 and all(inside), (a, inside))
    check("the layout", (layout == 2) == pure, layout)
    check("no unit", ask(SCOPE)[0] == -22 or "scope" in (text(SCOPE) or ""), ask(SCOPE))


def changes():
    if ROOT:
        device = struct.pack("c3xii4si", b"c", 10, 200, b"rwm", 1)
        check("a device more", ask(BPF_DEVICE, device + bytes(20))[0] == 0)
        check("… and one that is cut", ask(BPF_DEVICE, device[:8])[0] == -22)
        with connect() as s:
            wanted = [0] * 8
            wanted[FROZEN] = 1
            send(s, STATE_CLIENT, struct.pack("8i", *wanted))
            check("to be told", answer(s)[:2] == (8, 8))
            check("freeze", ask(FREEZE, arg=20)[0] == 0)
            kind, name, state = struct.unpack("i256si", s.recv(264, socket.MSG_WAITALL))
            check("it is told", (kind, name.rstrip(b"\0").decode(), state) == (0, NAME, FROZEN), (kind, name, state))
        check("it is frozen", ask(STATE)[1] == FROZEN, ask(STATE))
        check("unfreeze", ask(UNFREEZE)[0] == 0)
        check("it is thawed", ask(STATE)[1] == RUNNING, ask(STATE))
    now = struct.pack("8i", 0, 0, 1, 0, 0, 0, 0, 0)
    check("a state that it is in", ask(STATE_CLIENT, now)[:2] == (RUNNING, RUNNING))
    check("too few states", ask(STATE_CLIENT, now[:8])[0] == -22)
    check("what a client may not say", ask(SERVE, arg=STOPPED)[0] == -22)
    check("what it may", ask(SERVE, arg=RUNNING)[0] == 0)


def until(fd, wanted):
    got, end = b"", time.monotonic() + 10
    while wanted not in got and time.monotonic() < end:
        if select.select([fd], [], [], 1)[0]:
            got += os.read(fd, 4096)
    return got


def terminals():
    first, second, third = connect(), connect(), connect()
    send(first, TTY, arg=0xffffffffffffffff)
    send(second, TTY, arg=2)
    a, b = answer(first), answer(second)
    check("a terminal", a[0] == 0 and a[1] == 1 and os.isatty(a[3][0]), a)
    check("another", b[0] == 0 and b[1] == 2, b)
    send(third, TTY, arg=0xffffffffffffffff)
    check("no more than there are", answer(third)[0] == -9)
    first.close()
    end = time.monotonic() + 10
    while (a := ask(TTY, arg=1))[0] and time.monotonic() < end:
        time.sleep(0.05)
    check("one that was let go", a[0] == 0 and a[1] == 1, a)
    console = connect()
    send(console, TTY, arg=0)
    a = answer(console)
    check("the console", a[0] == 0 and len(a[3]) == 1, a)
    subprocess.run(["lxc-attach", "-P", text(LXCPATH), "-n", NAME, "--", "/bin/sh", "-c",
                    "echo said by the container >/dev/console"], stdin=subprocess.DEVNULL, check=True)
    got = until(a[3][0], b"said by the container")
    check("… says what is written to it", b"said by the container" in got, got)
    a = ask(CONSOLE_LOG, struct.pack("??6xQ?7x", False, True, 0, False))
    check("what it said before", a[0] == 0 and b"said by the container" in a[2], a)
    check("how much of it was asked for", ask(CONSOLE_LOG, b"\0\0")[0] == -22)


def rights():
    check("no such command", ask(99)[0] == -38)
    check("no answer to what nobody sends", ask(WINCH) is None)
    with connect() as s:
        s.sendmsg([struct.pack("iiQ", STATE, 1 << 20, 0)],
                  [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, struct.pack("iII", os.getpid(), os.geteuid(), os.getegid()))])
        check("too long a request", answer(s) is None)
    if ROOT:
        with connect() as s:
            send(s, STATE, creds=struct.pack("iII", os.getpid(), 4243, 4243))
            check("another user's request over root's connection", answer(s)[0] == -1)
        pid = os.fork()
        if pid == 0:
            os.setgid(4243)
            os.setuid(4243)
            try:
                with connect() as s:
                    send(s, STATE)
                    os._exit(0 if answer(s) is None else 1)
            except OSError:
                os._exit(0)
        check("another user is not heard", os.waitpid(pid, 0)[1] == 0)
        pid = os.fork()
        if pid == 0:
            ctypes.CDLL(None).unshare(0x20000000)
            pid = os.fork()
            if pid == 0:
                try:
                    with connect() as s:
                        send(s, STATE)
                        os._exit(0 if answer(s) is None else 1)
                except OSError:
                    os._exit(0)
            os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        check("nor is root of a container on the host's network", os.waitpid(pid, 0)[1] == 0)


facts()
if any(NAME in p for p in groups().values()):
    cgroups()
changes()
terminals()
rights()
print("done")
