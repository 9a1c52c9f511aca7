#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nothing of one developer's machine is in the tree: no private path, no merge mark, no forgotten note, no tab mix-up."""

import re

import gatelib

WORDS = [
    # A folder that exists on one machine only.
    (re.compile(r"(?<![\w./}*-])/(work|workspace|builds|Users|home/[a-z]\w*|tmp/wt|mnt/data)/\w"), "path of one machine"),
    (re.compile(r"^(<<<<<<<|>>>>>>>|\|\|\|\|\|\|\|)( |$)"), "merge mark"),
    (re.compile(r"\b(FIX" r"ME|XX" r"X|HA" r"CK)\b(?!X)"), "forgotten note: mend it or file it"),
    (re.compile(r"[ \t]+$"), "blank at the end of the line"),
]
DATA = ("tests/fuzz/corpus/", "tests/conformance/", "tests/cli/")

findings, looked = [], 0
for path in gatelib.files():
    if path.startswith(DATA) or path == "LICENSE" or path.endswith((".png", ".gz", ".xz", ".zst", ".tar", ".svg")):
        continue
    looked += 1
    for n, line in enumerate(gatelib.read(path).splitlines(), 1):
        for pattern, why in WORDS:
            if pattern.search(line) and not path.endswith("gates/words.py"):
                findings.append(f"{path}:{n}: {why}: {line.strip()[:100]}")
gatelib.done(findings, looked)
