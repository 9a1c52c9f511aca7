/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The mounts of containers as an OCI runtime makes them. */

#include "unit/oci-rig.h"

#include <sys/statfs.h>

#define M(n, target, type, source, options)                                                                           \
	"mounts." #n ".target=" target "\nmounts." #n ".fstype=" type "\nmounts." #n ".source=" source "\nmounts." #n \
	".options=" options "\n"
/* @ is the box's folder. */
#define DATA(n, target, options) M(n, target, "bind", "@/data", options)
#define USERNS                           \
	"ns.clone=user mnt pid uts ipc " \
	"net\nidmaps.0.type=b\nidmaps.0.nsid=0\nidmaps.0.hostid=100000\nidmaps.0.range=1000\n"

/* Each: the model's lines, a command, what it prints (after "~": a part of it). */
static const struct {
	const char *text, *command, *wanted;
} cases[] = {
	/* Targets are made as the source is. */
	{ DATA(3, "/new/dir", "rbind,ro"), "cat /new/dir/file; touch /new/dir/x 2>&1",
	  "host\ntouch: /new/dir/x: Read-only file system" },
	{ M(3, "/new/file", "bind", "@/data/file", "bind"), "cat /new/file; test -f /new/file && echo file",
	  "host\nfile" },
	{ M(3, "/x", "bind", "@/nothing", "bind"), "true", "~ERROR: mount @/nothing on /x: clone the mount of" },
	{ M(3, "/t", "tmpfs", "tmpfs", "nosuid,nodev,noexec,noatime,nosymfollow,size=64k"),
	  "grep ' /t ' /proc/self/mountinfo | cut -d' ' -f6", "rw,nosuid,nodev,noexec,noatime,nosymfollow" },
	{ M(3, "/t", "tmpfs", "tmpfs", "ro"), "touch /t/x 2>&1", "touch: /t/x: Read-only file system" },
	{ M(3, "/t", "tmpfs", "tmpfs", "sync,dirsync,acl,async,iversion,silent,loud,strictatime,mand"), "echo yes",
	  "yes" },
	/* A tmpfs keeps the mode of what it covers, and on demand its contents. */
	{ M(3, "/tmp", "tmpfs", "tmpfs", "nosuid"), "stat -c %a /tmp", "1777" },
	{ M(3, "/etc", "tmpfs", "tmpfs", "mode=700"), "stat -c %a /etc; ls /etc", "700" },
	{ M(3, "/etc", "tmpfs", "tmpfs", "tmpcopyup,ro"), "ls /etc; head -n1 /etc/passwd; touch /etc/x 2>&1",
	  "passwd\nroot:x:0:0:root:/root:/bin/sh\ntouch: /etc/x: Read-only file system" },
	/* Recursive attributes reach what lies below. */
	{ DATA(3, "/d", "rbind,rro"), "touch /d/sub/x 2>&1", "touch: /d/sub/x: Read-only file system" },
	{ DATA(3, "/d", "rbind,ro"), "touch /d/sub/x && echo yes", "yes" },
	{ DATA(3, "/d", "rbind,rnosuid,rnoexec,rnodev"), "grep ' /d/sub ' /proc/self/mountinfo | cut -d' ' -f6",
	  "~nosuid,nodev,noexec" },
	/* What is there already is changed. */
	{ DATA(3, "/d", "rbind") M(4, "/d", "bind", "@/data", "bind,remount,ro"),
	  "touch /d/x 2>&1; touch /d/sub/x && echo yes", "touch: /d/x: Read-only file system\nyes" },
	{ M(3, "/t", "tmpfs", "tmpfs", "size=64k") M(4, "/t", "tmpfs", "tmpfs", "remount,size=128k,noexec"),
	  "grep ' /t ' /proc/self/mountinfo", "~size=128k" },
	/* Propagation. */
	{ DATA(3, "/d", "bind,shared"), "grep ' /d ' /proc/self/mountinfo", "~shared:" },
	{ DATA(3, "/d", "bind,private"), "grep ' /d ' /proc/self/mountinfo | grep -c -e shared: -e master:", "0" },
	{ DATA(3, "/d", "bind,unbindable"), "grep ' /d ' /proc/self/mountinfo", "~unbindable" },
	{ "rootfs.propagation=shared\n", "grep ' / / ' /proc/self/mountinfo || head -n1 /proc/self/mountinfo",
	  "~shared:" },
	/* Nothing stands in for /proc, or a part of it. */
	{ DATA(3, "/proc", "bind"), "true", "ERROR: \"/proc\" cannot be mounted because it is not of type proc" },
	{ M(3, "/proc", "tmpfs", "tmpfs", "ro"), "true",
	  "ERROR: \"/proc\" cannot be mounted because it is not of type proc" },
	{ DATA(3, "/proc/sys", "bind"), "true", "ERROR: \"/proc/sys\" cannot be mounted because it is inside /proc" },
	{ DATA(3, "/proc/self/attr", "bind"), "true",
	  "ERROR: \"/proc/self/attr\" cannot be mounted because it is inside /proc" },
	{ M(3, "/link/sys", "bind", "@/data", "bind"), "true",
	  "ERROR: \"/link/sys\" cannot be mounted because it is inside /proc" },
	{ M(3, "/proc/uptime", "bind", "@/data/file", "bind"), "cat /proc/uptime", "host" },
	{ M(3, "/link", "proc", "proc", "nosuid"), "true",
	  "ERROR: filesystem \"proc\" must be mounted on ordinary directory /link" },
	/* Below a link in the root a path stays in the root. */
	{ DATA(3, "/up/x", "bind"), "ls /x", "file\nsub" },
	{ M(3, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"), "grep -c mqueue /proc/self/mountinfo", "1" },
	{ M(3, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"), "ls /sys/class/net", "lo" },
	/* In a user name space: nodes are bound, sources belong to whom they belong. */
	{ USERNS DATA(3, "/d", "bind"), "id -u; stat -c %t:%T /dev/null; echo x >/dev/null; stat -c %u /d",
	  "0\n1:3\n65534" },
	/* … but for those that config.json lists, which need not be the host's. */
	{ USERNS "dev.devices.0.path=/dev/odd\ndev.devices.0.type=c\ndev.devices.0.major=1\ndev.devices.0.minor=3\n"
		 "dev.devices.0.mode=438\ndev.devices.0.uid=3\ndev.devices.0.gid=4\n",
	  "stat -c '%t:%T %a %u:%g' /dev/odd; echo x >/dev/odd", "1:3 666 3:4" },
	{ USERNS DATA(3, "/d", "bind,idmap"), "stat -c %u /d /d/file; touch /d/mine && echo yes; rm /d/mine",
	  "0\n0\nyes" },
	{ USERNS M(3, "/sys", "sysfs", "sysfs", "ro,nosuid"), "ls -d /sys/kernel", "/sys/kernel" },
	{ DATA(3, "/d", "bind,idmap") "mounts.3.uid_maps=0 500 10\nmounts.3.gid_maps=0 600 10\n", "stat -c %u:%g /d",
	  "500:600" },
	{ DATA(3, "/d", "bind,idmap"), "true",
	  "ERROR: mount on /d: an idmapped mount needs id maps, of its own or of the container" },
};

TEST(mounts)
{
	char link[96], sub[96];
	unsigned wrong = 0;

	box_make();
	snprintf(link, sizeof(link), "%s/root/link", box.dir);
	CHECK(symlink("proc", link) == 0);
	snprintf(link, sizeof(link), "%s/root/up", box.dir);
	CHECK(symlink("../../..", link) == 0);
	snprintf(sub, sizeof(sub), "%s/data/sub", box.dir);
	CHECK(mkdir(sub, 0755) == 0 && sys_mount("sub", sub, "tmpfs", 0, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf text = BUF_INIT, wanted = BUF_INIT;
		const char *got, *want;

		for (const char *p = cases[i].text; *p; p++)
			*p == '@' ? buf_puts(&text, box.dir) : buf_putc(&text, *p);
		for (const char *p = cases[i].wanted; *p; p++)
			*p == '@' ? buf_puts(&wanted, box.dir) : buf_putc(&wanted, *p);
		got = box_run(buf_str(&text), cases[i].command);
		want = buf_str(&wanted);
		if (*want == '~' ? strstr(got, want + 1) != NULL : strcmp(got, want) == 0)
			continue;
		printf("# %s# %s\n# printed: %s\n# wanted:  %s\n", cases[i].text, cases[i].command, got, want);
		wrong++;
	}
	box_done();
	sys_umount2(sub, MNT_DETACH);
	CHECK(wrong == 0);
}

/* The root is moved where it cannot be pivoted. */
TEST(no_pivot)
{
	const struct plan_opts o = { .no_pivot = true };

	CHECK(box_create("", "ls -d /data /root /bin 2>/dev/null; ls /..", &o) == 0);
	box_wait();
	CHECK(strstr(box.out, "/bin\n") && !strstr(box.out, "/data"));
	box_done();
}
