#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each row of docs/features.md names a test that exists: `FILE` or `FILE:NAME`, NAME a word of that file."""

import os
import re

import gatelib

findings, rows = [], 0
for n, line in enumerate(gatelib.read("docs/features.md").splitlines(), 1):
    cells = [c.strip() for c in line.strip().strip("|").split("|")]
    if not line.startswith("|") or len(cells) < 3 or set(cells[0]) <= set("-: ") or cells[0].lower() == "feature":
        continue
    rows += 1
    tests = re.findall(r"`([^`]+)`", cells[2])
    if not tests:
        findings.append(f"docs/features.md:{n}: {cells[0]}: no test named")
    for t in tests:
        path, _, name = t.partition(":")
        if not os.path.exists(path):
            findings.append(f"docs/features.md:{n}: {cells[0]}: no such test file: {path}")
        elif name and not re.search(r"\b" + re.escape(name) + r"\b", gatelib.read(path)):
            findings.append(f"docs/features.md:{n}: {cells[0]}: {path} has no test {name}")
gatelib.done(findings, rows)
