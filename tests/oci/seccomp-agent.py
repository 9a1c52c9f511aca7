#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Listens on SOCKET for seccomp listeners, appends to LOG the JSON that comes with each, and decides on every call.

seccomp-agent.py SOCKET LOG [NUMBER=ERRNO…]: what is not named goes on.
"""

import array
import errno
import fcntl
import json
import os
import select
import socket
import struct
import sys

RECV, SEND = 0xC0502100, 0xC0182101
GO_ON = 1

path, log = sys.argv[1:3]
refuse = {int(a.split("=")[0]): int(a.split("=")[1]) for a in sys.argv[3:]}

server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(8)
listeners = []


def take():
    conn = server.accept()[0]
    data, ancillary, _, _ = conn.recvmsg(65536, socket.CMSG_SPACE(64))
    fds = array.array("i")
    for level, kind, payload in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(payload[: len(payload) // 4 * 4])
    conn.close()
    said = json.loads(data)
    said["count"] = len(fds)
    with open(log, "a") as f:
        f.write(json.dumps(said, sort_keys=True) + "\n")
    listeners.extend(fds)


def decide(fd):
    request = bytearray(80)
    try:
        fcntl.ioctl(fd, RECV, request)
    except OSError as e:
        if e.errno == errno.ENOENT:
            return
        raise
    ident, _, _, nr = struct.unpack_from("=QIIi", request)
    error = refuse.get(nr, 0)
    answer = struct.pack("=QqiI", ident, 0, -error, 0 if error else GO_ON)
    try:
        fcntl.ioctl(fd, SEND, answer)
    except OSError as e:
        if e.errno not in (errno.ENOENT, errno.EINPROGRESS):
            raise


while True:
    poll = select.poll()
    poll.register(server, select.POLLIN)
    for fd in listeners:
        poll.register(fd, select.POLLIN)
    for fd, what in poll.poll():
        if fd == server.fileno():
            take()
        elif what & select.POLLIN:
            decide(fd)
        else:
            listeners.remove(fd)
            os.close(fd)
