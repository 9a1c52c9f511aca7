#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines of shell that scripts type at docker, and what Docker 26.1.5 answered: docker-lines.py [--record|--ours] FILE.

A case is `$ LINE`, then what it printed: standard output behind `| `, standard error behind `! `, its exit status behind
`? ` where that is not 0. `~ WHY` before a case: ours differs, and is as follows. `docker` is the first of that name on PATH.
What no two machines have in common (ids, times, the width of columns) is made equal on both sides. --record writes what
was printed by Docker, but for the cases that differ, --ours for those alone what was printed by us; else TAP is printed.
"""

import os
import re
import subprocess
import sys

SAME = (
    (r"\b(sha256:)?[0-9a-f]{64}\b", "ID"),
    (r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{12}\b", "ID"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "TIME"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \w+", "TIME"),
    (r"\b(Less than a|About an?|\d+) (second|minute|hour)s?( ago)?\b", r"SPAN\3"),
    (r"\d+\.\d\d, as there are only \d+ CPUs", "N, as there are only N CPUs"),
    (r"available: 0-\d+", "available: 0-N"),
    # Who stands between Docker and the process.
    (r"failed to create task for container: ", ""),
    (r"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ", ""),
    (r"OCI runtime exec failed: exec failed: (unable to start container process: )?", ""),
    (r": unknown(: permission denied)?(\.?)$", r"\2"),
    (r" {2,}", "  "),
    (r"[ \t]+$", ""),
)


def same(text):
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    for pattern, to in SAME:
        lines = [re.sub(pattern, to, s) for s in lines]
    return lines


def cases(path):
    """What stands before a case, its line, and what is expected."""
    head, line, want = [], None, []
    for s in open(path, encoding="utf-8").read().split("\n"):
        if line is not None and s[:2] in ("| ", "! ", "? ") or s in ("|", "!"):
            want.append(s)
            continue
        if line is not None:
            yield head, line, want
            head, line, want = [], None, []
        if s.startswith("$ "):
            line = s[2:]
        else:
            head.append(s)
    yield head, line, want


def run(line):
    p = subprocess.run(["bash", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    got = [("| " + s).rstrip() for s in same(p.stdout.decode(errors="replace"))]
    got += [("! " + s).rstrip() for s in same(p.stderr.decode(errors="replace"))]
    return got + (["? %d" % p.returncode] if p.returncode else [])


def main():
    record, ours = sys.argv[1] == "--record", sys.argv[1] == "--ours"
    path = sys.argv[-1]
    out, bad, n = [], 0, 0
    os.environ.update(LC_ALL="C", TZ="UTC")
    for head, line, want in cases(path):
        out += head
        if line is None:
            continue
        got = run(line)
        differs = any(s.startswith("~ ") for s in head)
        out += ["$ " + line] + (got if differs == ours else want)
        n += 1
        if record or ours:
            continue
        if got != want:
            bad += 1
            for s in want:
                print("# wanted", s)
            for s in got:
                print("# got   ", s)
        print("%s %d - %s" % ("not ok" if got != want else "ok", n, line), flush=True)
    if record or ours:
        open(path, "w", encoding="utf-8").write("\n".join(out))
    else:
        print("1..%d" % n)
    return 1 if bad else 0


sys.exit(main())
