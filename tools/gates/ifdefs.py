#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""No #if inside a function: variants are functions or files of their own, chosen by the build."""

import re

import gatelib

findings = []
sources = [p for p in gatelib.files(".c", ".h") if p.startswith(("src/", "tests/", "include/"))]
for path in sources:
    inside = False
    for n, line in enumerate(gatelib.code(path).splitlines(), 1):
        if line.startswith("{"):
            inside = True
        elif line.startswith("}"):
            inside = False
        elif inside and re.match(r"\s*#\s*(if|ifdef|ifndef|else|elif|endif)\b", line):
            findings.append(f"{path}:{n}: {line.strip()}: preprocessor condition inside a function")
gatelib.done(findings, len(sources))
