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

/* --- name spaces of others -------------------------------------------------------------------------------------------- */

/* A process that holds new ones of FLAGS, with all its ids mapped; its pid. */
static pid_t holder(int flags)
{
	int pair[2];
	pid_t pid;
	char c;

	CHECK(pipe2(pair, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		char path[64], map[] = "0 100000 1000\n";

		if (unshare(flags) < 0)
			_exit(1);
		snprintf(path, sizeof(path), "/proc/%d", getpid());
		if (write(pair[1], map, 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	CHECK(read(pair[0], &c, 1) == 1);
	close(pair[0]);
	close(pair[1]);
	if (flags & CLONE_NEWUSER) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
		CHECK(file_write(AT_FDCWD, path, "0 100000 1000", NULL) == 0);
		snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
		CHECK(file_write(AT_FDCWD, path, "0 100000 1000", NULL) == 0);
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
}

TEST(joined_name_spaces)
{
	pid_t pid = holder(CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC);
	char text[512], own[64], joined[64];
	ssize_t n;

	snprintf(text, sizeof(text),
		 "ns.clone=\nns.clone=mnt pid\nns.share.net=/proc/%d/ns/net\nns.share.uts=/proc/%d/ns/uts\n"
		 "ns.share.ipc=/proc/%d/ns/ipc\n",
		 pid, pid, pid);
	snprintf(joined, sizeof(joined), "/proc/%d/ns/net", pid);
	n = readlink(joined, own, sizeof(own) - 1);
	CHECK(n > 0);
	own[n] = '\0';
	CHECK_STR(box_run(text, "readlink /proc/self/ns/net"), own);
	/* Of another kind than what is said: the error names it. */
	snprintf(text, sizeof(text), "ns.clone=mnt pid uts\nns.share.net=/proc/%d/ns/uts\n", pid);
	CHECK(strstr(box_run(text, "true"), "is no net name space"));
	CHECK(strstr(box_run("ns.clone=mnt pid uts\nns.share.net=/etc/passwd\n", "true"),
		     "/etc/passwd is no net name space"));
	end(pid);
	box_done();
}

TEST(joined_user_name_space)
{
	pid_t pid = holder(CLONE_NEWUSER);
	char text[512];

	snprintf(text, sizeof(text), "ns.clone=mnt pid uts ipc net\nns.share.user=/proc/%d/ns/user\n", pid);
	CHECK_STR(box_run(text, "id -u; tr -s ' ' </proc/self/uid_map; hostname; stat -c %t:%T /dev/null; echo $$"),
		  "0\n 0 100000 1000\nc1\n1:3\n1");
	end(pid);
	box_done();
}

/* Without mounts of its own it has its root all the same, and nothing stays mounted. */
TEST(no_mount_name_space)
{
	char place[96], line[256], host[64];
	ssize_t n;

	box_make();
	snprintf(place, sizeof(place), "%s/run/c1", box.dir);
	CHECK(mkdir(place, 0700) == 0 || errno == EEXIST);
	n = readlink("/proc/self/ns/mnt", host, sizeof(host) - 1);
	CHECK(n > 0);
	host[n] = '\0';
	snprintf(line, sizeof(line), "%s\nno", host);
	CHECK_STR(box_run("ns.clone=pid uts ipc net\n",
			  "readlink /proc/self/ns/mnt; test -e /data && echo yes || echo no"),
		  line);
	box_done();
	snprintf(line, sizeof(line), "! grep -q %s/run/c1 /proc/self/mountinfo", box.dir);
	shell(line);
	snprintf(line, sizeof(line), "grep -q %s/run/c1 /proc/self/mountinfo", box.dir);
	CHECK(spawn_run(&(struct spawn){ .path = "/bin/sh",
					 .argv = (char *[]){ (char *)"sh", (char *)"-c", line, NULL } },
			NULL, NULL) == 1);
}

/* In another's mounts it has its own root, and the other keeps his. */
TEST(joined_mount_name_space)
{
	pid_t pid = holder(CLONE_NEWNS);
	char text[256], ns[64], path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	n = readlink(path, ns, sizeof(ns) - 1);
	CHECK(n > 0);
	ns[n] = '\0';
	snprintf(text, sizeof(text), "ns.clone=pid uts ipc net\nns.share.mnt=/proc/%d/ns/mnt\n", pid);
	CHECK_STR(box_run(text, "test -e /data || readlink /proc/self/ns/mnt"), ns);
	snprintf(path, sizeof(path), "/proc/%d/root/bin/sh", pid);
	CHECK(access(path, X_OK) == 0);
	snprintf(path, sizeof(path), "/proc/%d/root/proc/self/cmdline", pid);
	CHECK(access(path, F_OK) == 0);
	end(pid);
	box_done();
}

/* The directory need not be the user's, when it is he for whom it is asked. */
TEST(working_directory)
{
	char path[96];

	box_make();
	snprintf(path, sizeof(path), "%s/root/secret", box.dir);
	CHECK(mkdir(path, 0700) == 0);
	CHECK_STR(box_run("process.uid=5\nprocess.cwd=/secret\n", "pwd"), "/secret");
	CHECK(chown(path, 5, 5) == 0);
	CHECK_STR(box_run("process.uid=5\nprocess.cwd=/secret\nprocess.cap_bounding=none\n", "pwd"), "/secret");
	box_done();
}

/* --- hooks --------------------------------------------------------------------------------------------------------------- */

static char *slurp(const char *name)
{
	char path[128], *text = NULL;

	snprintf(path, sizeof(path), "%s/%s", box.dir, name);
	return file_read(AT_FDCWD, path, 65536, &text, NULL, NULL) == 0 ? text : NULL;
}

#define HOOK(n, moment, script)                                                                            \
	"exec_hooks." #n ".moment=" moment "\nexec_hooks." #n ".path=/bin/sh\nexec_hooks." #n ".args=sh\n" \
	"exec_hooks." #n ".args=-c\nexec_hooks." #n ".args=" script "\nexec_hooks." #n ".env=PATH=/bin:/usr/bin\n"

/* Each at its moment, where it belongs, with the state on its standard input; in the order of the specification. */
TEST(hooks)
{
	static const char text[] = HOOK(0, "createRuntime", "cat >>log; echo >>log; hostname >>log")
		HOOK(1, "prestart", "echo prestart >>log")
			HOOK(2, "createContainer", "cat >tmp/created") /* in the root */
		HOOK(3, "startContainer", "echo in; pwd; cat >/tmp/state; test ! -e /data")
			HOOK(4, "poststop", "cat >>log; echo >>log") "annotations=a.b=c d\n";
	const struct plan_opts o = { .wait_start = true, .version = "1.2.0" };
	_cleanup_free_ char *log = NULL, *after = NULL;
	char wanted[2048], host[256];
	struct err e = { 0 };

	CHECK(box_create(text, "cat /tmp/created /tmp/state; rm /tmp/created /tmp/state", &o) == 0);
	CHECK(gethostname(host, sizeof(host)) == 0);
	snprintf(wanted, sizeof(wanted),
		 "prestart\n{\"ociVersion\":\"1.2.0\",\"id\":\"c1\",\"status\":\"creating\",\"pid\":%d,\"bundle\":\"%"
		 "s\","
		 "\"annotations\":{\"a.b\":\"c d\"}}\n%s\n",
		 box.run.pid, box.dir, host);
	log = slurp("log");
	CHECK_STR(log, wanted);
	CHECK(run_start(box.run.dirfd, &box.run.rec, NULL, NULL, &e) == 0);
	box_wait();
	CHECK(strstr(box.out, "{\"ociVersion\":\"1.2.0\",\"id\":\"c1\",\"status\":\"creating\",\"pid\":1,"));
	CHECK(strstr(box.out, "{\"ociVersion\":\"1.2.0\",\"id\":\"c1\",\"status\":\"created\",\"pid\":1,"));
	/* Nobody gave the rig's run directory a spec, so that the journal's hooks have nothing to run from. */
	{
		_cleanup_buf_ struct buf dump = BUF_INIT;

		CHECK(spec_dump(&box.spec, &dump, NULL) == 0);
		CHECK(file_replace(box.run.dirfd, "spec", dump.data, dump.len, 0600, false, NULL) == 0);
	}
	box_done();
	after = slurp("log");
	CHECK(after && strstr(after, "\"status\":\"stopped\",\"bundle\""));
	shell("rm -f /tmp/creel-oci-*/log");
}

TEST(hooks_that_fail)
{
	CHECK_STR(box_run(HOOK(0, "createRuntime", "echo because >&2; exit 3"), "true"),
		  "ERROR: error running createRuntime hook #0: /bin/sh: exit status 3: because");
	CHECK_STR(box_run(HOOK(0, "createContainer", "exit 4"), "true"),
		  "ERROR: error running createContainer hook #0: /bin/sh: exit status 4");
	CHECK_STR(box_run(HOOK(0, "prestart", "sleep 10") "exec_hooks.0.timeout=1\n", "true"),
		  "ERROR: error running prestart hook #0: hook ran past specified timeout of 1.0s");
	CHECK_STR(
		box_run("exec_hooks.0.moment=createRuntime\nexec_hooks.0.path=/none\n", "true"),
		"ERROR: error running createRuntime hook #0: /none: exit status 127: /none: no such file or directory");
	box_done();
}

/* Confinement that this kernel has not is refused, not forgotten. */
TEST(confinement)
{
	if (lsm_active() == LSM_NONE) {
		CHECK(strstr(box_run("security.apparmor_profile=p\n", "true"), "ERROR: process.apparmorProfile: "));
		CHECK(strstr(box_run("security.selinux_context=u:r:t:s0\n", "true"), "ERROR: process.selinuxLabel: "));
		CHECK_STR(box_run("security.mount_label=u:r:t:s0\n", "echo yes"), "yes");
	}
	CHECK_STR(box_run("security.apparmor_profile=unconfined\n", "echo yes"), "yes");
	box_done();
}

/* In the container a hook has the container's rights, and what fails there fails the start. */
TEST(hooks_inside)
{
	const struct plan_opts o = { .wait_start = true };
	struct err e = { 0 };

	CHECK(box_create(HOOK(0, "startContainer",
			      "grep CapEff /proc/self/status >&2; exit 5") "process.cap_bounding=kill\n",
			 "true", &o) == 0);
	CHECK(run_start(box.run.dirfd, &box.run.rec, NULL, NULL, &e) == -ECANCELED);
	CHECK_STR(e.msg, "error running startContainer hook #0: /bin/sh: exit status 5: CapEff:\t0000000000000020");
	box_done();
}

/* --- terminals, fds ------------------------------------------------------------------------------------------------------- */

TEST(terminal)
{
	ssize_t n = 0, r;

	CHECK(box_create("process.terminal=1\nprocess.rows=24\nprocess.columns=99\nprocess.uid=5\n",
			 "tty; stty size; stat -c %u:%t $(tty); echo x >/dev/tty; test -c /dev/console && echo console",
			 NULL) == 0);
	CHECK(box.run.n_ptys == 1);
	while ((r = read(box.run.ptys[0], box.out + n, sizeof(box.out) - 1 - (size_t)n)) > 0)
		n += r;
	box.out[n] = '\0';
	CHECK(waitpid(box.run.pid, NULL, __WALL) == box.run.pid);
	box.run.pid = 0;
	CHECK_STR(box.out, "/dev/pts/0\r\n24 99\r\n5:88\r\nx\r\nconsole\r\n");
	box_done();
	CHECK(strstr(box_run("process.terminal=1\nmounts.2.fstype=tmpfs\nmounts.2.source=tmpfs\nmounts.2.options=ro\n",
			     "true"),
		     "no devpts is mounted on /dev/pts"));
	box_done();
}

TEST(preserved_fds)
{
	const struct plan_opts o = { .preserve_fds = 2 };
	int saved[3];

	/* 3 and 4 are given, 5 is not, whatever it is. */
	for (int i = 0; i < 3; i++) {
		saved[i] = fcntl(3 + i, F_DUPFD_CLOEXEC, 20);
		CHECK(dup2(1, 3 + i) == 3 + i);
	}
	CHECK(box_create("", "for i in 3 4 5; do (: >&$i) 2>/dev/null && echo $i; done", &o) == 0);
	for (int i = 0; i < 3; i++) {
		if (saved[i] >= 0 && dup2(saved[i], 3 + i) >= 0)
			fd_set_cloexec(3 + i, true);
		else
			close(3 + i);
		fd_close(saved[i]);
	}
	box_wait();
	CHECK_STR(box.out, "3\n4\n");
	box_done();
}

TEST(sysctls)
{
	CHECK_STR(box_run("process.sysctls=kernel.msgmax=12345\nprocess.sysctls=net.ipv4.ip_forward=1\n",
			  "cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_forward"),
		  "12345\n1");
	CHECK_STR(box_run("process.sysctls=kernel.core_pattern=x\n", "true"),
		  "ERROR: sysctl \"kernel.core_pattern\" is not in a separate kernel namespace");
	CHECK_STR(box_run("ns.clone=mnt pid uts net\nprocess.sysctls=kernel.shmmax=1\n", "true"),
		  "ERROR: sysctl \"kernel.shmmax\" is not allowed in the hosts ipc namespace");
	CHECK_STR(box_run("ns.clone=mnt pid uts ipc\nprocess.sysctls=net.ipv4.ip_forward=1\n", "true"),
		  "ERROR: sysctl \"net.ipv4.ip_forward\" not allowed in host network namespace");
	CHECK_STR(box_run("process.sysctls=kernel.hostname=x\n", "true"),
		  "ERROR: sysctl \"kernel.hostname\" is not allowed as it conflicts with the OCI \"hostname\" field");
	CHECK_STR(box_run("ns.clone=mnt pid ipc net\n", "true"),
		  "ERROR: unable to set hostname without a private UTS namespace");
	box_done();
}

/* A device of the host comes with its addresses, and goes back under its own name. */
TEST(net_devices)
{
	box_make();
	CHECK(unshare(CLONE_NEWNET) == 0);
	shell("ip link add h0 type veth peer name h1 && ip addr add 10.9.8.7/24 dev h0 && ip addr add fd00::7/64 dev "
	      "h0 nodad");
	CHECK_STR(box_run("net.0.type=phys\nnet.0.link=h0\nnet.0.name=web0\nnet.0.keep_conf=1\n",
			  "ip -o addr show dev web0 | sed 's/^[0-9]*: //;s/ scope.*//' | tr -s ' ' | sort; ip link "
			  "show web0 | grep -c UP"),
		  "web0 inet 10.9.8.7/24\nweb0 inet6 fd00::7/64\n1");
	box_done();
	shell("ip link show h0 >/dev/null");
	CHECK_STR(box_run("ns.clone=mnt pid uts ipc\nnet.0.type=phys\nnet.0.link=h0\nnet.0.keep_conf=1\n", "true"),
		  "ERROR: unable to move network devices without a private NET namespace");
	CHECK(strstr(box_run("net.0.type=phys\nnet.0.link=nosuch\nnet.0.keep_conf=1\n", "true"), "nosuch"));
	box_done();
}
