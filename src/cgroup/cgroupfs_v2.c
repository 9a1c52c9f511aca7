/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The v2 driver: the unified hierarchy, alone or beside v1. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "cgroup/driver.h"
#include "sys/bpf.h"

#define KILL_WAIT_MS   5000
#define PROG_NAME      "creel_devices"
#define RULES_ATTR     "trusted.creel.devices"
#define RULES_TEXT_MAX 65536 /* XATTR_SIZE_MAX */

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = text; (s = strstr(s, word)); s += n)
		if ((s == text || s[-1] == ' ' || s[-1] == '\n') && (!s[n] || s[n] == ' ' || s[n] == '\n'))
			return true;
	return false;
}

/* Passes what H offers and DIR does not pass on yet to DIR's children. Refusals are no failure: a group with processes
 * (-EBUSY) or another's (-EACCES) just offers less, and cg_set() says so when something is missed. */
static int pass_down_in(const struct cg_hier *h, const char *dir, uint32_t *offered)
{
	uint32_t passed;
	char p[PATH_MAX], have[512], all[512] = "";
	size_t len = 0;
	ssize_t n;

	n = file_read_small(h->fd, cg_file(dir, "cgroup.subtree_control", p), have, sizeof(have));
	if (n < 0)
		return (int)n;
	passed = cg_ctrl_mask(have, " \n") & *offered;
	for (unsigned c = 0; c < CC_MAX; c++) {
		const char *name = cg_ctrl_name(c, 2);

		if (!(*offered & ~CC_V2_CORE & 1u << c) || !name || has_word(have, name))
			continue;
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s+%s", len ? " " : "", name);
	}
	n = len == 0 ? 0 : file_write_raw(h->fd, p, all, len);
	if (n == 0)
		return 0;
	/* With processes in DIR the kernel refuses domain controllers only; cpu, cpuset and pids it would pass on, and
	 * the groups below would become parts of a threaded domain, which take no process at all. And where nothing is
	 * ours to write, no single word is. */
	*offered = passed;
	if (n == -EBUSY || n == -EACCES || n == -EPERM || n == -EROFS)
		return 0;
	/* One refused word refuses all. */
	for (char *save = NULL, *w = strtok_r(all, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (file_write_raw(h->fd, p, w, strlen(w)) == 0)
			*offered |= cg_ctrl_mask(w + 1, " ");
	return 0;
}

static void v2_pass_down(const struct cg_hier *h, const char *path)
{
	uint32_t offered = h->ctrls & ~CC_V2_CORE;
	char dir[CG_PATH_MAX + 1];
	size_t n = 0;

	if (!offered)
		return;
	/* From the top down to the parent: each can pass on only what it was given. */
	do {
		memcpy(dir, path, n);
		dir[n] = '\0';
		if (pass_down_in(h, dir, &offered) < 0)
			return;
		n += path[n] == '/';
		n += strcspn(path + n, "/");
	} while (path[n]);
}

static int v2_ready(const struct cg_hier *h, const char *path, struct err *e)
{
	return 0;
}

static int v2_attach(const struct cg *g, const struct cg_hier *h, pid_t pid, struct err *e)
{
	char text[16], leaf[PATH_MAX];
	int r;

	snprintf(text, sizeof(text), "%d", (int)pid);
	r = cg_write(g, h, "cgroup.procs", text, e);
	if (r == -EBUSY && g->host->oci)
		return err_hint(e, r, "processes of this container are in groups below: join those of its init");
	if (r == -EBUSY) {
		/* A v2 group that passes controllers on to sub-groups, as a container's systemd has it, takes no
		 * processes itself: a leaf of ours beside theirs, under the same limits. It goes with the group. */
		if (mkdirat(h->fd, cg_file(cg_at(g, h), CG_LEAF, leaf), 0755) < 0 && errno != EEXIST)
			return err_set(e, -errno, "make control group %s/" CG_LEAF " (%s)", g->path, h->name);
		err_clear(e);
		r = cg_write(g, h, CG_LEAF "/cgroup.procs", text, e);
	}
	return r < 0 ? err_wrap(e, r, "move process %d", (int)pid) : 0;
}

/* The number after WORD in cgroup.events; FD is read from its start. */
static int event_value(int fd, const char *word, bool *ret)
{
	char text[256];
	const char *s;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	s = strstr(text, word);
	if (!s)
		return -EOPNOTSUPP;
	*ret = s[strlen(word)] == ' ' && s[strlen(word) + 1] == '1';
	return 0;
}

static int events_open(const struct cg *g, const struct cg_hier *h, struct err *e)
{
	char p[PATH_MAX];
	int fd = openat(h->fd, cg_file(cg_at(g, h), "cgroup.events", p), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_set(e, -errno, "open cgroup.events of group %s", g->path) : fd;
}

static int v2_freeze(const struct cg *g, const struct cg_hier *h, bool freeze, unsigned timeout_ms, struct err *e)
{
	_cleanup_close_ int fd = events_open(g, h, e);
	int64_t until = cg_now_ms() + timeout_ms;
	int r;

	if (fd < 0)
		return fd;
	r = cg_write(g, h, "cgroup.freeze", freeze ? "1" : "0", e);
	if (r < 0)
		return r;
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		int64_t left = until - cg_now_ms();
		bool frozen = !freeze;

		/* The read also arms poll for the next change, so nothing between the two is lost. */
		r = event_value(fd, "frozen", &frozen);
		if (r < 0)
			return err_set(e, r, "read cgroup.events of group %s", g->path);
		if (frozen == freeze)
			return 0;
		if (left <= 0)
			break;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return err_set(e, -errno, "wait for cgroup.events of group %s", g->path);
	}
	if (freeze) {
		cg_write(g, h, "cgroup.freeze", "0", NULL);
		err_kind(e, ERR_STATE, -ETIMEDOUT, "control group %s did not freeze within %u ms", g->path, timeout_ms);
		return err_hint(e, -ETIMEDOUT, "a process in it may hang in the kernel (state D)");
	}
	return err_kind(e, ERR_STATE, -ETIMEDOUT, "control group %s stays frozen: a group above it is", g->path);
}

static int v2_is_frozen(const struct cg *g, const struct cg_hier *h, bool *ret, struct err *e)
{
	_cleanup_close_ int fd = events_open(g, h, e);
	bool frozen = false;
	int r;

	if (fd < 0)
		return fd;
	r = event_value(fd, "frozen", &frozen);
	if (r < 0)
		return err_set(e, r, "read cgroup.events of group %s", g->path);
	*ret = frozen;
	return 0;
}

static int v2_kill(const struct cg *g, const struct cg_hier *h, struct err *e)
{
	int64_t until = cg_now_ms() + KILL_WAIT_MS;
	unsigned us = 200;
	struct err why = { 0 };
	int r;

	r = cg_write(g, h, "cgroup.kill", "1", &why);
	if (r != -ENOENT) {
		if (r < 0 && e)
			*e = why;
		return r;
	}
	/* Before Linux 5.14: until none is left. */
	for (;;) {
		_cleanup_free_ pid_t *pids = NULL;
		size_t n;

		r = cg_hier_pids(g, h, &pids, &n, e);
		if (r < 0 || n == 0)
			return r;
		for (size_t i = 0; i < n; i++)
			kill(pids[i], SIGKILL);
		if (cg_now_ms() >= until)
			return err_kind(e, ERR_STATE, -ETIMEDOUT, "processes in control group %s do not die (pid %d)",
					g->path, (int)pids[0]);
		cg_sleep_us(us);
		us = us < 2000 ? us * 2 : us;
	}
}

static int open_group(const struct cg *g, const struct cg_hier *h, struct err *e)
{
	int fd = openat(h->fd, cg_at(g, h), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(e, -errno, "open control group %s", g->path) : fd;
}

/*
 * A program cannot be read back as rules, but rules are changed on running containers by whoever has the right. So
 * they are kept as text in an extended attribute of the group: it goes when the group goes, and "trusted" ones only the
 * host's root writes.
 */
static int load_rules(struct cg *g, const struct cg_hier *h, struct err *e)
{
	_cleanup_close_ int dir = -EBADF, prog = -EBADF;
	_cleanup_free_ char *text = NULL;
	ssize_t n;
	int r;

	if (g->rules_known)
		return 0;
	dir = open_group(g, h, e);
	if (dir < 0)
		return dir;
	text = calloc(1, RULES_TEXT_MAX + 1);
	if (!text)
		return err_oom(e);
	prog = bpf_device_prog_find(dir, PROG_NAME);
	n = fgetxattr(dir, RULES_ATTR, text, RULES_TEXT_MAX);
	if (n < 0 && prog != -ENOENT) {
		err_kind(e, ERR_STATE, -EOPNOTSUPP, "the device rules in force for group %s are not known", g->path);
		return err_hint(e, -EOPNOTSUPP, "set them in the configuration and restart the container");
	}
	r = n > 0 ? cg_dev_load(g, text, e) : 0;
	if (r < 0)
		return err_wrap(e, r, "read back the device rules of group %s", g->path);
	g->prog_fd = TAKE_FD(prog);
	g->rules_known = true;
	return 0;
}

static int v2_device(struct cg *g, const struct cg_hier *h, const struct cg_dev_rule *rule, const char *text,
		     struct err *e)
{
	int r = load_rules(g, h, e);

	if (r == 0)
		r = cg_dev_add(g, rule, e);
	if (r == 0)
		g->rules_dirty = true;
	return r;
}

static void keep_rules(const struct cg *g, int dir)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	cg_dev_format(g->rules, g->n_rules, &b);
	/* No rules are better than old ones: then a later change is refused. */
	if (buf_error(&b, NULL) < 0 || fsetxattr(dir, RULES_ATTR, buf_str(&b), b.len, 0) < 0)
		fremovexattr(dir, RULES_ATTR);
}

static int v2_device_commit(struct cg *g, const struct cg_hier *h, struct err *e)
{
	_cleanup_free_ struct bpf_insn *insns = NULL;
	_cleanup_close_ int dir = -EBADF, prog = -EBADF;
	size_t n;
	int r;

	if (!g->rules_dirty)
		return 0;
	r = cg_dev_program(g->rules, g->n_rules, &insns, &n, e);
	if (r < 0)
		return r;
	dir = open_group(g, h, e);
	if (dir < 0)
		return dir;
	prog = bpf_device_prog_load(insns, n, PROG_NAME, e);
	if (prog < 0)
		return err_wrap(e, prog, "device rules of group %s", g->path);
	r = bpf_device_prog_attach(dir, prog, g->prog_fd, e);
	if (r < 0)
		return err_wrap(e, r, "device rules of group %s", g->path);
	keep_rules(g, dir);
	fd_close(g->prog_fd);
	g->prog_fd = TAKE_FD(prog);
	g->rules_dirty = false;
	return 0;
}

static void v2_reuse(struct cg *g, const struct cg_hier *h)
{
	_cleanup_close_ int dir = open_group(g, h, NULL), prog = -EBADF;

	if (dir < 0 || (prog = bpf_device_prog_find(dir, PROG_NAME)) < 0)
		return;
	bpf_device_prog_detach(dir, prog, NULL);
	fremovexattr(dir, RULES_ATTR);
}

static int v2_oom_fd(const struct cg *g, const struct cg_hier *h, int *ret, struct err *e)
{
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char p[PATH_MAX], full[PATH_MAX + FD_PATH_MAX], anchor[FD_PATH_MAX];

	if (fd < 0)
		return err_set(e, -errno, "make an inotify fd");
	/* inotify takes no directory fd. */
	snprintf(full, sizeof(full), "%s/%s", fd_path(h->fd, anchor), cg_file(cg_at(g, h), "memory.events", p));
	if (inotify_add_watch(fd, full, IN_MODIFY) < 0)
		return err_set(e, -errno, "watch memory.events of group %s", g->path);
	*ret = TAKE_FD(fd);
	return 0;
}

static const char *const v2_delegate[] = { "cgroup.procs",     "cgroup.threads", "cgroup.subtree_control",
					   "memory.oom.group", "memory.reclaim", NULL };

const struct cg_ops cgroupfs_v2 = {
	.version = 2,
	.ready = v2_ready,
	.pass_down = v2_pass_down,
	.attach = v2_attach,
	.delegate = v2_delegate,
	.freeze = v2_freeze,
	.is_frozen = v2_is_frozen,
	.kill = v2_kill,
	.reuse = v2_reuse,
	.device = v2_device,
	.device_commit = v2_device_commit,
	.oom_fd = v2_oom_fd,
};
