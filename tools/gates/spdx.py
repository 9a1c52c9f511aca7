#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every file says its licence in its first three lines, in SPDX's form."""

import gatelib

# Formats that have no comments, texts of the licence itself, and test data whose bytes are the test.
NO_COMMENT = (".json", ".svg", ".png", ".tar", ".gz", ".xz", ".zst", ".bpf", ".tsv")
DATA = ("tests/fuzz/corpus/", "tests/conformance/", "tests/cli/")
PLAIN = {"LICENSE", ".gitignore", "tools/gates/codespell-words.txt"}

findings, looked = [], 0
for path in gatelib.files():
    if path in PLAIN or path.endswith(NO_COMMENT) or path.endswith(".md"):
        continue
    if path.startswith(DATA) and not path.endswith((".c", ".h", ".sh", ".py", "/run", "meson.build")):
        continue
    # Installed as the start of a user's own files.
    if path.startswith("config/"):
        continue
    looked += 1
    head = gatelib.read(path).splitlines()[:3]
    if not any("SPDX-License-Identifier: LGPL-2.1-or-later" in x for x in head):
        findings.append(f"{path}: no SPDX-License-Identifier: LGPL-2.1-or-later in the first three lines")
gatelib.done(findings, looked)
