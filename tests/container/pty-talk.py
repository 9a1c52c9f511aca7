#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a command on a terminal of its own and talks to it: pty-talk.py [-t SECONDS] [STEP...] -- COMMAND...

Steps, in order: expect=REGEX waits for output; send=TEXT types (\\r, \\xNN and the like are understood); sleep=SECONDS;
touch=FILE and until=FILE let two conversations wait for each other. All output goes to standard output; the exit status
is the command's, 128 + the signal that killed it, 124 when it does not end or an expected text does not come.
"""

import os
import pty
import re
import select
import sys
import time


class Talk:
    def __init__(self, fd, end):
        self.fd, self.end, self.seen, self.all, self.eof = fd, end, b"", b"", False

    def read(self, wait):
        ready, _, _ = select.select([self.fd], [], [], max(0, wait))
        if not ready:
            return
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.eof = not data
        self.seen += data
        self.all += data

    def expect(self, pattern):
        while True:
            m = re.search(pattern.encode(), self.seen)
            if m:
                self.seen = self.seen[m.end():]
                return True
            if self.eof or time.monotonic() > self.end:
                return False
            self.read(0.1)

    def pause(self, done):
        while not done() and not self.eof and time.monotonic() < self.end:
            self.read(0.05)

    def step(self, step):
        verb, _, arg = step.partition("=")
        if verb == "expect":
            return self.expect(arg)
        if verb == "send":
            os.write(self.fd, arg.encode().decode("unicode_escape").encode("latin-1"))
        elif verb == "sleep":
            until = time.monotonic() + float(arg)
            self.pause(lambda: time.monotonic() > until)
        elif verb == "touch":
            open(arg, "w").close()
        elif verb == "until":
            self.pause(lambda: os.path.exists(arg))
        else:
            sys.exit("unknown step " + step)
        return True


def main():
    args, limit = sys.argv[1:], 30.0
    if args[0] == "-t":
        limit, args = float(args[1]), args[2:]
    cut = args.index("--")
    steps, command = args[:cut], args[cut + 1:]
    pid, fd = pty.fork()
    if pid == 0:
        try:
            os.execvp(command[0], command)
        finally:
            os._exit(127)
    talk = Talk(fd, time.monotonic() + limit)
    failed = None
    for step in steps:
        if not talk.step(step):
            failed = step
            break
    code = None
    while code is None and not failed:
        talk.read(0.05)
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
        elif time.monotonic() > talk.end:
            failed = "the end of the command"
    while not talk.eof and select.select([fd], [], [], 0)[0]:
        talk.read(0)
    sys.stdout.buffer.write(talk.all)
    sys.stdout.flush()
    if failed:
        print("\npty-talk: in vain: " + failed)
        os.kill(pid, 9)
        return 124
    return code if code >= 0 else 128 - code


sys.exit(main())
