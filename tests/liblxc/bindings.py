#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The distribution's Python binding on our liblxc.so.1: a container's life as somebody would script it. TAP."""

import os
import sys

import lxc

count = failed = 0


def check(what, good):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - python: {what}", flush=True)


def inside(argument):
    """Runs in the container, as a fork of this interpreter."""
    with open("/written-inside", "w", encoding="utf-8") as f:
        f.write(f"{argument} {os.getpid()} {os.uname().nodename}")
    return len(argument)


path = sys.argv[1]
c = lxc.Container("py", config_path=path)
check("a new object", not c.defined and c.state == "STOPPED" and not c.running and c.init_pid == -1)
check("create with flags and arguments", c.create("busybox", lxc.LXC_CREATE_QUIET, ()) and c.defined)
check("config set", c.set_config_item("lxc.uts.name", "pyhost") and c.append_config_item("lxc.environment", "A=b"))
check("config get", c.get_config_item("lxc.uts.name") == "pyhost" and c.get_config_item("lxc.environment") == ["A=b"])
check("a wrong key", not c.append_config_item("lxc.nonsense", "1"))
check("networks as a list", c.network.add("veth") and c.network[len(c.network) - 1].type == "veth")
check("and removed", c.network.remove(len(c.network) - 1))
# Not eth0: the template's DHCP client takes addresses off that.
check("network of its own", c.clear_config_item("lxc.net") and c.set_config_item("lxc.net.0.type", "veth") and c.set_config_item("lxc.net.0.flags", "up")
      and c.set_config_item("lxc.net.0.name", "lan0") and c.set_config_item("lxc.net.0.ipv4.address", "10.7.7.2/24"))
check("terminals", c.set_config_item("lxc.tty.max", "2") and c.set_config_item("lxc.pty.max", "8"))
check("save", c.save_config() and "pyhost" in open(c.config_file_name, encoding="utf-8").read())
check("list", lxc.list_containers(config_path=path) == ("py",) and not lxc.list_containers(defined=False, config_path=path))
check("start", c.start() and c.wait("RUNNING", 30) and c.running and c.state == "RUNNING")
check("init's pid", c.init_pid > 1 and os.path.exists(f"/proc/{c.init_pid}"))
check("as objects", [x.name for x in lxc.list_containers(defined=False, as_object=True, config_path=path)] == ["py"])
check("interfaces", "lan0" in c.get_interfaces())
found = (c.get_ips(timeout=10), c.get_ips(interface="lo", family="inet"), c.get_ips(interface="lo", family="inet6"))
print(f"# {found}")
check("addresses", found == (("10.7.7.2",), ("127.0.0.1",), ("::1",)))
check("a Python function in the container", os.waitstatus_to_exitcode(c.attach_wait(inside, "four")) == 4)
written = open(f"{path}/py/rootfs/written-inside", encoding="utf-8").read().split()
check("it saw what is there", written[0] == "four" and written[2] == "pyhost")
check("a command", os.waitstatus_to_exitcode(c.attach_wait(lxc.attach_run_command, ["sh", "-c", "exit 9"])) == 9)
read, write = os.pipe()
pid = c.attach(lxc.attach_run_command, ["env"], stdout=write, env_policy=lxc.LXC_ATTACH_CLEAR_ENV,
               extra_env_vars=["GIVEN=yes"], uid=1000, gid=1000)
os.close(write)
text = os.read(read, 65536).decode()
check("its environment", os.waitpid(pid, 0)[1] == 0 and "GIVEN=yes" in text and "A=b" in text and "HOME" not in text)
os.close(read)
check("in one name space", os.waitstatus_to_exitcode(c.attach_wait(
    lxc.attach_run_command, ["test", "-e", path], namespaces=lxc.CLONE_NEWNET)) == 0)
fd = c.console_getfd()
check("a terminal", isinstance(fd, int) and os.isatty(fd))
os.close(fd)
check("control group", c.set_cgroup_item("devices.allow", "c 1:11 r"))
check("freeze", c.freeze() and c.state == "FROZEN" and c.unfreeze() and c.state == "RUNNING")
check("what it runs with", c.get_running_config_item("lxc.uts.name") == "pyhost")
before = c.init_pid
check("stop", c.stop() and c.wait("STOPPED", 30) and c.state == "STOPPED" and before != c.init_pid)
check("snapshot", c.snapshot() == "snap0" and [s[0] for s in c.snapshot_list()] == ["snap0"])
check("no destroy with a snapshot", not c.destroy() and c.defined)
check("restored as another", c.snapshot_restore("snap0", "py2"))
other = lxc.Container("py2", config_path=path)
check("it starts", other.defined and other.start() and other.stop() and other.destroy() and not other.defined)
check("snapshot destroyed", c.snapshot_destroy("snap0") and c.snapshot_list() == ())
other = c.clone("py3", config_path=path, flags=lxc.LXC_CLONE_KEEPMACADDR)
check("clone", other and other.defined and other.name == "py3" and other.destroy())
check("rename", c.rename("py4") and lxc.Container("py4", config_path=path).defined and not c.defined)
other = lxc.Container("py4", config_path=path)
check("destroy", other.destroy() and lxc.list_containers(config_path=path) == ())
check("nothing of ours is left to wait for", not os.path.exists(f"/proc/self/task/{os.getpid()}/children")
      or open(f"/proc/self/task/{os.getpid()}/children", encoding="utf-8").read() == "")
print(f"1..{count}")
sys.exit(failed != 0)
