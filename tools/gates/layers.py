#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Includes go down the layers only, by path, and headers include each other without cycles (docs/architecture.md)."""

import re

import gatelib

DRIVERS = {"cgroup", "security", "net", "store", "checkpoint"}
BELOW = {"base": set(), "sys": {"base"}, "spec": {"base"}, "dialect": {"base", "spec"}}
for d in DRIVERS:
    BELOW[d] = {"base", "sys"}
BELOW["usernic"] = {"base", "sys", "net"}
BELOW["image"] = {"base", "sys", "store", "spec", "dialect"}
BELOW["runtime"] = {"base", "sys", "spec"} | DRIVERS
BELOW["keeper"] = BELOW["runtime"] | {"runtime"}
BELOW["engine"] = BELOW["keeper"] | {"keeper", "dialect", "image"}
for top in ("cli", "api", "liblxc"):
    BELOW[top] = BELOW["engine"] | {"engine"}
# A program whose options are a command's and whose work is a server's.
BELOW["registryd"] = BELOW["cli"] | {"cli", "api"}

# Pure layers describe; they never reach the kernel.
PURE = {"spec", "dialect"}
KERNEL = re.compile(r"^(linux/|asm/|sys/(mount|syscall|socket|wait|prctl|ptrace|epoll)\.h|sched\.h)")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

findings, graph = [], {}
sources = gatelib.files(".c", ".h", under="src/")
for path in sources:
    layer = path.split("/")[1]
    if layer not in BELOW:
        findings.append(f"{path}: folder src/{layer} is no layer; add it to tools/gates/layers.py and the architecture")
        continue
    text = gatelib.read(path)
    for m in INCLUDE.finditer(text):
        kind, what = m.groups()
        where = f"{path}:{gatelib.line_of(text, m.start(2))}"
        if kind == "<":
            if layer in PURE and KERNEL.match(what):
                findings.append(f"{where}: {layer} is plain data and calls no kernel: <{what}>")
            continue
        if what == "config.h":
            continue
        if "/" not in what:
            findings.append(f'{where}: include by path, not "{what}"')
            continue
        target = what.split("/")[0]
        if target != layer and target not in BELOW[layer]:
            findings.append(f'{where}: {layer} may not include "{what}": {target} is not below it')
        if path.endswith(".h"):
            graph.setdefault(path, []).append("src/" + what)

state = {}


def visit(node, stack):
    if state.get(node) == "done":
        return
    if state.get(node) == "open":
        findings.append("include cycle: " + " > ".join(stack[stack.index(node):] + [node]))
        return
    state[node] = "open"
    for n in graph.get(node, ()):
        visit(n, stack + [node])
    state[node] = "done"


for h in sorted(graph):
    visit(h, [])
gatelib.done(findings, len(sources))
