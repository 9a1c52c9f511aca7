# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the gates share: the tree's files, C text without comments and strings, one way to report findings."""

import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.chdir(TOP)


def files(*suffixes, under=""):
    """Paths of the tree (tracked or new, never ignored ones), all or those with one of the suffixes."""
    git = subprocess.run(
        ["git", "-c", "safe.directory=" + TOP, "ls-files", "-co", "--exclude-standard"],
        capture_output=True, text=True, check=False)
    names = git.stdout.splitlines() if git.returncode == 0 else None
    if names is None:
        names = []
        for d, dirs, fs in os.walk(TOP):
            dirs[:] = [x for x in dirs if x != ".git" and not x.startswith("build")]
            names += [os.path.relpath(os.path.join(d, f), TOP) for f in fs]
    return sorted(n for n in set(names)
                  if os.path.isfile(n) and n.startswith(under) and (not suffixes or n.endswith(suffixes)))


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code(path):
    """The file's text with comments and literals blanked; line and column numbers stay true."""
    def blank(m):
        t = m.group(0)
        if t[0] in "\"'":
            return t[0] + " " * (len(t) - 2) + t[-1]
        return re.sub(r"[^\n]", " ", t)
    return _TOKEN.sub(blank, read(path))


def line_of(text, pos):
    return text.count("\n", 0, pos) + 1


def done(findings, checked):
    """Ends the gate: prints every finding; 1 when there is one or when nothing was looked at."""
    for f in findings:
        print(f)
    print(f"{len(findings)} findings, {checked} looked at")
    if not checked:
        print("nothing to look at: the gate itself is broken")
    sys.exit(1 if findings or not checked else 0)
