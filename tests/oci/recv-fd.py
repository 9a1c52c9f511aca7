#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""recv-fd.py SOCKET OUT: listens on SOCKET, takes one fd with its message, and writes to OUT what it is of it: "NAME KIND";
of a terminal's master then whatever is printed there, until it hangs up."""
import array
import os
import socket
import sys

path, out = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(1)
conn, _ = listener.accept()
msg, anc, _, _ = conn.recvmsg(4096, socket.CMSG_SPACE(4))
fds = array.array("i")
for _, kind, data in anc:
    if kind == socket.SCM_RIGHTS:
        fds.frombytes(data)
tty = os.isatty(fds[0])
with open(out, "wb", buffering=0) as f:
    f.write(msg + (b" terminal\n" if tty else b" " + os.readlink(f"/proc/self/fd/{fds[0]}").encode() + b"\n"))
    while tty:
        try:
            data = os.read(fds[0], 4096)
        except OSError:
            break
        if not data:
            break
        f.write(data)
