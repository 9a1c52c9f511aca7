/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Containers as an OCI runtime makes them: what the process finds, and what lies between create and start. */

#include "unit/oci-rig.h"

#include "base/log.h"

/* Each: the model's lines, a command, what it prints (after "~": a part of it). */
static const struct {
	const char *text, *command, *wanted;
} cases[] = {
	{ "", "echo hello", "hello" },
	{ "process.env=A=b c\n", "env | sort", "A=b c\nHOME=/root\nPATH=/bin\nPWD=/\nSHLVL=1" },
	{ "process.uid=5\nprocess.gid=5\n", "echo $HOME; id -u; id -g; id -G", "/home/five\n5\n5\n5" },
	{ "process.uid=77\nprocess.gid=8\nprocess.groups=9\nprocess.groups=10\n", "echo $HOME; id -u; id -G",
	  "/\n77\n8 9 10" },
	{ "process.env=HOME=/x\n", "echo $HOME", "/x" },
	{ "process.umask=63\n", "umask", "0077" },
	{ "", "umask", "0022" },
	{ "process.cwd=/no/such/yet\n", "pwd", "/no/such/yet" },
	{ "", "hostname", "c1" },
	{ "", "ls /dev | sort | tr '\\n' ' '", "~fd full null ptmx pts random stderr stdin stdout tty urandom zero " },
	{ "", "stat -c '%a %t:%T' /dev/null; readlink /dev/ptmx; readlink /dev/fd",
	  "666 1:3\npts/ptmx\n/proc/self/fd" },
	{ "dev.devices.0.path=/dev/net/tun\ndev.devices.0.type=c\ndev.devices.0.major=10\ndev.devices.0.minor=200\n"
	  "dev.devices.0.mode=416\ndev.devices.0.uid=3\ndev.devices.0.gid=4\n",
	  "stat -c '%a %u:%g %t:%T' /dev/net/tun", "640 3:4 a:c8" },
	{ "dev.devices.0.path=/tmp/pipe\ndev.devices.0.type=p\n", "test -p /tmp/pipe && echo yes; rm /tmp/pipe",
	  "yes" },
	{ "dev.devices.0.path=/dev/null\ndev.devices.0.type=c\ndev.devices.0.major=1\ndev.devices.0.minor=3\n"
	  "dev.devices.0.mode=384\n",
	  "stat -c %a /dev/null", "600" },
	{ "rootfs.read_only=1\n", "touch /x 2>&1", "touch: /x: Read-only file system" },
	{ "mounts.1.options=ro,mode=755\n", "touch /dev/x 2>&1; ls /dev/null",
	  "touch: /dev/x: Read-only file system\n/dev/null" },
	{ "security.masked_paths=/proc/kcore\nsecurity.masked_paths=/sys\nsecurity.readonly_paths=/proc/sys\n",
	  "cat /proc/kcore; ls /sys; echo x 2>&1 >/proc/sys/kernel/hostname", "~Read-only file system" },
	{ "process.rlimits.0.resource=nofile\nprocess.rlimits.0.soft=3\nprocess.rlimits.0.hard=7\n",
	  "ulimit -n; ulimit -Hn", "3\n7" },
	{ "process.procs=oom_score_adj=123\n", "cat /proc/self/oom_score_adj", "123" },
	{ "process.no_new_privs=1\n", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1" },
	/* Capabilities: root gets the bounding set by exec, others what is ambient. */
	{ "process.cap_bounding=chown\nprocess.cap_bounding=kill\nprocess.cap_effective=kill\nprocess.cap_permitted="
	  "kill\n",
	  "grep ^Cap /proc/self/status | cut -f2",
	  "0000000000000000\n0000000000000021\n0000000000000021\n0000000000000021\n0000000000000000" },
	{ "process.uid=5\nprocess.cap_bounding=kill\nprocess.cap_effective=kill\nprocess.cap_permitted=kill\n"
	  "process.cap_inheritable=kill\nprocess.cap_ambient=kill\n",
	  "grep ^Cap /proc/self/status | cut -f2",
	  "0000000000000020\n0000000000000020\n0000000000000020\n0000000000000020\n0000000000000020" },
	{ "process.uid=5\nprocess.cap_bounding=kill\nprocess.cap_effective=kill\nprocess.cap_permitted=kill\n",
	  "grep ^Cap /proc/self/status | cut -f2",
	  "0000000000000000\n0000000000000000\n0000000000000000\n0000000000000020\n0000000000000000" },
	{ "process.cap_bounding=none\n", "grep ^CapEff /proc/self/status | cut -f2", "0000000000000000" },
	/* Errors of the create. */
	{ "process.args=nosuch\n", NULL, "ERROR: exec: \"nosuch\": executable file not found in $PATH" },
	{ "process.args=/none/such\n", NULL,
	  "ERROR: exec: \"/none/such\": stat /none/such: no such file or directory" },
	{ "process.args=/etc/passwd\n", NULL, "ERROR: exec: \"/etc/passwd\": permission denied" },
	{ "process.args=/etc\n", NULL, "ERROR: exec: \"/etc\": is a directory" },
	{ "process.cwd=/etc/passwd\n", "", "~ERROR: create /etc/passwd in the container" },
};

TEST(what_the_process_finds)
{
	unsigned wrong = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = box_run(cases[i].text, cases[i].command), *wanted = cases[i].wanted;

		if (*wanted == '~' ? strstr(got, wanted + 1) != NULL : strcmp(got, wanted) == 0)
			continue;
		printf("# %s# %s\n# printed: %s\n# wanted:  %s\n", cases[i].text, cases[i].command ?: "", got, wanted);
		wrong++;
	}
	box_done();
	CHECK(wrong == 0);
}

/* Set up, it waits; started, it runs; and cannot be started twice. */
TEST(create_and_start)
{
	const struct plan_opts o = { .wait_start = true };
	struct pollfd p = { .events = POLLIN };
	struct err e = { 0 };

	CHECK(box_create("", "echo started", &o) == 0);
	CHECK(box.run.rec.state == RUN_STARTING && box.run.rec.created_ns > 0 && !box.run.rec.started_ns);
	CHECK(run_created(box.run.dirfd, &box.run.rec));
	p.fd = box.pipe;
	CHECK(poll(&p, 1, 50) == 0);
	CHECK(run_start(box.run.dirfd, &box.run.rec, NULL, NULL, &e) == 0);
	CHECK(box.run.rec.state == RUN_RUNNING && box.run.rec.started_ns > 0);
	CHECK(!run_created(box.run.dirfd, &box.run.rec));
	CHECK(run_start(box.run.dirfd, &box.run.rec, NULL, NULL, &e) == -EALREADY);
	CHECK_STR(e.msg, "cannot start an already running container");
	box_wait();
	CHECK_STR(box.out, "started\n");
	CHECK(box.status == 0);
	box_done();
}

/* Killed while it waits: whoever starts it is told. */
TEST(killed_before_the_start)
{
	const struct plan_opts o = { .wait_start = true };
	struct err e = { 0 };

	CHECK(box_create("", "echo started", &o) == 0);
	CHECK(kill(box.run.pid, SIGKILL) == 0 && waitpid(box.run.pid, NULL, __WALL) == box.run.pid);
	box.run.pid = 0;
	CHECK(!run_created(box.run.dirfd, &box.run.rec));
	CHECK(run_start(box.run.dirfd, &box.run.rec, NULL, NULL, &e) == -ESRCH);
	box_done();
}
