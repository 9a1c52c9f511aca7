#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Functions that are unsafe anywhere, or wrong in library code. Exceptions, with a reason each: banned-allowed.txt."""

import os
import re

import gatelib

ANYWHERE = {
    "strcpy": "no bound; use buf or memcpy", "strcat": "no bound; use buf", "stpcpy": "no bound; use buf",
    "sprintf": "no bound; use snprintf or buf_printf", "vsprintf": "no bound", "gets": "no bound",
    "strtok": "hidden state; use the parse helpers", "strncpy": "may leave no NUL",
    "strncat": "bound is easily wrong", "system": "a shell; use spawn", "popen": "a shell; use spawn",
    "alloca": "stack size from data", "strdupa": "stack size from data", "mktemp": "race", "tmpnam": "race",
    "tempnam": "race", "atoi": "no error", "atol": "no error", "atoll": "no error", "rand": "predictable",
    "srand": "predictable", "getpwnam": "loads NSS code", "getpwuid": "loads NSS code", "getgrnam": "loads NSS code",
    "getgrgid": "loads NSS code", "getgrouplist": "loads NSS code", "initgroups": "loads NSS code",
    "getpwnam_r": "loads NSS code", "getpwuid_r": "loads NSS code", "getgrnam_r": "loads NSS code",
    "getgrgid_r": "loads NSS code", "gethostbyname": "not reentrant", "getaddrinfo": "loads NSS code",
    "ctime": "shared buffer", "asctime": "shared buffer", "localtime": "shared buffer", "gmtime": "shared buffer",
    "strerror": "shared buffer; use %m or err_set", "ttyname": "shared buffer", "readdir_r": "deprecated",
    "dup": "not close-on-exec; use F_DUPFD_CLOEXEC", "pipe": "not close-on-exec; use pipe2",
    "accept": "not close-on-exec; use accept4", "creat": "not close-on-exec; use openat", "vfork": "shares the stack",
    "umask": "process-wide", "signal": "unspecified semantics; use sigaction",
}
LIBRARY = {
    "printf": "library code does not print", "vprintf": "library code does not print",
    "puts": "library code does not print", "putchar": "library code does not print",
    "fprintf": "library code does not print", "perror": "library code does not print",
    "exit": "library code does not end the process", "abort": "library code does not end the process",
    "chdir": "process-wide", "fchdir": "process-wide", "setenv": "process-wide", "putenv": "process-wide",
    "unsetenv": "process-wide",
}
OUTER = ("src/cli/", "src/api/", "src/keeper/", "src/usernic/main.c", "src/registryd/")
# Must say close-on-exec in the call itself (O_PATH descriptors as well).
CLOEXEC = {"open": "O_CLOEXEC", "openat": "O_CLOEXEC", "socket": "SOCK_CLOEXEC", "socketpair": "SOCK_CLOEXEC",
           "pipe2": "O_CLOEXEC", "accept4": "SOCK_CLOEXEC", "epoll_create1": "EPOLL_CLOEXEC",
           "inotify_init1": "IN_CLOEXEC", "eventfd": "EFD_CLOEXEC", "signalfd": "SFD_CLOEXEC",
           "timerfd_create": "TFD_CLOEXEC", "memfd_create": "MFD_CLOEXEC", "dup3": "O_CLOEXEC"}

HERE = os.path.dirname(os.path.abspath(__file__))
allowed, used, findings = set(), set(), []
for line in gatelib.read(os.path.join(HERE, "banned-allowed.txt")).splitlines():
    if line.strip() and not line.startswith("#"):
        path, name, reason = line.split(None, 2)
        allowed.add((path, name))

CALL = re.compile(r"(?<![\w.>])(\w+)\s*\(")


def arguments(text, start):
    depth = 0
    for i in range(start, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return text[start:i]
    return text[start:]


sources = gatelib.files(".c", ".h", under="src/")
for path in sources:
    text, raw = gatelib.code(path), gatelib.read(path)
    for m in CALL.finditer(text):
        name = m.group(1)
        why = ANYWHERE.get(name)
        if not why and not path.startswith(OUTER):
            why = LIBRARY.get(name)
        args = arguments(text, m.end() - 1)
        if name == "signal" and re.search(r"SIG_(DFL|IGN)\s*$", args):
            why = None  # no handler, so nothing is unspecified
        if not why and name in CLOEXEC and CLOEXEC[name] not in args and "_CLOEXEC" not in args:
            # "flags" handed on by a wrapper is the wrapper's caller's business, a declaration is nobody's.
            if not re.search(r"\bflags\b|\bint\s+\w|\bconst char\b", args):
                why = f"without {CLOEXEC[name]}"
        if not why and name == "fopen" and not re.search(r'"[^"]*e[^"]*"\s*$', raw[m.start():m.end() - 1 + len(args)]):
            why = 'mode without "e" (close-on-exec)'
        if not why:
            continue
        if (path, name) in allowed:
            used.add((path, name))
            continue
        findings.append(f"{path}:{gatelib.line_of(text, m.start())}: {name}(): {why}")
for path, name in sorted(allowed - used):
    if os.path.exists(path):
        findings.append(f"tools/gates/banned-allowed.txt: {path} no longer calls {name}(): remove the line")
gatelib.done(findings, len(sources))
