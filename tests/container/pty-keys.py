#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pty-keys.py COLUMNS ROWS KEYS COMMAND...: runs the command on a terminal of that size, types KEYS one by one (';' is a
pause of 0.3 s), prints all that it wrote, and exits with its code; 124 when it does not end in five seconds."""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

columns, rows, keys, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp(command[0], command)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def drain(seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([fd], [], [], left)[0]:
            try:
                os.write(1, os.read(fd, 65536))
            except OSError:
                time.sleep(0.01)


drain(0.5)
for key in keys:
    if key != ";":
        os.write(fd, key.encode())
    drain(0.3)
for _ in range(50):
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        sys.exit(os.waitstatus_to_exitcode(status))
    drain(0.1)
os.kill(pid, 9)
sys.exit(124)
