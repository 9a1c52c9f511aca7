#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""monitor-client.py LXC-START LXCPATH: what a program of LXC's library does: starts lxc-monitord by its path with the end
of a pipe, connects to its socket, prints the messages until a container has stopped; then writes one itself into the
FIFO, as a container of that library would, and tells the monitor to quit."""
import os
import socket
import struct
import subprocess
import sys

STATES = "STOPPED STARTING RUNNING STOPPING ABORTING FREEZING FROZEN THAWED".split()
program = os.path.join(os.path.dirname(sys.argv[1]), "../libexec/lxc/lxc-monitord")
path = os.path.realpath(sys.argv[2])


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = (h ^ b) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


ready, theirs = os.pipe()
monitord = subprocess.Popen([program, path, str(theirs)], pass_fds=[theirs])
os.close(theirs)
assert os.read(ready, 1) == b"S"
name = "lxc/%016x/%s" % (fnv(("lxc/%s/monitor-sock" % path).encode()), path)
s = socket.socket(socket.AF_UNIX)
s.connect(b"\0" + name.encode()[:105])
print("listening", flush=True)


def message():
    data = s.recv(264, socket.MSG_WAITALL)
    kind, who, value = struct.unpack("i256si", data)
    who = who.split(b"\0")[0].decode()
    print(kind, who, STATES[value] if kind == 0 else value, flush=True)
    return kind, value


while message() != (0, 0):
    pass
with open("/run/lxc%s/monitor-fifo" % path, "wb", buffering=0) as fifo:
    fifo.write(struct.pack("i256si", 2, b"fifo", 256))
message()
s.send(b"quit")
sys.exit(print("quit" if monitord.wait(10) == 0 else "still there"))
