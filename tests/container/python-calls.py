#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each call of the Python package on the container NAME in LXCPATH, for test-python.sh: "ok WHAT" or "not ok WHAT", then "done"."""

import os

import creel

path, name = os.environ["LXCPATH"], os.environ["NAME"]
c = creel.Container(name, path)


def check(what: str, good: bool) -> None:
    print("ok" if good else "not ok", what)


check("the version is a number", creel.version()[0].isdigit())
info = c.info()
check("a stopped container is listed", info.name == name and info.state == "STOPPED" and info.pid is None)
check("not among those that run", name not in [x.name for x in creel.containers(all=False, lxcpath=path)])
plan = c.plan()
check("the plan of a start has steps, and ends with the command", len(plan) > 10 and any("exec" in s for s in plan[-3:]))
check("planning started nothing", c.state == "STOPPED")
c.start()
check("start", c.state == "RUNNING" and (c.info().pid or 0) > 1 and (c.info().started_ns or 0) > 0)
c.start()
check("to start it again is no failure", c.state == "RUNNING")
check("it is among those that run", name in [x.name for x in creel.containers(all=False, lxcpath=path)])
check("exec gives the output", c.exec(["echo", "two words", "--help"]).stdout == "two words --help\n")
check("and the exit code", c.exec(["sh", "-c", "exit 7"]).returncode == 7)
check("exec has its environment and ours for it", c.exec(["sh", "-c", "echo $X"], env={"X": "a b=c"}).stdout == "a b=c\n")
check("exec reads input", c.exec(["cat"], input="hello").stdout == "hello")
check("exec in a folder", c.exec(["pwd"], workdir="/bin").stdout == "/bin\n")
try:
    c.exec(["sh", "-c", "echo why >&2; exit 3"], check=True)
    check("a checked exec that fails is an error", False)
except creel.Error as e:
    check("a checked exec that fails is an error", e.code == 3 and "why" in e.message)
lxc, oci = c.show(), c.show("oci")
check("its lxc.conf", "lxc.environment = A=B" in lxc.text and lxc.dialect == "lxc")
check("the same in OCI's words, and what they cannot say", '"A=B"' in oci.text and isinstance(oci.not_expressible, list))
try:
    c.show("klingon")
    check("an unknown dialect is an error", False)
except creel.Error as e:
    check("an unknown dialect is an error", e.code == 1 and "klingon" in e.message)
c.stop(kill=True)
check("stop", c.state == "STOPPED")
try:
    creel.Container(name + "-none", path).start()
    check("a container that is not there is an error", False)
except creel.Error as e:
    check("a container that is not there is an error", name + "-none" in e.message and bool(e.code))
report = creel.doctor()
check("doctor answers", report.found == len(report.findings) and not report.fixed)
print("done")
