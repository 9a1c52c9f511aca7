#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files and functions stay small: .c 1000 lines, .h 300, a function 120 lines and a cyclomatic complexity of 25."""

import shutil
import subprocess
import sys

import gatelib

LIMITS = {".c": 1000, ".h": 300}
LINES, COMPLEXITY = 120, 25

findings = []
sources = [p for p in gatelib.files(".c", ".h") if p.startswith(("src/", "tests/", "include/", "tools/"))]
for path in sources:
    n = gatelib.read(path).count("\n")
    limit = LIMITS[path[-2:]]
    if n > limit:
        findings.append(f"{path}: {n} lines, the limit is {limit}: split it by noun")

if not shutil.which("pmccabe"):
    print("pmccabe is not installed (Debian package: pmccabe)")
    sys.exit(77)
# Modified McCabe: a switch counts once, since a flat switch is a table.
out = subprocess.run(["pmccabe"] + [p for p in sources if p.endswith(".c")], capture_output=True, text=True, check=True)
for row in out.stdout.splitlines():
    fields = row.split("\t")
    complexity, lines = int(fields[0]), int(fields[4])
    what = fields[5]
    if lines > LINES:
        findings.append(f"{what}: {lines} lines, the limit is {LINES}")
    if complexity > COMPLEXITY:
        findings.append(f"{what}: cyclomatic complexity {complexity}, the limit is {COMPLEXITY}")
gatelib.done(findings, len(sources))
