#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sd_notify(3), both ends. notify.py manager SOCKET OUT: listens ("@NAME": abstract), appends each message to OUT as one line;
a barrier's fd is closed. notify.py say MESSAGE…: sends each to NOTIFY_SOCKET, then waits at a barrier, and says how that went."""
import os
import select
import socket
import sys

sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if sys.argv[1] == "manager":
    sock.bind(sys.argv[2].replace("@", "\0", 1))
    with open(sys.argv[3], "a", buffering=1) as out:
        while True:
            text, fds, _, _ = socket.recv_fds(sock, 4096, 4)
            for fd in fds:
                os.close(fd)
            out.write(text.decode().replace("\n", "|") + (" with an fd" if fds else "") + "\n")
else:
    sock.connect(os.environ["NOTIFY_SOCKET"])
    for message in sys.argv[2:]:
        sock.send(message.encode())
    r, w = os.pipe()
    socket.send_fds(sock, [b"BARRIER=1"], [w])
    os.close(w)
    poll = select.poll()
    poll.register(r, 0)
    print("heard" if poll.poll(3000) else "not heard", flush=True)
