/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The v1 driver: one hierarchy of the old layout. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "cgroup/driver.h"

#define KILL_WAIT_MS   5000
#define KILL_FREEZE_MS 500

static int write_at(const struct cg_hier *h, const char *path, const char *file, const char *value)
{
	char p[PATH_MAX];

	return file_write_raw(h->fd, cg_file(path, file, p), value, strlen(value));
}

/* What FILE of PATH's parent holds. Reading the parent's is also cheap: unlike a fresh group's, its inode exists. */
static int parent_value(const struct cg_hier *h, const char *path, const char *file,
			char parent[static CG_PATH_MAX + 1], char *value, size_t size)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	_cleanup_close_ int fd = -EBADF;
	char p[PATH_MAX];
	ssize_t n;

	memcpy(parent, path, len);
	parent[len] = '\0';
	fd = openat(h->fd, cg_file(parent, file, p), O_RDONLY | O_CLOEXEC);
	/* The kernel gives such a line whole: no second read to be told so. */
	n = fd < 0 ? -1 : read(fd, value, size - 1);
	if (n < 0)
		return -errno;
	value[n > 0 && value[n - 1] == '\n' ? n - 1 : n] = '\0';
	return 0;
}

/* Copies one of the parent's masks; an empty one in the parent means that nobody set the parent up: do that first. */
static int cpuset_inherit(const struct cg_hier *h, const char *path, const char *file)
{
	char parent[CG_PATH_MAX + 1], value[4096];
	int r;

	*value = '\0';
	r = parent_value(h, path, file, parent, value, sizeof(value));
	if (r == 0 && !value[0] && *parent) {
		r = cpuset_inherit(h, parent, file);
		if (r == 0)
			r = parent_value(h, path, file, parent, value, sizeof(value));
	}
	if (r < 0)
		return r;
	return value[0] ? write_at(h, path, file, value) : -ENOSPC;
}

static int v1_ready(const struct cg_hier *h, const char *path, struct err *e)
{
	char parent[CG_PATH_MAX + 1], value[16];
	int r;

	if (h->ctrls & CC(CPUSET)) {
		/* A process cannot enter a cpuset without CPUs and memory nodes. Groups that the container makes below
		 * get them from here by clone_children. */
		r = cpuset_inherit(h, path, "cpuset.cpus");
		if (r == 0)
			r = cpuset_inherit(h, path, "cpuset.mems");
		if (r < 0 && r != -ENOENT)
			return err_set(e, r, "copy the parent's cpuset to group %s", path);
		write_at(h, path, "cgroup.clone_children", "1");
	}
	/* Before Linux 5.11 limits bind sub-groups only where told to; what is said above is inherited. */
	if (h->ctrls & CC(MEMORY) && parent_value(h, path, "memory.use_hierarchy", parent, value, sizeof(value)) == 0 &&
	    streq(value, "0"))
		write_at(h, path, "memory.use_hierarchy", "1");
	return 0;
}

/*
 * "0" into tasks rather than a pid into cgroup.procs where the caller moves itself: moving a whole process takes the
 * kernel's lock on all forks of the machine, whose first taking waits for an RCU grace period (4 to 13 ms here); one
 * thread moving itself needs no lock (20 µs). So a container's first process enters by itself, before it has threads.
 */
static int v1_attach(const struct cg *g, const struct cg_hier *h, pid_t pid, struct err *e)
{
	char p[PATH_MAX], text[16] = "0";
	const char *file = "tasks";
	int r;

	if (pid != 0) {
		snprintf(text, sizeof(text), "%d", (int)pid);
		file = "cgroup.procs";
	}
	r = file_write_raw(h->fd, cg_file(cg_at(g, h), file, p), text, strlen(text));
	return r < 0 ? err_set(e, r, "move process %s into control group %s (%s)", text, g->path, h->name) : 0;
}

static int v1_state(const struct cg *g, const struct cg_hier *h, char state[static 16], struct err *e)
{
	char p[PATH_MAX];
	ssize_t n = file_read_small(h->fd, cg_file(cg_at(g, h), "freezer.state", p), state, 16);

	return n < 0 ? err_set(e, (int)n, "read freezer.state of group %s", g->path) : 0;
}

static int v1_freeze(const struct cg *g, const struct cg_hier *h, bool freeze, unsigned timeout_ms, struct err *e)
{
	const char *want = freeze ? "FROZEN" : "THAWED";
	int64_t until = cg_now_ms() + timeout_ms;
	unsigned us = 50;
	char state[16];
	int r;

	for (;;) {
		/* Written anew each time: a child forked while FREEZING may have escaped the first round. */
		r = cg_write(g, h, "freezer.state", want, e);
		if (r == 0)
			r = v1_state(g, h, state, e);
		if (r < 0)
			return r;
		if (streq(state, want))
			return 0;
		if (cg_now_ms() >= until)
			break;
		cg_sleep_us(us);
		us = us < 2000 ? us * 2 : us;
	}
	if (freeze) {
		cg_write(g, h, "freezer.state", "THAWED", NULL);
		err_kind(e, ERR_STATE, -ETIMEDOUT, "control group %s did not freeze within %u ms", g->path, timeout_ms);
		return err_hint(e, -ETIMEDOUT, "a process in it may hang in the kernel (state D)");
	}
	return err_kind(e, ERR_STATE, -ETIMEDOUT, "control group %s stays %s: a group above it is frozen", g->path,
			state);
}

static int v1_is_frozen(const struct cg *g, const struct cg_hier *h, bool *ret, struct err *e)
{
	char state[16];
	int r = v1_state(g, h, state, e);

	if (r == 0)
		*ret = streq(state, "FROZEN");
	return r;
}

static int thaw_here(int dirfd, void *arg)
{
	file_write_raw(dirfd, "freezer.state", "THAWED", 6);
	return 0;
}

/*
 * Frozen processes fork nothing, so one round under a complete freeze gets all; they die when thawed, which must reach
 * sub-groups too that the container froze itself. Where the freeze is not complete, or there is no freezer: again,
 * until none is left.
 */
static int v1_kill(const struct cg *g, const struct cg_hier *h, struct err *e)
{
	int64_t until = cg_now_ms() + KILL_WAIT_MS;
	bool freezer = h->ctrls & CC(FREEZER);
	unsigned us = 200;

	for (;;) {
		_cleanup_free_ pid_t *pids = NULL;
		bool frozen = false;
		size_t n;
		int r;

		r = cg_hier_pids(g, h, &pids, &n, e);
		if (r < 0 || n == 0)
			return r;
		if (freezer) {
			frozen = v1_freeze(g, h, true, KILL_FREEZE_MS, NULL) == 0;
			free(TAKE_PTR(pids));
			r = cg_hier_pids(g, h, &pids, &n, e);
		}
		for (size_t i = 0; r == 0 && i < n; i++)
			kill(pids[i], SIGKILL);
		if (freezer)
			cg_walk(h, cg_at(g, h), thaw_here, NULL);
		if (r < 0 || frozen)
			return r;
		if (cg_now_ms() >= until)
			return err_kind(e, ERR_STATE, -ETIMEDOUT, "processes in control group %s do not die (pid %d)",
					g->path, n ? (int)pids[0] : 0);
		cg_sleep_us(us);
		us = us < 2000 ? us * 2 : us;
	}
}

static int v1_device(struct cg *g, const struct cg_hier *h, const struct cg_dev_rule *rule, const char *text,
		     struct err *e)
{
	int *fd = &g->dev_fd[rule->allow];
	const char *file = rule->allow ? "devices.allow" : "devices.deny";
	char p[PATH_MAX];

	/* One rule a write, but not one open a rule: containers have some fifteen of them. */
	if (*fd < 0) {
		*fd = openat(h->fd, cg_file(cg_at(g, h), file, p), O_WRONLY | O_CLOEXEC);
		if (*fd < 0)
			return err_set(e, -errno, "open %s of group %s", file, g->path);
	}
	if (write(*fd, text, strlen(text)) < 0)
		return err_set(e, -errno, "write '%s' to %s of group %s", text, file, g->path);
	return 0;
}

static int v1_device_commit(struct cg *g, const struct cg_hier *h, struct err *e)
{
	for (unsigned i = 0; i < ARRAY_SIZE(g->dev_fd); i++)
		g->dev_fd[i] = fd_close(g->dev_fd[i]);
	return 0;
}

static int v1_oom_fd(const struct cg *g, const struct cg_hier *h, int *ret, struct err *e)
{
	_cleanup_close_ int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), control = -EBADF;
	char p[PATH_MAX], text[32];

	if (event < 0)
		return err_set(e, -errno, "make an event fd");
	control = openat(h->fd, cg_file(cg_at(g, h), "memory.oom_control", p), O_RDONLY | O_CLOEXEC);
	if (control < 0)
		return err_set(e, -errno, "open memory.oom_control of group %s", g->path);
	snprintf(text, sizeof(text), "%d %d", event, control);
	if (cg_write(g, h, "cgroup.event_control", text, e) < 0)
		return e ? e->code : -EIO;
	*ret = TAKE_FD(event);
	return 0;
}

static const char *const v1_delegate[] = { "cgroup.procs", "tasks", NULL };

const struct cg_ops cgroupfs_v1 = {
	.version = 1,
	.ready = v1_ready,
	.attach = v1_attach,
	.delegate = v1_delegate,
	.freeze = v1_freeze,
	.is_frozen = v1_is_frozen,
	.kill = v1_kill,
	.device = v1_device,
	.device_commit = v1_device_commit,
	.oom_fd = v1_oom_fd,
};
