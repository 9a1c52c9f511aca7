/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Further processes in a running container: each with a whole process specification of its own. */

#include "runtime/exec.h"

#include <sys/ioctl.h>

#include "unit/oci-rig.h"

/* Runs COMMAND (NULL: TEXT says it) in the box; its output, or "ERROR: message". STATUS: its wait status. */
static const char *exec_run(const char *text, const char *command, int *ret_status)
{
	struct spec spec;
	char all[4096];
	struct exec_req q = { .spec = &spec };
	int pair[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC), master = -EBADF, r;
	pid_t pid = 0;
	ssize_t n;

	box.err = (struct err){ 0 };
	spec_init(&spec);
	snprintf(all, sizeof(all), "name=c1\nprocess.env_exact=1\nprocess.env=PATH=/bin\n%s%s\n%s",
		 command ? "process.args=/bin/sh\nprocess.args=-c\nprocess.args=" : "", command ?: "", text);
	r = spec_load(&spec, all, &box.err);
	CHECK(pipe2(pair, O_CLOEXEC) == 0);
	q.stdio[0] = null;
	q.stdio[1] = q.stdio[2] = pair[1];
	if (r == 0)
		r = exec_start(box.run.dirfd, &box.run.rec, &q, &pid, &master, &box.err);
	fd_close(pair[1]);
	fd_close(null);
	if (r < 0) {
		snprintf(box.out, sizeof(box.out), "ERROR: %s", box.err.msg);
		CHECK(waitpid(-1, NULL, WNOHANG) <= 0); /* nothing of it is left */
	} else {
		n = fd_read_full(master >= 0 ? master : pair[0], box.out, sizeof(box.out) - 1);
		if (n < 0) /* a terminal ends with EIO, having said all */
			n = (ssize_t)strlen(box.out);
		box.out[n] = '\0';
		CHECK(waitpid(pid, ret_status, __WALL) == pid);
		if (n && box.out[n - 1] == '\n')
			box.out[n - 1] = '\0';
	}
	fd_close(pair[0]);
	fd_close(master);
	spec_done(&spec);
	return box.out;
}

static void boot(const char *text)
{
	CHECK(box_create(text, "exec sleep 1000", NULL) == 0);
}

static const struct {
	const char *text, *command, *wanted;
} cases[] = {
	{ "", "echo hello; hostname; pwd", "hello\nc1\n/" },
	{ "process.env=A=1\n", "env | sort", "A=1\nHOME=/root\nPATH=/bin\nPWD=/\nSHLVL=1" },
	{ "process.uid=5\nprocess.gid=6\nprocess.groups=7\nprocess.cwd=/tmp\n", "pwd; echo $HOME; id -u; id -G",
	  "/tmp\n/home/five\n5\n6 7" },
	{ "process.umask=7\n", "umask", "0007" },
	{ "process.cap_bounding=kill\nprocess.cap_permitted=kill\nprocess.cap_effective=kill\n",
	  "grep ^Cap /proc/self/status | cut -f2",
	  "0000000000000000\n0000000000000020\n0000000000000020\n0000000000000020\n0000000000000000" },
	{ "process.uid=5\nprocess.cap_bounding=kill\nprocess.cap_permitted=kill\nprocess.cap_effective=kill\n"
	  "process.cap_inheritable=kill\nprocess.cap_ambient=kill\n",
	  "grep ^CapAmb /proc/self/status | cut -f2", "0000000000000020" },
	{ "process.rlimits.0.resource=nofile\nprocess.rlimits.0.soft=5\nprocess.rlimits.0.hard=6\n",
	  "ulimit -n; ulimit -Hn", "5\n6" },
	{ "process.no_new_privs=1\n", "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1" },
	{ "process.procs=oom_score_adj=77\n", "cat /proc/self/oom_score_adj", "77" },
	{ "process.sched.policy=batch\nprocess.sched.nice=3\n", "cut -d' ' -f19,41 /proc/self/stat", "3 3" },
	{ "process.cpus_initial=0\nprocess.cpus_final=0\n", "grep Cpus_allowed_list /proc/self/status | cut -f2", "0" },
	{ "process.args=nosuch\n", NULL, "ERROR: exec: \"nosuch\": executable file not found in $PATH" },
	{ "process.cwd=/none\n", "true", "ERROR: change to the working directory /none: No such file or directory" },
	/* It is a process of the container, in no way ours. */
	{ "", "test $$ -lt 100 && head -c 5 /proc/1/cmdline", "sleep" },
	{ "", "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 " },
};

TEST(what_the_process_finds)
{
	unsigned wrong = 0;

	boot("");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int status = 0;
		const char *got = exec_run(cases[i].text, cases[i].command, &status);

		if (strcmp(got, cases[i].wanted) == 0)
			continue;
		printf("# %s# %s\n# printed: %s\n# wanted:  %s\n", cases[i].text, cases[i].command ?: "", got,
		       cases[i].wanted);
		wrong++;
	}
	box_done();
	CHECK(wrong == 0);
}

TEST(status)
{
	int status = 0;

	boot("");
	exec_run("", "exit 42", &status);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	exec_run("", "kill -9 $$", &status);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	box_done();
}

/* A terminal of the container's own, of the size that was asked for, and the process's. */
TEST(terminal)
{
	int status = 0;

	boot("");
	CHECK(strstr(exec_run("process.terminal=1\nprocess.rows=33\nprocess.columns=77\nprocess.uid=5\n",
			      "tty; stty size; stat -c %u $(tty); echo x >/dev/tty", &status),
		     "/dev/pts/0\r\n33 77\r\n5\r\nx\r"));
	box_done();
}

/* By way of its user name space, whose ids are the container's. */
TEST(user_name_space)
{
	int status = 0;

	boot("ns.clone=user mnt pid uts ipc net\nidmaps.0.type=b\nidmaps.0.nsid=0\nidmaps.0.hostid=100000\n"
	     "idmaps.0.range=1000\n");
	CHECK_STR(exec_run("", "id -u; cat /proc/self/uid_map | tr -s ' '", &status), "0\n 0 100000 1000");
	CHECK_STR(exec_run("process.uid=5\nprocess.gid=5\n", "id -u; id -G", &status), "5\n5");
	box_done();
}

TEST(not_running)
{
	int status = 0;

	boot("");
	kill(box.run.pid, SIGKILL);
	waitpid(box.run.pid, NULL, __WALL);
	box.run.pid = 0;
	CHECK_STR(exec_run("", "true", &status), "ERROR: cannot exec in a stopped container");
	box_done();
}
