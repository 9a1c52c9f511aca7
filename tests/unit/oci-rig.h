/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Real containers as an OCI runtime makes them, from the model's own text, in a folder that goes with the program. Needs
 * root and a static busybox. What a container prints is in box.out; what went wrong in box.err.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "runtime/run.h"
#include "spec/field.h"
#include "sys/syscalls.h"
#include "unit/test.h"

static struct {
	char dir[64], run_dir[80], out[16384];
	struct plan_opts opts;
	struct spec spec;
	struct plan plan;
	struct run run;
	struct err err;
	int status, pipe;
	bool made, live;
	pid_t owner;
} box = { .pipe = -EBADF };

static void box_remove(void)
{
	if (box.made && getpid() == box.owner)
		tree_remove(AT_FDCWD, box.dir, NULL);
}

static void shell(const char *line)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)line, NULL };

	if (spawn_run(&(struct spawn){ .path = "/bin/sh", .argv = argv }, NULL, NULL) != 0)
		printf("# failed: %s\n", line);
}

/* The root file system, once. In a mount name space of our own, so that nothing stays. */
static void box_make(void)
{
	char line[1024];

	if (box.made)
		return;
	if (geteuid() != 0)
		SKIP("needs root");
	if (access("/usr/bin/busybox", X_OK) < 0 && access("/bin/busybox", X_OK) < 0)
		SKIP("needs busybox");
	snprintf(box.dir, sizeof(box.dir), "/tmp/creel-oci-XXXXXX");
	CHECK(mkdtemp(box.dir));
	CHECK(unshare(CLONE_NEWNS) == 0 && sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	snprintf(line, sizeof(line),
		 "cd %s && mkdir -p run/rootfs state root/bin root/etc root/dev root/proc root/sys root/tmp root/mnt "
		 "data &&"
		 "cp $(command -v busybox) root/bin/busybox && for a in $(busybox --list); do "
		 "[ $a = busybox ] || ln -s busybox root/bin/$a; done; chmod 1777 root/tmp; chmod 755 .;"
		 "printf 'root:x:0:0:root:/root:/bin/sh\\nfive:x:5:5::/home/five:/bin/sh\\n' >root/etc/passwd;"
		 "echo host >data/file",
		 box.dir);
	shell(line);
	box.made = true;
	box.owner = getpid();
	atexit(box_remove);
}

static void box_done(void)
{
	if (!box.live)
		return;
	box.live = false;
	if (box.run.pid > 0) {
		kill(box.run.pid, SIGKILL);
		waitpid(box.run.pid, NULL, __WALL);
	}
	(void)run_cleanup(box.run.dirfd, &box.run.rec, &box.spec, &box.opts, NULL, NULL);
	fd_close(box.run.dirfd);
	run_done(&box.run);
	plan_done(&box.plan);
	spec_done(&box.spec);
	box.pipe = fd_close(box.pipe);
}

static const char box_base[] = "name=c1\nprocess.env_exact=1\nprocess.env=PATH=/bin\nmounts_create=1\n"
			       "dev.autodev=0\ndev.standard=1\nns.clone=mnt pid uts ipc net\nhostname=c1\n"
			       "mounts.0.target=/proc\nmounts.0.fstype=proc\nmounts.0.source=proc\n"
			       "mounts.1.target=/dev\nmounts.1.fstype=tmpfs\nmounts.1.source=tmpfs\n"
			       "mounts.1.options=nosuid,strictatime,mode=755,size=65536k\n"
			       "mounts.2.target=/dev/pts\nmounts.2.fstype=devpts\nmounts.2.source=devpts\n"
			       "mounts.2.options=nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5\n";

/* Makes the container of TEXT (after box_base) that runs COMMAND in a shell (NULL: TEXT says it). 0, or the error. */
static int box_create(const char *text, const char *command, const struct plan_opts *opts)
{
	char all[8192];
	int pair[2], r;

	box_make();
	box_done();
	box.err = (struct err){ 0 };
	*box.out = '\0';
	spec_init(&box.spec);
	run_init(&box.run);
	box.live = true;
	snprintf(all, sizeof(all), "%srootfs.path=dir:%s/root\n%s%s\n%s", box_base, box.dir,
		 command ? "process.args=/bin/sh\nprocess.args=-c\nprocess.args=" : "", command ?: "", text);
	r = spec_load(&box.spec, all, &box.err);
	if (r < 0)
		return r;
	box.opts = opts ? *opts : (struct plan_opts){ 0 };
	snprintf(box.run_dir, sizeof(box.run_dir), "%s/run", box.dir);
	box.opts.id = "c1";
	box.opts.run_dir = box.run_dir;
	box.opts.bundle = box.dir;
	box.opts.uid = box.opts.gid = -1;
	box.opts.oci = true;
	r = plan_compile(&box.spec, &box.opts, &box.plan, &box.err);
	if (r < 0)
		return r;
	CHECK(pipe2(pair, O_CLOEXEC) == 0);
	box.pipe = pair[0];
	box.run.plan = &box.plan;
	box.run.spec = &box.spec;
	box.run.opts = &box.opts;
	snprintf(all, sizeof(all), "%s/state", box.dir);
	box.run.dirfd = open(all, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	box.run.own_supervisor = true;
	box.run.rec.id = strdup("c1");
	box.run.rec.name = strdup("c1");
	box.run.rec.bundle = strdup(box.dir);
	box.run.rec.ns_cloned = box.plan.ns_cloned;
	box.run.rec.cap_mask = box.plan.cap_mask;
	box.run.rec.has_userns = box.plan.has_userns;
	if (!box.plan.console) {
		box.run.stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		box.run.stdio[1] = box.run.stdio[2] = pair[1];
	}
	r = run_execute(&box.run, NULL, &box.err);
	if (box.run.stdio[0] >= 0)
		fd_close(box.run.stdio[0]);
	fd_close(pair[1]);
	box.run.stdio[0] = box.run.stdio[1] = box.run.stdio[2] = -EBADF;
	if (r < 0)
		box.run.pid = 0; /* reaped */
	return r;
}

/* Its output to the end, and its status. */
static void box_wait(void)
{
	ssize_t n = fd_read_full(box.pipe, box.out, sizeof(box.out) - 1);

	box.out[n > 0 ? n : 0] = '\0';
	CHECK(waitpid(box.run.pid, &box.status, __WALL) == box.run.pid);
	box.run.pid = 0;
}

/* All of it. The output without the last line break, or "ERROR: message". */
static _unused_ const char *box_run(const char *text, const char *command)
{
	size_t n;

	if (box_create(text, command, NULL) < 0) {
		snprintf(box.out, sizeof(box.out), "ERROR: %s", box.err.msg);
	} else {
		box_wait();
		n = strlen(box.out);
		if (n && box.out[n - 1] == '\n')
			box.out[n - 1] = '\0';
	}
	return box.out;
}
