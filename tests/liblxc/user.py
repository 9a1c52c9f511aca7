# SPDX-License-Identifier: LGPL-2.1-or-later
"""user.py LXCPATH NAME: the distribution's Python binding in an ordinary user's hands; the container is there. TAP."""
import os
import sys

import lxc

path, name = sys.argv[1:]
n = failed = 0


def check(what, ok):
    global n, failed
    n += 1
    failed += not ok
    print(("" if ok else "not ") + f"ok {n} - python, as {os.getuid()}: {what}", flush=True)


c = lxc.Container(name, path)
check("defined, his", c.defined and c.controllable)
check("starts", c.start() and c.wait("RUNNING", 10) and c.init_pid > 1)
r, w = os.pipe()
check("attach", c.attach_wait(lxc.attach_run_command, ["sh", "-c", "id -u; hostname"], stdout=w) == 0)
os.close(w)
said = os.fdopen(r).read().split()
check(f"root inside: {said}", said == ["0", name])
check("stops", c.stop() and c.wait("STOPPED", 10))
check("a key is kept", c.set_config_item("lxc.start.delay", "3") and c.save_config()
      and lxc.Container(name, path).get_config_item("lxc.start.delay") == "3")
d = c.clone("py", config_path=path)
check("clone", d and d.defined and os.path.isdir(os.path.join(path, "py", "rootfs")))
check("which goes", d.destroy() and not d.defined)
print(f"1..{n}")
sys.exit(failed != 0)
