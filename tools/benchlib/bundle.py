# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the OCI runtimes are given: config.json as `spec` prints it, with Docker's capabilities and seccomp profile, and
that profile as compiled instructions for the floor."""
import ctypes
import json
import os
import platform

CAPS = ["CAP_" + c for c in ("CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE "
                             "SYS_CHROOT KILL AUDIT_WRITE").split()]
SAFE = ["nosuid", "noexec", "nodev"]


def resolve_profile(path):
    """The linux.seccomp that Docker makes of its profile for a container with CAPS on this machine."""
    with open(path, encoding="utf-8") as f:
        profile = json.load(f)
    if "archMap" not in profile:
        return profile
    name = {"x86_64": "X86_64", "aarch64": "AARCH64"}.get(platform.machine(), platform.machine().upper())
    arch = next(a for a in profile["archMap"] if a["architecture"] == "SCMP_ARCH_" + name)
    goarch = {"X86_64": {"amd64", "x32"}, "AARCH64": {"arm64", "arm"}}.get(name, set())
    kernel = tuple(int(n) for n in platform.release().split("-")[0].split(".")[:2])
    rules = []
    for rule in profile["syscalls"]:
        inc, exc = rule.get("includes") or {}, rule.get("excludes") or {}
        if set(inc.get("caps") or []) - set(CAPS) or set(exc.get("caps") or []) & set(CAPS):
            continue
        if (inc.get("arches") and not goarch & set(inc["arches"])) or goarch & set(exc.get("arches") or []):
            continue
        if inc.get("minKernel") and tuple(int(n) for n in inc["minKernel"].split(".")) > kernel:
            continue
        kept = {k: rule[k] for k in ("names", "action", "errnoRet", "args") if rule.get(k) is not None}
        rules.append(kept)
    return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile.get("defaultErrnoRet", 1),
            "architectures": [arch["architecture"]] + (arch.get("subArchitectures") or []), "syscalls": rules}


def config(args, cgroup, seccomp, rootfs, memory=None):
    caps = {kind: CAPS for kind in ("bounding", "effective", "permitted")}
    result = {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False, "user": {"uid": 0, "gid": 0}, "args": args, "cwd": "/", "capabilities": caps,
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}], "noNewPrivileges": True,
        },
        "root": {"path": rootfs, "readonly": True},
        "hostname": "bench",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": SAFE},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": SAFE + ["mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": SAFE},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": SAFE + ["ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": SAFE + ["relatime", "ro"]},
        ],
        "linux": {
            "cgroupsPath": "/" + cgroup,
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
            "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                            "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }
    if seccomp:
        result["linux"]["seccomp"] = seccomp
    if memory is not None:
        result["linux"]["resources"]["memory"] = {"limit": memory}
    return result


def make(folder, name, args, seccomp, rootfs, memory=None):
    """A bundle FOLDER/NAME with config.json; its control group has its name."""
    path = os.path.join(folder, name)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "config.json"), "w", encoding="utf-8") as f:
        json.dump(config(args, name, seccomp, rootfs, memory), f, indent=1)
    return path


class Arg(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


OPS = {"NE": 1, "LT": 2, "LE": 3, "EQ": 4, "GE": 5, "GT": 6, "MASKED_EQ": 7}
SCMP_FLTATR_CTL_OPTIMIZE = 8


def compile_filter(seccomp, path):
    """The profile by libseccomp as a binary tree, the cheapest form that is known, into a file; its instructions."""
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p

    def action(name, errno=1):
        return 0x7FFF0000 if name == "SCMP_ACT_ALLOW" else 0x00050000 | (1 if errno is None else errno)

    ctx = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(action(seccomp["defaultAction"],
                                                                  seccomp.get("defaultErrnoRet")))))
    lib.seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, ctypes.c_uint32(2))
    for arch in seccomp["architectures"]:
        number = lib.seccomp_arch_resolve_name(arch.removeprefix("SCMP_ARCH_").lower().encode())
        lib.seccomp_arch_add(ctx, ctypes.c_uint32(number & 0xFFFFFFFF))
    for rule in seccomp["syscalls"]:
        tests = [Arg(t["index"], OPS[t["op"].removeprefix("SCMP_CMP_")], t["value"], t.get("valueTwo", 0))
                 for t in rule.get("args", [])]
        array = (Arg * len(tests))(*tests)
        act = ctypes.c_uint32(action(rule["action"], rule.get("errnoRet")))
        for name in rule["names"]:
            number = lib.seccomp_syscall_resolve_name(name.encode())
            if number != -1:
                lib.seccomp_rule_add_array(ctx, act, number, len(tests), array)
    with open(path, "wb") as f:
        if lib.seccomp_export_bpf(ctx, f.fileno()) < 0:
            raise OSError("seccomp_export_bpf")
    lib.seccomp_release(ctx)
    return os.path.getsize(path) // 8
